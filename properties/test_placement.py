"""Ray's placement functions on drawn clusters and requests: what every answer owes, whichever policy gave it.

Brute force stands against the policies here: whether a node could serve a request is asked of plain numbers, and
whether bundles fit is asked of their sums. What exactly Ray chooses among the legal answers is pinned by its vectors.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from rayproof.model.graph import BundleStrategy, Default, NodeAffinity, Resources, Spread
from rayproof.model.kernel import Name
from rayproof.model.scheduler.ray import (
    NIL,
    Argument,
    HybridOptions,
    LabelConstraint,
    LabelOperator,
    LeaseOptions,
    NodeResources,
    Request,
    Status,
    allocate,
    best_for_lease,
    bundle_affinity,
    hybrid,
    is_legal_placement,
    lease_target,
    node_label,
    order_by_rank,
    random_node,
    release,
    schedule_bundles,
    whole_instances,
)
from rayproof.model.scheduler.ray.cluster_scheduler import NodeLabels
from rayproof.model.scheduler.ray.hybrid import truncated
from rayproof.model.scheduler.ray.locality import OwnerStrategy
from rayproof.properties.suite.shared import present

NAMES = ("a", "b", "c", "d")

amounts = st.fixed_dictionaries({"CPU": st.integers(0, 4), "GPU": st.sampled_from((0, 0, 0, 1, 2))})
constraints = st.builds(
    LabelConstraint,
    st.just("zone"),
    st.sampled_from(LabelOperator),
    st.sampled_from((("x",), ("y",), ("x", "y"))),
)


@st.composite
def nodes(draw: st.DrawFn) -> list[NodeResources]:
    """One to four nodes, some of them full, draining or dead."""
    made = []
    for name in NAMES[: draw(st.integers(1, len(NAMES)))]:
        total = draw(amounts)
        free = {of: draw(st.integers(0, amount)) for of, amount in total.items()}
        zone = draw(st.sampled_from(("", "x", "y")))
        made.append(
            NodeResources(
                name,
                Resources.from_amounts(total),
                dict(Resources.from_amounts(free).units),
                (("zone", zone),) if zone else (),
                draining=draw(st.sampled_from((False, False, False, True))),
                alive=draw(st.sampled_from((True, True, True, False))),
                pulls_queued=draw(st.booleans()),
            )
        )
    return made


requests = st.builds(
    Request,
    amounts.map(Resources.from_amounts),
    st.lists(constraints, max_size=1).map(tuple),
    st.booleans(),
)
strategies = st.one_of(
    st.just(Default()),
    st.just(Spread()),
    st.builds(NodeAffinity, st.sampled_from(NAMES), st.booleans(), st.booleans()),
    st.builds(NodeLabels, st.lists(constraints, max_size=1).map(tuple), st.lists(constraints, max_size=1).map(tuple)),
)
lease_options = st.builds(LeaseOptions, st.booleans(), st.booleans(), st.booleans(), st.booleans())


def allows(constraint: LabelConstraint, node: NodeResources) -> bool:
    """What a label constraint says, in plain words."""
    zone = dict(node.labels).get("zone")
    return {
        LabelOperator.IN: zone in constraint.values,
        LabelOperator.NOT_IN: zone not in constraint.values,
        LabelOperator.EXISTS: zone is not None,
        LabelOperator.DOES_NOT_EXIST: zone is None,
    }[constraint.operator]


def could(node: NodeResources, request: Request) -> bool:
    """Whether a node could serve a request when empty."""
    return (
        node.alive
        and not node.draining
        and all(amount <= node.total.fixed(name) for name, amount in request.resources)
        and all(allows(constraint, node) for constraint in request.labels)
    )


def can(node: NodeResources, request: Request, *, pulls: bool = True) -> bool:
    """Whether it could serve it now. `pulls`: whether objects that wait for room on it matter."""
    room = all(amount <= node.free.get(name, 0) for name, amount in request.resources)
    return could(node, request) and room and not (pulls and request.needs_object_store and node.pulls_queued)


def test_a_lease_goes_where_it_can_be_served() -> None:
    """Every answer is a living node that could serve the lease; none is refused that some node could serve."""

    @seed(present().seed)
    @present().volume(2)
    @given(nodes(), requests, strategies, st.integers(0, 3), lease_options, st.data())
    def run(
        known: list[NodeResources],
        request: Request,
        strategy: Any,
        cursor: int,
        options: LeaseOptions,
        data: st.DataObject,
    ) -> None:
        local = data.draw(st.sampled_from([node.name for node in known]))
        decision = best_for_lease(known, request, strategy, local, cursor % len(known), options)
        able = {node.name for node in known if could(node, request)}
        assert set(decision.answer.nodes) <= able
        assert 0 <= decision.cursor < max(1, len(known))
        if decision.infeasible:
            assert not decision.answer
        if isinstance(strategy, Spread) and options.exclude_local and not options.actor_creation:
            assert decision.answer.certain != local
        if isinstance(strategy, NodeAffinity) and not strategy.soft and not options.prefer_local:
            assert set(decision.answer.nodes) <= {strategy.node}
        plain = isinstance(strategy, Default | Spread) and not (options.exclude_local or options.actor_creation)
        if plain and options.has_raylet:
            assert bool(decision.answer) == bool(able)

    run()


def test_free_nodes_come_first() -> None:
    """HYBRID answers with busy nodes only when none has room, and then with the least loaded of its candidates."""

    @seed(present().seed)
    @present().volume(2)
    @given(nodes(), requests, st.sampled_from((0.0, 0.5, 1.0)), st.integers(1, 2), st.booleans(), st.data())
    def run(
        known: list[NodeResources],
        request: Request,
        threshold: float,
        best: int,
        spares_gpus: bool,
        data: st.DataObject,
    ) -> None:
        local = data.draw(st.sampled_from([node.name for node in known]))
        options = HybridOptions(threshold, best, 0.2, spares_gpus)
        answer = hybrid(known, request, local, options)
        free = {node.name for node in known if can(node, request, pulls=node.name != local)}
        assert set(answer.nodes) <= (free or {node.name for node in known if could(node, request)})
        if answer:
            assert sum(answer.probability(name) for name in answer.nodes) == 1
            assert len(answer.nodes) <= best
        scores = {node.name: truncated(node.utilization, threshold) for node in known}
        if free and not (spares_gpus and not request.resources.fixed("GPU")):
            ranked = sorted(scores[name] for name in free)
            assert sorted(scores[name] for name in answer.nodes) == ranked[: len(answer.nodes)]
            if local in free and scores[local] == ranked[0]:
                assert answer.certain == local

    run()


def test_labels_and_draws() -> None:
    """Hard labels bind, soft ones choose among equals; the random policy takes whoever can serve now."""

    @seed(present().seed)
    @present().volume(2)
    @given(nodes(), requests, st.lists(constraints, max_size=1), st.lists(constraints, max_size=1))
    def run(
        known: list[NodeResources], request: Request, hard: list[LabelConstraint], soft: list[LabelConstraint]
    ) -> None:
        answer = node_label(known, request, tuple(hard), tuple(soft))
        allowed = [node for node in known if could(node, request) and all(allows(c, node) for c in hard)]
        chosen = [node for node in known if node.name in answer]
        assert {node.name for node in chosen} <= {node.name for node in allowed}
        assert bool(answer) == bool(allowed)
        if any(can(node, request) for node in allowed):
            assert all(can(node, request) for node in chosen)
            if any(can(node, request) and all(allows(c, node) for c in soft) for node in allowed):
                assert all(allows(c, node) for c in soft for node in chosen)
        drawn = random_node(known, request, order_known=True)
        assert set(drawn.nodes) == {node.name for node in known if can(node, request, pulls=False)}
        if drawn:
            assert sum(map(drawn.probability, drawn.nodes)) == Fraction(1)
        assert random_node(known, request) == NIL if not drawn else True

    run()


@dataclass(frozen=True)
class Group:
    """Bundles to place."""

    bundles: tuple[Request, ...]
    strategy: BundleStrategy


groups = st.builds(
    Group,
    st.lists(st.builds(Request, amounts.map(Resources.from_amounts)), min_size=1, max_size=3).map(tuple),
    st.sampled_from(BundleStrategy),
)


def fits(known: list[NodeResources], group: Group, placement: tuple[Name, ...]) -> bool:
    """Whether bundles fit into what is free on the nodes they lie on."""
    asked: Counter[tuple[Name, str]] = Counter()
    for bundle, node in zip(group.bundles, placement, strict=True):
        for name, amount in bundle.resources:
            asked[node, name] += amount
    free = {node.name: node.free for node in known}
    return all(amount <= free[node].get(name, 0) for (node, name), amount in asked.items())


def test_bundles_fit_together_and_keep_their_strategy() -> None:
    """Every outcome fits, lies together or apart as its strategy says, and is one that Ray could have given."""

    @seed(present().seed)
    @present().volume(2)
    @given(nodes(), groups, st.frozensets(st.sampled_from(NAMES), max_size=1), st.sampled_from((None, *NAMES)))
    def run(known: list[NodeResources], group: Group, used: frozenset[Name], target: Name | None) -> None:
        alive = {node.name for node in known if node.usable}
        outcomes = list(schedule_bundles(known, group.bundles, group.strategy, used_by_group=used, soft_target=target))
        assert outcomes and len(set(outcomes)) == len(outcomes)
        for outcome in outcomes:
            if outcome.status is not Status.SUCCESS:
                assert not outcome.nodes
                continue
            placed = outcome.nodes
            assert len(placed) == len(group.bundles) and set(placed) <= alive
            assert fits(known, group, placed)
            if group.strategy is BundleStrategy.STRICT_PACK:
                assert len(set(placed)) == 1
                whole = [name for name in alive if fits(known, group, (name,) * len(placed))]
                assert placed[0] == target or target not in whole
            if group.strategy is BundleStrategy.STRICT_SPREAD:
                assert len(set(placed)) == len(placed) and not used & set(placed)
            assert is_legal_placement(
                known, group.bundles, group.strategy, placed, used_by_group=used, soft_target=target
            )
        if group.strategy is BundleStrategy.STRICT_PACK:
            whole = [name for name in alive if fits(known, group, (name,) * len(group.bundles))]
            assert (outcomes[0].status is Status.SUCCESS) == bool(whole)
        everywhere = tuple(known[0].name for _ in group.bundles)
        if not fits(known, group, everywhere) or not known[0].usable:
            assert not is_legal_placement(known, group.bundles, group.strategy, everywhere)

    run()


def test_a_bundle_task_runs_in_its_bundle() -> None:
    """A lease of a group goes to the node of its bundle, or of any when it names none, and waits for room there."""

    @seed(present().seed)
    @present().volume(2)
    @given(nodes(), requests, st.integers(-1, 2), st.data())
    def run(known: list[NodeResources], request: Request, index: int, data: st.DataObject) -> None:
        names = st.sampled_from([node.name for node in known])
        bundles = {number: data.draw(names) for number in range(data.draw(st.integers(1, 3)))}
        answer = bundle_affinity(known, request, bundles, index, "g")
        where = set(bundles.values()) if index == -1 else {bundles.get(index)}
        able = {node.name for node in known if can(node, request) and node.name in where}
        assert set(answer.nodes) <= able and bool(answer) == bool(able)

    run()


def test_the_owner_asks_where_most_bytes_are() -> None:
    """Locality asks a node that holds no fewer bytes than any other, if its address is known."""

    @seed(present().seed)
    @present().volume(2)
    @given(
        st.lists(
            st.builds(
                Argument,
                st.sampled_from((None, 0, 1, 8)),
                st.lists(st.sampled_from(NAMES), max_size=3, unique=True).map(tuple),
            ),
            max_size=4,
        ),
        st.sampled_from(OwnerStrategy),
        st.frozensets(st.sampled_from(NAMES)),
        st.lists(st.sampled_from(NAMES), max_size=2),
    )
    def run(
        arguments: list[Argument], strategy: OwnerStrategy, reachable: frozenset[Name], selected: list[Name]
    ) -> None:
        target = lease_target(arguments, strategy, "own", target="a", selected=selected, reachable=reachable)
        held: Counter[Name] = Counter()
        for argument in arguments:
            held.update(dict.fromkeys(argument.nodes, argument.size_bytes or 0))
        assert target.node == "own" or target.node in reachable
        if target.by_locality:
            assert held[target.node] == max(held.values()) > 0
        elif strategy is OwnerStrategy.DEFAULT and not selected and reachable >= set(NAMES):
            assert not any(held.values())
        if strategy is OwnerStrategy.SPREAD:
            assert target.node == "own"
        elif selected and set(selected) & reachable:
            assert target.node in selected

    run()


def test_devices_come_back_as_they_were() -> None:
    """What is allocated fits and is given back whole; whole devices are never split."""

    @seed(present().seed)
    @present().volume(2)
    @given(st.integers(1, 4), st.lists(st.sampled_from((2_500, 5_000, 10_000, 20_000, 15_000)), max_size=6))
    def run(devices: int, demands: list[int]) -> None:
        free = whole_instances(Resources.of(GPU=devices)).get("GPU", ())
        empty, taken = free, []
        for demand in demands:
            allocation = allocate(free, demand)
            if allocation is None:
                continue
            assert sum(allocation) == demand and all(
                0 <= part <= left for part, left in zip(allocation, free, strict=True)
            )
            assert demand < 10_000 or len(free) == 1 or set(allocation) <= {0, 10_000}
            taken.append(allocation)
            free = tuple(left - part for left, part in zip(free, allocation, strict=True))
        for allocation in taken:
            free = release(free, allocation)
        assert free == empty

    run()


@pytest.mark.parametrize("count", [1, 2, 7])
def test_the_tie_break_order_is_one_of_the_nodes_themselves(count: int) -> None:
    """The same for every order in which they are named."""
    ids = [f"{number * 0x1F3D5B79:056x}" for number in range(count)]
    ordered = order_by_rank(ids)
    assert sorted(ordered) == sorted(ids)
    assert order_by_rank(reversed(ids)) == ordered
