"""What the parts of a node, and of a driver, say to each other, and what a driver does beside its tasks and objects.

Source: Ray 2.60: the parts of one process call each other (`core_worker.cc`, `node_manager.cc`); between processes,
`core_worker.proto` (PushTask, CancelTask) on a lease.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from rayproof.model.graph import Default, GiveUpGroup, MakeGroup, Resources, Spread, TaskId
from rayproof.model.kernel import Message, Name
from rayproof.model.lineage.ray2.execution import Execute
from rayproof.model.lineage.ray2.programs import Action
from rayproof.model.wire.ray2.leases import ClassId, LeaseId

# ---- what a driver does ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cancel:
    """`ray.cancel` of a task."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class MakeActor:
    """An actor is created."""

    actor: str


@dataclass(frozen=True, slots=True)
class EndActor:
    """`ray.kill` of an actor."""

    actor: str


Deed: TypeAlias = Action | Cancel | MakeGroup | GiveUpGroup | MakeActor | EndActor


@dataclass(frozen=True, slots=True)
class SchedulingClass:
    """Tasks that may follow each other on one lease."""

    id: ClassId
    demand: Resources
    strategy: Default | Spread = Default()


# ---- within a driver: its tasks and its leases ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Submission(Message):
    """An attempt is to be sent as soon as there is a worker of its class."""

    attempt: Execute
    scheduling_class: ClassId


@dataclass(frozen=True, slots=True)
class Withdrawal(Message):
    """An attempt that has not been sent is not to be; `stop`: one that has been is to end."""

    task: TaskId
    stop: bool


@dataclass(frozen=True, slots=True)
class AttemptPushed(Message):
    """An attempt was sent to a node."""

    task: TaskId
    attempt: int
    node: Name


@dataclass(frozen=True, slots=True)
class AttemptWithdrawn(Message):
    """An attempt was not sent, and will not be."""

    task: TaskId
    attempt: int


@dataclass(frozen=True, slots=True)
class AttemptFailed(Message):
    """The worker of an attempt is gone."""

    task: TaskId
    attempt: int


@dataclass(frozen=True, slots=True)
class AttemptOver(Message):
    """The reply of an attempt has come: its worker may have the next task."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class NodeLost(Message):
    """A node is dead."""

    node: Name


# ---- within a driver: its calls of actors ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallMade(Message):
    """A call takes the next number among those of its actor."""

    call: TaskId


@dataclass(frozen=True, slots=True)
class CallReady(Message):
    """Its arguments are there, values or errors."""

    call: TaskId


@dataclass(frozen=True, slots=True)
class CallOver(Message):
    """It has ended in the value that the method gave, or in the name of an error."""

    call: TaskId
    outcome: str


# ---- between a driver and a node ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ExecuteOn(Message):
    """Driver to node: execute on the worker of this lease."""

    lease: LeaseId
    attempt: Execute


@dataclass(frozen=True, slots=True)
class StopAttempt(Message):
    """Driver to node: end this attempt with an error."""

    task: TaskId
    attempt: int


@dataclass(frozen=True, slots=True)
class WorkerGone(Message):
    """Node to driver: the connection to the worker of this lease broke, and with it the attempt."""

    lease: LeaseId
    task: TaskId
    attempt: int


@dataclass(frozen=True, slots=True)
class ConnectionBroken(Message):
    """An actor's worker to its caller: it has ended, and with it this attempt of a call."""

    number: int
    attempt: int


# ---- within a node --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EndLease(Message):
    """The worker of this lease is killed."""

    lease: LeaseId


@dataclass(frozen=True, slots=True)
class WorkerBegan(Message):
    """The worker of an actor has run the constructor."""


@dataclass(frozen=True, slots=True)
class WorkerEnded(Message):
    """The worker of an actor is killed."""


@dataclass(frozen=True, slots=True)
class LeaseBlocked(Message):
    """The worker of this lease waits for arguments of its attempt."""

    lease: LeaseId


@dataclass(frozen=True, slots=True)
class LeaseUnblocked(Message):
    """It does so no longer."""

    lease: LeaseId
