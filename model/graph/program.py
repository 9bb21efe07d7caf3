"""The dynamic task graph: what a program submits, needs and makes, whatever the system below does with it.

A body is a sequence of actions; the driver has one, and so has every task. Tasks submit tasks while they run, so the
graph unfolds during execution. Edges: **data** (an object a task consumes or makes), **control** (a task submits
another), **stateful** (two consecutive methods of one actor by one caller). Source: OSDI 2018, section 3.2, figure 4.

Left out: values (an object is its id and size) and data-dependent control flow (a body is fixed; a dynamic graph is
unfolded by running it). Nothing here knows nodes or schedulers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import TypeAlias

import networkx as nx

from rayproof.model.graph.hints import NO_HINTS, Hints
from rayproof.model.graph.resources import Resources
from rayproof.model.graph.strategies import BundleStrategy, Default, GroupId, PlacementGroup, Strategy

TaskId: TypeAlias = str
ObjectId: TypeAlias = str
ActorId: TypeAlias = str

DRIVER: TaskId = "driver"
"""The name under which the driver's body appears wherever a task may stand."""


class ProgramError(ValueError):
    """A program that no execution can satisfy: unknown ids, two producers of one object, a cycle."""


class TaskKind(StrEnum):
    """Ray's three kinds of task (src/ray/protobuf/common.proto, `TaskType`)."""

    NORMAL = "normal"
    ACTOR_CREATION = "actor_creation"
    ACTOR_METHOD = "actor_method"


@dataclass(frozen=True, slots=True)
class Compute:
    """Use the processor for so long."""

    duration_us: int


@dataclass(frozen=True, slots=True)
class Submit:
    """Submit a task and go on (`f.remote()`)."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class Get:
    """Wait until all of these objects are local; CPUs are given back meanwhile (`ray.get`)."""

    objects: tuple[ObjectId, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until `count` of these objects exist, without fetching them (`ray.wait(fetch_local=False)`)."""

    objects: tuple[ObjectId, ...]
    count: int = 1


@dataclass(frozen=True, slots=True)
class Put:
    """Store an object (`ray.put`)."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class Cancel:
    """Ask for the end of a task that this body has submitted (`ray.cancel`); one that runs goes on."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class MakeGroup:
    """Ask for a placement group and go on (`placement_group(...)`)."""

    group: GroupId


@dataclass(frozen=True, slots=True)
class AwaitGroup:
    """Wait until every bundle of a group that this body has made is reserved (`ray.get(group.ready())`)."""

    group: GroupId


@dataclass(frozen=True, slots=True)
class GiveUpGroup:
    """Give a placement group up (`remove_placement_group`)."""

    group: GroupId


Action: TypeAlias = Compute | Submit | Get | Wait | Put | Cancel | MakeGroup | AwaitGroup | GiveUpGroup


@dataclass(frozen=True, slots=True)
class GroupSpec:
    """A placement group as it is asked for."""

    id: GroupId
    bundles: tuple[Resources, ...]
    strategy: BundleStrategy = BundleStrategy.PACK


