"""The one form of a placement or scheduling problem that every reader makes and every engine takes.

Times are whole microseconds (sets from the literature count in their own unit), sizes bytes, amounts the fixed point of
`rayproof.model.graph.Resources`. A task runs without interruption on one node, holds its demand from start to end, and
may start once its release, predecessors and inputs allow. An input made on another node arrives `transfer_us` after its
producer ended. Left out: contention on links, spilling, and objects nobody in the instance makes: these are everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

import networkx as nx

from rayproof.model.graph import NodeId, ObjectId, Resources, TaskId
from rayproof.model.graph.resources import UNIT

Labels: TypeAlias = tuple[tuple[str, str], ...]

GPU = "GPU"
MICROSECONDS = 1_000_000


class InstanceError(ValueError):
    """A malformed instance: the message names what is wrong and what was expected."""


class InfeasibleError(InstanceError):
    """Well formed, but something in it fits no node of it whatever the schedule."""


class Objective(StrEnum):
    """What `solve` is asked for."""

    MAKESPAN = "makespan"
    PACKING = "packing"
    MIGRATIONS = "migrations"


class GroupStrategy(StrEnum):
    """Ray's placement-group strategies (src/ray/protobuf/common.proto, `PlacementStrategy`)."""

    PACK = "PACK"
    SPREAD = "SPREAD"
    STRICT_PACK = "STRICT_PACK"
    STRICT_SPREAD = "STRICT_SPREAD"


@dataclass(frozen=True, slots=True)
class Object:
    """A task's output: its size decides how long it travels."""

    id: ObjectId
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """Work of a known duration."""

    id: TaskId
    duration: int
    demand: Resources = field(default_factory=Resources)
    inputs: tuple[ObjectId, ...] = ()
    outputs: tuple[ObjectId, ...] = ()
    after: tuple[TaskId, ...] = ()
    """Predecessors that pass no data."""
    release: int = 0
    allowed_nodes: tuple[NodeId, ...] | None = None
    """None: any node that has the demand and the labels."""
    labels: Labels = ()
    """Labels its node must carry."""


@dataclass(frozen=True, slots=True)
class Node:
    """One node. A capacity of n GPUs is n instances: a demand below one GPU must fit within a single instance."""

    id: NodeId
    capacity: Resources
    labels: Labels = ()


