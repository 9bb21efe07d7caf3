"""What the processes of a cluster let monitors and measurements see; the model never reads it back."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import ObjectId, TaskId
from rayproof.model.kernel import Name


@dataclass(frozen=True, slots=True)
class Submitted:
    """A task was submitted at a node."""

    task: TaskId
    node: Name


@dataclass(frozen=True, slots=True)
class Granted:
    """A global scheduler gave a task to a node."""

    task: TaskId
    node: Name
    by: Name = "scheduler"


@dataclass(frozen=True, slots=True)
class Deferred:
    """The policy lets a task wait, or no node can ever run it."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class Rejected:
    """The policy has given a task up, or an input of it has failed."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class Queued:
    """A task entered a node's queue."""

    task: TaskId
    node: Name


@dataclass(frozen=True, slots=True)
class InputsLocal:
    """All inputs of a queued task are on its node."""

    task: TaskId
    node: Name


@dataclass(frozen=True, slots=True)
class Started:
    """A body was started."""

    task: TaskId
    node: Name


@dataclass(frozen=True, slots=True)
class BodyBegan:
    """The worker is ready, and the body of the task begins; without start-up, it begins when it is started."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class BodyWaits:
    """A body, or the driver's, enters a get or a wait."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class BodyGoesOn:
    """A body, or the driver's, leaves its get or wait."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class BodyEnded:
    """A body has ended."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class Sealed:
    """An object got its value."""

    object: ObjectId
    value: int


@dataclass(frozen=True, slots=True)
class Moved:
    """A copy of an object arrived at a node."""

    object: ObjectId
    node: Name
    bytes: int


@dataclass(frozen=True, slots=True)
class DriverDone:
    """The driver's body has ended."""
