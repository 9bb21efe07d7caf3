"""Migrations: fewest moves and an order that works, against exhaustive search; a swap has no order."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings

from rayproof.model.graph import Resources
from rayproof.solver.bounds import BoundKind
from rayproof.solver.engine import Limits
from rayproof.solver.instances import Group, GroupStrategy, Instance, Node, Occupant
from rayproof.solver.migration import Move, Plan, fewest_moves, plan_faults
from rayproof.solver.placement import Outcome
from tests.solver import brute
from tests.solver.strategies import clusters_with_occupants


def cluster(capacity: dict[str, float], *occupants: tuple[str, float, str | None]) -> Instance:
    return Instance(
        tuple(Node(name, Resources.of(CPU=cpus)) for name, cpus in capacity.items()),
        occupants=tuple(Occupant(name, Resources.of(CPU=cpus), node, 10) for name, cpus, node in occupants),
    )


@settings(max_examples=120, deadline=None)
@given(clusters_with_occupants(max_occupants=5, settled=True))
def test_exhaustive_search_agrees(instance: Instance) -> None:
    assume(all(item.demand["GPU"] % 10_000 == 0 for item in instance.occupants))
    static, dynamic = brute.fewest_moves(instance, most=4)
    found = fewest_moves(instance, detours=4)
    if static is None:
        assert found.outcome is Outcome.INFEASIBLE
        return
    assert found.static_minimum == static
    if dynamic is not None:
        assert found.outcome is Outcome.OPTIMAL
        assert found.plan is not None
        assert len(found.plan.moves) == dynamic
    else:
        assert found.plan is None or len(found.plan.moves) > 4


def test_the_case_of_the_notes() -> None:
    found = fewest_moves(
        cluster(
            {"node1": 1, "node2": 1},
            ("actor1", 0.7, "node1"), ("actor2", 0.2, "node1"), ("actor4", 0.8, "node2"), ("actor3", 0.25, None),
        )
    )  # fmt: skip
    assert (found.outcome, found.static_minimum, found.bytes_moved) == (Outcome.OPTIMAL, 1, 10)
    assert found.certificate is BoundKind.UNSAT, "no move at all is refuted"
    assert found.plan == Plan(
        {"actor1": ("node1", None), "actor2": ("node1", None), "actor4": ("node2", None)},
        (Move("actor2", "node1", "node2"),),
        {"actor3": ("node1", None)},
    )


def swap(*more: Occupant, spare: float = 0) -> Instance:
    """`three` and `two` must change nodes before `new` fits on n, and neither node ever has room for both."""
    base = cluster({"n": 5, "m": 3, "spare": spare}, ("three", 3, "n"), ("two", 2, "m"))
    one, two = Resources.of(CPU=1), Resources.of(CPU=2)
    fixed, new = Occupant("fixed", one, "n", movable=False), Occupant("new", two, allowed_nodes=("n",))
    return Instance(base.nodes, occupants=(*base.occupants, fixed, new, *more))


def test_a_swap_has_a_static_minimum_and_no_order() -> None:
    found = fewest_moves(swap(), detours=3)
    assert found.static_minimum == 2
    assert {name: node for name, (node, _) in found.seats.items()} == {
        "three": "m", "two": "n", "fixed": "n", "new": "n"
    }  # fmt: skip
    assert (found.outcome, found.plan, found.refuted_up_to) == (Outcome.UNDETERMINED, None, 5)


def test_a_spare_node_makes_a_swap_one_move_longer() -> None:
    found = fewest_moves(swap(Occupant("fill", Resources.of(CPU=2), allowed_nodes=("spare",)), spare=2))
    assert (found.outcome, found.static_minimum, found.refuted_up_to) == (Outcome.OPTIMAL, 2, 2)
    assert found.plan is not None
    assert [str(move) for move in found.plan.moves] == ["two (m -> spare)", "three (n -> m)", "two (spare -> n)"]


def test_placed_bundles_stay() -> None:
    instance = cluster({"n": 2, "m": 1}, ("bundle", 1, "n"), ("new", 2, None))
    grouped = Instance(
        instance.nodes, occupants=instance.occupants, groups=(Group("g", GroupStrategy.PACK, ("bundle",)),)
    )
    assert fewest_moves(instance).static_minimum == 1
    assert fewest_moves(grouped).outcome is Outcome.INFEASIBLE


def test_a_fraction_of_a_gpu_frees_a_whole_one() -> None:
    instance = Instance(
        (Node("n", Resources.of(GPU=2)), Node("m", Resources.of(GPU=1))),
        occupants=(
            Occupant("a", Resources.of(GPU=0.5), "n"),
            Occupant("b", Resources.of(GPU=0.6), "n"),
            Occupant("new", Resources.of(GPU=1), None, allowed_nodes=("n",)),
        ),
    )
    found = fewest_moves(instance)
    assert found.outcome is Outcome.OPTIMAL
    assert found.plan is not None
    assert len(found.plan.moves) == 1


def test_out_of_budget_is_undetermined() -> None:
    busy = cluster({"n": 1, "m": 1}, ("a", 0.6, "n"), ("b", 0.6, "m"), ("c", 0.3, "n"), ("new", 0.4, None))
    found = fewest_moves(busy, Limits(None, 1))
    assert (found.outcome, found.plan) == (Outcome.UNDETERMINED, None)


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (Plan({"a": ("n", None)}, (), {}), "does not start where"),
        (Plan({"a": ("n", None), "b": ("m", None)}, (Move("a", "m", "n"),), {}), "it is not on m"),
        (Plan({"a": ("n", None), "b": ("m", None)}, (Move("a", "n", "m"),), {}), "m is asked for more CPU"),
        (Plan({"a": ("n", None), "b": ("m", None)}, (), {"new": ("n", None)}), "at the end: n is asked for more CPU"),
        (Plan({"a": ("n", None), "b": ("m", None)}, (), {}), "new has no seat"),
    ],
)
def test_the_checker_refuses(plan: Plan, told: str) -> None:
    full = cluster({"n": 1, "m": 1}, ("a", 1, "n"), ("b", 1, "m"), ("new", 1, None))
    assert any(told in fault for fault in plan_faults(full, plan))


def test_cp_sat_never_disagrees_on_the_static_minimum() -> None:
    pytest.importorskip("ortools", reason="the extra `bench` brings OR-Tools")
    from random import Random

    from benchmarks.solver import reference

    for seed in range(12):
        random = Random(seed)
        sizes = [random.randint(1, 5) for _ in range(9)]
        free, sits = [10, 10, 10], []
        for size in sizes:
            node = max(range(3), key=lambda at: free[at])
            fits = free[node] >= size
            sits.append(node if fits else None)
            free[node] -= size if fits else 0
        sizes.append(max(1, min(10, max(free) + 1)))
        sits.append(None)
        expected = reference.fewest_moves([[size] for size in sizes], [[10]] * 3, sits, seconds=20)
        instance = cluster(
            {f"n{at}": 10 for at in range(3)},
            *(
                (f"a{at}", size, None if sat is None else f"n{sat}")
                for at, (size, sat) in enumerate(zip(sizes, sits, strict=True))
            ),
        )
        found = fewest_moves(instance, detours=0)
        if expected.upper < 0:
            assert found.outcome is Outcome.INFEASIBLE
        else:
            assert found.static_minimum == expected.upper
