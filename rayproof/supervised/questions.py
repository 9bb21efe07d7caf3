"""What a policy is asked, in a form that can be kept, compared and sent: whole, immutable, one form per question.

Parts that come again (tasks, nodes as they are known) are numbered; a question holds their numbers, and each process is
told once what a number means. Of a `ClusterView` go the nodes, and which of them are options; ranking, load order and
index follow from the nodes. Mappings are in the order of their keys.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Callable, Hashable, Iterator, Sequence
from operator import is_not
from random import Random
from types import MappingProxyType
from typing import Any

from rayproof.model.scheduler.hooks import ClusterView, NodeView
from rayproof.model.scheduler.queue_hooks import LocalView

Payload = tuple[Any, ...]
"""The arguments of a hook but for the memory, as they are sent."""

Thing = tuple[str, Any]
"""What a number means: ("node", fields of a NodeView) or ("value", an immutable value of the model)."""

NUMBER = "I"
"""Type of the numbers in an array of them."""


Question = tuple[str, Payload, Hashable, Hashable, tuple[int, ...]]
"""One call of one hook: its name, payload and memory, what tells the memory from equal ones, and the draws so far."""


class Numbers:
    """The parts of questions, each with its number, in the process that asks."""

    def __init__(self) -> None:
        self.things: list[Thing] = []
        self._known: dict[Hashable, int] = {}
        self._nodes: list[NodeView] = []
        """The nodes of the last view, as objects: a scheduler replaces what has changed."""
        self._numbers = array(NUMBER)

    def payload(self, hook: str, arguments: Sequence[Any]) -> Payload:
        """The arguments of a hook as they are kept and sent."""
        match hook:
            case "place":
                task, view = arguments
                return (self.value(task), *self.view(view))
            case "retry":
                task, attempt, view = arguments
                return (self.value(task), attempt, *self.view(view))
            case "order":
                queue, local = arguments
                there = tuple(sorted(local.available.items()))
                return tuple(map(self.value, queue)), local.node, there, local.running
            case "transfer":
                queue, link = arguments
                return tuple(map(self.value, queue)), self.value(link)
            case _:
                return tuple(map(self.value, arguments))

    def value(self, value: Hashable) -> int:
        """The number of an immutable value."""
        return self._number(value, "value", value)

    def view(self, view: ClusterView) -> Payload:
        """A view of the cluster: the numbers of its nodes, and what else does not follow from them."""
        nodes, known = view.nodes, self._nodes
        if len(nodes) != len(known):
            self._nodes = list(nodes)
            self._numbers = array(NUMBER, map(self._node, nodes))
        else:
            for at, changed in enumerate(map(is_not, nodes, known)):
                if changed:
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
            view.arguments,
        )

    def about(self, hook: str, payload: Payload) -> str:
        """The call in words, for whoever reads of its failure."""
        return _about(hook, payload, lambda number: self.things[number][1])

    def _node(self, node: NodeView) -> int:
        form = (
            node.name,
            node.id,
            node.index,
            node.total,
            node.labels,
            tuple(sorted(node.available.items())),
            node.queue_length,
            node.task_us,
            node.utilization,
            node.alive,
            node.draining,
            node.pulls_queued,
            node.gpu,
        )
        return self._number((form,), "node", form)

    def _number(self, key: Hashable, kind: str, value: Any) -> int:
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = len(self.things)
            self.things.append((kind, value))
        return found


class Arguments:
    """The parts of questions in the process that answers, and the arguments made of them; nothing can be written to."""

    def __init__(self) -> None:
        self.backwards = False
        """Whether the last that is learnt is made first, so that objects lie in another order."""
        self._things: list[Any] = []
        self._present = array(NUMBER)
        self._nodes: list[NodeView] = []
        self._ranking: list[tuple[int, int]] = []
        self._by_load: list[tuple[float, int]] = []
        self._index: MappingProxyType[str, int] = MappingProxyType({})

    def learn(self, things: Sequence[Thing]) -> None:
        """Take in what the next numbers mean."""
        step = -1 if self.backwards else 1
        self._things += [_made(kind, value) for kind, value in things[::step]][::step]

    def of(self, hook: str, payload: Payload) -> tuple[Any, ...]:
        """What the hook is called with, before its memory."""
        things = self._things
        match hook:
            case "place":
                return things[payload[0]], self._view(*payload[1:])
            case "retry":
                return things[payload[0]], payload[1], self._view(*payload[2:])
            case "order":
                queue, node, available, running = payload
                return [things[i] for i in queue], LocalView(node, MappingProxyType(dict(available)), running)
            case "transfer":
                queue, link = payload
                return tuple(things[i] for i in queue), things[link]
            case _:
                return tuple(things[i] for i in payload)

    def about(self, hook: str, payload: Payload) -> str:
        """The call in words, for whoever reads of its failure."""
        return _about(hook, payload, self._things.__getitem__)

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
        self._go_to(array(NUMBER, numbers))
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
            arguments,
        )

    def _go_to(self, wanted: array[int]) -> None:
        """Make the nodes those of a question; from one question to the next little changes."""
        things = self._things
        if len(wanted) != len(self._present) or (wanted and things[wanted[0]].name != self._nodes[0].name):
            self._nodes = [things[i] for i in wanted]
            self._index = MappingProxyType({node.name: node.index for node in self._nodes})
            self._ranking = sorted((node.queued_us, node.index) for node in self._nodes if node.alive)
            self._by_load = sorted((node.utilization, node.index) for node in self._nodes if node.alive)
        else:
            for at in _differing(wanted, self._present):
                before, after = self._nodes[at], things[wanted[at]]
                self._nodes[at] = after
                if before.alive:
                    del self._ranking[bisect_left(self._ranking, (before.queued_us, before.index))]
                    del self._by_load[bisect_left(self._by_load, (before.utilization, before.index))]
                if after.alive:
                    insort(self._ranking, (after.queued_us, after.index))
                    insort(self._by_load, (after.utilization, after.index))
        self._present = wanted


def _differing(one: array[int], other: array[int]) -> Iterator[int]:
    return (at for at, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)


def _made(kind: str, value: Any) -> Any:
    if kind == "value":
        return value
    name, id_, index, total, labels, available, *rest = value
    return NodeView(name, id_, index, total, labels, MappingProxyType(dict(available)), *rest)


def _about(hook: str, payload: Payload, value: Callable[[int], Any]) -> str:
    match hook:
        case "place":
            return f"when asked about {value(payload[0]).id}"
        case "retry":
            return f"in retry, asked about {value(payload[0]).id}"
        case "migrate":
            return f"in migrate, asked to make room for {value(payload[0]).actor}"
        case _:
            return f"in {hook}, asked about {', '.join(value(number).id for number in payload[0][:5])}"


def orders(count: int, rounds: int) -> Iterator[int]:
    """Positions of questions that are put again: all of them in each round, from the second on in another order."""
    order = list(range(count))
    for number in range(rounds):
        if number:
            Random(number).shuffle(order)
        yield from order
