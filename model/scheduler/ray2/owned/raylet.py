"""A raylet of the owned cluster: its leases, of which bundles and actors take their part.

Source: Ray 2.60 `raylet/node_manager.cc` (HandleRequestWorkerLease, HandleCancelResourceReserve),
`cluster_lease_manager.cc::ScheduleAndGrantLeases`, `ScheduleOnNode`, `local_lease_manager.cc`. A bundle is reserved
from what leases have left; once it is committed, leases are granted in it; when it is given back, the workers on leases
in it are killed, and so are those of a driver that has died. Workers of actors are leased from the same resources.
`LeaseManager` is the raylet of today's Ray; this one goes with the owned cluster.

Left out: drain, and workers that start slowly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rayproof.model.actors.ray2.lifecycle import LeaseWorker, WorkerLeased
from rayproof.model.actors.ray2.lifecycle import ReturnActorWorker as EndWorker
from rayproof.model.graph import GroupId, Resources
from rayproof.model.kernel import Context, Down, Message, Name, Process, Unhandled, constant
from rayproof.model.scheduler.ray import Decision, LeaseOptions, NodeResources, Request, best_for_lease
from rayproof.model.scheduler.ray2.bundles import GROUP, allocation
from rayproof.model.scheduler.ray2.owned.calls import home_of
from rayproof.model.scheduler.ray2.owned.protocol import (
    EndLease,
    LeaseBlocked,
    LeaseUnblocked,
    SchedulingClass,
    WorkerBegan,
    WorkerEnded,
)
from rayproof.model.wire.ray2.groups import BundlesChanged, Busy
from rayproof.model.wire.ray2.leases import (
    SYNC,
    CancelLease,
    ClassId,
    LeaseCancelled,
    LeaseGranted,
    LeaseId,
    LeaseRejected,
    LeaseSpec,
    Redirected,
    RequestLease,
    RetryAt,
    ReturnWorker,
    View,
)

ACTOR: ClassId = "actor"
"""The class of the leases of actors."""

RESTORE, RESTORE_US = "restore", 3_000_000
"""Timer after which a view that was reduced by a redirection is restored (`ResetRemoteNodeView`: 3 s)."""

CAP, CAP_US, MOST_CAP_US = "cap:", 1_000_000, 10_000_000
"""Timers after which a class at its cap may have one worker more: after 1 s, doubled each time, up to 10 s."""


@dataclass(slots=True, kw_only=True)
class ClusterRaylet(Process):
    """One node's leases."""

    classes: Mapping[ClassId, SchedulingClass] = constant()
    order: tuple[Name, ...] = constant()
    """All raylets in the tie-break order."""
    totals: Mapping[Name, Resources] = constant()
    workers: tuple[Name, ...] = constant()
    executor: Name = constant()
    bundles: Name = constant()
    called: tuple[str, ...] = constant(())
    """Actors that somebody calls."""
    free: Resources = Resources()
    view: dict[Name, View] = field(default_factory=dict)
    """What the others said last, less what was redirected there since."""
    said: dict[Name, View] = field(default_factory=dict)
    """What the others said last, whatever was redirected there since."""
    dead: set[Name] = field(default_factory=set)
    to_schedule: dict[ClassId, list[LeaseSpec]] = field(default_factory=dict)
    infeasible: dict[ClassId, list[LeaseSpec]] = field(default_factory=dict)
    to_grant: dict[ClassId, list[LeaseSpec]] = field(default_factory=dict)
    granted: dict[LeaseId, tuple[ClassId, Name, Resources]] = field(default_factory=dict)
    """Leases -> (class, worker, what it holds)."""
    blocked: set[Name] = field(default_factory=set)
    """Workers that wait for arguments and hold no CPU."""
    resumed: set[Name] = field(default_factory=set)
    """Workers that waited with their present lease; only they may push `free` below zero."""
    lifted: dict[ClassId, int] = field(default_factory=dict)
    """Workers that a class may have beyond its cap."""
    idle: list[Name] = field(default_factory=list)
    cursor: int = 0
    told: View | None = None
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

    def start(self, ctx: Context) -> None:
        """All that is configured is known and free."""
        self.free = self.totals[ctx.me]
        self.idle = list(self.workers)
        self.view = {n: View(self.totals[n], self.totals[n]) for n in self.order if n != ctx.me}
        self.told = View(self.free, self.free)

    def fire(self, ctx: Context, timer: str) -> None:
        """Believe again what the others said; or a class has been at its cap for long enough."""
        if timer == RESTORE:
            self.view.update({node: view for node, view in self.said.items() if node in self.view})
        elif (of := timer.removeprefix(CAP)) in self.to_grant:
            self.lifted[of] = self.lifted.get(of, 0) + 1
        self.go_on(ctx)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Drivers, bundles, actors, the other raylets, deaths; then one pass over the queues."""
        match message:
            case RequestLease(spec):
                if spec.lease[0] in self.without_owner:
                    return
                queue = self.infeasible if spec.of in self.infeasible else self.to_schedule
                queue.setdefault(spec.of, []).append(spec)
            case CancelLease(lease):
                self.cancel(ctx, lease)
            case ReturnWorker(lease):
                self.returned(lease)
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
            case View():
                self.said[sender] = message
                if sender not in self.dead:
                    self.view[sender] = message
            case Down(name) if name not in self.order:
                self.owner_died(ctx, name)
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

    # ---- requests ----------------------------------------------------------------------------------------------------

    def cancel(self, ctx: Context, lease: LeaseId) -> None:
        """Forget a request that has not been granted, and say so."""
        for queue in (self.to_schedule, self.infeasible, self.to_grant):
            for of in sorted(queue):
                if any(spec.lease == lease for spec in queue[of]):
                    queue[of] = [spec for spec in queue[of] if spec.lease != lease]
                    if not queue[of]:
                        del queue[of]
                    ctx.send(lease[0], LeaseCancelled(lease))

    def schedule(self, ctx: Context) -> None:
        """Find a node for each request, class by class (`ScheduleAndGrantLeases`)."""
        for of in sorted(self.infeasible):
            if not self.decide(ctx, self.infeasible[of][0]).infeasible:
                self.to_schedule[of] = self.infeasible.pop(of)
        for of in sorted(self.to_schedule):
            waiting = self.to_schedule.pop(of)
            while waiting:
                decision = self.decide(ctx, waiting[0])
                if decision.infeasible:
                    self.cannot(ctx, of, waiting)
                    break
                self.cursor = decision.cursor
                self.schedule_on(ctx, waiting.pop(0), ctx.choose(decision.answer.nodes, random=True))

    def decide(self, ctx: Context, spec: LeaseSpec) -> Decision:
        """The exact decision about a request, on what this raylet knows."""
        options = LeaseOptions(prefer_local=spec.redirected)
        return best_for_lease(self.nodes(ctx.me), Request(spec.demand), spec.strategy, ctx.me, self.cursor, options)

    def nodes(self, me: Name) -> list[NodeResources]:
        """Every node as this raylet knows it."""
        found = []
        for name in self.order:
            seen = self.own_view(me) if name == me else self.view.get(name)
            if seen is not None:
                found.append(NodeResources(name, seen.total, dict(seen.available.units)))
        return found

    def own_view(self, me: Name) -> View:
        """What this node, with its bundles, says of itself; what is overdrawn counts as nothing."""
        left = {name: max(0, amount) for name, amount in self.free.units}
        return View(self.totals[me] + self.offered, Resources.from_units(left))

    def cannot(self, ctx: Context, of: ClassId, waiting: list[LeaseSpec]) -> None:
        """No node can serve a class: what was redirected starts over, the rest waits for a node that can."""
        for spec in waiting:
            if spec.redirected:
                ctx.send(spec.lease[0], LeaseRejected(spec.lease))
        kept = [spec for spec in waiting if not spec.redirected]
        if kept:
            self.infeasible[of] = kept

    def schedule_on(self, ctx: Context, spec: LeaseSpec, node: Name) -> None:
        """Keep a request, or name another raylet; one that was redirected is never sent on (`ScheduleOnNode`)."""
        if node == ctx.me:
            self.to_grant.setdefault(spec.of, []).append(spec)
        elif spec.redirected:
            ctx.send(spec.lease[0], LeaseRejected(spec.lease))
        else:
            self.redirect(ctx, spec, node)

    def redirect(self, ctx: Context, spec: LeaseSpec, node: Name) -> None:
        """Name another raylet, and count on what it will give away; forget that after a while."""
        seen = self.view[node]
        self.said.setdefault(node, seen)
        left = {name: max(0, amount) for name, amount in (seen.available - spec.demand).units}
        self.view[node] = View(seen.total, Resources.from_units(left))
        ctx.observe(Redirected(spec.lease, spec.redirected, node))
        ctx.send(spec.lease[0], RetryAt(spec.lease, node))
        ctx.set_timer(RESTORE, RESTORE_US)

    # ---- leases ------------------------------------------------------------------------------------------------------

    def grant(self, ctx: Context) -> None:
        """Actors first, then tasks; what finds no room here may move on (`TrySpillback`)."""
        demand = self.classes[ACTOR].demand
        while self.to_start and self.idle and demand.fits(self.free):
            actor, incarnation = self.to_start.pop(0)
            worker = self.idle.pop(0)
            # Leases of actors count downwards.
            lease = (ctx.me, min([0, *(number for owner, number in self.granted if owner == ctx.me)]) - 1)
            self.free = self.free - demand
            self.granted[lease] = (ACTOR, worker, demand)
            self.living[actor] = (incarnation, lease)
            ctx.send("actors", WorkerLeased(actor, incarnation))
            self.tell_worker(ctx, actor, WorkerBegan())
        for of in sorted(self.to_grant):
            while of in self.to_grant:
                spec = self.to_grant[of][0]
                if self.idle and self.allocation(of) is not None and self.is_its_turn(ctx, of):
                    self.leave(of)
                    self.give(ctx, spec)
                elif not self.moves_on(ctx, spec):
                    break

    def moves_on(self, ctx: Context, spec: LeaseSpec) -> bool:
        """Send a request that cannot be granted here to a node that has room, or reject it; False when it stays."""
        decision = self.decide(ctx, spec)
        nodes = [node for node in decision.answer.nodes if node != ctx.me]
        if nodes or decision.infeasible:
            self.leave(spec.of)
        if decision.infeasible:
            self.to_schedule.setdefault(spec.of, []).append(spec)
            self.schedule(ctx)
        elif nodes:
            self.schedule_on(ctx, spec, nodes[0])
        return bool(nodes) or decision.infeasible

    def leave(self, of: ClassId) -> None:
        """Take the head of a class off the queue."""
        self.to_grant[of] = self.to_grant[of][1:]
        if not self.to_grant[of]:
            del self.to_grant[of]

    def give(self, ctx: Context, spec: LeaseSpec) -> None:
        """Allocate, and hand a worker to the driver."""
        worker = self.idle.pop(0)
        taken = self.allocation(spec.of) or Resources()
        self.free = self.free - taken
        self.granted[spec.lease] = (spec.of, worker, taken)
        ctx.send(spec.lease[0], LeaseGranted(spec.lease, worker))

    def allocation(self, of: ClassId) -> Resources | None:
        """What a lease of a class would take here; None when there is no room."""
        return allocation(self.classes[of].demand, self.free)

    def returned(self, lease: LeaseId) -> None:
        """A worker comes back; a return that comes twice frees nothing the second time."""
        if lease in self.granted:
            _, held, taken = self.granted[lease]
            self.unblock(held)
            self.resumed.discard(held)
            del self.granted[lease]
            self.free = self.free + taken
            self.idle = sorted([*self.idle, held])

    def block(self, worker: Name) -> None:
        """A worker waits: its CPUs are free (`ReleaseCpuResourcesFromBlockedWorker`)."""
        if worker not in self.blocked and any(worker == held for _, held, _ in self.granted.values()):
            self.blocked.add(worker)
            self.free = self.free + self.processors(worker)

    def unblock(self, worker: Name) -> None:
        """It goes on, whoever has its CPUs now (`ReturnCpuResourcesToUnblockedWorker`)."""
        if worker in self.blocked:
            self.blocked.remove(worker)
            self.resumed.add(worker)
            self.free = self.free - self.processors(worker)

    def processors(self, worker: Name) -> Resources:
        """The CPUs that a worker's lease holds when it runs, those of bundles included."""
        units = {}
        for _, held, taken in self.granted.values():
            if held == worker:
                units.update({name: amount for name, amount in taken.units if name.split(GROUP)[0] == "CPU"})
        return Resources.from_units(units)

    def is_its_turn(self, ctx: Context, of: ClassId) -> bool:
        """Whether a class may have a worker, as far as other classes and its own waiting workers are concerned."""
        return not self.has_its_share(ctx.me, of) and not self.is_at_its_cap(ctx, of)

    def has_its_share(self, me: Name, of: ClassId) -> bool:
        """Fair share: when CPUs are short, a class that holds more than its part waits for the others."""
        wanted = sum(self.classes[each].demand.fixed("CPU") * len(queue) for each, queue in self.to_grant.items())
        if not self.classes[of].demand.fixed("CPU") or wanted <= self.totals[me].fixed("CPU"):
            return False
        held = [each for each, _, _ in self.granted.values() if self.classes[each].demand.fixed("CPU")]
        rivals = [each for each in self.to_grant if self.classes[each].demand.fixed("CPU")]
        return held.count(of) > len(held) // len(rivals)

    def is_at_its_cap(self, ctx: Context, of: ClassId) -> bool:
        """A class has as many workers as could run at once; after a while it may have one more."""
        asked, total = self.classes[of].demand.fixed("CPU"), self.totals[ctx.me].fixed("CPU")
        if not asked:
            return False
        cap = (2 * total + asked) // (2 * asked)
        count = sum(each == of for each, _, _ in self.granted.values())
        if count < cap:
            self.lifted.pop(of, None)
            return False
        if count < cap + self.lifted.get(of, 0):
            return False
        ctx.set_timer(f"{CAP}{of}", min(MOST_CAP_US, CAP_US * 2 ** (count - cap)))
        return True

    # ---- bundles, actors and drivers ---------------------------------------------------------------------------------

    def bundles_changed(self, ctx: Context, change: BundlesChanged) -> None:
        """Kill what runs in groups whose bundles were given back; `HandleCancelResourceReserve`."""
        for lease, (_, _, taken) in sorted(self.granted.items()):
            if any(is_in(taken, group) for group in change.returned):
                self.kill(ctx, lease)
        self.free = self.free + self.reserved - change.reserved + change.offered - self.offered
        self.reserved, self.offered = change.reserved, change.offered

    def kill(self, ctx: Context, lease: LeaseId) -> None:
        """End the worker of a lease; a new one takes its place."""
        self.returned(lease)
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
        if self.living.get(actor, (-1, ("", 0)))[0] == incarnation:
            _, lease = self.living.pop(actor)
            self.returned(lease)
            self.tell_worker(ctx, actor, WorkerEnded())

    def tell_worker(self, ctx: Context, actor: str, what: Message) -> None:
        """The worker of an actor begins or ends."""
        if actor in self.called:
            ctx.send(home_of(actor, self.order.index(ctx.me)), what)

    def report(self, ctx: Context) -> None:
        """The others are told what has changed, and the bundles of this node what is left for them."""
        now = self.own_view(ctx.me)
        if now != self.told:
            self.told = now
            for name in self.order:
                if name != ctx.me and name not in self.dead:
                    ctx.send(name, now, SYNC)
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
