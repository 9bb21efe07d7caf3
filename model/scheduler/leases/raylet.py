"""A raylet: decides about leases with its own view of the cluster, and grants its own workers.

Source: Ray 2.60, `cluster_lease_manager.cc::ScheduleAndGrantLeases`, `TryScheduleInfeasibleLease`, `ScheduleOnNode`;
`local_lease_manager.cc::GrantScheduledLeasesToWorkers`, `TrySpillback`, `ReleaseWorkerResources`;
`node_manager.cc::HandleRequestWorkerLease`, `HandleReturnWorkerLease`, `HandleCancelWorkerLease`,
`HandleDrainRaylet`. The choice of a node is `ray.best_for_lease`.

Left out: arguments to fetch, workers that start slowly, the worker cap and CPUs given back in a get (both only matter
with nested tasks), and the 3 s after which a view that was reduced by a spill is restored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from model.graph import Resources
from model.kernel import Context, Down, Message, Name, Process, TimerKind, Unhandled, constant
from model.scheduler.leases.protocol import (
    CancelLease,
    ClassId,
    Drain,
    Granting,
    LeaseCancelled,
    LeaseGranted,
    LeaseId,
    LeaseRejected,
    Redirecting,
    RequestLease,
    RetryAt,
    ReturnWorker,
    SchedulingClass,
    View,
)
from model.scheduler.ray import Decision, LeaseOptions, NodeResources, Request, best_for_lease

SYNC = "sync"
"""Channel of the views that raylets send each other."""

DRAIN = "drain"
"""Timer of an operator who drains the node: the program's own progress."""

Waiting = tuple[LeaseId, Name, bool]
"""A request: (lease, owner, whether it was redirected here)."""


@dataclass(slots=True)
class LeaseRaylet(Process):
    """One node's lease managers."""

    classes: Mapping[ClassId, SchedulingClass] = constant()
    order: tuple[Name, ...] = constant()
    """All raylets in the tie-break order."""
    totals: Mapping[Name, Resources] = constant()
    workers: tuple[Name, ...] = constant()
    drains: bool = constant(False)
    free: Resources = Resources()
    view: dict[Name, View] = field(default_factory=dict)
    """What the others said last, less what was redirected there since."""
    dead: set[Name] = field(default_factory=set)
    draining: bool = False
    to_schedule: dict[ClassId, list[Waiting]] = field(default_factory=dict)
    infeasible: dict[ClassId, list[Waiting]] = field(default_factory=dict)
    to_grant: dict[ClassId, list[Waiting]] = field(default_factory=dict)
    granted: dict[LeaseId, tuple[ClassId, Name]] = field(default_factory=dict)
    """Leases -> (class, worker)."""
    idle: list[Name] = field(default_factory=list)
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
        """An operator drains this node (`HandleDrainRaylet`)."""
        self.receive(ctx, ctx.me, Drain())

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Requests of owners, views of other raylets, deaths; then one pass over the queues."""
        match message:
            case RequestLease(lease, of, redirected):
                self.asked(lease, of, sender, redirected)
            case ReturnWorker(lease, worker):
                self.returned(lease, worker)
            case CancelLease(lease):
                self.cancel(ctx, lease, sender)
            case View():
                if sender not in self.dead:
                    self.view[sender] = message
            case Drain():
                self.draining = True
            case Down(node):
                self.dead.add(node)
                self.view.pop(node, None)
            case _:
                raise Unhandled(message)
        self.schedule(ctx)
        self.grant(ctx)
        self.report(ctx)

    def asked(self, lease: LeaseId, of: ClassId, owner: Name, redirected: bool) -> None:
        """A request joins the queue of its class, the infeasible one if its class is there."""
        queue = self.infeasible if of in self.infeasible else self.to_schedule
        queue.setdefault(of, []).append((lease, owner, redirected))

    def returned(self, lease: LeaseId, worker: Name) -> None:
        """A worker comes back; a return that comes twice frees nothing the second time."""
        if lease in self.granted:
            of, held = self.granted.pop(lease)
            self.free = self.free + self.classes[of].demand
            self.idle = sorted([*self.idle, held])

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
            seen = View(self.totals[me], self.free, self.draining) if name == me else self.view.get(name)
            if seen is not None:
                found.append(NodeResources(name, seen.total, dict(seen.available.units), draining=seen.draining))
        return found

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
            demand = self.classes[of].demand
            while of in self.to_grant:
                waiting = self.to_grant[of][0]
                if self.idle and demand.fits(self.free) and not self.draining and not self.has_its_share(of):
                    self.leave(of)
                    self.give(ctx, of, waiting)
                elif not self.moves_on(ctx, of, waiting):
                    break

    def leave(self, of: ClassId) -> None:
        """Take the head of a class off the queue."""
        self.to_grant[of] = self.to_grant[of][1:]
        if not self.to_grant[of]:
            del self.to_grant[of]

    def give(self, ctx: Context, of: ClassId, waiting: Waiting) -> None:
        """Allocate, and hand a worker to the owner."""
        lease, owner, _ = waiting
        worker = self.idle.pop(0)
        self.free = self.free - self.classes[of].demand
        self.granted[lease] = (of, worker)
        ctx.observe(Granting(lease, ctx.me, self.draining))
        ctx.send(owner, LeaseGranted(lease, worker))

    def has_its_share(self, of: ClassId) -> bool:
        """Fair share: when CPUs are short, a class that holds more than its part waits for the others."""
        wanted = sum(self.classes[each].demand["CPU"] * len(queue) for each, queue in self.to_grant.items())
        if not self.classes[of].demand["CPU"] or wanted <= sum(self.totals_of("CPU")):
            return False
        held = [each for each, _ in self.granted.values() if self.classes[each].demand["CPU"]]
        rivals = [each for each in self.to_grant if self.classes[each].demand["CPU"]]
        return held.count(of) > len(held) // len(rivals)

    def totals_of(self, name: str) -> list[int]:
        """What this node has of a resource: free and given away."""
        return [self.free[name], *(self.classes[of].demand[name] for of, _ in self.granted.values())]

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
        now = View(self.totals[ctx.me], self.free, self.draining)
        if now != self.told:
            self.told = now
            for name in self.order:
                if name != ctx.me and name not in self.dead:
                    ctx.send(name, now, SYNC)
