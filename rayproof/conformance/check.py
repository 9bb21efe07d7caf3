"""The check: every placement of a recording against the exact policies.

A placement is legal when some view that the deciding scheduler may have had gives its node. The moment of the decision
lies between the request for a node and the task's arrival at a worker; what was free on a node is known at that moment
up to the delay of views and up to resources that are held before the worker answers. The node is tried with the most
that it may have had free, the others with the least: policies are monotone in both.

Lease reuse: a task that came to a worker right after another of its scheduling key has had no decision of its own.

Left out: SPREAD's cursor (the log does not tell which lease request came first, so that any node with room is legal).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from rayproof.conformance.evidence import Evidence, Placed
from rayproof.conformance.waves import reachable, waves
from rayproof.model.graph import NodeAffinity, NodeId, PlacementGroup, Resources, Spread, TaskSpec
from rayproof.model.graph.program import DRIVER
from rayproof.model.scheduler.ray import (
    Argument,
    NodeAffinityOptions,
    NodeResources,
    Request,
    hybrid,
    is_available,
    node_affinity,
)
from rayproof.model.scheduler.ray.locality import most_bytes

STALENESS_US = 110_000
"""Views lag by 17 to 108 ms (`docs/conformance.md`)."""

REUSE_US = 100_000
"""A lease that stays unused longer has been given back."""

CLOCK_US = 1_000
"""Exactness of the times that Ray logs."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A placement that no view explains."""

    task: str
    node: NodeId
    rule: str
    """node_exists, alive, feasible, capacity, worker, affinity, bundle, spread, locality, hybrid or wave."""
    reason: str


@dataclass(frozen=True)
class Conformance:
    """What the check of one recording says."""

    name: str
    decisions: int
    reused: int
    """Placements explained by the reuse of a lease alone."""
    refusals: tuple[Refusal, ...]

    @property
    def exceptions(self) -> int:
        """Placements that were refused, each counted once."""
        return len({refusal.task for refusal in self.refusals})


def check_placements(evidence: Evidence) -> Conformance:
    """Check every placement of a recording."""
    return _Check(evidence).run()


