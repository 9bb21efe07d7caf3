"""What the vectors of Ray's own tests leave open: tie-break order, draws, devices, labels, ties of bundles."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayproof.model.graph import BundleStrategy, NodeAffinity, Resources
from rayproof.model.scheduler.ray import (
    Answer,
    Argument,
    HybridOptions,
    LabelConstraint,
    LabelOperator,
    NodeAffinityOptions,
    NodeResources,
    Request,
    Status,
    allocate,
    bundle_affinity,
    hybrid,
    is_legal_placement,
    lease_target,
    murmur_hash_64a,
    node_affinity,
    node_label,
    order_by_rank,
    random_node,
    release,
    schedule_bundles,
    whole_instances,
)
from rayproof.model.scheduler.ray.answer import any_of
from rayproof.model.scheduler.ray.cluster_scheduler import best_for_strategy
from rayproof.model.scheduler.ray.locality import OwnerStrategy


def node(name: str, cpu: float, free: float | None = None, **labels: str) -> NodeResources:
    total = Resources.of(CPU=cpu)
    left = total if free is None else Resources.of(CPU=free)
    return NodeResources(name, total, dict(left.units), tuple(labels.items()))


CPU = Request(Resources.of(CPU=1))


def test_ties_follow_a_signed_hash_of_the_id() -> None:
    assert murmur_hash_64a(b"local") == -3261402643749128568
    # What `std::hash<std::string>` of libstdc++ 12 says of these; an id has 28 bytes.
    assert murmur_hash_64a(b"12345678") == -8332907654791504731
    assert murmur_hash_64a(b"123456789abc") == 4852100995784122604
    assert murmur_hash_64a(b"\x07" * 28) == 2976735701677938454
    ids = [f"{i:056x}" for i in range(6)]
    ordered = order_by_rank(ids)
    assert sorted(ordered) == ids
    assert ordered not in (ids, ids[::-1])


def test_top_k_counts_all_nodes_and_draws_fairly() -> None:
    nodes = [node(f"n{i}", 1) for i in range(4)] + [node(f"none{i}", 0) for i in range(6)]
    answer = hybrid(nodes, CPU, "none0", HybridOptions())
    assert answer.nodes == ("n0", "n1")
    assert answer.probability("n1") == Fraction(1, 2)
    assert answer.probability("n2") == 0


def test_a_busy_cluster_keeps_a_task_at_home_among_equals() -> None:
    nodes = [node("a", 1, 0), node("b", 1, 0)]
    assert hybrid(nodes, CPU, "b", HybridOptions()).certain == "b"
    assert not hybrid(nodes, CPU, "b", HybridOptions(require_available=True))


def test_waiting_pulls_close_a_node_to_all_but_those_who_prefer_it() -> None:
    request = Request(Resources.of(CPU=1), needs_object_store=True)
    nodes = [NodeResources(name, Resources.of(CPU=1), {"CPU": 10_000}, pulls_queued=True) for name in "abc"]
    assert not hybrid(nodes, request, "", HybridOptions(require_available=True))
    assert hybrid(nodes, request, "b", HybridOptions(require_available=True)).certain == "b"
    assert hybrid(nodes, CPU, "", HybridOptions(require_available=True)).nodes == ("a",)


def test_one_of_a_hash_container_is_certain_and_of_more_none_is() -> None:
    assert any_of(["a"]).certain == "a"
    assert any_of(["a", "b"]).certain is None
    assert any_of(["a", "b"]).nodes == ("a", "b")


def test_soft_affinity_stays_at_a_busy_node_unless_told_to_spill() -> None:
    nodes = [node("a", 1, 0), node("b", 1)]
    assert node_affinity(nodes, CPU, "b", NodeAffinityOptions("a", soft=True)).certain == "a"
    assert node_affinity(nodes, CPU, "b", NodeAffinityOptions("a", True, spill_on_unavailable=True)).certain == "b"


def test_tasks_without_gpus_keep_off_nodes_that_have_some_unless_told_otherwise() -> None:
    total = Resources.of(CPU=1, GPU=1)
    nodes = [NodeResources("a", total, dict(total.units), ()), node("b", 1)]
    assert hybrid(nodes, CPU, "a", HybridOptions()).certain == "b"
    assert hybrid(nodes, CPU, "a", HybridOptions(avoid_gpu_nodes=False)).certain == "a"


def test_an_actor_that_needs_nothing_goes_anywhere_but_where_it_has_to_go() -> None:
    nodes, nothing = [node("a", 1), node("b", 1)], Request(Resources())
    for strategy, expected in ((NodeAffinity("b"), ("b",)), (NodeAffinity("b", soft=True), ("a", "b"))):
        answer, cursor = best_for_strategy(nodes, nothing, strategy, "a", 3, actor_creation=True)
        assert (answer.nodes, cursor) == (expected, 3)


def test_the_random_policy_favours_nodes_behind_gaps() -> None:
    nodes = [node("a", 1), node("full", 1, 0), node("gone", 0), node("b", 1)]
    assert random_node(nodes, CPU).probability("b") == Fraction(1, 2)
    known = random_node(nodes, CPU, order_known=True)
    assert (known.probability("a"), known.probability("b")) == (Fraction(1, 4), Fraction(3, 4))


def test_labels_prefer_free_then_soft() -> None:
    nodes = [node("a", 1, 0, zone="x", disk="ssd"), node("b", 1, 1, zone="x"), node("c", 1, 1, zone="y")]
    hard = (LabelConstraint("zone", LabelOperator.IN, ("x",)),)
    soft = (LabelConstraint("disk", LabelOperator.EXISTS),)
    assert node_label(nodes, CPU, hard, soft).certain == "b"
    assert set(node_label(nodes, CPU, ()).nodes) == {"b", "c"}
    assert not node_label(nodes, CPU, (LabelConstraint("zone", LabelOperator.IN, ("z",)),))
    absent = (LabelConstraint("zone", LabelOperator.NOT_IN, ("x", "y")),)
    assert node_label([node("d", 1)], CPU, absent).certain == "d"


def test_a_bundle_task_goes_to_its_bundle_or_waits() -> None:
    group = Request(Resources.of(CPU_group_g=1))
    full = NodeResources("a", Resources.of(CPU_group_g=1), {})
    free = NodeResources("b", Resources.of(CPU_group_g=1, GPU_group_g=1), {"CPU_group_g": 10_000})
    placed = {0: "a", 1: "b"}
    assert not bundle_affinity([full, free], group, placed, 0, "g")
    assert bundle_affinity([full, free], group, placed, 1, "g").certain == "b"
    assert bundle_affinity([full, free], group, placed, -1, "g").certain == "b"


def test_the_owner_asks_the_first_node_to_exceed_the_others() -> None:
    tie = [Argument(8, ("a",)), Argument(8, ("b",)), Argument(None, ("c",))]
    assert lease_target(tie, OwnerStrategy.DEFAULT, "own").node == "a"
    assert lease_target([*tie, Argument(1, ("b",))], OwnerStrategy.DEFAULT, "own").node == "b"
    both = [Argument(3, ("a",)), Argument(2, ("b",)), Argument(3, ("b",))]
    assert lease_target(both, OwnerStrategy.DEFAULT, "own").node == "b"
    assert lease_target(tie, OwnerStrategy.DEFAULT, "own", selected=("x", "y"), reachable=("y",)).node == "y"


def test_devices_are_whole_or_one_fragment() -> None:
    assert whole_instances(Resources.of(CPU=2, GPU=2)) == {"CPU": (20_000,), "GPU": (10_000, 10_000)}
    assert (allocate((20_000,), 15_000), allocate((10_000,), 15_000)) == ((15_000,), None)
    free = (10_000, 10_000)
    half = allocate(free, 5_000)
    assert half == (5_000, 0)
    left = tuple(a - b for a, b in zip(free, half, strict=True))
    assert allocate(left, 5_000) == (5_000, 0)
    assert allocate(left, 10_000) == (0, 10_000)
    assert allocate(left, 15_000) is None
    assert release(left, half) == free
    with pytest.raises(ValueError, match="longer"):
        release(free, (0, 0, 0))


@given(st.lists(st.sampled_from([3_000, 5_000, 7_000, 10_000, 20_000]), max_size=12))
def test_devices_come_back_as_they_went(demands: list[int]) -> None:
    free: tuple[int, ...] = (10_000,) * 4
    held = []
    for demand in demands:
        taken = allocate(free, demand)
        if taken is not None:
            assert sum(taken) == demand
            free = tuple(a - b for a, b in zip(free, taken, strict=True))
            assert all(0 <= amount <= 10_000 for amount in free)
            held.append(taken)
    for taken in held:
        free = release(free, taken)
    assert free == (10_000,) * 4


@pytest.mark.parametrize("strategy", list(BundleStrategy))
def test_every_way_to_break_a_tie_is_a_legal_placement(strategy: BundleStrategy) -> None:
    nodes = [node("a", 4), node("b", 4), node("c", 2)]
    bundles = [Request(Resources.of(CPU=1))] * 2
    placements = {outcome.nodes for outcome in schedule_bundles(nodes, bundles, strategy)}
    assert len(placements) == 2
    every = [(x.name, y.name) for x in nodes for y in nodes]
    assert {pair for pair in every if is_legal_placement(nodes, bundles, strategy, pair)} == placements


def test_equal_bundles_with_different_labels_may_stand_in_either_order() -> None:
    nodes = [node("a", 1, zone="x"), node("b", 1)]
    fussy = Request(Resources.of(CPU=1), (LabelConstraint("zone", LabelOperator.IN, ("x",)),))
    bundles = [Request(Resources.of(CPU=1)), fussy]
    outcomes = set(schedule_bundles(nodes, bundles, BundleStrategy.SPREAD))
    assert {outcome.status for outcome in outcomes} == {Status.SUCCESS, Status.FAILED}
    assert {outcome.nodes for outcome in outcomes} == {("b", "a"), ()}


def test_the_open_answer_has_no_probability() -> None:
    with pytest.raises(ValueError, match="hash container"):
        Answer(("a", "b")).probability("a")
