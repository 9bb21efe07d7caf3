"""A raylet: decides about leases with its own view of the cluster, and grants its own workers.

Source: Ray 2.60, `cluster_lease_manager.cc::ScheduleAndGrantLeases`, `TryScheduleInfeasibleLease`, `ScheduleOnNode`;
`local_lease_manager.cc::GrantScheduledLeasesToWorkers`, `TrySpillback`; `node_manager.cc::HandleRequestWorkerLease`,
`HandleCancelWorkerLease`, `HandleDrainRaylet`. The choice of a node is `ray.best_for_lease`; what a node has given
away is in `local`.

Left out: arguments to fetch, and the 3 s after which a view that was reduced by a spill is restored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.graph import Resources
from rayproof.model.kernel import Context, Down, Message, Name, TimerKind, Unhandled, constant
from rayproof.model.scheduler.ray import Decision, LeaseOptions, NodeResources, Request, best_for_lease
from rayproof.model.scheduler.ray2.leases.local import CAP, NodeLeases, Waiting
from rayproof.model.scheduler.ray2.leases.protocol import (
    CancelLease,
    Choosing,
    ClassId,
    LeaseCancelled,
    LeaseId,
    LeaseRejected,
    Redirecting,
    RequestLease,
    ResultStored,
    RetryAt,
    ReturnWorker,
    View,
    WorkerBlocked,
    WorkerUnblocked,
)

SYNC = "sync"
"""Channel of the views that raylets send each other."""

DRAIN = "drain"
"""Timer of an operator who drains the node: the program's own progress."""


