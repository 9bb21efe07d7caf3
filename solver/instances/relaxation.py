"""A program as an instance whose optimum no execution of the program can beat.

Each body is cut where others may start or it may block: a child waits only for the computing before its `Submit`, what
follows a `Get` waits for the producers. What is dropped, and why the rest stays a lower bound for every fault-free run:

- CPUs after a block: a worker that resumes takes its CPUs even when others hold them (available may go negative,
  `raylet LocalResourceManager`), so from the first `Get` or `Wait` on, a body's CPUs are not counted.
- Contiguity: the segments of a body may drift apart and need not share a node.
- Transfers: none, since a copy may already be where it is needed.
- `Wait` for fewer than all: any subset may come first, so it waits for nothing certain.
- Actors: placement may ask for more than the actor then holds (1 CPU against 0), so creation counts no CPU; its other
  resources count during the constructor only. Methods hold no node's resources; each actor is a node
  with a slot for each method that may run at once, and only those of a serial actor follow one another.
- Bundles of placement groups: their resources are carved out of their nodes', so a task in a bundle counts on its node.
- Nodes an autoscaler may add are there from the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import networkx as nx

from rayproof.model.graph import (
    Action,
    ActorId,
    ClusterSpec,
    Compute,
    Get,
    NodeAffinity,
    NodeId,
    NodeSpec,
    ObjectId,
    Program,
    Put,
    Resources,
    Submit,
    TaskId,
    TaskKind,
    TaskSpec,
    Wait,
)
from rayproof.model.graph.program import DRIVER
from rayproof.model.graph.resources import UNIT
from rayproof.solver.instances.form import InfeasibleError, Instance, InstanceError, Node, Task

ACTOR_SLOT = "actor slot"
"""The resource of which a method takes one: an actor has as many as methods may run in it at once."""


class Until(StrEnum):
    """When a run counts as over."""

    ALL = "all"
    """Every body has ended."""
    DRIVER = "driver"
    """The driver's body has ended; work it never waited for may go on."""


def from_program(program: Program, cluster: ClusterSpec, until: Until = Until.ALL) -> Instance:
    """The relaxation of a program on a cluster, times in us, named after the program.

    Raises `InfeasibleError` when a task fits no node, `InstanceError` when an autoscaler may add nodes of a group of
    which the cluster shows none.
    """
    nodes = tuple(_all_nodes(cluster))
    cut = _Cut(program)
    tasks = [task for owner in cut.bodies for task in _tasks_of(owner, cut, nodes)]
    if until is Until.DRIVER:
        tasks = _ancestors(tasks, cut.bodies[DRIVER][-1].id)
    methods = [task for task in program.tasks.values() if task.kind is TaskKind.ACTOR_METHOD and task.actor]
    slots: dict[str, int] = {}
    for task in methods:
        # More slots than methods constrain nothing.
        slots[str(task.actor)] = min(len(methods), max(task.max_concurrency, slots.get(str(task.actor), 1)))
    return Instance(
        name=program.name,
        nodes=(
            *(Node(node.id, node.total, node.labels) for node in nodes),
            *(
                Node(_actor_node(actor), Resources.from_units({ACTOR_SLOT: count * UNIT}))
                for actor, count in sorted(slots.items())
            ),
        ),
        tasks=tuple(tasks),
    )


@dataclass
class _Segment:
    """Computing between two points of a body at which something else may depend on it or it may block."""

    id: str
    duration: int = 0
    waits: tuple[ObjectId, ...] = ()
    resumed: bool = False
    """Whether the body may have blocked before."""
    closed: bool = False
    """Whether something starts at its end, so that no more computing may join it."""


