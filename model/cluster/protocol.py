"""The messages of a cluster, grouped by who receives them.

Source: OSDI 2018, figures 5 to 7. Control messages carry ids; payload is counted where an object travels.
"""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import ObjectId, TaskId
from rayproof.model.kernel import Message, Name

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
class ObjectLocated(Message):
    """The store's answer: these live nodes hold a copy."""

    object: ObjectId
    nodes: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class ObjectFailed(Message):
    """The store's answer: this object will never be made."""

    object: ObjectId


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


@dataclass(frozen=True, slots=True)
class NodeDead(Message):
    """The store's notice that a node is dead; dead is final. To raylets and to the global scheduler."""

    node: Name


# ---- to the global scheduler ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ForwardTask(Message):
    """A raylet does not keep a task that was submitted to it."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class ExecuteAgain(Message):
    """The store found that a task's results are lost or that it died with its node."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class Heartbeat(Message):
    """A node's state; a newer one replaces it on the way."""

    queue_length: int
    """Tasks queued or running."""
    received: int
    """Assignments received since the node started."""
    free: tuple[tuple[str, int], ...]
    """Free resources in fixed-point units."""
    task_us: int
    """Average run time of a task on this node; 0 while unknown."""


@dataclass(frozen=True, slots=True)
class InputLocations(Message):
    """The store's answer about a task's inputs."""

    task: TaskId
    locations: tuple[tuple[ObjectId, tuple[Name, ...]], ...]


# ---- to the store (GCS) --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TaskQueued(Message):
    """A raylet has put a task into its queue."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class TaskAssigned(Message):
    """The global scheduler has sent a task to a node."""

    task: TaskId
    node: Name
    again: bool
    """Whether this answers `ExecuteAgain`."""


@dataclass(frozen=True, slots=True)
class TaskDone(Message):
    """A task has ended on the sending node, and its outputs are there."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class TaskRejected(Message):
    """A task will not be executed: its outputs have failed."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class CopyAdded(Message):
    """The sending node holds a copy of an object."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class LocateObject(Message):
    """Where is it? Answered at once when a copy exists, and otherwise as soon as there is one."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class LocateInputs(Message):
    """Where are a task's inputs now? Answered at once."""

    task: TaskId


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
