"""A raylet's lease manager: where a request goes, and which of the requests that are kept gets a worker next.

Source: Ray 2.60, `cluster_lease_manager.cc::ScheduleAndGrantLeases`, `TryScheduleInfeasibleLease`, `ScheduleOnNode`;
`local_lease_manager.cc::GrantScheduledLeasesToWorkers`, `TrySpillback`, `SpillWaitingLeases`,
`ReleaseCpuResourcesFromBlockedWorker`, `SchedulingClassInfo`; `node_manager.cc::HandleRequestWorkerLease`,
`HandleCancelWorkerLease`, `HandleReturnWorkerLease`, `HandleDrainRaylet`. The choice of a node is that of `ray`, exact,
on this raylet's own and perhaps stale view; a policy takes its place for requests that come straight from their owner,
once, and again when the view has changed. What was redirected obeys Ray.

A request waits in one of four queues: to be decided, infeasible, for arguments, for its turn. It is known by its id in
each of them and while it holds a worker, so that asking twice changes nothing.

Left out: the pinned share of the object store, instances of GPUs (sums are compared), and backlog reports.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from rayproof.model.graph import GroupId, ObjectId, PlacementGroup, Program, Resources, Spread
from rayproof.model.graph.labels import Selector
from rayproof.model.kernel import (
    Context,
    Down,
    Message,
    ModelError,
    Name,
    Process,
    TimerKind,
    Unhandled,
    Unreachable,
    constant,
    derived,
)
from rayproof.model.scheduler.policy.queue_hooks import (
    LocalView,
    RunningTask,
    ask_order,
    ask_preempt,
    has_order,
    has_preempt,
)
from rayproof.model.scheduler.ray import Decision, HybridOptions, LeaseOptions, NodeResources, Request, best_for_lease
from rayproof.model.scheduler.ray2.bundles import GROUP, allocation
from rayproof.model.scheduler.ray2.place_hook import Asked, Seat, can_ever_run
from rayproof.model.scheduler.ray2.queue_views import running_task, waiting_task
from rayproof.model.scheduler.ray2.syncer import RECONNECT_US
from rayproof.model.wire.ray2.groups import BundlesChanged, Busy
from rayproof.model.wire.ray2.leases import (
    INSIDE,
    SYNC,
    ActorWorkerDied,
    ArgumentsHere,
    CancelLease,
    ClassId,
    CountCpus,
    Decided,
    Deferred,
    EndWorker,
    ForgetPop,
    FreeCpus,
    LeaseCancelled,
    LeaseGiven,
    LeaseGranted,
    LeaseId,
    LeaseKept,
    LeaseRejected,
    LeaseSpec,
    NothingToCancel,
    PopWorker,
    Preempted,
    PushWorker,
    Redirected,
    RequestLease,
    RetryAt,
    ReturnWorker,
    View,
    Views,
    WorkerBlocked,
    WorkerPopped,
    WorkerUnblocked,
)
from rayproof.model.wire.ray2.objects import ObjectLocal, PullObject

DRAIN, MEMORY, REPORT, NEWS, RESTORE, RECONNECT, CAP = [
    "drain",
    "memory",
    "report",
    "news",
    "restore",
    "reconnect",
    "cap:",
]
"""Timers: a drain; a node out of memory; views are told, as they are now and then, or since there is something to wait
for; they are believed again; the stream of views is there again; a class may exceed its cap."""

STORE = "object_store_memory"
"""How full the object store is counts for decisions (`local_resource_manager.cc`)."""

CAP_US, MOST_CAP_US = 1_000_000, 10_000_000
"""A class at its cap may have one worker more after 1 s, doubled each time, up to 10 s."""

RESTORE_US = 3_000_000
"""After so long without news, what was counted on elsewhere is forgotten (`ray_syncer_message_refresh_interval_ms`)."""

ANYWHERE: tuple[Selector, ...] = ((),)
"""What is asked of labels where nothing is."""

MOST_DECISIONS = 100_000
"""Decisions that one handler may make; more are an error of the model or of a policy."""


@dataclass(frozen=True, slots=True)
class Granted:
    """A lease that holds resources of this node."""

    spec: LeaseSpec
    taken: Resources
    """What it holds: its demand, and for any bundle of a group the bundle that it got."""
    worker: Name = ""
    """Empty while its worker has to start."""


@dataclass(slots=True, kw_only=True)
class LeaseManager(Process):
    """One raylet."""

    order: tuple[Name, ...] = constant()
    """All raylets in the tie-break order."""
    seats: Mapping[Name, Seat] = constant()
    """What is known of each node from the start."""
    pool: Name = constant()
    store: Name = constant()
    bundles: Name = constant("")
    """The bundles of placement groups on this node; empty where no group is made."""
    hub: Name = constant()
    """Where views are told."""
    node_of: Mapping[Name, Name] = constant()
    """Raylet of each submitter's node: leases of a dead owner are over."""
    program: Program = constant()
    asked_policy: Asked | None = constant(None)
    """The policy that decides here, with what it is shown; None: Ray's own."""
    late: frozenset[Name] = constant(frozenset())
    """Raylets that join later."""
    drains: bool = constant(False)
    overfills: bool = constant(False)
    """Whether the node runs out of memory once, at any moment."""
    sync_us: int = constant(0)
    """Period of the views; 0: told at once."""
    settings: HybridOptions = constant(HybridOptions())
    """Ray's own settings of the hybrid policy."""
    fair: bool = constant(True)
    """Whether classes share CPUs that are short."""
    tells_views: bool = constant(True)
    """Whether raylets hear of each other; False for what does not depend on it."""
    tells_queue: bool = constant(False)
    """Whether views say how many requests are kept."""
    shows_views: bool = constant(True)
    """Whether monitors see what decisions were made on."""
    free: Resources = Resources()
    reserved: Resources = Resources()
    """What bundles keep of the node."""
    offered: Resources = Resources()
    """What those of them that are committed offer in its place."""
    busy: Resources = Resources()
    """What leases outside bundles hold, as the bundles were told last."""
    said: dict[Name, View] = field(default_factory=dict)
    """What the others said last."""
    counted: dict[Name, Resources] = field(default_factory=dict)
    """What was redirected to them since."""
    dead: set[Name] = field(default_factory=set)
    absent: set[Name] = field(default_factory=set)
    """Raylets that have not joined yet."""
    draining: bool = False
    exited: bool = False
    """Whether it has heard that it was declared dead, and has ended."""
    to_schedule: list[LeaseSpec] = field(default_factory=list)
    """Requests about which nothing is decided: those that came, and those that a policy lets wait."""
    infeasible: dict[ClassId, list[LeaseSpec]] = field(default_factory=dict)
    waiting: list[LeaseSpec] = field(default_factory=list)
    """Kept, without all their arguments."""
    to_grant: dict[ClassId, list[LeaseSpec]] = field(default_factory=dict)
    granted: dict[LeaseId, Granted] = field(default_factory=dict)
    blocked: set[LeaseId] = field(default_factory=set)
    """Leases whose worker waits in a get: they hold no CPU."""
    resumed: set[LeaseId] = field(default_factory=set)
    """Leases that came out of a get; only they may push `free` below zero."""
    lifted: dict[ClassId, int] = field(default_factory=dict)
    """Workers that a class may have beyond its cap."""
    capped: set[ClassId] = field(default_factory=set)
    """Classes at their cap, whose timers run."""
    local: set[ObjectId] = field(default_factory=set)
    """Objects that are on this node."""
    stored: Resources = Resources()
    """What they take of its object store, where that has a bound."""
    asked: set[LeaseId] = field(default_factory=set)
    """Requests about which the policy was asked since the view last changed."""
    memory: Hashable = ()
    order_memory: Hashable = ()
    preempt_memory: Hashable = ()
    began: list[LeaseId] = field(default_factory=list)
    """Leases in the order in which they were given, where a policy is shown it."""
    spared: set[LeaseId] = field(default_factory=set)
    """Requests for which the policy ended nothing since anything changed here."""
    cursor: int = 0
    told: View | None = None
    table: list[NodeResources] = derived(list)
    """Every node as this raylet knows it, in the tie-break order."""

    # ---- what happens ------------------------------------------------------------------------------------------------

    def start(self, ctx: Context) -> None:
        """All that is configured is known and free."""
        self.free = self.seats[ctx.me].total
        self.said = {
            name: View(self.seats[name].total, self.seats[name].total) for name in self.order if name != ctx.me
        }
        self.told = View(self.free, self.free)
        self.absent = set(self.late) - {ctx.me}
        if ctx.me in self.late and self.tells_views:
            ctx.send(self.hub, self.told, SYNC)
        if self.drains:
            ctx.set_timer(DRAIN, kind=TimerKind.PROGRAM)
        if self.overfills:
            ctx.set_timer(MEMORY, kind=TimerKind.PROGRAM)
        if self.sync_us:
            ctx.set_timer(REPORT, self.sync_us, TimerKind.PERIODIC)

    def fire(self, ctx: Context, timer: str) -> None:
        """An operator drains this node, a view is due, or something was long enough as it is."""
        if self.exited:
            return
        if timer == RECONNECT:
            self.told = None
        if timer in (REPORT, NEWS):
            self.tell(ctx)
            return
        if timer == DRAIN:
            self.draining = True
            self.changed()
        elif timer == MEMORY:
            self.kill_for_memory(ctx)
        elif timer == RECONNECT:
            pass
        elif timer == RESTORE:
            self.counted = {}
            self.changed()
        else:
            of = timer.removeprefix(CAP)
            self.capped.discard(of)
            if of in self.to_grant:
                self.lifted[of] = self.lifted.get(of, 0) + 1
        self.go_on(ctx)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Owners, workers, other raylets, the parts of this node; then one pass over the queues."""
        if self.exited:
            return
        match message:
            case RequestLease(spec):
                # What a dead owner had sent may come after the word of its death (`is_owner_alive`).
                if not (self.is_orphan(spec) or self.knows(ctx, spec)):
                    self.to_schedule.append(spec)
            case CancelLease(lease):
                self.cancel(ctx, sender, lease)
            case ReturnWorker(lease, dead):
                self.returned(ctx, lease, dead)
            case WorkerPopped(lease, worker):
                self.popped(ctx, lease, worker)
                if self.asked_policy is None or not has_preempt(self.asked_policy.policy):
                    return
                # One more may be ended now.
                self.changed()
            case ObjectLocal(made):
                self.arrived(ctx, made)
            case WorkerBlocked():
                self.block(sender)
            case WorkerUnblocked():
                self.unblock(sender)
            case Views(views):
                self.heard(ctx.me, views)
            case BundlesChanged():
                self.bundles_changed(ctx, message)
            case CountCpus():
                ctx.send(self.pool, FreeCpus(max(0, self.free.fixed("CPU")) // 10_000), INSIDE)
                return
            case Unreachable(message=View()):
                ctx.set_timer(RECONNECT, RECONNECT_US, TimerKind.PROGRAM)
                return
            case Down(node) if node == ctx.me:
                self.exit(ctx)
                return
            case Down(node):
                self.node_died(ctx, node)
            case _:
                raise Unhandled(message)
        self.go_on(ctx)

    def go_on(self, ctx: Context) -> None:
        """One pass over the queues, and a report of what has changed."""
        self.schedule(ctx)
        self.grant(ctx)
        self.spill_waiting(ctx)
        if self.bundles:
            self.tell_bundles(ctx)
        if self.tells_views and not self.sync_us:
            self.tell(ctx)

    def changed(self, node: Name = "") -> None:
        """What this raylet knows has changed: policies are asked again."""
        self.table.clear()
        self.asked.clear()
        self.spared.clear()

    # ---- requests, by their ids --------------------------------------------------------------------------------------

    def knows(self, ctx: Context, spec: LeaseSpec) -> bool:
        """Whether a request is here already; a grant that may have been lost is repeated."""
        held = self.granted.get(spec.lease)
        if held is not None:
            call = max(held.spec.call, spec.call)
            self.granted[spec.lease] = replace(held, spec=replace(held.spec, call=call))
            if held.worker:
                ctx.send(spec.lease[0], LeaseGranted(spec.lease, held.worker, call))
            return True
        for queue in (self.to_schedule, self.infeasible.get(spec.of), self.waiting, self.to_grant.get(spec.of)):
            for position, each in enumerate(queue or ()):
                if queue is not None and each.lease == spec.lease:
                    # Whoever called again hears nothing of the call before.
                    queue[position] = replace(each, call=max(each.call, spec.call))
                    return True
        return False

    def kept(self) -> Iterator[LeaseSpec]:
        """All requests that wait here, in no order that means anything."""
        for queue in (self.to_schedule, self.waiting, *self.infeasible.values(), *self.to_grant.values()):
            yield from queue

    def cancel(self, ctx: Context, owner: Name, lease: LeaseId) -> None:
        """Forget a request that has no worker yet, and say so; one that is not here may be on its way."""
        held = self.granted.get(lease)
        if held is not None:
            if not held.worker:
                self.release(lease)
                ctx.send(self.pool, ForgetPop(lease), INSIDE)
                ctx.send(owner, LeaseCancelled(lease, call=held.spec.call))
            return
        found = None
        for queue in (self.to_schedule, self.waiting, *self.infeasible.values(), *self.to_grant.values()):
            for spec in [each for each in queue if each.lease == lease]:
                queue.remove(spec)
                found = spec
        self.asked.discard(lease)
        self.infeasible = {of: queue for of, queue in self.infeasible.items() if queue}
        self.to_grant = {of: queue for of, queue in self.to_grant.items() if queue}
        ctx.send(owner, NothingToCancel(lease) if found is None else LeaseCancelled(lease, call=found.call))

    def node_died(self, ctx: Context, node: Name) -> None:
        """Nothing is sent there any more, and what its owners asked for is over."""
        self.dead.add(node)
        self.changed()
        self.to_schedule = [spec for spec in self.to_schedule if not self.is_orphan(spec)]
        self.waiting = [spec for spec in self.waiting if not self.is_orphan(spec)]
        for queues in (self.infeasible, self.to_grant):
            for of in sorted(queues):
                queues[of] = [spec for spec in queues[of] if not self.is_orphan(spec)]
                if not queues[of]:
                    del queues[of]
        for lease in sorted(self.granted):
            if self.is_orphan(self.granted[lease].spec):
                self.kill(ctx, lease)

    def is_orphan(self, spec: LeaseSpec) -> bool:
        """Whether the owner of a request is dead."""
        return self.node_of.get(spec.lease[0]) in self.dead

    def kill(self, ctx: Context, lease: LeaseId) -> None:
        """End the worker of a lease; a new process may take its place."""
        worker, actor = self.granted[lease].worker, self.granted[lease].spec.actor
        self.release(lease)
        if worker:
            ctx.send(worker, EndWorker(lease), INSIDE)
            ctx.send(self.pool, PushWorker(worker, dead=True), INSIDE)
            if actor:
                ctx.send(lease[0], ActorWorkerDied(lease))
        else:
            ctx.send(self.pool, ForgetPop(lease), INSIDE)

    def exit(self, ctx: Context) -> None:
        """This node was declared dead: its processes end, whatever they do (`NodeManager::NodeRemoved`)."""
        self.exited = True
        self.to_schedule, self.waiting, self.infeasible, self.to_grant = [], [], {}, {}
        for lease in sorted(self.granted):
            self.kill(ctx, lease)

    def kill_for_memory(self, ctx: Context) -> None:
        """End the worker that was leased last (`worker_killing_policy`: retriable ones first, newest first)."""
        running = [lease for lease, held in self.granted.items() if held.worker]
        if running:
            spared = [lease for lease in running if not self.program.tasks[self.granted[lease].spec.task].max_retries]
            self.kill(ctx, max([lease for lease in running if lease not in spared] or running))

    # ---- placement groups --------------------------------------------------------------------------------------------

    def bundles_changed(self, ctx: Context, change: BundlesChanged) -> None:
        """Bundles were reserved, put to use or given back."""
        for group in change.returned:
            self.group_returned(ctx, group)
        self.free = self.free + self.reserved - change.reserved + change.offered - self.offered
        self.reserved, self.offered = change.reserved, change.offered
        self.changed()
        if self.sync_us:
            # Requests wait elsewhere for what is offered here, and for nothing else.
            ctx.set_timer(NEWS, self.sync_us)

    def group_returned(self, ctx: Context, group: GroupId) -> None:
        """Fail what is kept here for a group, and kill its workers (`HandleCancelResourceReserve`).

        What is infeasible, or not decided about, stays: it waits for a group that there will never be again.
        """
        kept = [*self.waiting, *(spec for _, queue in sorted(self.to_grant.items()) for spec in queue)]
        for spec in [each for each in kept if group_of(each) == group]:
            if spec in self.waiting:
                self.waiting.remove(spec)
            else:
                self.leave(spec)
            ctx.send(spec.lease[0], LeaseCancelled(spec.lease, group_removed=True))
        for lease, held in sorted(self.granted.items()):
            if group_of(held.spec) == group:
                if not held.worker:
                    ctx.send(lease[0], LeaseCancelled(lease, group_removed=True))
                self.kill(ctx, lease)

    def tell_bundles(self, ctx: Context) -> None:
        """Bundles can be reserved from what leases leave."""
        held = self.seats[ctx.me].total - self.reserved - self.free
        busy = Resources.from_units({name: amount for name, amount in held.units if GROUP not in name})
        if busy != self.busy:
            self.busy = busy
            ctx.send(self.bundles, Busy(busy), INSIDE)

    # ---- the cluster level -------------------------------------------------------------------------------------------

    def schedule(self, ctx: Context) -> None:
        """Decide about each request that nothing is decided about (`ScheduleAndGrantLeases`)."""
        for of in sorted(self.infeasible):
            if not self.decide(ctx.me, self.infeasible[of][0]).infeasible:
                self.to_schedule = [*self.infeasible.pop(of), *self.to_schedule]
        if not self.to_schedule:
            return
        left: list[LeaseSpec] = []
        waiting, self.to_schedule = self.to_schedule, []
        for count, spec in enumerate(waiting):
            if count > MOST_DECISIONS:
                raise ModelError(f"{ctx.me} decides about more than {MOST_DECISIONS} requests in one step")
            if spec.of in self.infeasible:
                self.infeasible[spec.of].append(spec)
            elif self.obeys_policy(spec):
                if spec.lease in self.asked or not self.by_policy(ctx, spec):
                    left.append(spec)
            else:
                self.by_ray(ctx, spec)
        self.to_schedule = [*left, *self.to_schedule]

    def by_ray(self, ctx: Context, spec: LeaseSpec) -> None:
        """Ray's own decision."""
        decision = self.decide(ctx.me, spec)
        if decision.infeasible:
            self.cannot(ctx, spec)
            return
        self.cursor = decision.cursor
        self.put(ctx, spec, ctx.choose(decision.answer.nodes, random=True), asked=False)

    def by_policy(self, ctx: Context, spec: LeaseSpec) -> bool:
        """The policy's decision; False when the request is to wait until the view has changed."""
        assert self.asked_policy is not None
        if not any(node.usable and can_ever_run(spec, node.total, node.labels) for node in self.nodes(ctx.me)):
            self.cannot(ctx, spec)
            return True
        self.asked.add(spec.lease)
        node, self.memory = self.asked_policy.place(spec, self, self.memory, ctx)
        if node is None and self.makes_room(ctx, spec):
            node = ctx.me
        if node is None:
            ctx.observe(Deferred(spec.task))
            return False
        self.put(ctx, spec, node, asked=True)
        return True

    def obeys_policy(self, spec: LeaseSpec) -> bool:
        """Whether a policy decides about a request: not about what was redirected, or is bound to a node or a group."""
        bound = hasattr(spec.strategy, "node") or isinstance(spec.strategy, PlacementGroup)
        return self.asked_policy is not None and not spec.redirected and not bound

    def decide(self, me: Name, spec: LeaseSpec, *, prefer_local: bool | None = None) -> Decision:
        """Ray's exact decision about a request, on what this raylet knows."""
        prefers = spec.redirected or spec.by_locality if prefer_local is None else prefer_local
        request = Request(spec.demand, needs_object_store=bool(spec.args))
        options = LeaseOptions(prefer_local=prefers, actor_creation=spec.actor, hybrid=self.settings)
        selectors = spec.selectors or ANYWHERE
        return best_for_lease(self.nodes(me), request, spec.strategy, me, self.cursor, options, selectors)

    def nodes(self, me: Name) -> list[NodeResources]:
        """Every node as this raylet knows it, the dead included."""
        if not self.table:
            self.table.extend(self.made_view(name, me) for name in self.order)
        return self.table

    def made_view(self, name: Name, me: Name) -> NodeResources:
        """One node."""
        seen = self.own_view(me) if name == me else self.said[name]
        free = seen.available
        if name in self.counted:
            free = at_least_nothing(free - self.counted[name])
        return NodeResources(
            name,
            seen.total,
            dict(free.units),
            self.seats[name].labels,
            seen.draining,
            name not in self.dead | self.absent,
        )

    def own_view(self, me: Name) -> View:
        """What this node says of itself; what is overdrawn counts as nothing."""
        queued = 0
        if self.tells_queue:
            queued = len(self.waiting) + sum(map(len, self.to_grant.values())) + len(self.granted)
        return View(self.seats[me].total + self.offered, at_least_nothing(self.free), self.draining, queued)

    def cannot(self, ctx: Context, spec: LeaseSpec) -> None:
        """No node can serve a request: bound to a node it fails, redirected it starts over, else it waits."""
        if hasattr(spec.strategy, "node") and not getattr(spec.strategy, "soft", False):
            ctx.send(spec.lease[0], LeaseCancelled(spec.lease, unschedulable=True, call=spec.call))
        elif spec.redirected:
            ctx.send(spec.lease[0], LeaseRejected(spec.lease, spec.call))
        else:
            self.infeasible.setdefault(spec.of, []).append(spec)

    def put(self, ctx: Context, spec: LeaseSpec, node: Name, *, asked: bool) -> None:
        """Keep a request, or name another raylet; one that was redirected is never sent on (`ScheduleOnNode`)."""
        seen: tuple[tuple[Name, Resources, Resources], ...] = ()
        if self.shows_views:
            usable = [each for each in self.nodes(ctx.me) if each.usable]
            seen = tuple((each.name, each.total, Resources.from_units(each.free)) for each in usable)
        chosen = (spec.lease, spec.task, ctx.me, node, spec.redirected, asked, spec.demand, spec.strategy)
        ctx.observe(Decided(*chosen, seen))
        if node == ctx.me:
            self.keep(ctx, spec)
        elif spec.redirected:
            ctx.send(spec.lease[0], LeaseRejected(spec.lease, spec.call))
        else:
            self.redirect(ctx, spec, node)

    def redirect(self, ctx: Context, spec: LeaseSpec, node: Name) -> None:
        """Name another raylet, and count on what it will give away."""
        self.asked.discard(spec.lease)
        free = self.said[node].available
        left = at_least_nothing(free - self.counted.get(node, Resources()) - spec.demand)
        self.counted[node] = free - left
        if self.table:
            position = self.order.index(node)
            self.table[position] = self.made_view(node, ctx.me)
        ctx.set_timer(RESTORE, RESTORE_US)
        ctx.observe(Redirected(spec.lease, spec.redirected, node))
        ctx.send(spec.lease[0], RetryAt(spec.lease, node, spec.call))

    def heard(self, me: Name, views: tuple[tuple[Name, View], ...]) -> None:
        """What the others say of themselves."""
        news = [(name, view) for name, view in views if name != me and (name in self.absent or self.said[name] != view)]
        for name, view in news:
            self.absent.discard(name)
            self.said[name] = view
            self.counted.pop(name, None)
        if news:
            self.changed()

    def tell(self, ctx: Context) -> None:
        """Tell the others what has changed."""
        now = self.own_view(ctx.me)
        if now != self.told:
            self.told = now
            ctx.send(self.hub, now, SYNC)

    # ---- the local level ---------------------------------------------------------------------------------------------

    def keep(self, ctx: Context, spec: LeaseSpec) -> None:
        """A request stays here: first come its arguments, then its turn (`QueueAndScheduleLease`)."""
        ctx.observe(LeaseKept(spec.lease, spec.task, ctx.me))
        missing = [argument for argument in spec.args if argument.object not in self.local]
        if missing:
            self.waiting.append(spec)
            for argument in missing:
                ctx.send(self.store, PullObject(argument, False), INSIDE)
        else:
            self.its_turn(ctx, spec)

    def its_turn(self, ctx: Context, spec: LeaseSpec) -> None:
        """All arguments are here."""
        if spec.args:
            ctx.observe(ArgumentsHere(spec.lease, spec.task))
        self.to_grant.setdefault(spec.of, []).append(spec)

    def arrived(self, ctx: Context, made: ObjectId) -> None:
        """An object is on this node."""
        if made not in self.local and self.seats[ctx.me].total.fixed(STORE):
            size = Resources.of(object_store_memory=self.program.objects[made].size_bytes)
            self.stored, self.free = self.stored + size, self.free - size
            self.own_changed(ctx.me)
        self.local.add(made)
        there = [spec for spec in self.waiting if all(argument.object in self.local for argument in spec.args)]
        for spec in there:
            self.waiting.remove(spec)
            self.its_turn(ctx, spec)

    def grant(self, ctx: Context) -> None:
        """Give resources and workers to requests; what finds no room here may move on."""
        if self.asked_policy is not None and has_order(self.asked_policy.policy):
            self.grant_by_policy(ctx)
        for of in sorted(self.to_grant):
            while of in self.to_grant:
                spec = self.to_grant[of][0]
                if self.has_its_share(ctx.me, of):
                    break
                if self.is_at_its_cap(ctx, of):
                    if not self.moves_on(ctx, spec):
                        break
                elif not self.draining and allocation(spec.demand, self.free) is not None:
                    self.leave(spec)
                    self.give(ctx, spec)
                elif self.makes_room(ctx, spec):
                    continue
                elif not self.moves_on(ctx, spec):
                    break

    def grant_by_policy(self, ctx: Context) -> None:
        """Give resources to requests that could have them now, in the order of the proposal."""
        assert self.asked_policy is not None
        while not self.draining:
            able = [
                spec
                for of in sorted(self.to_grant)
                for spec in self.to_grant[of]
                if allocation(spec.demand, self.free) is not None and not self.is_at_its_cap(ctx, of)
            ]
            if not able:
                return
            queue = [waiting_task(self.program, spec) for spec in able]
            holding = [self.shown(lease) for lease in self.began if not self.granted[lease].spec.actor]
            free, used = dict(self.free.units), self.store_used(ctx.me)
            view = LocalView(ctx.me, free, len(self.granted), tuple(holding), used)
            task, self.order_memory = ask_order(self.asked_policy.policy, queue, view, self.order_memory, ctx)
            chosen = next(spec for spec in able if spec.task == task)
            self.leave(chosen)
            self.give(ctx, chosen)

    def makes_room(self, ctx: Context, spec: LeaseSpec) -> bool:
        """Ask the proposal which running task is ended for a request without room; True when one was."""
        if self.asked_policy is None or not has_preempt(self.asked_policy.policy) or spec.lease in self.spared:
            return False
        able = [lease for lease in self.began if lease not in self.blocked]
        held = {lease: self.granted[lease] for lease in able}
        running = {each.spec.task: lease for lease, each in held.items() if each.worker and not each.spec.actor}
        seat = self.seats[ctx.me]
        if self.draining or not running or not can_ever_run(spec, seat.total, seat.labels):
            return False
        self.spared.add(spec.lease)
        shown = [self.shown(lease) for lease in running.values()]
        waits, free = waiting_task(self.program, spec), at_least_nothing(self.free)
        chosen, self.preempt_memory = ask_preempt(
            self.asked_policy.policy, waits, shown, free, self.preempt_memory, ctx
        )
        if chosen is None:
            return False
        ctx.observe(Preempted(chosen, spec.task, held[running[chosen]].worker))
        self.kill(ctx, running[chosen])
        return True

    def store_used(self, me: Name) -> float:
        """The share of this node's object store that is used."""
        capacity = self.seats[me].store_bytes
        held = sum(self.program.objects[made].size_bytes for made in self.local) if capacity else 0
        return min(1.0, held / capacity) if capacity else 0.0

    def shown(self, lease: LeaseId) -> RunningTask:
        """What a policy is shown of a task that runs here."""
        return running_task(self.program, self.granted[lease].spec)

    def leave(self, spec: LeaseSpec) -> None:
        """Take a request off the queue of its class."""
        self.to_grant[spec.of].remove(spec)
        if not self.to_grant[spec.of]:
            del self.to_grant[spec.of]

    def give(self, ctx: Context, spec: LeaseSpec) -> None:
        """Allocate, and ask for a worker; the resources are held while that starts."""
        self.asked.discard(spec.lease)
        taken = allocation(spec.demand, self.free) or Resources()
        self.free = self.free - taken
        self.granted[spec.lease] = Granted(spec, taken)
        if self.asked_policy is not None and self.asked_policy.shows_what_runs:
            self.began.append(spec.lease)
        self.own_changed(ctx.me)
        ctx.observe(LeaseGiven(spec.lease, ctx.me, self.draining))
        ctx.send(self.pool, PopWorker(spec.lease, spec.actor), INSIDE)

    def own_changed(self, me: Name) -> None:
        """This node has given or taken resources."""
        if self.table:
            self.table[self.order.index(me)] = self.made_view(me, me)

    def popped(self, ctx: Context, lease: LeaseId, worker: Name) -> None:
        """A worker is there."""
        held = self.granted.get(lease)
        if held is None:
            ctx.send(self.pool, PushWorker(worker), INSIDE)
            return
        self.granted[lease] = replace(held, worker=worker)
        ctx.send(lease[0], LeaseGranted(lease, worker, held.spec.call))

    def returned(self, ctx: Context, lease: LeaseId, dead: bool) -> None:
        """A worker comes back; a return that comes twice frees nothing the second time."""
        held = self.granted.get(lease)
        if held is not None:
            self.release(lease)
            ctx.send(self.pool, PushWorker(held.worker, dead), INSIDE)

    def release(self, lease: LeaseId) -> None:
        """A lease ends: what it held is free. A return may come before the notice that its worker left a get."""
        held = self.granted.pop(lease)
        if lease in self.began:
            self.began.remove(lease)
        back = held.taken
        if lease in self.blocked:
            self.blocked.remove(lease)
            back = back - processors(back)
        self.resumed.discard(lease)
        self.free = self.free + back
        self.changed()

    def lease_of(self, worker: Name) -> LeaseId | None:
        """The lease that has a worker."""
        return next((lease for lease, held in self.granted.items() if held.worker == worker), None)

    def block(self, worker: Name) -> None:
        """A worker waits in a get: its CPUs are free (`ReleaseCpuResourcesFromBlockedWorker`)."""
        lease = self.lease_of(worker)
        if lease is not None and lease not in self.blocked:
            self.blocked.add(lease)
            self.free = self.free + processors(self.granted[lease].taken)
            self.changed()

    def unblock(self, worker: Name) -> None:
        """It goes on, whoever has its CPUs now (`ReturnCpuResourcesToUnblockedWorker`)."""
        lease = self.lease_of(worker)
        if lease is not None and lease in self.blocked:
            self.blocked.remove(lease)
            self.resumed.add(lease)
            self.free = self.free - processors(self.granted[lease].taken)
            self.changed()

    def has_its_share(self, me: Name, of: ClassId) -> bool:
        """Fair share: when CPUs are short, a class that holds more than its part waits for the others."""
        if not self.fair or not self.to_grant[of][0].demand.fixed("CPU"):
            return False
        heads = {
            each: queue[0].demand.fixed("CPU") for each, queue in self.to_grant.items() if queue[0].demand.fixed("CPU")
        }
        if len(heads) < 2:
            # Alone in the queue a class has all that it holds as its share.
            return False
        wanted = sum(amount * len(self.to_grant[each]) for each, amount in heads.items())
        if wanted <= self.seats[me].total.fixed("CPU"):
            return False
        held = [each.spec.of for each in self.granted.values() if each.spec.demand.fixed("CPU")]
        return held.count(of) > len(held) // len(heads)

    def is_at_its_cap(self, ctx: Context, of: ClassId) -> bool:
        """A class has as many workers as could run at once; after a while it may have one more.

        Otherwise nested tasks would start worker after worker, or wait for others of their class for ever.
        """
        asked, total = self.to_grant[of][0].demand.fixed("CPU"), self.seats[ctx.me].total.fixed("CPU")
        if not asked or not self.blocked:
            # Without workers that wait, what is free is a tighter bound.
            self.lifted.pop(of, None)
            return False
        cap = (2 * total + asked) // (2 * asked)
        count = sum(each.spec.of == of for each in self.granted.values())
        if count < cap:
            self.lifted.pop(of, None)
            return False
        if count < cap + self.lifted.get(of, 0):
            return False
        if of not in self.capped:
            self.capped.add(of)
            ctx.set_timer(f"{CAP}{of}", min(MOST_CAP_US, CAP_US * 2 ** (count - cap)))
        return True

    def moves_on(self, ctx: Context, spec: LeaseSpec) -> bool:
        """Send a request that cannot be granted here to a node with room, or reject it; False when it stays."""
        if self.obeys_policy(spec):
            if spec.lease in self.asked and not self.draining:
                return False
            self.leave(spec)
            if self.draining:
                self.asked.discard(spec.lease)
                self.to_schedule.append(spec)
                self.schedule(ctx)
                return True
            self.asked.add(spec.lease)
            return self.asked_again(ctx, spec)
        node, infeasible = self.elsewhere(ctx.me, spec)
        if not node:
            if not infeasible and not self.draining:
                return False
            self.leave(spec)
            self.cannot(ctx, spec)
            return True
        self.leave(spec)
        self.put(ctx, spec, node, asked=False)
        return True

    def asked_again(self, ctx: Context, spec: LeaseSpec) -> bool:
        """Ask the policy about a request that it has left here; False when it still stays."""
        assert self.asked_policy is not None
        node, self.memory = self.asked_policy.place(spec, self, self.memory, ctx)
        if node is None:
            # It may wait here as well as anywhere.
            node = ctx.me
        if node == ctx.me:
            self.to_grant.setdefault(spec.of, []).insert(0, spec)
            return False
        self.put(ctx, spec, node, asked=True)
        return True

    def elsewhere(self, me: Name, spec: LeaseSpec) -> tuple[Name, bool]:
        """Another node that Ray would choose for a request now, and whether none ever can (`TrySpillback`)."""
        decision = self.decide(me, spec, prefer_local=True)
        if decision.infeasible or me in decision.answer:
            return "", decision.infeasible
        return decision.answer.nodes[0], False

    def spill_waiting(self, ctx: Context) -> None:
        """Requests whose arguments are still coming move on, the last first, until one stays (`SpillWaitingLeases`)."""
        for spec in self.waiting[::-1]:
            if not (isinstance(spec.strategy, Spread) or self.obeys_policy(spec)):
                node, _ = self.elsewhere(ctx.me, spec)
                if not node:
                    return
                self.waiting.remove(spec)
                self.put(ctx, spec, node, asked=False)


def group_of(spec: LeaseSpec) -> GroupId | None:
    """The placement group of a request."""
    return spec.strategy.group if isinstance(spec.strategy, PlacementGroup) else None


def at_least_nothing(amounts: Resources) -> Resources:
    """The same without what is overdrawn."""
    if all(amount > 0 for _, amount in amounts.units):
        return amounts
    return Resources.from_units({name: max(0, amount) for name, amount in amounts.units})


def processors(demand: Resources) -> Resources:
    """The CPUs of a demand, those of bundles included."""
    return Resources.from_units({name: amount for name, amount in demand.units if name.split("_group_")[0] == "CPU"})
