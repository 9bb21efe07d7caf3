"""The messages of leases in today's Ray, and what monitors see of them.

Source: Ray 2.60, `node_manager.proto` (RequestWorkerLease, CancelWorkerLease, ReturnWorkerLease), `core_worker.proto`
(PushTask), `ray_syncer.proto`. A lease request carries the specification of one task, the head of its queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from rayproof.model.graph import ObjectId, Resources, Strategy, TaskId
from rayproof.model.graph.labels import Selector
from rayproof.model.kernel import Message, Name

LeaseId: TypeAlias = tuple[Name, int]
"""The owner's submitter and its number for the request; the same when it asks again."""

ClassId: TypeAlias = str
"""A scheduling class: function, demand and strategy, as text, so that classes have an order."""

LeaseStrategy: TypeAlias = Strategy

INSIDE = "inside"
"""Channel between the parts of one unit; its links are immediate."""

SYNC = "sync"
"""Channel of the resource views; a newer one replaces the one on its way."""

WITHDRAW = "withdraw"
"""Channel of cancellations, which may overtake the request that they are about."""


@dataclass(frozen=True, slots=True)
class Located:
    """An argument in an object store, as the owner of the task knows it."""

    object: ObjectId
    size_bytes: int
    owner: Name
    """The process that knows where copies are."""
    nodes: tuple[Name, ...]
    """Raylets of nodes with a copy."""


@dataclass(frozen=True, slots=True)
class LeaseSpec:
    """What a raylet is told about the worker that an owner wants."""

    lease: LeaseId
    of: ClassId
    demand: Resources
    strategy: LeaseStrategy
    task: TaskId
    """The head of the owner's queue; another task of its class may run on the lease."""
    args: tuple[Located, ...] = ()
    again: bool = False
    """Whether the head is executed again."""
    redirected: bool = False
    """Another raylet named this one, which grants, keeps or rejects."""
    by_locality: bool = False
    """Locality chose this raylet, which then prefers itself beyond the threshold."""
    actor: bool = False
    """Whether the worker becomes an actor, which holds it for life."""
    call: int = 0
    """How often its client has sent it again; replies to earlier calls are not heard."""
    selectors: tuple[Selector, ...] = ()
    """What is asked of the labels of its node, and then the fallbacks."""
    retries_left: int = 0
    """How often the head may still be tried again, -1 without end; 0 where no policy reads it."""


# ---- between owners and raylets --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RequestLease(Message):
    """An owner asks for a worker; asked again under the same id, it is the same request."""

    spec: LeaseSpec


@dataclass(frozen=True, slots=True)
class LeaseGranted(Message):
    """A worker is the owner's; all arguments of the head are on its node."""

    lease: LeaseId
    worker: Name
    call: int = 0


@dataclass(frozen=True, slots=True)
class RetryAt(Message):
    """Ask this raylet instead."""

    lease: LeaseId
    node: Name
    call: int = 0


@dataclass(frozen=True, slots=True)
class LeaseRejected(Message):
    """A redirected request found no room; start over."""

    lease: LeaseId
    call: int = 0


@dataclass(frozen=True, slots=True)
class LeaseCancelled(Message):
    """The request was withdrawn, or can never be served (`unschedulable`), or the policy gave it up (`given_up`), or
    its placement group is gone (`group_removed`)."""

    lease: LeaseId
    unschedulable: bool = False
    given_up: bool = False
    group_removed: bool = False
    call: int = 0


@dataclass(frozen=True, slots=True)
class CancelLease(Message):
    """The owner has no more use for a request."""

    lease: LeaseId


@dataclass(frozen=True, slots=True)
class NothingToCancel(Message):
    """No such request waits here: it has not come yet, or has been answered."""

    lease: LeaseId


@dataclass(frozen=True, slots=True)
class ReturnWorker(Message):
    """The owner gives a worker back; `dead`: the connection to it broke."""

    lease: LeaseId
    dead: bool = False


# ---- between raylets -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class View(Message):
    """What a raylet says of its node."""

    total: Resources
    available: Resources
    draining: bool = False
    queued: int = 0
    """Requests kept there, granted ones included. Ray does not tell this; only told where a policy is asked."""


@dataclass(frozen=True, slots=True)
class Views(Message):
    """What the syncer's hub knows of all nodes: a newer message makes the one before it worthless."""

    views: tuple[tuple[Name, View], ...]


# ---- within a node ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PopWorker(Message):
    """Raylet to its pool: a worker is needed for a lease."""

    lease: LeaseId
    actor: bool = False


@dataclass(frozen=True, slots=True)
class WorkerPopped(Message):
    """Pool to its raylet: here it is."""

    lease: LeaseId
    worker: Name


@dataclass(frozen=True, slots=True)
class PushWorker(Message):
    """Raylet to its pool: a worker is idle; `dead`: its process has ended, and another may take its place."""

    worker: Name
    dead: bool = False


@dataclass(frozen=True, slots=True)
class ForgetPop(Message):
    """Raylet to its pool: a lease needs no worker any more."""

    lease: LeaseId


@dataclass(frozen=True, slots=True)
class CountCpus(Message):
    """Pool to its raylet: how many CPUs are free?"""


@dataclass(frozen=True, slots=True)
class FreeCpus(Message):
    """Raylet to its pool: so many whole CPUs."""

    count: int


@dataclass(frozen=True, slots=True)
class WorkerBlocked(Message):
    """Worker to its raylet: its body waits in a get or wait."""


@dataclass(frozen=True, slots=True)
class WorkerUnblocked(Message):
    """Worker to its raylet: its body goes on."""


@dataclass(frozen=True, slots=True)
class EndWorker(Message):
    """To a worker's process: end now, whatever runs on this lease; None where it is idle."""

    lease: LeaseId | None = None


@dataclass(frozen=True, slots=True)
class ActorWorkerDied(Message):
    """Raylet to the actor table: the worker of this lease has been killed (`WorkerFailure`)."""

    lease: LeaseId


# ---- what monitors see ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LeaseAsked:
    """An owner asks a raylet."""

    lease: LeaseId
    node: Name
    known_dead: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """A raylet has chosen a node for a request, on what it knew of the usable nodes: (name, total, available)."""

    lease: LeaseId
    task: TaskId
    by: Name
    chosen: Name
    redirected: bool
    asked_policy: bool
    demand: Resources
    strategy: LeaseStrategy
    seen: tuple[tuple[Name, Resources, Resources], ...] = ()
    """Empty in timed runs."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """The policy lets a request wait."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class Preempted:
    """A policy has ended the worker of a task to make room for another one."""

    task: TaskId
    """The one that the lease was asked for; another of its class may run on it."""
    room_for: TaskId
    worker: Name


@dataclass(frozen=True, slots=True)
class LeaseKept:
    """A request waits on a node for its arguments, its turn and its room."""

    lease: LeaseId
    task: TaskId
    node: Name


@dataclass(frozen=True, slots=True)
class ArgumentsHere:
    """The arguments of a kept request are on its node."""

    lease: LeaseId
    task: TaskId


@dataclass(frozen=True, slots=True)
class LeaseGiven:
    """A node gives resources away; its worker may still have to start."""

    lease: LeaseId
    node: Name
    draining: bool


@dataclass(frozen=True, slots=True)
class Redirected:
    """A raylet names another; `again` when the request had been redirected to it."""

    lease: LeaseId
    again: bool
    node: Name
    """The other one."""
