"""Programs of one owner: tasks, what the driver does, and what an object may end in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from rayproof.model.graph import ObjectId, TaskId
from rayproof.model.kernel import Name


class Failure(StrEnum):
    """Ray's names of the errors that an object may end in."""

    LOST = "ObjectLostError"
    UNRECONSTRUCTABLE = "ObjectReconstructionFailedError"
    NODE_DIED = "NodeDiedError"
    OWNER_DIED = "OwnerDiedError"
    FREED = "ReferenceCountingAssertionError"
    UNSCHEDULABLE = "TaskUnschedulableError"
    CANCELLED = "TaskCancelledError"
    GROUP_REMOVED = "TaskPlacementGroupRemoved"
    ACTOR_DIED = "ActorDiedError"
    ACTOR_UNAVAILABLE = "ActorUnavailableError"

    @property
    def is_loss(self) -> bool:
        """Whether Ray's class derives from `ObjectLostError` (`python/ray/exceptions.py`)."""
        return self in (Failure.LOST, Failure.UNRECONSTRUCTABLE, Failure.OWNER_DIED, Failure.FREED)


@dataclass(frozen=True, slots=True)
class Task:
    """A task's specification."""

    name: TaskId
    arguments: tuple[ObjectId, ...]
    result: ObjectId
    max_retries: int = 1
    only_on: Name = ""
    """Hard affinity: the one node that may execute it; empty for any."""
    bytes: int = 1
    """Size of the specification, in the unit of the owner's limit."""
    small: bool = False
    """Whether its result is so small (100 KiB by default) that it comes with the reply and stays on no node."""


@dataclass(frozen=True, slots=True)
class Submit:
    """The driver submits a task and keeps a reference to its result."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class PutAt:
    """The driver's `ray.put`, on its own node; that node is named so that it can be one that fails."""

    object: ObjectId
    node: Name


@dataclass(frozen=True, slots=True)
class Get:
    """The driver waits for a value or an error."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class Wait:
    """The driver goes on as soon as so many of the objects have a value or an error. `ray.wait`."""

    objects: tuple[ObjectId, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Drop:
    """The driver forgets its reference."""

    object: ObjectId


Action: TypeAlias = Submit | PutAt | Get | Wait | Drop


class Stage(StrEnum):
    """Where a task is."""

    PENDING = "pending"
    """Some argument has no value yet."""
    SUBMITTED = "submitted"
    DONE = "done"
    FAILED = "failed"
