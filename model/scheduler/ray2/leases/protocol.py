"""The messages and events of leases.

Source: Ray 2.60, `node_manager.proto` (RequestWorkerLease, ReturnWorkerLease, CancelWorkerLease),
`ray_syncer.proto` and `node_manager.fbs` (a worker's notices to its raylet, on a connection of their own); a task is
pushed from its owner straight to a worker.
"""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import Default, NodeAffinity, Resources, Spread, TaskId
from rayproof.model.kernel import Message, Name

LeaseId = int
ClassId = str

IPC = "ipc"
"""Channel of a worker's notices to its raylet; requests for leases travel beside it."""


@dataclass(frozen=True, slots=True)
class SchedulingClass:
    """Tasks that may follow each other on one lease."""

    id: ClassId
    demand: Resources
    strategy: Default | Spread | NodeAffinity = Default()
    tasks: tuple[TaskId, ...] = ()
    stays: bool = False
    """Whether its tasks never end: actors, which hold their worker for life."""
    result: Resources = Resources()
    """What the result of each task keeps of its node when the task has ended: object store memory."""


@dataclass(frozen=True, slots=True)
class RequestLease(Message):
    """An owner asks for a worker. `redirected`: another raylet named this one, which may grant or reject."""

    lease: LeaseId
    of: ClassId
    redirected: bool = False


@dataclass(frozen=True, slots=True)
class LeaseGranted(Message):
    """A worker is the owner's."""

    lease: LeaseId
    worker: Name


@dataclass(frozen=True, slots=True)
class RetryAt(Message):
    """Ask this raylet instead."""

    lease: LeaseId
    node: Name


@dataclass(frozen=True, slots=True)
class LeaseRejected(Message):
    """A redirected request found no room; start over."""

    lease: LeaseId


@dataclass(frozen=True, slots=True)
class LeaseCancelled(Message):
    """The request was withdrawn, or can never be served (`unschedulable`)."""

    lease: LeaseId
    unschedulable: bool


@dataclass(frozen=True, slots=True)
class CancelLease(Message):
    """The owner has no more use for a request."""

    lease: LeaseId


@dataclass(frozen=True, slots=True)
class ReturnWorker(Message):
    """The owner gives a worker back; sent again when nobody confirms it."""

    lease: LeaseId
    worker: Name


@dataclass(frozen=True, slots=True)
class PushTask(Message):
    """Owner to worker."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class TaskReply(Message):
    """Worker to owner: the body has ended."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class WorkerBlocked(Message):
    """Worker to its raylet: the body waits in a get."""


@dataclass(frozen=True, slots=True)
class WorkerUnblocked(Message):
    """Worker to its raylet: the body goes on."""


@dataclass(frozen=True, slots=True)
class ResultStored(Message):
    """Worker to its raylet: a result now takes room in the object store."""

    amount: Resources


@dataclass(frozen=True, slots=True)
class View(Message):
    """A raylet's own resources; a newer one replaces it on the way."""

    total: Resources
    available: Resources
    draining: bool


# ---- what monitors see ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Granting:
    """A raylet gives a worker away."""

    lease: LeaseId
    node: Name
    draining: bool


@dataclass(frozen=True, slots=True)
class Redirecting:
    """A raylet names another; `again` when the request had been redirected to it."""

    lease: LeaseId
    again: bool


@dataclass(frozen=True, slots=True)
class Asking:
    """An owner asks a raylet."""

    lease: LeaseId
    node: Name
    known_dead: bool


@dataclass(frozen=True, slots=True)
class Choosing:
    """A raylet decides about a request, with what it knows of each usable node: (name, total, available)."""

    of: ClassId
    chosen: Name
    free_to_choose: bool
    """Whether the request came straight from its owner; one that was redirected prefers the node that it is at."""
    seen: tuple[tuple[Name, Resources, Resources], ...]
    demand: Resources
