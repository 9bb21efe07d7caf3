"""A policy's decisions for a run of real Ray: its view kept from what processes tell, its answers held to the rules.

The same question as in `check`: `place(task, view, memory, ctx)`, one memory, one view of the whole cluster. What the
view says is what this decider knows: tasks that it has sent to a node and whose body has not ended hold their demand
there, unless they block in `get` or `wait`; inputs lie where they were made and where a body has consumed them.

Pure: no Ray, no clock, no sockets. `deciding` connects it with the processes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from rayproof.model.graph import Default, Hints, Resources
from rayproof.model.scheduler.paper.estimates import averaged
from rayproof.model.scheduler.policy.hooks import ClusterView, NodeView, Policy, TaskView, ask, initial_memory
from rayproof.model.scheduler.ray.locality import Argument
from rayproof.model.scheduler.ray.view import critical_utilization

T = TypeVar("T")

WEIGHT_PER_MILLE = 200
"""Of the newest body in the average time of a task on a node; as `check` simulates it."""

INLINE_BYTES = 100 * 1024
"""Smaller objects travel in messages and lie nowhere."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the real cluster."""

    id: str
    """Ray's id."""
    total: Resources
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A task that is about to be submitted."""

    name: str
    demand: Resources
    inputs: tuple[str, ...]
    origin: str
    """Id of the node that submits it."""
    hints: Hints = Hints()
    actor: bool = False


@dataclass(slots=True)
class _Sent:
    """A task on its way or running."""

    node: int
    demand: Resources
    inputs: tuple[str, ...]
    actor: bool
    started: float | None = None
    blocked: bool = False


class _Draws:
    """The policy's randomness, from the seed of the run."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def choose(self, options: Sequence[T], *, random: bool = False) -> T:
        """One of the options."""
        return options[self._random.randrange(len(options))]


