"""A driver as the one who leases workers for the attempts of its tasks.

Source: Ray 2.60 `normal_task_submitter.cc` (leases, `CancelTask`, `HandleWorkerLeaseReply`). A leased worker is used
again for the next attempt of its class, without another decision. A rejected request starts over; so does one at a
raylet that has died.

Left out: the choice of the first raylet by locality, and the age after which a lease is given back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rayproof.model.graph import TaskId
from rayproof.model.kernel import Context, Down, Message, Name, Process, Unhandled, constant
from rayproof.model.lineage.ray2.execution import Execute
from rayproof.model.scheduler.ray2.owned.protocol import (
    AttemptFailed,
    AttemptOver,
    AttemptPushed,
    AttemptWithdrawn,
    ExecuteOn,
    NodeLost,
    SchedulingClass,
    StopAttempt,
    Submission,
    Withdrawal,
    WorkerGone,
)
from rayproof.model.wire.ray2.leases import (
    CancelLease,
    ClassId,
    LeaseAsked,
    LeaseCancelled,
    LeaseGranted,
    LeaseId,
    LeaseRejected,
    LeaseSpec,
    RequestLease,
    RetryAt,
    ReturnWorker,
)


@dataclass(frozen=True, slots=True)
class Leased:
    """A worker that is the driver's."""

    scheduling_class: ClassId
    node: Name
    worker: Name
    task: TaskId