@dataclass(frozen=True, slots=True)
class ObjectSpec:
    """An immutable object: an id and a size."""

    id: ObjectId
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task as it is submitted."""

    id: TaskId
    inputs: tuple[ObjectId, ...] = ()
    """Objects that must exist and be local before the body starts (data edges)."""
    outputs: tuple[ObjectId, ...] = ()
    """Objects that exist once the body has ended."""
    demand: Resources = field(default_factory=lambda: Resources.of(CPU=1))
    body: tuple[Action, ...] = (Compute(0),)
    strategy: Strategy = Default()
    max_retries: int = 3
    """Re-executions after a system failure; -1 without bound, 0 none (Ray's default is 3)."""
    kind: TaskKind = TaskKind.NORMAL
    actor: ActorId | None = None
    """The actor that this task creates or whose method it is."""
    max_concurrency: int = 1
    """Of an actor's constructor and methods: how many methods may run at once, then in any order."""
    name: str = ""
    """The function's name."""
    hints: Hints = NO_HINTS


@dataclass(frozen=True)
class Program:
    """A driver body and every task that it, or a task below it, submits.

    Raises `ProgramError` when an id is unknown or repeated, an object has two producers, a task is submitted twice or
    never, a group is made twice or never, or the graph has a cycle.
    """

    tasks: Mapping[TaskId, TaskSpec]
    objects: Mapping[ObjectId, ObjectSpec]
    driver: tuple[Action, ...]
    name: str = "program"
    groups: Mapping[GroupId, GroupSpec] = field(default_factory=lambda: MappingProxyType({}))
    """The placement groups that bodies make. A task may name a group that none of them makes: then it is not said here
    where its bundles are."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "tasks", MappingProxyType(dict(self.tasks)))
        object.__setattr__(self, "objects", MappingProxyType(dict(self.objects)))
        object.__setattr__(self, "groups", MappingProxyType(dict(self.groups)))
        self._check()

    def bodies(self) -> Iterator[tuple[TaskId, tuple[Action, ...]]]:
        """The driver's body, then each task's, in the order of the tasks."""
        yield DRIVER, self.driver
        for task in self.tasks.values():
            yield task.id, task.body

    def producer(self, wanted: ObjectId) -> TaskId:
        """The task (or the driver) that makes an object, by return or by put."""
        return self._producers[wanted]

    def consumers(self, made: ObjectId) -> tuple[TaskId, ...]:
        """The tasks that take an object as an input."""
        return self._consumers.get(made, ())

    def parent(self, wanted: TaskId) -> TaskId:
        """The task (or the driver) that submits a task."""
        return self._parents[wanted]

    def comes_before(self, task: TaskId, other: TaskId) -> bool:
        """Whether one body submits both, the first one earlier."""
        parent = self.parent(task)
        if parent != self.parent(other):
            return False
        body = self.driver if parent == DRIVER else self.tasks[parent].body
        submitted = [action.task for action in body if isinstance(action, Submit)]
        return submitted.index(task) < submitted.index(other)

    def graph(self) -> nx.DiGraph[str]:
        """Tasks and objects as nodes (attribute `kind`), edges with attribute `edge`: data, control or stateful.

        A fresh graph at each call; control edges of the driver start at the node "driver".
        """
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_node(DRIVER, kind="task")
        for task in self.tasks.values():
            graph.add_node(task.id, kind="task")
        for made, by in self._producers.items():
            graph.add_node(made, kind="object", size_bytes=self.objects[made].size_bytes)
            graph.add_edge(by, made, edge="data")
        for task in self.tasks.values():
            for needed in task.inputs:
                graph.add_edge(needed, task.id, edge="data")
        last_method: dict[tuple[TaskId, ActorId], TaskId] = {}
        for submitter, body in self.bodies():
            for action in body:
                if not isinstance(action, Submit):
                    continue
                graph.add_edge(submitter, action.task, edge="control")
                task = self.tasks[action.task]
                if task.actor is not None:
                    before = last_method.get((submitter, task.actor))
                    if before is not None:
                        graph.add_edge(before, task.id, edge="stateful")
                    last_method[submitter, task.actor] = task.id
        return graph

    @cached_property
    def _producers(self) -> dict[ObjectId, TaskId]:
        found: dict[ObjectId, TaskId] = {}
        for task in self.tasks.values():
            for made in task.outputs:
                self._claim(found, made, task.id)
        for owner, body in self.bodies():
            for action in body:
                if isinstance(action, Put):
                    self._claim(found, action.object, owner)
        return found

    def _claim(self, found: dict[ObjectId, TaskId], made: ObjectId, by: TaskId) -> None:
        if made not in self.objects:
            raise ProgramError(f"{by} makes {made}, which is not among the program's objects")
        if made in found:
            raise ProgramError(f"object {made} has two producers, {found[made]} and {by}")
        found[made] = by

    @cached_property
    def _consumers(self) -> dict[ObjectId, tuple[TaskId, ...]]:
        found: dict[ObjectId, list[TaskId]] = {}
        for task in self.tasks.values():
            for needed in dict.fromkeys(task.inputs):
                found.setdefault(needed, []).append(task.id)
        return {made: tuple(tasks) for made, tasks in found.items()}

    @cached_property
    def _parents(self) -> dict[TaskId, TaskId]:
        found: dict[TaskId, TaskId] = {}
        for owner, body in self.bodies():
            for action in body:
                if not isinstance(action, Submit):
                    continue
                if action.task not in self.tasks:
                    raise ProgramError(f"{owner} submits {action.task}, which is not among the program's tasks")
                if action.task in found:
                    raise ProgramError(f"task {action.task} is submitted twice, by {found[action.task]} and {owner}")
                found[action.task] = owner
        return found

    def _check(self) -> None:
        for key, task in self.tasks.items():
            if key != task.id or key == DRIVER:
                raise ProgramError(f"task {task.id} is filed under the name {key}")
        producers, parents = self._producers, self._parents
        for orphan in sorted(set(self.tasks) - set(parents)):
            raise ProgramError(f"task {orphan} is never submitted")
        for orphan in sorted(set(self.objects) - set(producers)):
            raise ProgramError(f"object {orphan} has no producer")
        for owner, body in self.bodies():
            for action in body:
                if isinstance(action, Get | Wait):
                    for wanted in action.objects:
                        if wanted not in producers:
                            raise ProgramError(f"{owner} waits for {wanted}, which nothing makes")
        for task in self.tasks.values():
            for needed in task.inputs:
                if needed not in producers:
                    raise ProgramError(f"task {task.id} needs {needed}, which nothing makes")
        self._check_groups()
        if not nx.is_directed_acyclic_graph(self.graph()):
            cycle = " -> ".join(edge[0] for edge in nx.find_cycle(self.graph()))
            raise ProgramError(f"the graph has a cycle: {cycle}")

    def _check_groups(self) -> None:
        made: dict[GroupId, TaskId] = {}
        for owner, body in self.bodies():
            for action in body:
                if not isinstance(action, MakeGroup | AwaitGroup | GiveUpGroup):
                    continue
                if action.group not in self.groups:
                    raise ProgramError(f"{owner} speaks of group {action.group}, which the program does not have")
                if isinstance(action, MakeGroup):
                    if action.group in made:
                        raise ProgramError(f"group {action.group} is made twice, by {made[action.group]} and {owner}")
                    made[action.group] = owner
                elif isinstance(action, AwaitGroup) and made.get(action.group) != owner:
                    raise ProgramError(f"{owner} waits for group {action.group} without having made it")
        for key, group in self.groups.items():
            if key != group.id or key not in made or not group.bundles:
                raise ProgramError(f"group {key} is never made, has another name, or no bundles")
        for task in self.tasks.values():
            strategy = task.strategy
            if isinstance(strategy, PlacementGroup) and strategy.group in self.groups:
                count = len(self.groups[strategy.group].bundles)
                if not -1 <= strategy.bundle < count:
                    raise ProgramError(f"task {task.id} asks for bundle {strategy.bundle} of {count}")