@dataclass(frozen=True, slots=True)
class Occupant:
    """What holds resources for long: an actor, or one bundle of a placement group."""

    id: str
    demand: Resources
    node: NodeId | None = None
    """Where it sits; None: pending."""
    state_bytes: int = 0
    """What a move of it has to carry."""
    movable: bool = True
    allowed_nodes: tuple[NodeId, ...] | None = None
    labels: Labels = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A placement group over bundles that stand among the occupants."""

    id: str
    strategy: GroupStrategy
    bundles: tuple[str, ...]


@dataclass(frozen=True)
class Instance:
    """A problem: what to run, what sits where, and on which nodes.

    Raises `InstanceError` on unknown or repeated ids, negative quantities, two producers of one object or a cycle, and
    `InfeasibleError` when a task fits no node even if that node is empty.
    """

    nodes: tuple[Node, ...]
    tasks: tuple[Task, ...] = ()
    objects: tuple[Object, ...] = ()
    occupants: tuple[Occupant, ...] = ()
    groups: tuple[Group, ...] = ()
    bandwidth_bytes_per_s: int | None = None
    """Between any two nodes; None: transfers take no time."""
    objective: Objective = Objective.MAKESPAN
    name: str = "instance"

    def __post_init__(self) -> None:
        _check(self)

    @cached_property
    def task(self) -> dict[TaskId, Task]:
        """Tasks by id, in their order."""
        return {task.id: task for task in self.tasks}

    @cached_property
    def node(self) -> dict[NodeId, Node]:
        """Nodes by id, in their order."""
        return {node.id: node for node in self.nodes}

    @cached_property
    def producer(self) -> dict[ObjectId, TaskId]:
        """The task that makes each object."""
        return {made: task.id for task in self.tasks for made in task.outputs}

    def eligible(self, asked: Task | Occupant) -> tuple[NodeId, ...]:
        """Nodes that could hold this if they were empty, in the order of the nodes."""
        return tuple(
            node.id
            for node in self.nodes
            if (asked.allowed_nodes is None or node.id in asked.allowed_nodes)
            and set(asked.labels) <= set(node.labels)
            and asked.demand.fits(node.capacity)
        )

    def transfer_us(self, wanted: ObjectId) -> int:
        """How long an object travels between two nodes, rounded up."""
        if self.bandwidth_bytes_per_s is None:
            return 0
        size = self._sizes.get(wanted, 0)
        return -(-size * MICROSECONDS // self.bandwidth_bytes_per_s)

    def predecessors(self, task: Task) -> dict[TaskId, int]:
        """Each predecessor and the delay, in us, if the two sit on different nodes."""
        delays = dict.fromkeys(task.after, 0)
        for wanted in task.inputs:
            maker = self.producer.get(wanted)
            if maker is not None:
                delays[maker] = max(delays.get(maker, 0), self.transfer_us(wanted))
        return delays

    @cached_property
    def _sizes(self) -> dict[ObjectId, int]:
        return {item.id: item.size_bytes for item in self.objects}


def _check(instance: Instance) -> None:
    for what, ids in (
        ("node", [node.id for node in instance.nodes]),
        ("task", [task.id for task in instance.tasks]),
        ("object", [item.id for item in instance.objects]),
        ("occupant", [item.id for item in instance.occupants]),
        ("group", [group.id for group in instance.groups]),
        ("produced object", [made for task in instance.tasks for made in task.outputs]),
    ):
        _require_unique(what, ids)
    if not instance.nodes:
        raise InstanceError(f"{instance.name}: expected at least one node")
    if instance.bandwidth_bytes_per_s is not None and instance.bandwidth_bytes_per_s <= 0:
        raise InstanceError(f"bandwidth {instance.bandwidth_bytes_per_s}: expected more than 0 bytes per second")
    for node in instance.nodes:
        _require_amounts(f"capacity of node {node.id}", node.capacity)
    for item in instance.objects:
        if item.size_bytes < 0:
            raise InstanceError(f"object {item.id}: expected a size of 0 bytes or more, found {item.size_bytes}")
    everything: tuple[Task | Occupant, ...] = (*instance.tasks, *instance.occupants)
    for asked in everything:
        _require_amounts(f"demand of {asked.id}", asked.demand)
        for node_id in asked.allowed_nodes or ():
            _require_node(instance, asked.id, node_id)
    _check_tasks(instance)
    _check_occupants(instance)


def _check_tasks(instance: Instance) -> None:
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(instance.task)
    for task in instance.tasks:
        if task.duration < 0 or task.release < 0:
            found = f"found {task.duration} and {task.release}"
            raise InstanceError(f"task {task.id}: expected a duration and a release of 0 or more, {found}")
        for before in instance.predecessors(task):
            if before not in instance.task:
                raise InstanceError(f"task {task.id}: after: expected tasks of the instance, found {before}")
            graph.add_edge(before, task.id)
    if not nx.is_directed_acyclic_graph(graph):
        cycle = " -> ".join(edge[0] for edge in nx.find_cycle(graph))
        raise InstanceError(f"tasks: expected no cycle, found {cycle}")
    for task in instance.tasks:
        if not instance.eligible(task):
            found = f"task {task.id} needs {task.demand} and fits no node, even an empty one"
            raise InfeasibleError(f"{found}; expected a node that can run it")


def _check_occupants(instance: Instance) -> None:
    known = {item.id for item in instance.occupants}
    for item in instance.occupants:
        if item.state_bytes < 0:
            raise InstanceError(f"occupant {item.id}: expected a state of 0 bytes or more, found {item.state_bytes}")
        gpus = item.demand.fixed(GPU)
        if gpus > UNIT and gpus % UNIT:
            # Ray refuses it too: a share is a share of one GPU.
            raise InstanceError(f"demand of {item.id}: expected a part of one GPU or whole GPUs, found {gpus / UNIT:g}")
        if item.node is not None:
            _require_node(instance, item.id, item.node)
    bundles = [bundle for group in instance.groups for bundle in group.bundles]
    _require_unique("bundle", bundles)
    for group in instance.groups:
        for bundle in group.bundles:
            if bundle not in known:
                raise InstanceError(f"group {group.id}: bundles: expected occupants of the instance, found {bundle}")


def _require_unique(what: str, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise InstanceError(f"{what} {name}: expected each id once, found it twice")
        seen.add(name)


def _require_amounts(what: str, amounts: Resources) -> None:
    for name, amount in amounts:
        if amount < 0:
            raise InstanceError(f"{what}: expected {name} of 0 or more, found {amount / UNIT:g}")


def _require_node(instance: Instance, who: str, node_id: NodeId) -> None:
    if node_id not in instance.node:
        raise InstanceError(f"{who}: expected nodes of the instance, found {node_id}")