@dataclass(slots=True, kw_only=True)
class Submitter(Process):
    """The leases of one driver."""

    classes: Mapping[ClassId, SchedulingClass] = constant()
    raylet: Name = constant()
    """Its own node's."""
    most_requests: int = constant(2)
    """Requests in flight for one class (Ray: 10, or the number of nodes if that is more)."""
    executors: Mapping[Name, Name] = constant()
    """Raylet -> what executes on its node."""
    owner: Name = constant("owner")
    queued: dict[ClassId, list[TaskId]] = field(default_factory=dict)
    requests: dict[LeaseId, tuple[ClassId, Name]] = field(default_factory=dict)
    """Requests in flight -> (class, raylet asked)."""
    withdrawn: set[LeaseId] = field(default_factory=set)
    """Requests in flight of which the raylet was told that they are not needed any more."""
    leased: dict[LeaseId, Leased] = field(default_factory=dict)
    dead: set[Name] = field(default_factory=set)
    count: int = 0
    attempts: dict[TaskId, Execute] = field(default_factory=dict)
    """Attempts that wait for a worker or have one."""

    def start(self, ctx: Context) -> None:
        """Nothing is submitted yet."""
        self.queued = {scheduling_class: [] for scheduling_class in self.classes}

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Attempts to send, and their ends; answers of raylets; deaths."""
        match message:
            case Submission(attempt, scheduling_class):
                self.attempts[attempt.task] = attempt
                self.queued[scheduling_class].append(attempt.task)
            case Withdrawal(task, stop):
                self.withdraw(ctx, task, stop)
            case AttemptOver(task):
                self.over(ctx, task)
            case WorkerGone(lease, task, attempt):
                self.worker_gone(ctx, lease, task, attempt)
            case LeaseGranted(lease, worker):
                if sender not in self.dead:
                    self.granted(ctx, sender, lease, worker)
            case RetryAt(lease, node):
                if lease in self.requests and sender not in self.dead:
                    scheduling_class, _ = self.requests[lease]
                    self.ask(ctx, lease, scheduling_class, self.raylet if node in self.dead else node)
            case LeaseRejected(lease):
                if lease in self.requests and sender not in self.dead:
                    self.ask(ctx, lease, self.requests[lease][0], self.raylet)
            case LeaseCancelled(lease):
                self.forget(lease)
            case Down(node):
                self.node_died(ctx, node)
            case _:
                raise Unhandled(message)
        self.request_leases(ctx)

    def request_leases(self, ctx: Context) -> None:
        """Ask for as many workers as there are tasks without one, up to the limit; withdraw what is not needed."""
        for scheduling_class in sorted(self.queued):
            mine = [lease for lease, (each, _) in sorted(self.requests.items()) if each == scheduling_class]
            while len(mine) < min(self.most_requests, len(self.queued[scheduling_class])):
                self.count += 1
                lease = (ctx.me, self.count)
                mine.append(lease)
                self.ask(ctx, lease, scheduling_class, self.raylet)
            if not self.queued[scheduling_class]:
                for lease in mine:
                    if lease not in self.withdrawn:
                        self.withdrawn.add(lease)
                        ctx.send(self.requests[lease][1], CancelLease(lease))

    def ask(self, ctx: Context, lease: LeaseId, scheduling_class: ClassId, node: Name) -> None:
        """Ask a raylet; any but the own one may only grant or reject. What was withdrawn has ended with its answer."""
        if lease in self.withdrawn:
            self.forget(lease)
            return
        each = self.classes[scheduling_class]
        self.requests[lease] = (scheduling_class, node)
        ctx.observe(LeaseAsked(lease, node, node in self.dead))
        # Which task the worker is for makes no difference here.
        spec = LeaseSpec(lease, each.id, each.demand, each.strategy, "", redirected=node != self.raylet)
        ctx.send(node, RequestLease(spec))

    def forget(self, lease: LeaseId) -> tuple[ClassId, Name]:
        """A request has been answered."""
        self.withdrawn.discard(lease)
        return self.requests.pop(lease, ("", ""))

    def granted(self, ctx: Context, node: Name, lease: LeaseId, worker: Name) -> None:
        """Use a worker, or give it back at once when it came too late."""
        scheduling_class, _ = self.forget(lease)
        if not scheduling_class or not self.queued[scheduling_class]:
            ctx.send(node, ReturnWorker(lease))
            return
        self.push(ctx, lease, scheduling_class, node, worker)

    def push(self, ctx: Context, lease: LeaseId, scheduling_class: ClassId, node: Name, worker: Name) -> None:
        """Send the next attempt of a class to a worker."""
        task = self.queued[scheduling_class].pop(0)
        self.leased[lease] = Leased(scheduling_class, node, worker, task)
        attempt = self.attempts[task]
        ctx.send(self.executors[node], ExecuteOn(lease, attempt))
        ctx.send(self.owner, AttemptPushed(task, attempt.attempt, self.executors[node]))

    def withdraw(self, ctx: Context, task: TaskId, stop: bool) -> None:
        """Take an attempt off its queue; one that was sent keeps its worker until its end is known."""
        for waiting in self.queued.values():
            if task in waiting:
                waiting.remove(task)
                ctx.send(self.owner, AttemptWithdrawn(task, self.attempts.pop(task).attempt))
                return
        for held in self.leased.values():
            if held.task == task and stop:
                ctx.send(self.executors[held.node], StopAttempt(task, self.attempts[task].attempt))

    def over(self, ctx: Context, task: TaskId) -> None:
        """The worker gets the next attempt of its class, or goes back."""
        for lease, held in sorted(self.leased.items()):
            if held.task == task:
                del self.attempts[task], self.leased[lease]
                if self.queued[held.scheduling_class]:
                    self.push(ctx, lease, held.scheduling_class, held.node, held.worker)
                else:
                    ctx.send(held.node, ReturnWorker(lease))

    def worker_gone(self, ctx: Context, lease: LeaseId, task: TaskId, attempt: int) -> None:
        """The attempt has failed; there is nothing to give back."""
        held = self.leased.get(lease)
        if held is not None and held.task == task:
            del self.leased[lease], self.attempts[task]
            ctx.send(self.owner, AttemptFailed(task, attempt))

    def node_died(self, ctx: Context, node: Name) -> None:
        """Requests there are made anew; what ran there is the owner's business."""
        self.dead.add(node)
        for lease, (scheduling_class, asked) in sorted(self.requests.items()):
            if asked == node:
                self.ask(ctx, lease, scheduling_class, self.raylet)
        for lease, held in sorted(self.leased.items()):
            if held.node == node:
                del self.leased[lease], self.attempts[held.task]
        ctx.send(self.owner, NodeLost(self.executors[node]))
