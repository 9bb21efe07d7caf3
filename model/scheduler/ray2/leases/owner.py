"""The owner's side of leases.

Source: Ray 2.60, `normal_task_submitter.cc::RequestNewWorkerIfNeeded`, `HandleWorkerLeaseReply` (there
`OnWorkerIdle`, `PushNormalTask`, `ReturnWorker`, `CancelWorkerLeaseIfNeeded`). A leased worker is used again for the
next task of its class, without another decision. A rejected request starts over; so does one at a raylet that has died.

Left out: the choice of the first raylet by locality (`ray.locality`) and the age after which a lease is given back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rayproof.model.graph import TaskId
from rayproof.model.kernel import Context, Down, Message, Name, Process, Unhandled, constant
from rayproof.model.scheduler.ray2.leases.protocol import (
    Asking,
    CancelLease,
    ClassId,
    LeaseCancelled,
    LeaseGranted,
    LeaseId,
    LeaseRejected,
    PushTask,
    RequestLease,
    RetryAt,
    ReturnWorker,
    SchedulingClass,
    TaskReply,
)


@dataclass(frozen=True, slots=True)
class Leased:
    """A worker that is the owner's."""

    of: ClassId
    node: Name
    worker: Name
    task: TaskId


@dataclass(slots=True)
class Owner(Process):
    """The driver as an owner of tasks."""

    classes: Mapping[ClassId, SchedulingClass] = constant()
    raylet: Name = constant()
    """Its own node's."""
    children: Mapping[TaskId, TaskId] = constant()
    """Tasks whose body submits another one and gets its result -> that one."""
    most_requests: int = constant(2)
    """Requests in flight for one class (Ray: 10, or the number of nodes if that is more)."""
    queued: dict[ClassId, list[TaskId]] = field(default_factory=dict)
    requests: dict[LeaseId, tuple[ClassId, Name]] = field(default_factory=dict)
    """Requests in flight -> (class, raylet asked)."""
    withdrawn: set[LeaseId] = field(default_factory=set)
    """Requests in flight of which the raylet was told that they are not needed any more."""
    leased: dict[LeaseId, Leased] = field(default_factory=dict)
    finished: set[TaskId] = field(default_factory=set)
    failed: set[TaskId] = field(default_factory=set)
    dead: set[Name] = field(default_factory=set)
    next_lease: LeaseId = 1

    def start(self, ctx: Context) -> None:
        """Everything that no task submits is submitted at once."""
        nested = set(self.children.values())
        self.queued = {n: [task for task in each.tasks if task not in nested] for n, each in self.classes.items()}
        self.request_leases(ctx)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Replies of raylets and workers, and deaths."""
        match message:
            case LeaseGranted(lease, worker):
                if sender not in self.dead:
                    self.granted(ctx, sender, lease, worker)
            case RetryAt(lease, node):
                if lease in self.requests and sender not in self.dead:
                    of, _ = self.requests[lease]
                    self.ask(ctx, lease, of, self.raylet if node in self.dead else node)
            case LeaseRejected(lease):
                if lease in self.requests and sender not in self.dead:
                    self.ask(ctx, lease, self.requests[lease][0], self.raylet)
            case LeaseCancelled(lease, unschedulable):
                self.cancelled(lease, unschedulable)
            case TaskReply(task):
                self.replied(ctx, sender, task)
            case Down(node):
                self.node_died(ctx, node)
            case _:
                raise Unhandled(message)
        self.request_leases(ctx)

    def request_leases(self, ctx: Context) -> None:
        """Ask for as many workers as there are tasks without one, up to the limit; withdraw what is not needed."""
        for of in sorted(self.queued):
            mine = [lease for lease, (each, _) in sorted(self.requests.items()) if each == of]
            while len(mine) < min(self.most_requests, len(self.queued[of])):
                lease = self.next_lease
                self.next_lease += 1
                mine.append(lease)
                self.ask(ctx, lease, of, self.raylet)
            if not self.queued[of]:
                for lease in mine:
                    if lease not in self.withdrawn:
                        self.withdrawn.add(lease)
                        ctx.send(self.requests[lease][1], CancelLease(lease))

    def ask(self, ctx: Context, lease: LeaseId, of: ClassId, node: Name) -> None:
        """Ask a raylet; any but the own one may only grant or reject. What was withdrawn has ended with its answer."""
        if lease in self.withdrawn:
            self.forget(lease)
            return
        self.requests[lease] = (of, node)
        ctx.observe(Asking(lease, node, node in self.dead))
        ctx.send(node, RequestLease(lease, of, node != self.raylet))

    def forget(self, lease: LeaseId) -> tuple[ClassId, Name]:
        """A request has been answered."""
        self.withdrawn.discard(lease)
        return self.requests.pop(lease, ("", ""))

    def granted(self, ctx: Context, node: Name, lease: LeaseId, worker: Name) -> None:
        """Use a worker, or give it back at once when it came too late."""
        of, _ = self.forget(lease)
        if not of or not self.queued[of]:
            ctx.send(node, ReturnWorker(lease, worker))
            return
        self.push(ctx, lease, of, node, worker)

    def push(self, ctx: Context, lease: LeaseId, of: ClassId, node: Name, worker: Name) -> None:
        """Send the next task of a class to a worker."""
        task = self.queued[of].pop(0)
        self.leased[lease] = Leased(of, node, worker, task)
        ctx.send(worker, PushTask(task))

    def replied(self, ctx: Context, worker: Name, task: TaskId) -> None:
        """A task has ended: the lease goes on with the next of its class, or ends."""
        for lease, held in sorted(self.leased.items()):
            if held.worker == worker and held.task == task:
                self.finished.add(task)
                del self.leased[lease]
                if self.queued[held.of]:
                    self.push(ctx, lease, held.of, held.node, worker)
                else:
                    ctx.send(held.node, ReturnWorker(lease, worker))

    def cancelled(self, lease: LeaseId, unschedulable: bool) -> None:
        """A request has ended without a worker."""
        of, _ = self.forget(lease)
        if of and unschedulable and self.queued[of]:
            self.failed.add(self.queued[of].pop(0))

    def node_died(self, ctx: Context, node: Name) -> None:
        """What was asked of the dead is asked again, what ran there runs again."""
        self.dead.add(node)
        for lease, (of, asked) in sorted(self.requests.items()):
            if asked == node:
                self.ask(ctx, lease, of, self.raylet)
        for lease, held in sorted(self.leased.items()):
            if held.node == node:
                del self.leased[lease]
                self.queued[held.of].append(held.task)
