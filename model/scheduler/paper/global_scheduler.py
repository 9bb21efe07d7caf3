"""The global scheduler: places what the local schedulers do not keep.

Source: OSDI 2018, section 4.2.2. Nodes that can run the task are found from its resources; the policy chooses among
them with what heartbeats and the store say. Between two heartbeats of a node the scheduler remembers what it has
assigned there since: a heartbeat carries the number of assignments received, and only those are taken off the list.

A node that it has not heard of before joins with its first heartbeat.

Left out: several replicas of the scheduler (`replicas`).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from rayproof.model.gcs.paper.events import HeardOfDeath
from rayproof.model.gcs.paper.protocol import (
    ExecuteAgain,
    InputLocations,
    LocateInputs,
    LocateObject,
    NodeDead,
    ObjectFailed,
    ObjectLocated,
    TaskAssigned,
    TaskRejected,
)
from rayproof.model.graph import NodeAffinity, NodeSpec, ObjectId, Program, Resources, TaskId, TaskKind
from rayproof.model.graph.resources import UNIT
from rayproof.model.kernel import Context, Message, Name, Process, TimerKind, Unhandled, constant, derived, in_units
from rayproof.model.scheduler.paper.events import Deferred, Granted, Rejected
from rayproof.model.scheduler.paper.protocol import AssignTask, ForwardTask, Heartbeat
from rayproof.model.scheduler.policy.hooks import (
    WAIT,
    ClusterView,
    NodeView,
    Policy,
    TaskView,
    ask,
    uses_locations,
)
from rayproof.model.scheduler.policy.queue_hooks import Backoff, GiveUp, ask_retry, has_retry
from rayproof.model.scheduler.ray import Argument, critical_utilization

BACKOFF = "retry:"
"""Prefix of the timers of tasks that back off."""

Kind = tuple[tuple[tuple[str, int], ...], str]
"""A scheduling class: demand and strategy. Ray's has the function too; here functions differ in neither."""

Locations = tuple[tuple[ObjectId, tuple[Name, ...]], ...]


@dataclass(frozen=True, slots=True)
class KnownNode:
    """What the scheduler knows of one node."""

    queue_length: int
    free: tuple[tuple[str, int], ...] = in_units(UNIT, default=())
    acknowledged: int = 0
    """Assignments that the node had received at its last heartbeat."""
    pending: tuple[TaskId, ...] = ()
    """Assigned since, oldest first."""
    task_us: int = 0