@dataclass
class _Cut:
    """All bodies in segments, and after which segment each child may start and each object exists."""

    program: Program
    bodies: dict[TaskId, list[_Segment]] = field(default_factory=dict)
    released_by: dict[TaskId, str] = field(default_factory=dict)
    made_by: dict[ObjectId, str] = field(default_factory=dict)
    method_before: dict[TaskId, TaskId] = field(default_factory=dict)
    creation: dict[ActorId, TaskId] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for owner, body in self.program.bodies():
            self.bodies[owner] = self._segments(owner, body)
        for task in self.program.tasks.values():
            for made in task.outputs:
                self.made_by[made] = self.bodies[task.id][-1].id
            if task.kind is TaskKind.ACTOR_CREATION and task.actor is not None:
                self.creation[task.actor] = task.id
        graph = self.program.graph()
        for before, after in graph.edges:
            serial = after in self.program.tasks and self.program.tasks[after].max_concurrency == 1
            if serial and graph.edges[before, after]["edge"] == "stateful":
                self.method_before[after] = before

    def _segments(self, owner: TaskId, body: tuple[Action, ...]) -> list[_Segment]:
        segments = [_Segment(f"{owner}#0")]

        def fresh() -> _Segment:
            segments.append(_Segment(f"{owner}#{len(segments)}", resumed=segments[-1].resumed))
            return segments[-1]

        for action in body:
            current = segments[-1]
            match action:
                case Compute(duration_us):
                    (fresh() if current.closed else current).duration += duration_us
                case Submit(child):
                    self.released_by[child] = current.id
                    current.closed = True
                case Put(made):
                    self.made_by[made] = current.id
                    current.closed = True
                case Get() | Wait():
                    blocked = fresh()
                    blocked.resumed = True
                    if isinstance(action, Get) or action.count >= len(action.objects):
                        blocked.waits = action.objects
        return segments


def _tasks_of(owner: TaskId, cut: _Cut, nodes: tuple[NodeSpec, ...]) -> Iterator[Task]:
    spec = None if owner == DRIVER else cut.program.tasks[owner]
    before = [] if spec is None else _starts_after(spec, cut)
    for segment in cut.bodies[owner]:
        demand, allowed = (Resources(), None) if spec is None else _needs(spec, segment.resumed, nodes)
        yield Task(
            id=segment.id,
            duration=segment.duration,
            demand=demand,
            after=tuple(dict.fromkeys([*before, *(cut.made_by[wanted] for wanted in segment.waits)])),
            allowed_nodes=allowed,
        )
        before = [segment.id]


def _starts_after(spec: TaskSpec, cut: _Cut) -> list[str]:
    before = [cut.released_by[spec.id], *(cut.made_by[wanted] for wanted in spec.inputs)]
    if spec.kind is TaskKind.ACTOR_METHOD and spec.actor in cut.creation:
        before.append(cut.bodies[cut.creation[spec.actor]][-1].id)
    if spec.id in cut.method_before:
        before.append(cut.bodies[cut.method_before[spec.id]][-1].id)
    return before


def _needs(spec: TaskSpec, resumed: bool, nodes: tuple[NodeSpec, ...]) -> tuple[Resources, tuple[NodeId, ...] | None]:
    if spec.kind is TaskKind.ACTOR_METHOD and spec.actor is not None:
        return Resources.from_units({ACTOR_SLOT: UNIT}), (_actor_node(spec.actor),)
    allowed = tuple(node.id for node in nodes if spec.demand.fits(node.total))
    if isinstance(spec.strategy, NodeAffinity) and not spec.strategy.soft:
        allowed = tuple(name for name in allowed if name == spec.strategy.node)
    if not allowed:
        raise InfeasibleError(
            f"task {spec.id} needs {spec.demand} by {spec.strategy} and fits no node; expected one that fits"
        )
    demand = spec.demand
    if resumed or spec.kind is TaskKind.ACTOR_CREATION:
        demand = Resources.from_units({name: amount for name, amount in demand if name != "CPU"})
    return demand, allowed


def _actor_node(actor: ActorId) -> NodeId:
    return f"actor {actor}"


def _all_nodes(cluster: ClusterSpec) -> Iterator[NodeSpec]:
    yield from cluster.nodes
    for group, most in cluster.max_nodes:
        shown = [node for node in cluster.nodes if node.group == group]
        if not shown and most > 0:
            raise InstanceError(
                f"group {group} may grow to {most} nodes: expected a node or a template to copy, found none"
            )
        for extra in range(len(shown), most):
            like = max(shown, key=lambda node: node.total.units)
            yield NodeSpec(f"{group}+{extra}", like.total, like.labels, like.object_store_bytes, group)


def _ancestors(tasks: list[Task], last: str) -> list[Task]:
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_node(last)
    graph.add_edges_from((before, task.id) for task in tasks for before in task.after)
    kept = nx.ancestors(graph, last) | {last}
    return [task for task in tasks if task.id in kept]
