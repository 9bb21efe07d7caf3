"""The messages of actors.

Source: Ray 2.60, `gcs_service.proto` (CreateActor, KillActorViaGcs), `pubsub.proto` for an actor's state, and
`core_worker.proto` (PushTask).
"""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import ActorId, ObjectId, TaskId
from rayproof.model.graph.contract import ErrorKind
from rayproof.model.kernel import Message, Name
from rayproof.model.wire.ray2.leases import LeaseStrategy, Located


@dataclass(frozen=True, slots=True)
class CallMade(Message):
    """Task manager to the calls: a method was called; it takes its place behind the earlier ones."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class CallGone(Message):
    """Task manager to the calls: a call, or a constructor, failed before it was sent."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class CreateActor(Message):
    """To the actor table: the constructor's arguments exist."""

    actor: ActorId
    task: TaskId
    attempt: int
    strategy: LeaseStrategy
    args: tuple[Located, ...]
    references: tuple[tuple[ObjectId, Name], ...]
    raylet: Name
    """Of the creator's node, where the placement begins."""


@dataclass(frozen=True, slots=True)
class GiveUpActor(Message):
    """To the actor table: an argument of the constructor is an error, so there will be no such actor."""

    actor: ActorId


@dataclass(frozen=True, slots=True)
class WatchActor(Message):
    """To the actor table: tell me where it lives."""

    actor: ActorId


@dataclass(frozen=True, slots=True)
class ActorAt(Message):
    """From the actor table: it lives in this worker, nowhere for now (empty), or never again (`dead`)."""

    actor: ActorId
    worker: Name
    node: Name
    dead: bool = False
    restarting: bool = False
    """Whether it lives nowhere for now since it has lived and died."""


@dataclass(frozen=True, slots=True)
class CreationFailed(Message):
    """From the actor table: there will be no such actor."""

    task: TaskId
    attempt: int
    error: ErrorKind