@dataclass(slots=True)
class GlobalScheduler(Process):
    """Places forwarded tasks by a policy."""

    program: Program = constant()
    cluster: tuple[tuple[Name, NodeSpec], ...] = constant()
    """Raylets with what their nodes offer, in the tie-break order."""
    policy: Policy = constant()
    task_us: int = constant(0)
    """Run time assumed of a node that has reported none."""
    bandwidth_bytes_per_s: int = constant(0)
    repeats: int = constant(1)
    """How often each question is put to the policy, to find hidden randomness."""
    memory: Hashable = ()
    """The policy's own."""
    known: tuple[Name, ...] | None = constant(None)
    """Raylets that are there from the beginning; None means all."""
    nodes: dict[Name, KnownNode] = field(default_factory=dict)
    """Nodes that have joined and are not known to be dead."""
    dead: set[Name] = field(default_factory=set)
    """Nodes known to be dead; a late heartbeat does not bring them back."""
    asked: dict[TaskId, tuple[Name, bool, bool]] = field(default_factory=dict)
    """Tasks whose inputs are being located -> (where submitted, whether executed again, whether asked again)."""
    attempts: dict[TaskId, int] = field(default_factory=dict)
    """How often no place was found for a task, where a proposal counts that."""
    backing_off: dict[TaskId, tuple[Name, bool]] = field(default_factory=dict)
    """Tasks that are not looked at before their timer -> (where submitted, whether executed again)."""
    retry_memory: Hashable = ()
    deferred: dict[Kind, list[tuple[TaskId, Name, bool]]] = in_units(UNIT, default_factory=dict)
    """Tasks that wait for the view to change by class, oldest first."""
    views: list[NodeView] = derived(list)
    """Every node of the cluster as policies see it."""
    ranking: list[tuple[int, int]] = derived(list)
    """(queued time, position) of the nodes in `nodes`, sorted."""
    by_load: list[tuple[float, int]] = derived(list)
    """(utilization, position) of the nodes in `nodes`, sorted."""
    able: dict[Resources, tuple[int, ...]] = derived(dict)
    """Positions of the nodes that could run a demand when empty."""
    numbers: dict[Name, int] = derived(dict)

    def start(self, ctx: Context) -> None:
        """Every node is taken to be empty until it reports."""
        for name, spec in self.cluster:
            if self.known is None or name in self.known:
                self.nodes[name] = KnownNode(0, spec.total.units, 0)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The protocol of the global scheduler."""
        match message:
            case ForwardTask(task):
                self.consider(ctx, task, sender, False)
            case ExecuteAgain(task):
                self.consider(ctx, task, "", True)
            case InputLocations(task, locations):
                if task in self.asked:
                    origin, again, retried = self.asked.pop(task)
                    if self.place(ctx, task, origin, again, locations, retried) and retried:
                        self.retry(ctx, self.kind(task))
            case Heartbeat():
                if sender not in self.dead:
                    self.heard(ctx, sender, message)
            case ObjectLocated():
                self.reconsider(ctx)
            case ObjectFailed(home):
                self.no_home(ctx, home)
            case NodeDead(node):
                self.node_died(ctx, node)
            case _:
                raise Unhandled(message)

    def no_home(self, ctx: Context, home: ObjectId) -> None:
        """An actor will never live: its methods that wait for it are given up."""
        for kind in sorted(self.deferred):
            waiting = self.deferred.pop(kind)
            lost = [task for task, _, _ in waiting if home in self.program.tasks[task].inputs[:1]]
            rest = [entry for entry in waiting if entry[0] not in lost]
            if rest:
                self.deferred[kind] = rest
            for task in lost:
                self.reject(ctx, task)

    def reject(self, ctx: Context, task: TaskId) -> None:
        """Give a task up, and whoever waits for what it would have made hears of it."""
        ctx.observe(Rejected(task))
        ctx.send("gcs", TaskRejected(task))

    def consider(self, ctx: Context, task: TaskId, origin: Name, again: bool) -> None:
        """Place a task, after asking for the places of its inputs where the policy looks at them."""
        if self.needs_locations(task):
            self.asked[task] = (origin, again, False)
            ctx.send("gcs", LocateInputs(task))
        else:
            self.place(ctx, task, origin, again, (), False)

    def needs_locations(self, task: TaskId) -> bool:
        """Whether it matters where a task's inputs are: to the policy, or because it is a method of an actor."""
        spec = self.program.tasks[task]
        return bool(spec.inputs) and (spec.kind is TaskKind.ACTOR_METHOD or uses_locations(self.policy))

    def kind(self, task: TaskId) -> Kind:
        """The scheduling class of a task."""
        spec = self.program.tasks[task]
        return spec.demand.units, f"{spec.strategy} {spec.actor or ''}"

    def place(self, ctx: Context, task: TaskId, origin: Name, again: bool, locations: Locations, retried: bool) -> bool:
        """Ask the policy; False when the task is to wait, at the head of its class if it did so before."""
        if self.is_hopeless(task):
            self.reject(ctx, task)
            return True
        spec = self.program.tasks[task]
        options = self.options(task)
        if spec.kind is TaskKind.ACTOR_METHOD:
            home, homes = locations[0]
            if not homes:
                # The constructor has not ended yet: the store says so as soon as it has.
                ctx.send("gcs", LocateObject(home))
            options = [option for option in options if option.name in homes[:1]]
        node: Name | None = WAIT
        question = self.question(task, again)
        if options and spec.kind is TaskKind.ACTOR_METHOD:
            node = options[0].name
        elif options:
            view = self.cluster_view(task, options, origin, locations)
            node, self.memory = ask(
                self.policy, question, view, self.memory, ctx, legal=partial(self.is_option, task), repeats=self.repeats
            )
        if node is WAIT and has_retry(self.policy):
            view = self.cluster_view(task, options, origin, locations)
            if self.patience_ends(ctx, question, view):
                return False
        if node is WAIT:
            waiting = self.deferred.setdefault(self.kind(task), [])
            waiting.insert(0 if retried else len(waiting), (task, origin, again))
            ctx.observe(Deferred(task))
            return False
        self.attempts.pop(task, None)
        state = self.nodes[node]
        self.update(node, replace(state, pending=(*state.pending, task)))
        ctx.observe(Granted(task, node, ctx.me))
        ctx.send("gcs", TaskAssigned(task, node, again))
        ctx.send(node, AssignTask(task, again))
        return True

    def question(self, task: TaskId, again: bool) -> TaskView:
        """A task as policies see it."""
        spec = self.program.tasks[task]
        creates = spec.kind is TaskKind.ACTOR_CREATION
        return TaskView(task, spec.name, spec.demand, spec.inputs, spec.strategy, again, spec.hints, creates)

    def patience_ends(self, ctx: Context, question: TaskView, view: ClusterView) -> bool:
        """Ask the `retry` hook about a task without a place; True when it is not to wait for the view to change."""
        attempt = self.attempts.get(question.id, 0)
        self.attempts[question.id] = attempt + 1
        answer, self.retry_memory = ask_retry(self.policy, question, attempt, view, self.retry_memory, ctx)
        match answer:
            case Backoff(after_us):
                self.backing_off[question.id] = (view.origin, question.again)
                ctx.observe(Deferred(question.id))
                ctx.set_timer(f"{BACKOFF}{question.id}", after_us, TimerKind.EAGER)
                return True
            case GiveUp():
                del self.attempts[question.id]
                self.reject(ctx, question.id)
                return True
            case _:
                return False

    def fire(self, ctx: Context, timer: str) -> None:
        """A back-off has ended: look again."""
        task = timer.removeprefix(BACKOFF)
        origin, again = self.backing_off.pop(task)
        self.consider(ctx, task, origin, again)

    def heard(self, ctx: Context, node: Name, beat: Heartbeat) -> None:
        """Believe a heartbeat, but do not forget what the node had not received when it sent it."""
        joined = node not in self.nodes
        if joined:
            self.nodes[node] = KnownNode(0, beat.free, 0)
            self.able.clear()
        state = self.nodes[node]
        pending = state.pending[beat.received - state.acknowledged :]
        before = self.view(node)
        self.update(node, KnownNode(beat.queue_length, beat.free, beat.received, pending, beat.task_us))
        if joined or self.view(node) != before:
            self.reconsider(ctx)

    def node_died(self, ctx: Context, node: Name) -> None:
        """Dead is final: never assign there again."""
        ctx.observe(HeardOfDeath(ctx.me, node))
        self.dead.add(node)
        self.nodes.pop(node, None)
        self.able.clear()
        self.refresh(node)
        self.reconsider(ctx)

    def reconsider(self, ctx: Context) -> None:
        """Ask again about what waits, class by class; classes in a fixed order, as Ray's are in that of a hash."""
        for kind in sorted(self.deferred):
            self.retry(ctx, kind)

    def retry(self, ctx: Context, kind: Kind) -> None:
        """Place the tasks of a class, oldest first, until one has to wait on."""
        while kind in self.deferred:
            waiting = self.deferred[kind]
            task, origin, again = waiting.pop(0)
            if not waiting:
                del self.deferred[kind]
            if self.needs_locations(task):
                self.asked[task] = (origin, again, True)
                ctx.send("gcs", LocateInputs(task))
                return
            if not self.place(ctx, task, origin, again, (), True):
                return

    # ---- what the policy sees ---------------------------------------------------------------------------------------

    def options(self, task: TaskId) -> Sequence[NodeView]:
        """Nodes that could run a task when empty and that its affinity allows, in the tie-break order."""
        spec = self.program.tasks[task]
        views = self.all_views()
        able = self.able.get(spec.demand)
        if able is None:
            able = tuple(view.index for view in views if view.alive and spec.demand.fits(view.total))
            self.able[spec.demand] = able
        if isinstance(spec.strategy, NodeAffinity):
            target = [views[i] for i in able if views[i].id == spec.strategy.node]
            if target or not spec.strategy.soft:
                return target
        return views if len(able) == len(views) else [views[i] for i in able]

    def is_hopeless(self, task: TaskId) -> bool:
        """Whether a task may run on one node alone, and that one is dead.

        Ray 2.60 `scheduling/policy/node_affinity_scheduling_policy.cc`: with hard affinity the request fails at once.
        """
        strategy = self.program.tasks[task].strategy
        if not isinstance(strategy, NodeAffinity) or strategy.soft:
            return False
        return any(spec.id == strategy.node and raylet in self.dead for raylet, spec in self.cluster)

    def is_option(self, task: TaskId, raylet: Name) -> bool:
        """Whether a name is that of an option for a task."""
        self.number(self.cluster[0][0])
        number = self.numbers.get(raylet)
        if number is None or raylet not in self.nodes:
            return False
        spec = self.program.tasks[task]
        if isinstance(spec.strategy, NodeAffinity):
            return any(option.name == raylet for option in self.options(task))
        return spec.demand.fits(self.views[number].total)

    def number(self, raylet: Name) -> int:
        """A raylet's place in the tie-break order."""
        if not self.numbers:
            self.numbers.update((name, i) for i, (name, _) in enumerate(self.cluster))
        return self.numbers[raylet]

    def update(self, node: Name, state: KnownNode) -> None:
        """Believe something new of a node."""
        self.nodes[node] = state
        self.refresh(node)

    def refresh(self, node: Name) -> None:
        """Carry a change of one node over into the views and their ranking."""
        if not self.views:
            return
        number = self.number(node)
        before = self.views[number]
        after = self.views[number] = self.made_view(number)
        if before.alive:
            del self.ranking[bisect_left(self.ranking, (before.queued_us, number))]
            del self.by_load[bisect_left(self.by_load, (before.utilization, number))]
        if after.alive:
            insort(self.ranking, (after.queued_us, number))
            insort(self.by_load, (after.utilization, number))

    def view(self, raylet: Name) -> NodeView:
        """A node as policies see it."""
        return self.all_views()[self.number(raylet)]

    def all_views(self) -> list[NodeView]:
        """Every node as policies see it."""
        if not self.views:
            self.number(self.cluster[0][0])
            self.views.extend(self.made_view(number) for number in range(len(self.cluster)))
            self.ranking.extend(sorted((view.queued_us, view.index) for view in self.views if view.alive))
            self.by_load.extend(sorted((view.utilization, view.index) for view in self.views if view.alive))
        return self.views

    def made_view(self, number: int) -> NodeView:
        """A node's last heartbeat, less what was assigned since."""
        raylet, spec = self.cluster[number]
        state = self.nodes.get(raylet)
        if state is None:
            return NodeView(raylet, spec.id, number, spec.total, spec.labels, {}, 0, 0, 0.0, False)
        available = dict(state.free)
        for task in state.pending:
            for name, amount in self.program.tasks[task].demand.units:
                available[name] -= amount
        for name, amount in available.items():
            if amount < 0:
                available[name] = 0
        return NodeView(
            raylet,
            spec.id,
            number,
            spec.total,
            spec.labels,
            available,
            state.queue_length + len(state.pending),
            state.task_us or self.task_us,
            critical_utilization(spec.total, available),
            True,
            gpu=spec.total.fixed("GPU") > 0,
        )

    def cluster_view(
        self, task: TaskId, options: Sequence[NodeView], origin: Name, locations: Locations
    ) -> ClusterView:
        """The cluster as the policy sees it for one task."""
        objects = self.program.objects
        local: dict[Name, int] = {}
        for needed, nodes in locations:
            for node in nodes:
                local[node] = local.get(node, 0) + objects[needed].size_bytes
        return ClusterView(
            options,
            self.all_views(),
            origin,
            self.bandwidth_bytes_per_s,
            sum(objects[needed].size_bytes for needed in self.program.tasks[task].inputs),
            local,
            self.ranking,
            self.by_load,
            self.numbers,
            tuple(Argument(objects[needed].size_bytes, nodes) for needed, nodes in locations),
        )
