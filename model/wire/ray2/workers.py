"""What the parts of a core worker say to each other, and core workers to each other.

Source: Ray 2.60: `core_worker.proto` (PushTask, GetObjectStatus, object location updates); within a process parts call
each other (`core_worker.cc`, `task_manager.cc`, `normal_task_submitter.cc`).
"""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import ObjectId, TaskId
from rayproof.model.graph.contract import ErrorKind
from rayproof.model.kernel import Message, Name
from rayproof.model.wire.ray2.leases import LeaseId, LeaseStrategy, Located

FAILED = 0
"""In the place of a value (the number of the attempt that made it): there will be none."""


@dataclass(frozen=True, slots=True)
class Known:
    """What an owner knows of an object that exists: its value, and the nodes that hold it; none: the owner has it."""

    value: int
    nodes: tuple[Name, ...] = ()
    stored: bool = False
    """Whether it is in object stores, rather than with its owner. A stored one without nodes is lost."""


# ---- within a core worker --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SubmitTask(Message):
    """Body to task manager: `f.remote()`."""

    task: TaskId
    by: TaskId


@dataclass(frozen=True, slots=True)
class PutObject(Message):
    """Body to task manager: `ray.put`."""

    object: ObjectId
    value: int


@dataclass(frozen=True, slots=True)
class CancelTask(Message):
    """Body to task manager: `ray.cancel`."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class Want(Message):
    """Body to task manager: these are waited for; `fetch`: they have to be on this node."""

    objects: tuple[ObjectId, ...]
    fetch: bool


@dataclass(frozen=True, slots=True)
class ObjectsReady(Message):
    """Task manager to body: these objects are there with these values, or have failed."""

    objects: tuple[tuple[ObjectId, int], ...]


@dataclass(frozen=True, slots=True)
class BodyTold(Message):
    """Body to task manager: a task begins in this process, with references to objects of others."""

    references: tuple[tuple[ObjectId, Name], ...]


@dataclass(frozen=True, slots=True)
class SendTask(Message):
    """Task manager to submitter: an attempt whose arguments exist."""

    task: TaskId
    attempt: int
    strategy: LeaseStrategy
    args: tuple[Located, ...]
    references: tuple[tuple[ObjectId, Name], ...]


@dataclass(frozen=True, slots=True)
class WithdrawTask(Message):
    """To the submitter: an attempt is not wanted any more, or the policy gives it up."""

    task: TaskId
    given_up: bool = False


@dataclass(frozen=True, slots=True)
class TaskWaits(Message):
    """Task manager to the policy's patience: a task begins to wait for a worker."""

    task: TaskId
    attempt: int


@dataclass(frozen=True, slots=True)
class TaskLeft(Message):
    """Submitter to the policy's patience: a task waits for a worker no longer."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class GiveUpTask(Message):
    """The policy's patience to task manager: a task has waited for too long."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class TryAgain(Message):
    """The policy's patience to task manager: try a task again now, or give it up."""

    task: TaskId
    attempt: int
    given_up: bool


@dataclass(frozen=True, slots=True)
class AttemptFailed(Message):
    """Submitter to task manager: an attempt has ended without results."""

    task: TaskId
    attempt: int
    error: ErrorKind


@dataclass(frozen=True, slots=True)
class NodeLost(Message):
    """Submitter to task manager: a node is dead; one part hears of it for the whole process."""

    node: Name


# ---- between core workers --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PushTask(Message):
    """Owner to worker."""

    task: TaskId
    attempt: int
    lease: LeaseId | None = None
    references: tuple[tuple[ObjectId, Name], ...] = ()
    """Objects that the body may speak of, with their owners."""
    args: tuple[Located, ...] = ()
    """Stored arguments of an actor's method, which its worker fetches; those of a task are there already."""


@dataclass(frozen=True, slots=True)
class TaskReply(Message):
    """Worker to owner: the body has ended. Passed on by the submitter to its task manager."""

    task: TaskId
    attempt: int
    node: Name
    """Where large results are."""
    stored: tuple[ObjectId, ...]
    caller: Name
    references: tuple[tuple[ObjectId, Name], ...] = ()
    """Objects made below the task, of which others speak, with their owners."""


@dataclass(frozen=True, slots=True)
class WorkerDied(Message):
    """Worker to owner: the connection broke under this attempt."""

    task: TaskId
    attempt: int


@dataclass(frozen=True, slots=True)
class Locate(Message):
    """To an owner: where is this object? Answered when it exists, or has failed."""

    object: ObjectId
    dead: tuple[Name, ...] = ()
    """Nodes that the asker found without it."""


@dataclass(frozen=True, slots=True)
class ObjectAt(Message):
    """The owner's answer."""

    object: ObjectId
    known: Known


@dataclass(frozen=True, slots=True)
class CopyAt(Message):
    """To an owner: a node holds a copy now."""

    object: ObjectId
    node: Name
