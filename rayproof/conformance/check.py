"""The check: every placement of a recording against the exact policies.

A placement is legal when some view that the deciding scheduler may have had gives its node. The moment of the decision
lies between the request for a node and the task's arrival at a worker; what was free on a node is known at that moment
up to the delay of views and up to resources that are held before the worker answers. The node is tried with the most
that it may have had free, the others with the least: policies are monotone in both.

Lease reuse: a task that came to a worker right after another of its scheduling key has had no decision of its own.

What no view gives is refused, unless the recording leaves open something that may explain it: then it is undetermined.
Left out: SPREAD's cursor (the log does not tell which lease request came first, so that any node with room is legal).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from rayproof.conformance.answers import Answer
from rayproof.conformance.evidence import FAR, Evidence, Placed, Resident
from rayproof.conformance.usage import Usage
from rayproof.conformance.waves import reachable, waves
from rayproof.model.graph import NodeAffinity, NodeId, PlacementGroup, Resources, Spread, TaskSpec
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

LOOKS = 2_000
"""Moments at which one placement is tried, the latest first."""

ALL_LOOKS = 200_000
"""Moments for all placements of a recording together."""

UNREAD = ("label_selector", "fallback_strategy", "memory", "object_store_memory", "accelerator_type")
"""Options that narrow where a task may run and that are not read."""

Progress = Callable[[int, int], None]
"""(placements judged, of how many) -> None"""


@dataclass(frozen=True, slots=True)
class Placement:
    """What is said of one placement."""

    task: str
    attempt: int
    node: NodeId
    answer: Answer
    line: int | None = None
    """Of the recording, where the body begins."""
    rule: str = ""
    """Of one that is not allowed: node_exists, alive, feasible, capacity, worker, affinity, bundle, spread, locality,
    hybrid or wave."""
    reason: str = ""


@dataclass(frozen=True)
class Conformance:
    """What the check of one recording says."""

    name: str
    placements: tuple[Placement, ...]
    """Every placement, in the order in which tasks were sent to workers."""
    reused: int
    """Placements explained by the reuse of a lease alone."""

    @property
    def decisions(self) -> int:
        """How many placements were judged."""
        return len(self.placements)

    @property
    def refusals(self) -> tuple[Placement, ...]:
        """Those that no view explains."""
        return tuple(placement for placement in self.placements if placement.answer is Answer.REFUSED)

    @property
    def exceptions(self) -> int:
        """Tasks with a placement that was refused."""
        return len({refusal.task for refusal in self.refusals})


def check_placements(evidence: Evidence, looks: int = ALL_LOOKS, report: Progress | None = None) -> Conformance:
    """Check every placement of a recording.

    `looks`: moments that are tried altogether; what is not decided by then is undetermined.
    """
    return _Check(evidence, looks).run(report)


class _TooManyLooksError(Exception):
    """The moments that may be tried are used up."""


class _Check:
    def __init__(self, evidence: Evidence, looks: int) -> None:
        self.evidence = evidence
        self.looks = looks
        self.program = evidence.program
        self.spec = {node.id: node for node in evidence.recording.cluster.nodes}
        self.bundles = {(g.id, i): n for g in evidence.recording.groups for i, n in enumerate(g.nodes)}
        self.reused = 0
        self.by_node: dict[NodeId, list[Placed]] = {}
        self.by_worker: dict[str, list[Placed]] = {}
        for placed in evidence.placed:
            self.by_node.setdefault(placed.node, []).append(placed)
            self.by_worker.setdefault(placed.worker, []).append(placed)

    def run(self, report: Progress | None) -> Conformance:
        impossible = {**self.workers(), **self.capacity()}
        found: dict[int, Placement] = {}
        for number, placed in enumerate(self.evidence.placed):
            found[id(placed)] = impossible.get(id(placed)) or self.placement(placed)
            if report is not None:
                report(number + 1, len(self.evidence.placed))
        for wave in waves(self.evidence, self.key):
            first = wave.placed[0]
            answer = reachable(self.evidence, wave)
            if answer is not Answer.ALLOWED and found[id(first)].answer is Answer.ALLOWED:
                why = f"no order of {len(wave.placed)} decisions"
                if answer is Answer.UNDETERMINED:
                    why = f"too many orders of {len(wave.placed)} decisions"
                found[id(first)] = self.no(first, "wave", why, answer)
        return Conformance(self.evidence.name, tuple(found.values()), self.reused)

    def no(self, placed: Placed, rule: str, reason: str, answer: Answer = Answer.REFUSED) -> Placement:
        """A placement that is not allowed."""
        return Placement(placed.task, placed.attempt, placed.node, answer, placed.line, rule, reason)

    # ---- what no scheduler may do ------------------------------------------------------------------------------------

    def capacity(self) -> dict[int, Placement]:
        """Bodies that hold more than their node has; the one that came last is refused."""
        refused = {}
        for node, runs in self.by_node.items():
            if node not in self.spec:
                continue
            total = dict(self.spec[node].total.units)
            running = Usage(change for run in runs for change in self.running(run))
            for run in runs:
                if all(amount <= total.get(name, 0) for name, amount in running.at(run.start_us).items()):
                    continue
                held = self.demand(run)
                for other in runs:
                    if other is not run and _holds(other, run):
                        held = held + self.demand(other)
                if not held.fits(self.spec[node].total):
                    why = f"{held} runs on {self.spec[node].total}"
                    refused[id(run)] = self.no(run, "capacity", why)
        return refused

    def running(self, run: Placed) -> Iterator[tuple[int, int, Resources]]:
        """When a body holds its resources for certain, from its first statement on."""
        demand = self.demand(run)
        yield run.start_us, 1, demand
        yield max(run.sure_us, run.start_us + 1), -1, demand
        for low, high in run.blocked:
            if run.start_us <= low < run.sure_us:
                yield low, -1, demand
                yield min(high + 1, run.sure_us), 1, demand

    def workers(self) -> dict[int, Placement]:
        """A worker process lives on one node and runs one body at a time."""
        refused = {}
        for worker, runs in self.by_worker.items():
            home, _ = Counter(run.node for run in runs).most_common(1)[0]
            busy = -FAR
            for run in sorted(runs, key=lambda run: run.start_us):
                if run.node != home:
                    refused[id(run)] = self.no(run, "worker", f"{worker} runs other tasks on {home}")
                elif run.start_us < busy - CLOCK_US:
                    refused[id(run)] = self.no(run, "worker", f"{worker} runs another body meanwhile")
                busy = max(busy, run.sure_us)
        return refused

    def demand(self, placed: Placed) -> Resources:
        """What an attempt holds."""
        return self.program.tasks[placed.task].demand

    # ---- what the policy of a task allows ----------------------------------------------------------------------------

    def placement(self, placed: Placed) -> Placement:
        """Whether a placement is legal."""
        try:
            rule, reason = self.broken(placed)
        except _TooManyLooksError:
            return self.no(placed, "looks", "too many moments at which it may have been decided", Answer.UNDETERMINED)
        if not rule:
            return Placement(placed.task, placed.attempt, placed.node, Answer.ALLOWED, placed.line)
        doubt = self.doubt(placed, rule)
        if doubt:
            return self.no(placed, rule, f"{reason}, but {doubt}", Answer.UNDETERMINED)
        return self.no(placed, rule, reason)

    def broken(self, placed: Placed) -> tuple[str, str]:
        """The rule that a placement breaks, and how; two empty strings for a legal one."""
        spec = self.program.tasks[placed.task]
        node = self.spec.get(placed.node)
        if node is None:
            return "node_exists", "no such node"
        joined, died = self.evidence.alive[placed.node]
        if not joined <= placed.start_us <= died:
            return "alive", "the node was not there"
        if not spec.demand.fits(node.total):
            return "feasible", f"the node has {node.total}, the task needs {spec.demand}"
        match spec.strategy:
            case PlacementGroup(group, bundle):
                allowed = [where for (of, i), where in self.bundles.items() if of == group and bundle in (-1, i)]
                places = ", ".join(str(where) for where in allowed if where is not None)
                legal = placed.node in allowed
                return ("", "") if legal else ("bundle", f"its bundle is on {places or 'a node that is not recorded'}")
            case NodeAffinity(target, soft, spill):
                legal = self.affinity_allows(placed, target, soft, spill)
                return ("", "") if legal else ("affinity", f"it belongs on {target}")
            case Spread():
                rule, legal = "spread", self.spread_allows(placed)
            case _:
                rule, legal = self.default_allows(placed, spec)
        if legal:
            return "", ""
        if self.follows_its_key(placed):
            self.reused += 1
            return "", ""
        return rule, "no view within the measured delay gives this node"

    def doubt(self, placed: Placed, rule: str) -> str:
        """What the recording leaves open that may explain a placement that breaks a rule; empty: nothing."""
        spec, row = self.program.tasks[placed.task], self.evidence.rows.get(placed.task)
        if row is not None:
            unread = [name for name in UNREAD if row.options.data.get(name)]
            if placed.task in self.evidence.strange:
                unread.append("scheduling strategy")
            if unread and rule != "alive":
                return f"its {' and '.join(unread)} is not read"
        match rule:
            case "feasible":
                declared = {name for node in self.spec.values() for name, _ in node.total.units}
                strange = [name for name, _ in spec.demand.units if name not in declared]
                return f"no node of the recording declares {strange[0]}" if strange else ""
            case "bundle":
                assert isinstance(spec.strategy, PlacementGroup)
                nodes = [where for (of, _), where in self.bundles.items() if of == spec.strategy.group]
                lost = not nodes or None in nodes
                return "where its group was is not recorded (it was removed or moved)" if lost else ""
            case "affinity":
                assert isinstance(spec.strategy, NodeAffinity)
                told = row is not None and "spill" in row.options.inner("strategy").data
                if spec.strategy.soft and not told and self.affinity_allows(placed, spec.strategy.node, True, True):
                    return "whether _spill_on_unavailable was given is not recorded"
                return self.evidence.doubts[0] if spec.strategy.soft and self.evidence.doubts else ""
            case "spread" | "locality" | "hybrid":
                unknown = [i for i in spec.inputs if i in self.evidence.made_on and i not in self.evidence.sizes]
                if unknown and rule != "spread":
                    return f"the size of {unknown[0]} is not recorded"
                return self.evidence.doubts[0] if self.evidence.doubts else ""
            case _:
                return ""

    def affinity_allows(self, placed: Placed, target: NodeId, soft: bool, spill: bool) -> bool:
        request = Request(self.demand(placed))
        options = NodeAffinityOptions(target, soft, spill, otherwise=self.evidence.options)
        return any(
            placed.node in node_affinity(view, request, own, options)
            for view in self.views(placed)
            for own in self.submitters(placed)
        )

    def spread_allows(self, placed: Placed) -> bool:
        """Any node with room; when none has any, any feasible one."""
        request = Request(self.demand(placed))
        for view in self.views(placed):
            fits = [node.name for node in view if node.usable and is_available(node, request)]
            if placed.node in fits or not fits:
                return True
        return False

    def default_allows(self, placed: Placed, spec: TaskSpec) -> tuple[str, bool]:
        """HYBRID from the raylet that was asked: the one with most argument bytes, else the submitter's."""
        request = Request(spec.demand)
        holders = self.holders(spec, placed)
        asked = dict.fromkeys(
            (node, holder is not None)
            for holder in holders
            for node in (self.submitters(placed) if holder is None else (holder,))
        )
        for view in self.views(placed):
            by_name = {node.name: node for node in view}
            for raylet, holds in asked:
                at = by_name.get(raylet)
                if holds and at is not None and at.usable and is_available(at, request):
                    if placed.node == raylet:
                        return "locality", True
                    continue
                if placed.node in hybrid(view, request, raylet, replace(self.evidence.options, preferred=raylet)):
                    return "hybrid", True
        return ("locality" if holders != [None] else "hybrid"), False

    def holders(self, spec: TaskSpec, placed: Placed) -> list[NodeId | None]:
        """Raylets that the owner may have asked: copies made by consumers may be known to it or not."""
        made = {item: self.evidence.made_on[item] for item in spec.inputs if item in self.evidence.made_on}
        if not made:
            return [None]
        sizes = self.evidence.sizes
        copies = {item: tuple(dict.fromkeys((*nodes, *self.copied(item, placed)))) for item, nodes in made.items()}
        known = [item for item in made if item in sizes]
        found: list[NodeId | None] = [
            most_bytes([Argument(sizes[item], made[item]) for item in known]),
            most_bytes([Argument(sizes[item], copies[item]) for item in known]),
        ]
        most: Counter[NodeId] = Counter()
        for item in known:
            most.update(dict.fromkeys(copies[item], sizes[item]))
        found += [node for node, held in most.items() if held == max(most.values())]
        if len(known) < len(made):
            # An unknown size may be any: each of the nodes may have most bytes, or none has any.
            found += [None, *(node for nodes in copies.values() for node in nodes)]
        return list(dict.fromkeys(found))

    def copied(self, item: str, placed: Placed) -> list[NodeId]:
        """Nodes on which somebody else had wanted an object before."""
        wanted = self.evidence.copies.get(item, {})
        return [
            node
            for node, times in wanted.items()
            if any(since <= placed.placed_us and by != placed.task for since, by in times)
        ]

    def submitters(self, placed: Placed) -> tuple[NodeId, ...]:
        """The nodes on which the process that asked for a lease may have been."""
        return self.evidence.homes.get(self.program.parent(placed.task), tuple(self.spec))

    def follows_its_key(self, placed: Placed) -> bool:
        """Whether the same worker had just run a task of the same scheduling key."""
        key = self.key(placed)
        return any(
            other is not placed
            and other.node == placed.node
            and -CLOCK_US <= placed.placed_us - other.end_us <= REUSE_US
            and self.key(other) == key
            for other in self.by_worker[placed.worker]
        )

    def key(self, placed: Placed) -> tuple[object, ...]:
        """Ray's scheduling key: class and arguments in the store."""
        spec = self.program.tasks[placed.task]
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

    @cached_property
    def surely(self) -> dict[NodeId, Usage]:
        """What every view shows as held on a node."""
        return {
            node: Usage(
                change for run in runs for low, high in _sure(run) for change in _hold(low, high, self.demand(run))
            )
            for node, runs in self.by_node.items()
        }

    @cached_property
    def perhaps(self) -> dict[NodeId, Usage]:
        """What some view may show as held on a node."""
        changes: dict[NodeId, list[tuple[int, int, Resources]]] = {node: [] for node in self.spec}
        for node, runs in self.by_node.items():
            for run in runs:
                changes.setdefault(node, []).extend(_hold(*_maybe(run), self.demand(run)))
        for resident in self.evidence.residents:
            low, high = _staying(resident)
            for node in self.spec if resident.node is None else (resident.node,):
                changes.setdefault(node, []).extend(_hold(low, high, resident.demand))
        return {node: Usage(found) for node, found in changes.items()}

    def views(self, placed: Placed) -> Iterator[Sequence[NodeResources]]:
        """What may have been seen: at each moment, the chosen node at its emptiest, the others at their fullest."""
        first, last = placed.waiting_us, placed.placed_us + CLOCK_US
        low, high = bisect_right(self.moments, first), bisect_left(self.moments, last)
        # The later, the likelier: what the check accepts, it mostly accepts at the first look.
        inner = (self.moments[at] for at in range(high - 1, low - 1, -1))
        for number, at in enumerate((last, *inner, first)):
            if number == LOOKS or not self.looks:
                raise _TooManyLooksError
            self.looks -= 1
            yield [self.node(name, at, placed) for name in self.evidence.order if name in self.spec]

    def node(self, name: NodeId, at: int, asking: Placed) -> NodeResources:
        """A node as it may have been seen at a moment."""
        spec, emptiest = self.spec[name], name == asking.node
        usage = (self.surely if emptiest else self.perhaps).get(name)
        held = {} if usage is None else usage.at(at)
        own: dict[str, int] = {}
        if emptiest and any(low <= at < high for low, high in _sure(asking)):
            own = dict(self.demand(asking).units)
        left = {name: max(0, amount - held.get(name, 0) + own.get(name, 0)) for name, amount in spec.total.units}
        joined, died = self.evidence.alive[name]
        return NodeResources(name, spec.total, left, spec.labels, alive=joined <= at and (emptiest or at <= died))


def _hold(low: int, high: int, demand: Resources) -> Iterator[tuple[int, int, Resources]]:
    if low < high:
        yield low, 1, demand
        yield high, -1, demand


def _holds(other: Placed, run: Placed) -> bool:
    """Whether a body held its resources when another was sent to its worker and began.

    One that was blocked meanwhile had given them away, and takes them again whether they are free or not.
    """
    blocked = any(low <= run.start_us and run.placed_us <= high for low, high in other.blocked)
    return other.start_us <= run.start_us < other.sure_us and not blocked


def _sure(run: Placed) -> Iterator[tuple[int, int]]:
    """While every view shows an attempt's resources as held: [from, to)."""
    since = run.placed_us + STALENESS_US
    for low, high in run.blocked:
        if since < low:
            yield since, min(low, run.sure_us)
        since = max(since, high + STALENESS_US + 1)
    if since < run.sure_us:
        yield since, run.sure_us


def _maybe(run: Placed) -> tuple[int, int]:
    """While some view may show them as held: [from, to)."""
    return run.waiting_us, run.end_us + STALENESS_US + 1


def _staying(resident: Resident) -> tuple[int, int]:
    return resident.since_us, resident.until_us + STALENESS_US + 1