class _Check:
    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.program = evidence.program
        self.spec = {node.id: node for node in evidence.recording.cluster.nodes}
        self.bundles = {(g.id, i): n for g in evidence.recording.groups for i, n in enumerate(g.nodes)}
        self.reused = 0
        self.by_node: dict[NodeId, list[Placed]] = {}
        for placed in evidence.placed:
            self.by_node.setdefault(placed.node, []).append(placed)

    def run(self) -> Conformance:
        refusals = [*self.capacity(), *self.workers()]
        for placed in self.evidence.placed:
            found = self.placement(placed)
            if found is not None:
                refusals.append(found)
        for wave in waves(self.evidence, lambda placed: self.key(self.program.tasks[placed.task])):
            if not reachable(self.evidence, wave):
                first = wave.placed[0]
                refusals.append(Refusal(first.task, first.node, "wave", f"no order of {len(wave.placed)} decisions"))
        return Conformance(self.evidence.name, len(self.evidence.placed), self.reused, tuple(refusals))

    # ---- what no scheduler may do ------------------------------------------------------------------------------------

    def capacity(self) -> list[Refusal]:
        """Bodies that hold more than their node has; the one that came last is refused."""
        refused = []
        for node, runs in self.by_node.items():
            if node not in self.spec:
                continue
            for run in runs:
                held = self.program.tasks[run.task].demand
                for other in runs:
                    if other is not run and _holds(other, run.start_us) and other.start_us <= run.start_us:
                        held = held + self.program.tasks[other.task].demand
                if not self.own(held).fits(self.spec[node].total):
                    refused.append(Refusal(run.task, node, "capacity", f"{held} runs on {self.spec[node].total}"))
        return refused

    def workers(self) -> list[Refusal]:
        """A worker process lives on one node and runs one body at a time."""
        refused = []
        by_worker: dict[str, list[Placed]] = {}
        for placed in self.evidence.placed:
            by_worker.setdefault(placed.worker, []).append(placed)
        for worker, runs in by_worker.items():
            home, _ = Counter(run.node for run in runs).most_common(1)[0]
            for run in runs:
                if run.node != home:
                    refused.append(Refusal(run.task, run.node, "worker", f"{worker} runs other tasks on {home}"))
                elif any(
                    other is not run and other.start_us <= run.start_us < other.end_us - CLOCK_US for other in runs
                ):
                    refused.append(Refusal(run.task, run.node, "worker", f"{worker} runs another body meanwhile"))
        return refused

    def own(self, demand: Resources) -> Resources:
        """What counts on a node itself: bundles of groups have amounts of their own."""
        return Resources(tuple((name, amount) for name, amount in demand.units if "_group_" not in name))

    # ---- what the policy of a task allows ----------------------------------------------------------------------------

    def placement(self, placed: Placed) -> Refusal | None:
        """Why a placement is not legal; None when it is."""
        spec = self.program.tasks[placed.task]
        node = self.spec.get(placed.node)

        def no(rule: str, reason: str) -> Refusal:
            return Refusal(placed.task, placed.node, rule, reason)

        if node is None:
            return no("node_exists", "no such node")
        joined, died = self.evidence.alive[placed.node]
        if not joined <= placed.start_us <= died:
            return no("alive", "the node was not there")
        if not spec.demand.fits(node.total):
            return no("feasible", f"the node has {node.total}, the task needs {spec.demand}")
        match spec.strategy:
            case PlacementGroup(group, bundle):
                allowed = [where for (of, i), where in self.bundles.items() if of == group and bundle in (-1, i)]
                places = ", ".join(map(str, allowed))
                return None if placed.node in allowed else no("bundle", f"its bundle is on {places}")
            case NodeAffinity(target, soft, spill):
                if not self.affinity_allows(placed, target, soft, spill):
                    return no("affinity", f"it belongs on {target}")
                return None
            case Spread():
                rule, legal = "spread", self.spread_allows(placed)
            case _:
                rule, legal = self.default_allows(placed, spec)
        if legal:
            return None
        if self.follows_its_key(placed):
            self.reused += 1
            return None
        return no(rule, "no view within the measured delay gives this node")

    def affinity_allows(self, placed: Placed, target: NodeId, soft: bool, spill: bool) -> bool:
        request = Request(self.program.tasks[placed.task].demand)
        options = NodeAffinityOptions(target, soft, spill, otherwise=self.evidence.options)
        return any(
            placed.node in node_affinity(view, request, self.evidence.head, options) for view in self.views(placed)
        )

    def spread_allows(self, placed: Placed) -> bool:
        """Any node with room; when none has any, any feasible one."""
        spec = self.program.tasks[placed.task]
        for view in self.views(placed):
            fits = [node.name for node in view if node.usable and is_available(node, Request(spec.demand))]
            if placed.node in fits or not fits:
                return True
        return False

    def default_allows(self, placed: Placed, spec: TaskSpec) -> tuple[str, bool]:
        """HYBRID from the raylet that was asked: the one with most argument bytes, else the submitter's."""
        request = Request(spec.demand)
        holders = self.holders(spec, placed)
        own = self.submitter(placed)
        for view in self.views(placed):
            for holder in holders:
                asked = own if holder is None else holder
                at = next((node for node in view if node.name == asked), None)
                if holder is not None and at is not None and at.usable and is_available(at, request):
                    if placed.node == holder:
                        return "locality", True
                    continue
                if placed.node in hybrid(view, request, asked, replace(self.evidence.options, preferred=asked)):
                    return "hybrid", True
        return ("locality" if holders != [None] else "hybrid"), False

    def holders(self, spec: TaskSpec, placed: Placed) -> list[NodeId | None]:
        """Raylets that the owner may have asked: copies made by consumers may be known to it or not."""
        made = [(item, self.evidence.made_on[item]) for item in spec.inputs if item in self.evidence.made_on]
        if not made:
            return [None]
        objects = self.program.objects
        first = [Argument(objects[item].size_bytes, (node,)) for item, node in made]
        copies = [
            Argument(objects[item].size_bytes, tuple(dict.fromkeys((node, *self.copied(item, placed)))))
            for item, node in made
        ]
        found: list[NodeId | None] = [most_bytes(first), most_bytes(copies)]
        if all(argument.size_bytes for argument in copies):
            most: Counter[NodeId] = Counter()
            for argument in copies:
                most.update(dict.fromkeys(argument.nodes, argument.size_bytes or 0))
            found += [node for node, held in most.items() if held == max(most.values())]
        return list(dict.fromkeys(found))

    def copied(self, item: str, placed: Placed) -> list[NodeId]:
        """Nodes on which a body had used an object before."""
        return [
            other.node
            for other in self.evidence.placed
            if other is not placed
            and other.waiting_us <= placed.placed_us
            and item in self.program.tasks[other.task].inputs
        ]

    def submitter(self, placed: Placed) -> NodeId:
        """The node of the process that asked for a lease."""
        parent = self.program.parent(placed.task)
        if parent == DRIVER:
            return self.evidence.head
        return next((other.node for other in self.evidence.placed if other.task == parent), self.evidence.head)

    def follows_its_key(self, placed: Placed) -> bool:
        """Whether the same worker had just run a task of the same scheduling key."""
        spec = self.program.tasks[placed.task]
        key = self.key(spec)
        return any(
            other is not placed
            and other.worker == placed.worker
            and other.node == placed.node
            and -CLOCK_US <= placed.placed_us - other.end_us <= REUSE_US
            and self.key(self.program.tasks[other.task]) == key
            for other in self.evidence.placed
        )

    def key(self, spec: TaskSpec) -> tuple[object, ...]:
        """Ray's scheduling key: class and arguments in the store."""
        return spec.name, spec.demand, spec.strategy, tuple(i for i in spec.inputs if i in self.evidence.made_on)

    # ---- views -------------------------------------------------------------------------------------------------------

    @cached_property
    def moments(self) -> list[int]:
        """When what is free on some node may have changed."""
        found: set[int] = set()
        for placed in self.evidence.placed:
            edges = (at for span in placed.blocked for at in span)
            for at in (placed.waiting_us, placed.placed_us, placed.end_us, *edges):
                found.update((at, at + STALENESS_US))
        return sorted(found)

    def views(self, placed: Placed) -> Iterator[Sequence[NodeResources]]:
        """What may have been seen: at each moment, the chosen node at its emptiest, the others at their fullest."""
        first, last = placed.waiting_us, placed.placed_us + CLOCK_US
        inner = self.moments[bisect_right(self.moments, first) : bisect_left(self.moments, last)]
        # The later, the likelier: what the check accepts, it mostly accepts at the first look.
        for at in (last, *reversed(inner), first):
            yield [self.node(name, at, placed) for name in self.evidence.order if name in self.spec]

    def node(self, name: NodeId, at: int, asking: Placed) -> NodeResources:
        """A node as it may have been seen at a moment."""
        spec, emptiest = self.spec[name], name == asking.node
        left = dict(spec.total.units)
        held = _surely_held if emptiest else _maybe_held
        for other in self.by_node.get(name, ()):
            if other is not asking and held(other, at):
                _take(left, self.program.tasks[other.task].demand)
        for resident in self.evidence.residents:
            if resident.node == name and not emptiest and resident.since_us <= at <= resident.until_us + STALENESS_US:
                _take(left, self.program.tasks[resident.task].demand)
        joined, died = self.evidence.alive[name]
        return NodeResources(name, spec.total, left, spec.labels, alive=joined <= at and (emptiest or at <= died))


def _take(left: dict[str, int], demand: Resources) -> None:
    for name, amount in demand.units:
        left[name] = max(0, left.get(name, 0) - amount)


def _holds(run: Placed, at: int) -> bool:
    """Whether a body ran, and was not blocked, at a moment."""
    return run.start_us <= at < run.end_us and not any(low <= at <= high for low, high in run.blocked)


def _surely_held(run: Placed, at: int) -> bool:
    """Whether every view at a moment shows an attempt's resources as held."""
    if any(low <= at <= high + STALENESS_US for low, high in run.blocked):
        return False
    return run.placed_us + STALENESS_US <= at < run.end_us


def _maybe_held(run: Placed, at: int) -> bool:
    """Whether some view at a moment shows them as held."""
    return run.waiting_us <= at <= run.end_us + STALENESS_US
