"""A node: the raylet with its leases, the bundles on it, and what executes tasks and keeps objects.

Source: Ray 2.60 `raylet/node_manager.cc` (HandleRequestWorkerLease, HandleCancelResourceReserve,
HandleUnexpectedWorkerFailure), `placement_group_resource_manager.cc`, `local_lease_manager.cc`. The three are parts of
one node: they crash together and reach each other at once. A bundle is reserved from what leases have left; once it is
committed, leases are granted in it; when it is given back, the workers on leases in it are killed, and so are the
workers of a driver that has died. Workers of actors are leased from the same resources.

Left out: start-up of workers; memory (`objects.store`); a second driver.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.actors.ray2.lifecycle import LeaseWorker, WorkerLeased
from rayproof.model.actors.ray2.lifecycle import ReturnActorWorker as EndWorker
from rayproof.model.graph import GroupId, Resources, TaskId
from rayproof.model.kernel import Context, Down, Message, Name, constant
from rayproof.model.lineage.ray2.execution import BODY, ExecutionReply, Executor
from rayproof.model.lineage.ray2.programs import Failure
from rayproof.model.scheduler.ray2.leases.bundled import GROUP, BundleRaylet
from rayproof.model.scheduler.ray2.leases.local import Waiting
from rayproof.model.scheduler.ray2.leases.protocol import ClassId, LeaseId, RequestLease, View
from rayproof.model.scheduler.ray2.owned.calls import home_of
from rayproof.model.scheduler.ray2.owned.protocol import (
    EndLease,
    ExecuteOn,
    LeaseBlocked,
    LeaseUnblocked,
    StopAttempt,
    WorkerBegan,
    WorkerEnded,
    WorkerGone,
)
from rayproof.model.wire.ray2.groups import BundlesChanged, Busy

ACTOR: ClassId = "actor"
"""The class of the leases of actors."""

RESTORE, RESTORE_US = "restore", 3_000_000
"""Timer after which a view that was reduced by a redirection is restored (`ResetRemoteNodeView`: 3 s)."""


@dataclass(slots=True, kw_only=True)
class ClusterRaylet(BundleRaylet):
    """A node's leases, of which bundles and actors take their part."""

    executor: Name = constant()
    bundles: Name = constant()
    called: tuple[str, ...] = constant(())
    """Actors that somebody calls."""
    reserved: Resources = Resources()
    """What bundles keep."""
    offered: Resources = Resources()
    """What those of them that are committed offer."""
    busy: Resources = Resources()
    """What leases outside bundles hold, as was said last."""
    to_start: list[tuple[str, int]] = field(default_factory=list)
    """Actors that wait for a worker, with their incarnation."""
    living: dict[str, tuple[int, LeaseId]] = field(default_factory=dict)
    """Actors that live here -> (incarnation, lease)."""
    without_owner: set[Name] = field(default_factory=set)
    """Drivers that have died."""
    said: dict[Name, View] = field(default_factory=dict)
    """What the others said last, whatever was redirected there since."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Bundles, actors and drivers' ends; the rest is about leases."""
        match message:
            case BundlesChanged():
                self.bundles_changed(ctx, message)
            case LeaseWorker(actor, incarnation):
                self.to_start.append((actor, incarnation))
            case EndWorker(actor, incarnation):
                self.end_worker(ctx, actor, incarnation)
            case LeaseBlocked(lease):
                if lease in self.granted:
                    self.block(self.granted[lease][1])
            case LeaseUnblocked(lease):
                if lease in self.granted:
                    self.unblock(self.granted[lease][1])
            case Down(name) if name not in self.order:
                self.owner_died(ctx, name)
            case RequestLease() if sender in self.without_owner:
                return
            case _:
                if isinstance(message, View):
                    self.said[sender] = message
                BundleRaylet.receive(self, ctx, sender, message)
                return
        self.go_on(ctx)

    def redirect(self, ctx: Context, scheduling_class: ClassId, waiting: Waiting, node: Name) -> None:
        """What is counted on there is forgotten after a while: the request may be withdrawn on its way."""
        self.said.setdefault(node, self.view[node])
        BundleRaylet.redirect(self, ctx, scheduling_class, waiting, node)
        ctx.set_timer(RESTORE, RESTORE_US)

    def fire(self, ctx: Context, timer: str) -> None:
        """Believe again what the others said; the rest is about caps."""
        if timer == RESTORE:
            self.view.update({node: view for node, view in self.said.items() if node in self.view})
            self.go_on(ctx)
        else:
            BundleRaylet.fire(self, ctx, timer)

    def bundles_changed(self, ctx: Context, change: BundlesChanged) -> None:
        """Kill what runs in groups whose bundles were given back; `HandleCancelResourceReserve`."""
        for lease, (_, _, taken) in sorted(self.granted.items()):
            if any(is_in(taken, group) for group in change.returned):
                self.kill(ctx, lease)
        self.free = self.free + self.reserved - change.reserved + change.offered - self.offered
        self.reserved, self.offered = change.reserved, change.offered

    def kill(self, ctx: Context, lease: LeaseId) -> None:
        """End the worker of a lease; a new one takes its place."""
        self.returned(lease, self.granted[lease][1])
        ctx.send(self.executor, EndLease(lease))

    def owner_died(self, ctx: Context, owner: Name) -> None:
        """Its workers are killed, its requests are forgotten, and those that still come are not heard."""
        self.without_owner.add(owner)
        for lease, (scheduling_class, _, _) in sorted(self.granted.items()):
            if scheduling_class != ACTOR:
                self.kill(ctx, lease)
        self.to_schedule, self.infeasible, self.to_grant = {}, {}, {}

    def end_worker(self, ctx: Context, actor: str, incarnation: int) -> None:
        """The worker of an actor ends, or is not started."""
        self.to_start = [waiting for waiting in self.to_start if waiting != (actor, incarnation)]
        if self.living.get(actor, (-1, 0))[0] == incarnation:
            _, lease = self.living.pop(actor)
            self.returned(lease, self.granted[lease][1])
            self.tell_worker(ctx, actor, WorkerEnded())

    def tell_worker(self, ctx: Context, actor: str, what: Message) -> None:
        """The worker of an actor begins or ends."""
        if actor in self.called:
            ctx.send(home_of(actor, self.order.index(ctx.me)), what)

    def grant(self, ctx: Context) -> None:
        """Actors first, then tasks."""
        demand = self.classes[ACTOR].demand
        while self.to_start and self.idle and demand.fits(self.free):
            actor, incarnation = self.to_start.pop(0)
            worker = self.idle.pop(0)
            # Leases of drivers count upwards.
            lease = min([0, *self.granted]) - 1
            self.free = self.free - demand
            self.granted[lease] = (ACTOR, worker, demand)
            self.living[actor] = (incarnation, lease)
            ctx.send("actors", WorkerLeased(actor, incarnation))
            self.tell_worker(ctx, actor, WorkerBegan())
        BundleRaylet.grant(self, ctx)

    def own_view(self, me: Name) -> View:
        """The node with its bundles."""
        seen = BundleRaylet.own_view(self, me)
        return View(seen.total + self.offered, seen.available, seen.draining)

    def report(self, ctx: Context) -> None:
        """The bundles of this node are told what is left for them."""
        BundleRaylet.report(self, ctx)
        busy = Resources()
        for _, worker, taken in self.granted.values():
            if worker not in self.blocked and not any(GROUP in name for name, _ in taken.units):
                busy = busy + taken
        if busy != self.busy:
            self.busy = busy
            ctx.send(self.bundles, Busy(busy))


