"""Placements: brute force agrees on every aim, GPUs are not summed over devices, strategies mean what Ray says."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayproof.model.graph import Resources
from rayproof.solver.engine import Limits
from rayproof.solver.instances import Group, GroupStrategy, Instance, InstanceError, Node, Occupant
from rayproof.solver.placement import (
    Aim,
    Outcome,
    PlacementError,
    Seat,
    best_fit_decreasing,
    best_placement,
    l2,
    placement_faults,
    positions,
    require_placed,
)
from rayproof.solver.readers import bins
from tests.solver.brute import all_placements
from tests.solver.strategies import clusters_with_occupants
from tests.solver.test_readers import shared


def value(instance: Instance, seats: dict[str, Seat], aim: Aim) -> Fraction:
    if aim is Aim.NODES:
        return Fraction(len({node for node, _ in seats.values()}))
    if aim is Aim.BYTES:
        moved = [item for item in instance.occupants if item.node is not None and seats[item.id][0] != item.node]
        return Fraction(sum(item.state_bytes for item in moved))
    return max(
        Fraction(sum(item.demand[name] for item in instance.occupants if seats[item.id][0] == node.id), capacity)
        for node in instance.nodes
        for name, capacity in node.capacity
    )


@settings(max_examples=150, deadline=None)
@given(clusters_with_occupants(settled=True), st.sampled_from(list(Aim)))
def test_brute_force_agrees(instance: Instance, aim: Aim) -> None:
    possible = [value(instance, seats, aim) for seats in all_placements(instance)]
    found = best_placement(instance, aim)
    if not possible:
        assert found.outcome is Outcome.INFEASIBLE
    else:
        assert found.outcome is Outcome.OPTIMAL
        assert found.value == found.lower == min(possible)
        assert value(instance, found.seats, aim) == found.value


def packed(capacity: float, *weights: float) -> Instance:
    nodes = tuple(Node(f"n{at}", Resources.of(CPU=capacity)) for at in range(len(weights)))
    return Instance(
        nodes, occupants=tuple(Occupant(f"a{at}", Resources.of(CPU=weight)) for at, weight in enumerate(weights))
    )


def test_the_textbook_instance_on_which_best_fit_decreasing_fails() -> None:
    # Two bins of 20 suffice: 9 + 6 + 5 and 8 + 4 * 3.
    instance = packed(20, 9, 8, 6, 5, 4, 4, 4)
    greedy = best_fit_decreasing(positions(instance))
    assert greedy is not None
    assert len({seat.node for seat in greedy}) == 3
    assert best_placement(instance).value == 2


def test_l2_counts_what_cannot_share() -> None:
    assert l2([6, 6, 6], 10) == 3
    assert l2([7, 7, 4, 4], 10) == 3
    assert l2([5, 5, 5, 5], 10) == 2


def test_gpu_fragments_do_not_add_up() -> None:
    half = Resources.of(GPU=0.6)
    node = Node("n", Resources.of(GPU=2))
    assert best_placement(Instance((node,), occupants=tuple(Occupant(f"a{at}", half) for at in range(2)))).value == 1
    three = Instance((node,), occupants=tuple(Occupant(f"a{at}", half) for at in range(3)))
    assert sum(item.demand["GPU"] for item in three.occupants) < node.capacity["GPU"]
    assert best_placement(three).outcome is Outcome.INFEASIBLE
    with pytest.raises(InstanceError, match=r"below 1 or whole, found 1\.5"):
        best_placement(Instance((node,), occupants=(Occupant("a", Resources.of(GPU=1.5)),)))


@pytest.mark.parametrize(
    ("strategy", "nodes_used", "strays"),
    [
        (GroupStrategy.STRICT_PACK, None, 0),
        (GroupStrategy.PACK, 2, 1),
        (GroupStrategy.SPREAD, 3, 0),
        (GroupStrategy.STRICT_SPREAD, 3, 0),
    ],
)
def test_the_four_strategies(strategy: GroupStrategy, nodes_used: int | None, strays: int) -> None:
    nodes = tuple(Node(f"n{at}", Resources.of(CPU=2)) for at in range(3))
    bundles = tuple(Occupant(f"b{at}", Resources.of(CPU=1)) for at in range(3))
    group = Group("g", strategy, tuple(item.id for item in bundles))
    # Moving nothing is optimal whatever the seats, so the preferences decide.
    found = best_placement(Instance(nodes, occupants=bundles, groups=(group,)), Aim.BYTES)
    if nodes_used is None:
        assert found.outcome is Outcome.INFEASIBLE
    else:
        assert len({node for node, _ in found.seats.values()}) == nodes_used
        assert found.strays == strays


def test_the_checker_refuses() -> None:
    instance = Instance(
        (Node("n", Resources.of(CPU=2, GPU=1)), Node("m", Resources.of(CPU=2, GPU=1), (("zone", "a"),))),
        occupants=(
            Occupant("fixed", Resources.of(CPU=1), "n", movable=False),
            Occupant("picky", Resources.of(CPU=1), labels=(("zone", "a"),), allowed_nodes=("m",)),
            Occupant("third", Resources.of(GPU=0.3)),
            Occupant("most", Resources.of(GPU=0.8)),
        ),
        groups=(Group("g", GroupStrategy.STRICT_SPREAD, ("third", "most")),),
    )
    good: dict[str, Seat] = {"fixed": ("n", None), "picky": ("m", None), "third": ("n", 0), "most": ("m", 0)}
    require_placed(instance, good)
    for change, told in (
        ({"fixed": ("m", None)}, "not movable"),
        ({"picky": ("n", None)}, "lacks a label"),
        ({"most": ("n", 0)}, "asked for more than one"),
        ({"most": ("n", 1)}, "too few GPUs"),
        ({"most": ("m", None)}, "no particular GPU"),
        ({"third": ("m", 0)}, "STRICT_SPREAD and shares a node"),
    ):
        assert any(told in fault for fault in placement_faults(instance, good | change)), told
    with pytest.raises(PlacementError, match="most has no seat"):
        require_placed(instance, {name: seat for name, seat in good.items() if name != "most"})


def test_out_of_budget_is_undetermined() -> None:
    found = best_placement(packed(20, 9, 8, 6, 5, 4, 4, 4), limits=Limits(None, 1))
    assert found.outcome is Outcome.UNDETERMINED
    assert found.lower == 2
    assert found.value == 3


@shared
def test_published_bin_counts_are_bounded_from_below() -> None:
    known = [each for each in bins() if each.optimum is not None]
    assert known
    for each in known:
        assert each.optimum is not None
        assert l2(each.weights, each.capacity) <= each.optimum


def test_cp_sat_never_disagrees_on_packing() -> None:
    pytest.importorskip("ortools", reason="the extra `bench` brings OR-Tools")
    from random import Random

    from benchmarks.solver.reference import fewest_bins

    for seed in range(8):
        random = Random(seed)
        weights = [random.randint(3, 14) for _ in range(9)]
        reference = fewest_bins([[weight] for weight in weights], [20], 9, seconds=20)
        assert reference.optimal
        assert best_placement(packed(20, *weights)).value == reference.upper
