"""Where the bundles of a placement group go: PACK, SPREAD, STRICT_PACK, STRICT_SPREAD.

Source: Ray 2.60, `bundle_scheduling_policy.cc::BundlePackSchedulingPolicy`, `BundleSpreadSchedulingPolicy`,
`BundleStrictPackSchedulingPolicy`, `BundleStrictSpreadSchedulingPolicy`; `scorer.cc::LeastResourceScorer`. Greedy, no
search: it may fail although a placement exists. Ties between nodes follow the order of a hash container, and bundles
that sort alike stand in any order, so there is a set of legal outcomes.

Left out: nodes of one topology (a rack, a GPU domain) as a unit, which `placement_group(topology_strategy=...)` asks
for. Scores are exact fractions, where Ray adds doubles: a tie here may be decided there by rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import groupby, permutations

from rayproof.model.graph import BundleStrategy, Resources
from rayproof.model.kernel import Name
from rayproof.model.scheduler.ray.labels import matches
from rayproof.model.scheduler.ray.node_order import murmur_hash_64a
from rayproof.model.scheduler.ray.view import Node, Request, covers, is_feasible

PREDEFINED = ("CPU", "memory", "GPU", "object_store_memory")


class Status(StrEnum):
    """How an attempt ended."""

    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    """No room now; tried again after a while."""
    INFEASIBLE = "INFEASIBLE"
    """No room ever on these nodes; tried again when a node joins."""


@dataclass(frozen=True, slots=True)
class BundleOutcome:
    """One legal outcome: a node for each bundle in the order of the request, or none."""

    status: Status
    nodes: tuple[Name, ...] = ()


Pick = Callable[[int, Sequence[Name]], Sequence[Name]]
"""(bundle, nodes that tie for it) -> those to go on with."""


def schedule_bundles(
    nodes: Sequence[Node],
    bundles: Sequence[Request],
    strategy: BundleStrategy,
    *,
    used_by_group: frozenset[Name] = frozenset(),
    soft_target: Name | None = None,
) -> Iterator[BundleOutcome]:
    """The legal outcomes, the one that breaks every tie by the order of `nodes` first.

    Lazy, as there can be many. Equal bundles keep their order; exchanging them gives further legal outcomes.
    `used_by_group`: nodes that hold a bundle of the group already. Dead and draining nodes are no candidates.
    """
    return _outcomes(nodes, bundles, strategy, used_by_group, soft_target, lambda bundle, ties: ties, None)


def is_legal_placement(
    nodes: Sequence[Node],
    bundles: Sequence[Request],
    strategy: BundleStrategy,
    placement: Sequence[Name],
    *,
    used_by_group: frozenset[Name] = frozenset(),
    soft_target: Name | None = None,
) -> bool:
    """Whether Ray could have answered with this node for each bundle."""

    def pick(bundle: int, ties: Sequence[Name]) -> Sequence[Name]:
        return [node for node in ties if node == placement[bundle]]

    found = _outcomes(nodes, bundles, strategy, used_by_group, soft_target, pick, tuple(placement))
    return any(outcome.nodes == tuple(placement) for outcome in found)


def _outcomes(
    nodes: Sequence[Node],
    bundles: Sequence[Request],
    strategy: BundleStrategy,
    used_by_group: frozenset[Name],
    soft_target: Name | None,
    pick: Pick,
    wanted: tuple[Name, ...] | None,
) -> Iterator[BundleOutcome]:
    candidates = [node for node in nodes if node.usable]
    if strategy is BundleStrategy.STRICT_SPREAD:
        candidates = [node for node in candidates if node.name not in used_by_group]
    if strategy is BundleStrategy.STRICT_PACK:
        yield from _strict_pack(candidates, bundles, soft_target, pick)
        return
    if (
        not candidates
        or any(not any(is_feasible(node, bundle) for node in candidates) for bundle in bundles)
        or (strategy is BundleStrategy.STRICT_SPREAD and len(bundles) > len(candidates))
    ):
        yield BundleOutcome(Status.INFEASIBLE)
        return
    seen: set[BundleOutcome] = set()
    walk = _pack if strategy is BundleStrategy.PACK else _spread
    for order in _orders(bundles, wanted):
        room = {node.name: dict(node.free) for node in candidates}
        for placed in walk(candidates, bundles, order, room, {}, strategy, pick):
            done = len(placed) == len(bundles)
            outcome = (
                BundleOutcome(Status.SUCCESS, tuple(placed[i] for i in range(len(bundles))))
                if done
                else BundleOutcome(Status.FAILED)
            )
            if outcome not in seen:
                seen.add(outcome)
                yield outcome


def _pack(
    nodes: Sequence[Node],
    bundles: Sequence[Request],
    order: tuple[int, ...],
    room: dict[Name, dict[str, int]],
    placed: dict[int, Name],
    strategy: BundleStrategy,
    pick: Pick,
) -> Iterator[dict[int, Name]]:
    """The best node for the first bundle takes every other that fits, in order; then the next node."""
    if not order:
        yield placed
        return
    ties = _best(nodes, bundles[order[0]], room)
    if not ties:
        yield {}
    for node in pick(order[0], ties):
        left = dict(room[node])
        here, rest = dict(placed), []
        labels = next(known.labels for known in nodes if known.name == node)
        for bundle in order:
            wanted = bundles[bundle]
            if covers(left, wanted.resources) and matches(wanted.labels, labels):
                _take(left, wanted.resources)
                here[bundle] = node
            else:
                rest.append(bundle)
        others = [known for known in nodes if known.name != node]
        yield from _pack(others, bundles, tuple(rest), room, here, strategy, pick)


def _spread(
    nodes: Sequence[Node],
    bundles: Sequence[Request],
    order: tuple[int, ...],
    room: dict[Name, dict[str, int]],
    placed: dict[int, Name],
    strategy: BundleStrategy,
    pick: Pick,
) -> Iterator[dict[int, Name]]:
    """Each bundle on the best node without one; SPREAD, but not STRICT_SPREAD, falls back on those with one."""
    if not order:
        yield placed
        return
    used = set(placed.values())
    ties = _best([node for node in nodes if node.name not in used], bundles[order[0]], room)
    if not ties and strategy is BundleStrategy.SPREAD:
        ties = _best([node for node in nodes if node.name in used], bundles[order[0]], room)
    if not ties:
        yield {}
    for node in pick(order[0], ties):
        left = {**room, node: dict(room[node])}
        _take(left[node], bundles[order[0]].resources)
        yield from _spread(nodes, bundles, order[1:], left, {**placed, order[0]: node}, strategy, pick)


def _strict_pack(
    nodes: Sequence[Node], bundles: Sequence[Request], soft_target: Name | None, pick: Pick
) -> Iterator[BundleOutcome]:
    total = Resources()
    for bundle in bundles:
        total = total + bundle.resources
    whole = Request(total, tuple(constraint for bundle in bundles for constraint in bundle.labels))
    feasible = [node for node in nodes if is_feasible(node, whole)]
    if not feasible:
        yield BundleOutcome(Status.INFEASIBLE)
        return
    room = {node.name: dict(node.free) for node in feasible}
    ties = _best([node for node in feasible if node.name == soft_target], whole, room) or _best(feasible, whole, room)
    if not ties:
        yield BundleOutcome(Status.FAILED)
    for node in pick(0, ties):
        yield BundleOutcome(Status.SUCCESS, (node,) * len(bundles))


def _best(nodes: Sequence[Node], bundle: Request, room: dict[Name, dict[str, int]]) -> list[Name]:
    """The nodes with the highest score: the emptiest ones, relative to what is asked."""
    scores = {
        node.name: score(room[node.name], bundle.resources)
        for node in nodes
        if covers(room[node.name], bundle.resources) and matches(bundle.labels, node.labels)
    }
    if not scores:
        return []
    highest = max(scores.values())
    return [name for name, value in scores.items() if value == highest]


def score(available: dict[str, int], demand: Resources) -> Fraction:
    """How much of what is free would stay free, summed over the resources asked for."""
    total = Fraction(0)
    for name, amount in demand.units:
        free = available.get(name, 0)
        if free:
            total += Fraction(free - amount, free)
    return total


def _take(room: dict[str, int], demand: Resources) -> None:
    for name, amount in demand.units:
        room[name] = room.get(name, 0) - amount


def sort_key(bundle: Request) -> tuple[tuple[int, ...], ...]:
    """Scarce resources first: GPU, custom ones in the order of their hash, object store, memory, CPU; most first."""
    amounts = bundle.resources
    custom = sorted((murmur_hash_64a(name.encode()), amount) for name, amount in amounts if name not in PREDEFINED)
    flat = tuple(-amount for _, amount in custom)
    return (
        (-amounts.fixed("GPU"),),
        (-len(flat), *flat),
        (-amounts.fixed("object_store_memory"), -amounts.fixed("memory"), -amounts.fixed("CPU")),
    )


def _orders(bundles: Sequence[Request], wanted: tuple[Name, ...] | None) -> Iterator[tuple[int, ...]]:
    """The orders in which an unstable sort may leave bundles, but for exchanges that cannot matter."""
    ranked = sorted(range(len(bundles)), key=lambda bundle: (sort_key(bundles[bundle]), bundle))
    groups = [list(group) for _, group in groupby(ranked, key=lambda bundle: sort_key(bundles[bundle]))]

    def kind(bundle: int) -> tuple[object, ...]:
        return bundles[bundle].resources, bundles[bundle].labels, wanted[bundle] if wanted else ""

    def arranged(groups: list[list[int]]) -> Iterator[tuple[int, ...]]:
        if not groups:
            yield ()
            return
        kinds = {kind(bundle) for bundle in groups[0]}
        seen: set[tuple[object, ...]] = set()
        for order in [tuple(groups[0])] if len(kinds) == 1 else permutations(groups[0]):
            signature = tuple(kind(bundle) for bundle in order)
            if signature not in seen:
                seen.add(signature)
                for rest in arranged(groups[1:]):
                    yield order + rest

    return arranged(groups)