def is_in(taken: Resources, group: GroupId) -> bool:
    """Whether a lease has taken from a group."""
    return any(name.endswith(f"{GROUP}{group}") for name, _ in taken.units)


@dataclass(slots=True, kw_only=True)
class LeasedExecutor(Executor):
    """What executes on a node, each attempt on the worker of a lease."""

    submitter: Name = constant("submitter")
    raylet: Name = constant()
    lease_of: dict[TaskId, LeaseId] = field(default_factory=dict)
    """The lease of each task's latest attempt."""
    ended: set[LeaseId] = field(default_factory=set)
    """Leases whose worker was killed: what comes for it meets nobody."""
    blocked: set[LeaseId] = field(default_factory=set)
    """Leases whose worker waits for arguments and has given its CPU back."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Attempts and their untimely ends; the rest is execution."""
        if self.ownerless:
            return
        match message:
            case ExecuteOn(lease, attempt):
                if lease in self.ended:
                    ctx.send(self.submitter, WorkerGone(lease, attempt.task, attempt.attempt))
                else:
                    self.lease_of[attempt.task] = lease
                    Executor.receive(self, ctx, sender, attempt)
            case StopAttempt(task, attempt):
                if task in self.attempts and self.attempts[task].attempt == attempt:
                    self.drop(ctx, task)
                    ctx.send(self.owner, ExecutionReply(task, attempt, Failure.CANCELLED))
            case EndLease(lease):
                self.ended.add(lease)
                for task in sorted(self.attempts):
                    if self.lease_of[task] == lease:
                        number = self.attempts[task].attempt
                        self.drop(ctx, task)
                        ctx.send(self.submitter, WorkerGone(lease, task, number))
            case _:
                Executor.receive(self, ctx, sender, message)
        self.tell_blocked(ctx)

    def fire(self, ctx: Context, timer: str) -> None:
        """A body has ended, or an object is on disk."""
        Executor.fire(self, ctx, timer)
        self.tell_blocked(ctx)

    def tell_blocked(self, ctx: Context) -> None:
        """A worker that waits for arguments gives its CPU back, and takes it again. `HandleNotifyWorkerBlocked`."""
        now = {self.lease_of[task] for task in self.attempts if task not in self.running}
        for lease in sorted(now - self.blocked):
            ctx.send(self.raylet, LeaseBlocked(lease))
        for lease in sorted(self.blocked - now):
            ctx.send(self.raylet, LeaseUnblocked(lease))
        self.blocked = now

    def drop(self, ctx: Context, task: TaskId) -> None:
        """An attempt ends without a result."""
        del self.attempts[task]
        self.running.discard(task)
        ctx.cancel_timer(BODY + task)
