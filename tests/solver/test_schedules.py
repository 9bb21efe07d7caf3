"""Heuristics make schedules that the checker accepts; the checker refuses everything else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayproof.model.graph import Resources
from rayproof.solver.bounds import lower_bound
from rayproof.solver.instances import Instance, Node, Object, Task
from rayproof.solver.schedules import Schedule, ScheduleError, Slot, faults, heft, require_valid, upper_bound
from tests.solver.brute import least_makespan
from tests.solver.strategies import instances


@settings(max_examples=100, deadline=None)
@given(instances(), st.integers(0, 5))
def test_bound_optimum_and_heuristic_are_in_order(instance: Instance, seed: int) -> None:
    bound = lower_bound(instance).value_us
    found = upper_bound(instance, restarts=5, seed=seed, target=bound)
    require_valid(instance, found)
    require_valid(instance, heft(instance))
    assert bound <= least_makespan(instance) <= found.makespan(instance) <= heft(instance).makespan(instance)


@settings(max_examples=40, deadline=None)
@given(instances(max_tasks=12, max_nodes=3), st.integers(0, 5))
def test_the_same_seed_gives_the_same_schedule(instance: Instance, seed: int) -> None:
    assert upper_bound(instance, seed=seed) == upper_bound(instance, seed=seed)


ONE = Resources.of(CPU=1)
INSTANCE = Instance(
    nodes=(Node("n", Resources.of(CPU=1), (("zone", "a"),)), Node("m", Resources.of(CPU=2))),
    tasks=(
        Task("a", 2, ONE, outputs=("o",)),
        Task("b", 3, ONE, inputs=("o",)),
        Task("c", 1, ONE, after=("a",), release=1, labels=(("zone", "a"),)),
        Task("d", 1, Resources.of(CPU=2), allowed_nodes=("m",)),
    ),
    objects=(Object("o", 4),),
    bandwidth_bytes_per_s=1_000_000,
)
GOOD = {"a": Slot("n", 0), "b": Slot("n", 3), "c": Slot("n", 2), "d": Slot("m", 0)}


def test_the_reference_schedule_is_valid() -> None:
    assert list(faults(INSTANCE, Schedule(GOOD))) == []
    assert list(faults(INSTANCE, Schedule(GOOD | {"b": Slot("m", 6)}))) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"b": Slot("x", 3)}, "which does not exist"),
        ({"d": Slot("n", 9)}, "d may not run on n"),
        ({"c": Slot("m", 9)}, "lacks a label"),
        ({"c": Slot("n", 0)}, "before its release at 1"),
        ({"c": Slot("n", 1)}, "before a ends at 2"),
        ({"b": Slot("m", 5)}, "before o has come from a"),
        ({"b": Slot("n", 1)}, "before o has come from a"),
        ({"b": Slot("n", 2)}, "n is asked for more CPU than it has at 2"),
        ({"e": Slot("n", 2)}, "e is not among the tasks"),
    ],
)
def test_every_kind_of_fault_is_found(change: dict[str, Slot], told: str) -> None:
    assert any(told in fault for fault in faults(INSTANCE, Schedule(GOOD | change)))


def test_a_task_left_out_is_found() -> None:
    with pytest.raises(ScheduleError, match="d is not scheduled"):
        require_valid(INSTANCE, Schedule({name: slot for name, slot in GOOD.items() if name != "d"}))


def test_heft_weighs_the_transfer() -> None:
    # The classic: a child of two parents runs where the larger output is.
    instance = Instance(
        (Node("n", ONE), Node("m", ONE)),
        (
            Task("small", 4, ONE, outputs=("s",)),
            Task("large", 5, ONE, outputs=("l",)),
            Task("join", 1, ONE, inputs=("s", "l")),
        ),
        (Object("s", 1), Object("l", 9)),
        bandwidth_bytes_per_s=1_000_000,
    )
    found = heft(instance)
    assert found.slots["join"].node == found.slots["large"].node
    assert found.makespan(instance) == 6