@dataclass(slots=True)
class Decider:
    """The state of the decisions. Callers see to it that one call ends before the next begins."""

    policy: Policy
    nodes: list[Node]
    seed: int = 0
    bandwidth_bytes_per_s: int = 1_000_000_000
    version: int = 0
    """Grows with every change of the view: a task that waits is asked about again when it has."""
    chosen: Counter[str] = field(default_factory=Counter)
    """How many tasks were sent to each node, by Ray's id."""
    waits: int = 0
    """Answers that let a task wait."""
    _memory: Hashable = None
    _draws: Any = None
    _asked: int = 0
    _known: dict[str, _Sent] = field(default_factory=dict)
    """Every task that was sent; a retry comes to life again."""
    _sent: dict[str, _Sent] = field(default_factory=dict)
    """Those that are on their way or run."""
    _average_us: list[int] = field(default_factory=list)
    _where: dict[str, set[int]] = field(default_factory=dict)
    _bytes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._memory = initial_memory(self.policy)
        self._draws = _Draws(self.seed)
        self._average_us = [0] * len(self.nodes)

    # ---- questions ---------------------------------------------------------------------------------------------------

    def place(self, question: Question) -> str | None:
        """Ray's id of the node for a task, or None to let it wait. Raises `PolicyError`."""
        self._asked += 1
        task = TaskView(
            id=f"T{self._asked - 1}",
            name=question.name,
            demand=question.demand,
            inputs=question.inputs,
            strategy=Default(),
            again=False,
            hints=question.hints,
            actor=question.actor,
        )
        view = self.view(question)
        legal = {node.name for node in view.options}
        node, self._memory = ask(
            self.policy, task, view, self._memory, self._draws, legal=legal.__contains__, repeats=1
        )
        if node is None:
            self.waits += 1
            return None
        return self.nodes[view.numbers[node]].id

    def feasible(self, question: Question) -> bool:
        """Whether any node could ever run the task."""
        return any(question.demand.fits(node.total) for node in self.nodes)

    def view(self, question: Question) -> ClusterView:
        """What the policy sees."""
        held = [Counter[str]() for _ in self.nodes]
        queued = [0] * len(self.nodes)
        for sent in self._sent.values():
            queued[sent.node] += 0 if sent.actor and sent.started is not None else 1
            for name, amount in sent.demand.units:
                # As Ray does: what blocks gives back its CPUs, and nothing else.
                if not (sent.blocked and name == "CPU"):
                    held[sent.node][name] += amount
        views = []
        for i, node in enumerate(self.nodes):
            available = {name: max(0, amount - held[i][name]) for name, amount in node.total.units}
            views.append(
                NodeView(
                    name=f"N{i}",
                    id=f"N{i}",
                    index=i,
                    total=node.total,
                    labels=node.labels,
                    available=available,
                    queue_length=queued[i],
                    task_us=self._average_us[i],
                    utilization=critical_utilization(node.total, available),
                    alive=True,
                    gpu=node.total["GPU"] > 0,
                )
            )
        local: Counter[str] = Counter()
        arguments = []
        for item in question.inputs:
            size, where = self._bytes.get(item), sorted(self._where.get(item, ()))
            arguments.append(Argument(size, tuple(f"N{i}" for i in where)))
            for i in where:
                local[f"N{i}"] += size or 0
        numbers = {f"N{i}": i for i in range(len(self.nodes))}
        index = {node.id: i for i, node in enumerate(self.nodes)}
        return ClusterView(
            options=[view for view in views if question.demand.fits(view.total)],
            nodes=views,
            origin=f"N{index.get(question.origin, 0)}",
            bandwidth_bytes_per_s=self.bandwidth_bytes_per_s,
            input_bytes=sum(self._bytes.get(item, 0) for item in question.inputs),
            local_bytes=dict(local),
            ranking=sorted((view.queued_us, view.index) for view in views),
            by_load=sorted((view.utilization, view.index) for view in views),
            numbers=numbers,
            arguments=tuple(arguments),
        )

    # ---- what the processes tell -------------------------------------------------------------------------------------

    def submitted(self, task: str, node: str, question: Question) -> None:
        """A task has been sent to the node that was chosen for it; an actor under the actor's id."""
        self.chosen[node] += 1
        self._known[task] = _Sent(self._number(node), question.demand, question.inputs, question.actor)
        self._sent[task] = self._known[task]
        self.version += 1

    def started(self, task: str, node: str, now: float) -> None:
        """A body begins, wherever Ray has put it."""
        sent = self._known.get(task)
        if sent is not None:
            self._sent[task] = sent
            sent.node, sent.started, sent.blocked = self._number(node), now, False
            for item in sent.inputs:
                if item in self._where:
                    self._where[item].add(sent.node)
            self.version += 1

    def ended(self, task: str, now: float) -> None:
        """A body has ended; an actor goes on holding what it holds until it dies."""
        sent = self._sent.get(task)
        if sent is None or sent.actor:
            return
        del self._sent[task]
        if sent.started is not None:
            sample = max(1, round((now - sent.started) * 1e6))
            self._average_us[sent.node] = averaged(self._average_us[sent.node], sample, WEIGHT_PER_MILLE)
        self.version += 1

    def died(self, task: str) -> None:
        """A task or an actor runs no more: cancelled, killed, out of scope, its process gone."""
        if self._sent.pop(task, None) is not None:
            self.version += 1

    def blocked(self, task: str, blocked: bool) -> None:
        """A body enters or leaves `get` or `wait`."""
        sent = self._sent.get(task)
        if sent is not None and sent.blocked != blocked:
            sent.blocked = blocked
            self.version += 1

    def made(self, item: str, size: int, node: str) -> None:
        """An object lies on a node."""
        self._bytes[item] = size
        if size >= INLINE_BYTES:
            self._where.setdefault(item, set()).add(self._number(node))

    def hopeless(self) -> bool:
        """Whether nothing that runs could change the view: all that was sent is blocked, or nothing was."""
        return all(sent.blocked or (sent.actor and sent.started is not None) for sent in self._sent.values())

    def _number(self, node: str) -> int:
        return next((i for i, known in enumerate(self.nodes) if known.id == node), 0)


def demand_of(options: Mapping[str, Any], actor: bool) -> Resources:
    """What a task or actor asks for, with Ray's defaults: a task 1 CPU, an actor nothing while it runs."""
    asked = {"GPU": options.get("num_gpus") or 0, **(options.get("resources") or {})}
    usual = 0 if actor and not any(asked.values()) else 1
    cpus = options.get("num_cpus")
    return Resources.from_amounts({"CPU": usual if cpus is None else cpus, **asked})
