"""The messages of a cluster, grouped by who receives them.

Source: OSDI 2018, figures 5 to 7. Control messages carry ids; payload is counted where an object travels.
"""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import ObjectId, TaskId
from rayproof.model.graph.resources import UNIT
from rayproof.model.kernel import Message, in_units

# ---- to a raylet ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SubmitTask(Message):
    """A driver or worker of this node submits a task."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class AssignTask(Message):
    """The global scheduler has chosen this node."""

    task: TaskId
    again: bool = False
    """Whether the task is executed again because its results were lost."""


@dataclass(frozen=True, slots=True)
class WantObjects(Message):
    """A driver or worker waits for objects; `fetch` also copies them here."""

    objects: tuple[ObjectId, ...]
    fetch: bool = True


@dataclass(frozen=True, slots=True)
class PutObject(Message):
    """A driver or worker stores an object."""

    object: ObjectId
    value: int


@dataclass(frozen=True, slots=True)
class TaskFinished(Message):
    """A worker has run a body to its end."""

    task: TaskId
    values: tuple[tuple[ObjectId, int], ...]
    busy_us: int


@dataclass(frozen=True, slots=True)
class WorkerWaits(Message):
    """A worker has entered a get and gives its CPUs back."""


@dataclass(frozen=True, slots=True)
class WorkerResumes(Message):
    """A worker has left its get and takes its CPUs again."""


@dataclass(frozen=True, slots=True)
class FetchObject(Message):
    """Another raylet asks for a copy."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class ObjectData(Message):
    """A copy of an object."""

    object: ObjectId
    value: int
    bytes: int

    @property
    def size_bytes(self) -> int:
        """The object's size."""
        return self.bytes


# ---- to the global scheduler ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ForwardTask(Message):
    """A raylet does not keep a task that was submitted to it."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class Heartbeat(Message):
    """A node's state; a newer one replaces it on the way."""

    queue_length: int
    """Tasks queued or running."""
    received: int
    """Assignments received since the node started."""
    free: tuple[tuple[str, int], ...] = in_units(UNIT, default=())
    """Free resources in fixed-point units."""
    task_us: int = 0
    """Average run time of a task on this node; 0 while unknown."""


# ---- to a worker or the driver -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunTask(Message):
    """The raylet starts a body on this worker; values of the inputs in the order of the task's inputs."""

    task: TaskId
    inputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ObjectReady(Message):
    """An object that was waited for is there."""

    object: ObjectId
