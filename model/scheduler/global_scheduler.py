"""The global scheduler: places what the local schedulers do not keep.

Source: OSDI 2018, section 4.2.2. Nodes that can run the task are found from its resources; the policy chooses among
them with what heartbeats and the store say. Between two heartbeats of a node the scheduler remembers what it has
assigned there since: a heartbeat carries the number of assignments received, and only those are taken off the list.

Left out: several replicas of the scheduler; nodes that join.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from model.cluster.events import Deferred, Granted, HeardOfDeath
from model.cluster.protocol import (
    AssignTask,
    ExecuteAgain,
    ForwardTask,
    Heartbeat,
    InputLocations,
    LocateInputs,
    NodeDead,
    TaskAssigned,
)
from model.graph import NodeAffinity, NodeSpec, ObjectId, Program, Resources, TaskId
from model.kernel import Context, Message, Name, Process, Unhandled, constant, derived
from model.scheduler.hooks import WAIT, ClusterView, NodeView, Policy, TaskView, ask, uses_locations

Kind = tuple[tuple[tuple[str, int], ...], str]
"""A scheduling class: demand and strategy. Ray's has the function too; here functions differ in neither."""

Locations = tuple[tuple[ObjectId, tuple[Name, ...]], ...]


@dataclass(frozen=True, slots=True)
class NodeState:
    """What the scheduler knows of one node."""

    queue_length: int
    free: tuple[tuple[str, int], ...]
    acknowledged: int
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
    nodes: dict[Name, NodeState] = field(default_factory=dict)
    """Nodes not known to be dead."""
    asked: dict[TaskId, tuple[Name, bool, bool]] = field(default_factory=dict)
    """Tasks whose inputs are being located -> (where submitted, whether executed again, whether asked again)."""
    deferred: dict[Kind, list[tuple[TaskId, Name, bool]]] = field(default_factory=dict)
    """Tasks that wait for the view to change by class, oldest first."""
    views: dict[Name, NodeView] = derived(dict)
    able: dict[Resources, tuple[Name, ...]] = derived(dict)
    numbers: dict[Name, int] = derived(dict)

    def start(self, ctx: Context) -> None:
        """Every node is taken to be empty until it reports."""
        for name, spec in self.cluster:
            self.nodes[name] = NodeState(0, spec.total.units, 0)

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
                if sender in self.nodes:
                    self.heard(ctx, sender, message)
            case NodeDead(node):
                self.node_died(ctx, node)
            case _:
                raise Unhandled(message)

    def consider(self, ctx: Context, task: TaskId, origin: Name, again: bool) -> None:
        """Place a task, after asking for the places of its inputs where the policy looks at them."""
        if self.needs_locations(task):
            self.asked[task] = (origin, again, False)
            ctx.send("gcs", LocateInputs(task))
        else:
            self.place(ctx, task, origin, again, (), False)

    def needs_locations(self, task: TaskId) -> bool:
        """Whether the policy looks at where a task's inputs are."""
        return bool(self.program.tasks[task].inputs) and uses_locations(self.policy)

    def kind(self, task: TaskId) -> Kind:
        """The scheduling class of a task."""
        spec = self.program.tasks[task]
        return spec.demand.units, str(spec.strategy)

    def place(self, ctx: Context, task: TaskId, origin: Name, again: bool, locations: Locations, retried: bool) -> bool:
        """Ask the policy; False when the task is to wait, at the head of its class if it did so before."""
        spec = self.program.tasks[task]
        options = [self.view(name) for name in self.options(task)]
        node: Name | None = WAIT
        if options:
            view = self.cluster_view(task, options, origin, locations)
            question = TaskView(task, spec.name, spec.demand, spec.inputs, spec.strategy, again)
            node, self.memory = ask(self.policy, question, view, self.memory, ctx, repeats=self.repeats)
        if node is WAIT:
            waiting = self.deferred.setdefault(self.kind(task), [])
            waiting.insert(0 if retried else len(waiting), (task, origin, again))
            ctx.observe(Deferred(task))
            return False
        state = self.nodes[node]
        self.update(node, replace(state, pending=(*state.pending, task)))
        ctx.observe(Granted(task, node))
        ctx.send("gcs", TaskAssigned(task, node))
        ctx.send(node, AssignTask(task, again))
        return True

    def heard(self, ctx: Context, node: Name, beat: Heartbeat) -> None:
        """Believe a heartbeat, but do not forget what the node had not received when it sent it."""
        state = self.nodes[node]
        pending = state.pending[beat.received - state.acknowledged :]
        self.update(node, NodeState(beat.queue_length, beat.free, beat.received, pending, beat.task_us))
        self.reconsider(ctx)

    def node_died(self, ctx: Context, node: Name) -> None:
        """Dead is final: never assign there again."""
        ctx.observe(HeardOfDeath(ctx.me, node))
        self.nodes.pop(node, None)
        self.views.pop(node, None)
        self.able.clear()
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

    def options(self, task: TaskId) -> tuple[Name, ...]:
        """Nodes that could run a task when empty and that its affinity allows, in the tie-break order."""
        spec = self.program.tasks[task]
        able = self.able.get(spec.demand)
        if able is None:
            able = tuple(name for name, node in self.cluster if name in self.nodes and spec.demand.fits(node.total))
            self.able[spec.demand] = able
        if isinstance(spec.strategy, NodeAffinity):
            target = tuple(name for name in able if self.spec_of(name).id == spec.strategy.node)
            if target or not spec.strategy.soft:
                return target
        return able

    def spec_of(self, raylet: Name) -> NodeSpec:
        """What a raylet's node offers."""
        return self.cluster[self.number(raylet)][1]

    def number(self, raylet: Name) -> int:
        """A raylet's place in the tie-break order."""
        if not self.numbers:
            self.numbers.update((name, i) for i, (name, _) in enumerate(self.cluster))
        return self.numbers[raylet]

    def update(self, node: Name, state: NodeState) -> None:
        """Believe something new of a node."""
        self.nodes[node] = state
        self.views.pop(node, None)

    def view(self, raylet: Name) -> NodeView:
        """A node as the policy sees it."""
        found = self.views.get(raylet)
        if found is None:
            number = self.number(raylet)
            spec = self.cluster[number][1]
            state = self.nodes.get(raylet)
            available = {}
            if state is not None:
                available = dict(state.free)
                for task in state.pending:
                    for name, amount in self.program.tasks[task].demand.units:
                        available[name] -= amount
            found = self.views[raylet] = NodeView(
                raylet,
                spec.id,
                number,
                spec.total,
                spec.labels,
                {name: max(0, amount) for name, amount in available.items()},
                0 if state is None else state.queue_length + len(state.pending),
                self.task_us if state is None or not state.task_us else state.task_us,
                state is not None,
            )
        return found

    def cluster_view(self, task: TaskId, options: list[NodeView], origin: Name, locations: Locations) -> ClusterView:
        """The cluster as the policy sees it for one task."""
        objects = self.program.objects
        local: dict[Name, int] = {}
        for needed, nodes in locations:
            for node in nodes:
                local[node] = local.get(node, 0) + objects[needed].size_bytes
        return ClusterView(
            options,
            [self.view(name) for name, _ in self.cluster],
            origin,
            self.bandwidth_bytes_per_s,
            sum(objects[needed].size_bytes for needed in self.program.tasks[task].inputs),
            local,
        )