@dataclass(slots=True)
class LeaseRaylet(NodeLeases):
    """One node's lease managers."""

    drains: bool = constant(False)
    view: dict[Name, View] = field(default_factory=dict)
    """What the others said last, less what was redirected there since."""
    dead: set[Name] = field(default_factory=set)
    to_schedule: dict[ClassId, list[Waiting]] = field(default_factory=dict)
    infeasible: dict[ClassId, list[Waiting]] = field(default_factory=dict)
    cursor: int = 0
    told: View | None = None

    def start(self, ctx: Context) -> None:
        """All that is configured is known and free."""
        me = ctx.me
        self.free = self.totals[me]
        self.idle = list(self.workers)
        self.view = {n: View(self.totals[n], self.totals[n], False) for n in self.order if n != me}
        self.told = View(self.free, self.free, False)
        if self.drains:
            ctx.set_timer(DRAIN, kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """An operator drains this node (`HandleDrainRaylet`), or a class has been at its cap for long enough."""
        if timer == DRAIN:
            self.draining = True
        elif (of := timer.removeprefix(CAP)) in self.to_grant:
            self.lifted[of] = self.lifted.get(of, 0) + 1
        self.go_on(ctx)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Requests of owners, views of other raylets, deaths; then one pass over the queues."""
        match message:
            case RequestLease(lease, of, redirected):
                self.asked(lease, of, sender, redirected)
            case ReturnWorker(lease, worker):
                self.returned(lease, worker)
            case WorkerBlocked():
                self.block(sender)
            case WorkerUnblocked():
                self.unblock(sender)
            case ResultStored(amount):
                self.stored = self.stored + amount
                self.free = self.free - amount
            case CancelLease(lease):
                self.cancel(ctx, lease, sender)
            case View():
                if sender not in self.dead:
                    self.view[sender] = message
            case Down(node):
                self.dead.add(node)
                self.view.pop(node, None)
            case _:
                raise Unhandled(message)
        self.go_on(ctx)

    def go_on(self, ctx: Context) -> None:
        """One pass over the queues, and a report of what has changed."""
        self.schedule(ctx)
        self.grant(ctx)
        self.report(ctx)

    def asked(self, lease: LeaseId, of: ClassId, owner: Name, redirected: bool) -> None:
        """A request joins the queue of its class, the infeasible one if its class is there."""
        queue = self.infeasible if of in self.infeasible else self.to_schedule
        queue.setdefault(of, []).append((lease, owner, redirected))

    def cancel(self, ctx: Context, lease: LeaseId, owner: Name) -> None:
        """Forget a request that has not been granted, and say so."""
        for queue in (self.to_schedule, self.infeasible, self.to_grant):
            for of in sorted(queue):
                if any(waiting[0] == lease for waiting in queue[of]):
                    queue[of] = [waiting for waiting in queue[of] if waiting[0] != lease]
                    if not queue[of]:
                        del queue[of]
                    ctx.send(owner, LeaseCancelled(lease, False))

    # ---- the cluster level -------------------------------------------------------------------------------------------

    def schedule(self, ctx: Context) -> None:
        """Find a node for each request, class by class (`ScheduleAndGrantLeases`)."""
        for of in sorted(self.infeasible):
            if not self.decide(ctx, of, self.infeasible[of][0]).infeasible:
                self.to_schedule[of] = self.infeasible.pop(of)
        for of in sorted(self.to_schedule):
            waiting = self.to_schedule.pop(of)
            while waiting:
                decision = self.decide(ctx, of, waiting[0])
                if decision.infeasible:
                    waiting = self.cannot(ctx, of, waiting)
                    continue
                self.cursor = decision.cursor
                node = ctx.choose(decision.answer.nodes, random=True)
                ctx.observe(Choosing(of, node, not waiting[0][2], self.seen(ctx.me), self.classes[of].demand))
                self.schedule_on(ctx, of, waiting.pop(0), node)

    def decide(self, ctx: Context, of: ClassId, waiting: Waiting) -> Decision:
        """The exact decision about a request, on what this raylet knows."""
        each = self.classes[of]
        options = LeaseOptions(prefer_local=waiting[2])
        return best_for_lease(self.nodes(ctx.me), Request(each.demand), each.strategy, ctx.me, self.cursor, options)

    def nodes(self, me: Name) -> list[NodeResources]:
        """Every node as this raylet knows it."""
        found = []
        for name in self.order:
            seen = self.own_view(me) if name == me else self.view.get(name)
            if seen is not None:
                found.append(NodeResources(name, seen.total, dict(seen.available.units), draining=seen.draining))
        return found

    def own_view(self, me: Name) -> View:
        """What this node says of itself; what is overdrawn counts as nothing."""
        left = {name: max(0, amount) for name, amount in self.free.units}
        return View(self.totals[me], Resources.from_units(left), self.draining)

    def seen(self, me: Name) -> tuple[tuple[Name, Resources, Resources], ...]:
        """The usable nodes as this raylet knows them, for monitors."""
        views = {**self.view, me: self.own_view(me)}
        return tuple((name, v.total, v.available) for name, v in sorted(views.items()) if not v.draining)

    def cannot(self, ctx: Context, of: ClassId, waiting: list[Waiting]) -> list[Waiting]:
        """No node can serve a class: a hard affinity fails at once, anything else waits for a node that can.

        A redirected request is rejected: its owner starts over, and waits with its own raylet.
        """
        if hasattr(self.classes[of].strategy, "node"):
            lease, owner, _ = waiting[0]
            ctx.send(owner, LeaseCancelled(lease, True))
            return waiting[1:]
        for lease, owner, redirected in waiting:
            if redirected:
                ctx.send(owner, LeaseRejected(lease))
        kept = [each for each in waiting if not each[2]]
        if kept:
            self.infeasible[of] = kept
        return []

    def schedule_on(self, ctx: Context, of: ClassId, waiting: Waiting, node: Name) -> None:
        """Keep a request, or name another raylet; one that was redirected is never sent on (`ScheduleOnNode`)."""
        lease, owner, redirected = waiting
        if node == ctx.me:
            self.to_grant.setdefault(of, []).append(waiting)
        elif redirected:
            ctx.send(owner, LeaseRejected(lease))
        else:
            self.redirect(ctx, of, waiting, node)

    def redirect(self, ctx: Context, of: ClassId, waiting: Waiting, node: Name) -> None:
        """Name another raylet, and count on what it will give away."""
        seen = self.view[node]
        left = {name: max(0, amount) for name, amount in (seen.available - self.classes[of].demand).units}
        self.view[node] = View(seen.total, Resources.from_units(left), seen.draining)
        ctx.observe(Redirecting(waiting[0], waiting[2]))
        ctx.send(waiting[1], RetryAt(waiting[0], node))

    # ---- the local level ---------------------------------------------------------------------------------------------

    def grant(self, ctx: Context) -> None:
        """Give workers to the requests that are kept; what finds no room here may move on (`TrySpillback`)."""
        for of in sorted(self.to_grant):
            while of in self.to_grant:
                waiting = self.to_grant[of][0]
                if self.idle and self.allocation(of) is not None and not self.draining and self.is_its_turn(ctx, of):
                    self.leave(of)
                    self.give(ctx, of, waiting)
                elif not self.moves_on(ctx, of, waiting):
                    break

    def moves_on(self, ctx: Context, of: ClassId, waiting: Waiting) -> bool:
        """Send a request that cannot be granted here to a node that has room, or reject it; False when it stays."""
        decision = self.decide(ctx, of, waiting)
        nodes = [node for node in decision.answer.nodes if node != ctx.me]
        if decision.infeasible or not nodes:
            if not (decision.infeasible or self.draining):
                return False
            self.leave(of)
            self.to_schedule.setdefault(of, []).append(waiting)
            self.schedule(ctx)
            return True
        self.leave(of)
        self.schedule_on(ctx, of, waiting, nodes[0])
        return True

    def report(self, ctx: Context) -> None:
        """Tell the others what has changed."""
        now = self.own_view(ctx.me)
        if now != self.told:
            self.told = now
            for name in self.order:
                if name != ctx.me and name not in self.dead:
                    ctx.send(name, now, SYNC)
