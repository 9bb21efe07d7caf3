"""What a policy is asked, in a form that can be kept, compared and sent: whole, immutable, one form per question.

Parts that come again (tasks, nodes as they are known) are numbered; a question holds their numbers, and each process is
told once what a number means. Of a `ClusterView` go the nodes, and which of them are options; ranking, load order and
index follow from the nodes. Mappings are in the order of their keys.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import compress
from operator import is_not
from random import Random
from types import MappingProxyType
from typing import Any

from rayproof.model.scheduler.policy.hooks import ClusterView, NodeView, TaskView
from rayproof.model.scheduler.policy.move_hooks import RoomRequest
from rayproof.model.scheduler.policy.queue_hooks import LocalView, WaitingTask
from rayproof.model.scheduler.ray import Argument

Payload = tuple[Any, ...]
"""The arguments of a hook but for the memory, as they are sent."""

Thing = tuple[str, Any]
"""What a number means: ("value", an immutable value of the model), or what one is made of, with numbers in it: ("kind",
what stays of a node), ("node", what changes of it), ("task", of a TaskView), ("waiting", of a WaitingTask)."""

NUMBER = "I"
"""Type of the numbers in an array of them."""

STRETCH = 16
"""Nodes that are compared at once."""


Question = tuple[str, Payload, Hashable, Hashable, tuple[int, ...]]
"""One call of one hook: its name, payload and memory, what tells the memory from equal ones, and the draws so far."""


class Numbers:
    """The parts of questions, each with its number, in the process that asks."""

    def __init__(self) -> None:
        self.things: list[Thing] = []
        self._known: dict[Hashable, int] = {}
        self._parts: dict[int, tuple[Any, int]] = {}
        """By their identity, parts that programs and clusters have once and schedulers show again and again."""
        self._kinds: dict[int, tuple[NodeView, int]] = {}
        """By a node's index, a view of it and the number of what stays the same."""
        self._nodes: list[NodeView] = []
        """The nodes of the last view, as objects: a scheduler replaces what has changed."""
        self._numbers = array(NUMBER)

    def payload(self, hook: str, arguments: Sequence[Any]) -> Payload:
        """The arguments of a hook as they are kept and sent."""
        match hook:
            case "place":
                task, view = arguments
                return (self._task(task), *self.view(view))
            case "retry":
                task, attempt, view = arguments
                return (self._task(task), attempt, *self.view(view))
            case "order":
                queue, local = arguments
                there = tuple(sorted(local.free.items()))
                holding = tuple(map(self.value, local.holding))
                return tuple(map(self._waiting, queue)), local.node, there, local.running, holding
            case "transfer":
                queue, link = arguments
                return tuple(map(self.value, queue)), self.value(link)
            case _:
                return tuple(map(self.value, arguments))

    def value(self, value: Hashable) -> int:
        """The number of an immutable value."""
        return self._number("value", value)

    def view(self, view: ClusterView) -> Payload:
        """A view of the cluster: the numbers of its nodes, and what else does not follow from them."""
        nodes, known = view.nodes, self._nodes
        if len(nodes) != len(known):
            self._nodes = list(nodes)
            self._numbers = array(NUMBER, map(self._node, nodes))
        else:
            for at in compress(range(len(nodes)), map(is_not, nodes, known)):
                known[at] = nodes[at]
                self._numbers[at] = self._node(nodes[at])
        whole = view.options is nodes or len(view.options) == len(nodes)
        return (
            self._numbers.tobytes(),
            None if whole else tuple([node.index for node in view.options]),
            view.origin,
            view.bandwidth_bytes_per_s,
            view.input_bytes,
            tuple(sorted(view.local_bytes.items())) if view.local_bytes else (),
            tuple([(argument.size_bytes, argument.nodes) for argument in view.arguments]),
        )

    def about(self, hook: str, payload: Payload) -> str:
        """The call in words, for whoever reads of its failure."""
        return _about(hook, payload, lambda number: _name(*self.things[number]))

    def _task(self, task: TaskView) -> int:
        part = self._part
        return self._number(
            "task",
            (
                task.id,
                task.name,
                part(task.demand),
                task.inputs,
                part(task.strategy),
                task.again,
                part(task.hints),
                task.actor,
            ),
        )

    def _waiting(self, task: WaitingTask) -> int:
        parts = (task.id, self._part(task.demand), self._part(task.hints), task.input_bytes, task.name)
        return self._number("waiting", parts)

    def _node(self, node: NodeView) -> int:
        known = self._kinds.get(node.index)
        if known is None or not _of_one_kind(known[0], node):
            stays = (node.name, node.id, node.index, self._part(node.total), node.labels, node.gpu)
            known = self._kinds[node.index] = (node, self._number("kind", stays))
        return self._number(
            "node",
            (
                known[1],
                tuple(sorted(node.free.items())),
                node.queue_length,
                node.task_us,
                node.utilization,
                node.alive,
                node.draining,
                node.pulls_queued,
            ),
        )

    def _part(self, part: Hashable) -> int:
        known = self._parts.get(id(part))
        if known is None or known[0] is not part:
            known = self._parts[id(part)] = (part, self.value(part))
        return known[1]

    def _number(self, kind: str, value: Hashable) -> int:
        found = self._known.get((kind, value))
        if found is None:
            found = self._known[kind, value] = len(self.things)
            self.things.append((kind, value))
        return found


def _of_one_kind(one: NodeView, other: NodeView) -> bool:
    return (
        one.total is other.total
        and one.labels is other.labels
        and one.name == other.name
        and one.id == other.id
        and one.gpu == other.gpu
    )


