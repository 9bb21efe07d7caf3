"""What the control store is told and asked, what it answers, and its notices.

Source: OSDI 2018, figure 7. Control messages carry ids.
"""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import ObjectId, TaskId
from rayproof.model.kernel import Message, Name


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
class NodeDead(Message):
    """The store's notice that a node is dead; dead is final. To raylets and to the global scheduler."""

    node: Name


@dataclass(frozen=True, slots=True)
class ExecuteAgain(Message):
    """The store found that a task's results are lost or that it died with its node."""

    task: TaskId


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