class Arguments:
    """The parts of questions in the process that answers, and the arguments made of them; nothing can be written to."""

    def __init__(self) -> None:
        self.backwards = False
        """Whether the last that is learnt is made first, so that objects lie in another order."""
        self._things: list[Any] = []
        self._present = b""
        self._nodes: list[NodeView] = []
        self._ranking: list[tuple[int, int]] = []
        self._by_load: list[tuple[float, int]] = []
        self._index: MappingProxyType[str, int] = MappingProxyType({})

    def learn(self, things: Sequence[Thing]) -> None:
        """Take in what the next numbers mean."""
        begin = len(self._things)
        self._things += [None] * len(things)
        nodes = [at for at, (kind, _) in enumerate(things) if kind == "node"]
        for at, (kind, value) in enumerate(things):
            if kind != "node":
                self._things[begin + at] = self._made(kind, value)
        for at in reversed(nodes) if self.backwards else nodes:
            self._things[begin + at] = self._made(*things[at])

    def of(self, hook: str, payload: Payload) -> tuple[Any, ...]:
        """What the hook is called with, before its memory."""
        things = self._things
        match hook:
            case "place":
                return things[payload[0]], self._view(*payload[1:])
            case "retry":
                return things[payload[0]], payload[1], self._view(*payload[2:])
            case "order":
                queue, node, available, running, holding = payload
                there = MappingProxyType(dict(available))
                return [things[i] for i in queue], LocalView(node, there, running, tuple(things[i] for i in holding))
            case "transfer":
                queue, link = payload
                return tuple(things[i] for i in queue), things[link]
            case _:
                return tuple(things[i] for i in payload)

    def about(self, hook: str, payload: Payload) -> str:
        """The call in words, for whoever reads of its failure."""
        return _about(hook, payload, lambda number: _name("value", self._things[number]))

    def _made(self, kind: str, value: Any) -> Any:
        things = self._things
        match kind:
            case "value" | "kind":
                return value
            case "task":
                id_, name, demand, inputs, strategy, again, hints, actor = value
                return TaskView(id_, name, things[demand], inputs, things[strategy], again, things[hints], actor)
            case "waiting":
                id_, demand, hints, size, name = value
                return WaitingTask(id_, things[demand], things[hints], size, name)
            case _:
                stays, available, queued, task_us, used, alive, draining, pulls = value
                name, id_, index, total, labels, gpu = things[stays]
                free = MappingProxyType(dict(available))
                total = things[total]
                return NodeView(
                    name, id_, index, total, labels, free, queued, task_us, used, alive, draining, pulls, gpu
                )

    def _view(
        self,
        numbers: bytes,
        options: tuple[int, ...] | None,
        origin: str,
        bandwidth: int,
        input_bytes: int,
        local_bytes: tuple[tuple[str, int], ...],
        arguments: tuple[Any, ...],
    ) -> ClusterView:
        self._go_to(numbers)
        nodes = tuple(self._nodes)
        return ClusterView(
            nodes if options is None else tuple([nodes[i] for i in options]),
            nodes,
            origin,
            bandwidth,
            input_bytes,
            MappingProxyType(dict(local_bytes)),
            tuple(self._ranking),
            tuple(self._by_load),
            self._index,
            tuple([Argument(size, nodes_with_it) for size, nodes_with_it in arguments]),
        )

    def _go_to(self, wanted: bytes) -> None:
        """Make the nodes those of a question; from one question to the next little changes."""
        things, present, numbers = self._things, self._present, array(NUMBER, wanted)
        if len(wanted) != len(present) or (numbers and things[numbers[0]].name != self._nodes[0].name):
            self._nodes = [things[number] for number in numbers]
            self._index = MappingProxyType({node.name: node.index for node in self._nodes})
            self._ranking = sorted((node.queued_us, node.index) for node in self._nodes if node.alive)
            self._by_load = sorted((node.utilization, node.index) for node in self._nodes if node.alive)
        elif wanted != present:
            before_, size = array(NUMBER, present), numbers.itemsize * STRETCH
            for begin in range(0, len(wanted), size):
                if wanted[begin : begin + size] == present[begin : begin + size]:
                    continue
                first = begin // numbers.itemsize
                for at in range(first, min(first + STRETCH, len(numbers))):
                    if numbers[at] != before_[at]:
                        self._change(at, things[numbers[at]])
        self._present = wanted

    def _change(self, at: int, after: NodeView) -> None:
        before = self._nodes[at]
        self._nodes[at] = after
        if before.alive:
            del self._ranking[bisect_left(self._ranking, (before.queued_us, before.index))]
            del self._by_load[bisect_left(self._by_load, (before.utilization, before.index))]
        if after.alive:
            insort(self._ranking, (after.queued_us, after.index))
            insort(self._by_load, (after.utilization, after.index))


def _about(hook: str, payload: Payload, name: Callable[[int], str]) -> str:
    match hook:
        case "place":
            return f"when asked about {name(payload[0])}"
        case "retry":
            return f"in retry, asked about {name(payload[0])}"
        case "preempt":
            return f"in preempt, asked to make room for {name(payload[0])}"
        case "migrate":
            return f"in migrate, asked to make room for {name(payload[0])}"
        case _:
            return f"in {hook}, asked about {', '.join(map(name, payload[0][:5]))}"


def _name(kind: str, value: Any) -> str:
    """The name of a task, an object or an actor that a question is about."""
    if kind != "value":
        return str(value[0])
    return str(value.actor if isinstance(value, RoomRequest) else value.id)


def orders(count: int, rounds: int) -> Iterator[int]:
    """Positions of questions that are put again: all of them in each round, from the second on in another order."""
    order = list(range(count))
    for number in range(rounds):
        if number:
            Random(number).shuffle(order)
        yield from order
