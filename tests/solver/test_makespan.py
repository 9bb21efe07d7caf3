"""What is called optimal is: brute force, published values and CP-SAT agree, on exact grids, rounded ones and none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayproof.solver.bounds import BoundKind
from rayproof.solver.bounds.pools import pools
from rayproof.solver.bounds.windows import raised_windows
from rayproof.solver.engine import Budget, Limits
from rayproof.solver.instances import Instance, index
from rayproof.solver.instances.families import heterogeneous
from rayproof.solver.makespan import Status, shortest_schedule
from rayproof.solver.makespan.encoding import Encoding, OutOfBudgetError
from rayproof.solver.makespan.events import narrow
from rayproof.solver.makespan.grid import grid
from rayproof.solver.makespan.search import Found, GaveUp, Refuted, ascend, descend
from rayproof.solver.readers import job_shops, projects, task_graphs
from rayproof.solver.schedules import Schedule, Slot, require_valid
from tests.solver.brute import least_makespan
from tests.solver.strategies import instances
from tests.solver.test_readers import shared


@settings(max_examples=60, deadline=None)
@given(instances())
def test_optimal_means_optimal(instance: Instance) -> None:
    found = shortest_schedule(instance, restarts=0)
    assert found.status is Status.OPTIMAL
    assert found.lower.value_us == found.upper_us == least_makespan(instance)


@settings(max_examples=60, deadline=None)
@given(instances(max_tasks=5), st.booleans())
def test_each_engine_alone_narrows_to_the_optimum(instance: Instance, ascending: bool) -> None:
    # From the trivial interval, so that the encoding answers and not the bounds.
    optimum = least_makespan(instance)
    indexed = index(instance)
    engine = ascend if ascending else descend
    reports = list(engine(indexed, 0, optimum + 3, Budget(Limits())))
    refuted = max((each.below for each in reports if isinstance(each, Refuted)), default=0)
    assert refuted == optimum
    for each in reports:
        if isinstance(each, Found):
            require_valid(instance, named(instance, each.slots))
    shortest = named(instance, next(each for each in reversed(reports) if isinstance(each, Found)).slots)
    assert shortest.makespan(instance) == optimum


@settings(max_examples=40, deadline=None)
@given(instances(max_tasks=5))
def test_events_narrow_to_the_optimum(instance: Instance) -> None:
    optimum = least_makespan(instance)
    lower, upper = 0, optimum + 20
    for lower, slots in narrow(index(instance), 0, optimum + 20, Budget(Limits())):  # noqa: B007
        if slots is not None:
            require_valid(instance, named(instance, slots))
            upper = named(instance, slots).makespan(instance)
    assert (lower, upper) == (optimum, optimum)


@settings(max_examples=60, deadline=None)
@given(instances(max_tasks=5, max_duration=40), st.integers(2, 9))
def test_a_rounded_grid_never_refutes_the_optimum(instance: Instance, step: int) -> None:
    indexed = index(instance)
    optimum = least_makespan(instance)
    ruled = grid(indexed, optimum, steps=max(1, optimum * indexed.n // step))
    assert ruled.step > 1 or ruled.exact
    reports = list(ascend(ruled.indexed, 0, optimum // ruled.step + 5, Budget(Limits())))
    assert all(each.below * ruled.step <= optimum for each in reports if isinstance(each, Refuted))
    assert isinstance(reports[-1], Found)


def test_times_without_a_common_step_are_finished_by_events() -> None:
    coarse = heterogeneous(8, 2, seed=3)
    primes = replace(
        coarse,
        tasks=tuple(replace(task, duration=task.duration * 1_000_003 + at) for at, task in enumerate(coarse.tasks)),
    )
    found = shortest_schedule(primes, restarts=0)
    assert found.status is Status.OPTIMAL
    assert found.lower.value_us > 1_000_003


def test_out_of_resource_units_is_undetermined_and_repeatable() -> None:
    hard = heterogeneous(30, 3, seed=2)
    answers = [shortest_schedule(hard, Limits(None, 2_000), restarts=0) for _ in range(2)]
    assert answers[0].status is Status.UNDETERMINED
    assert answers[0].lower.value_us < answers[0].upper_us
    assert answers[0].gap > 0
    assert answers[0].lower == answers[1].lower
    assert answers[0].schedule == answers[1].schedule
    assert shortest_schedule(hard).status is Status.OPTIMAL


def test_two_processes_agree_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rayproof.solver.makespan.solve.ALONE_SECONDS", 0.0)
    instance = heterogeneous(12, 3, seed=2)
    alone = shortest_schedule(instance, restarts=0)
    assert alone.lower.kind is BoundKind.UNSAT, "the instance should need the solver"
    assert shortest_schedule(instance, restarts=0, processes=2).upper_us == alone.upper_us


@shared
def test_published_optima_are_reached() -> None:
    sample = [list(task_graphs())[3], *list(projects())[:12:3], *(shop for shop in job_shops() if shop.optimum == 55)]
    for published in sample:
        found = shortest_schedule(published.instance)
        assert found.status is Status.OPTIMAL
        assert found.upper_us == published.optimum, published.instance.name


def test_cp_sat_never_disagrees() -> None:
    pytest.importorskip("ortools", reason="the extra `bench` brings OR-Tools")
    from benchmarks.solver.reference import makespan

    for seed in range(12):
        instance = heterogeneous(10, 1 + seed % 3, seed)
        found = shortest_schedule(instance)
        reference = makespan(instance, seconds=20, upper=sum(task.duration + 6 for task in instance.tasks))
        assert found.status is Status.OPTIMAL
        assert reference.optimal
        assert reference.upper == found.upper_us, instance.name


def named(instance: Instance, slots: tuple[tuple[int, int], ...]) -> Schedule:
    names = [node.id for node in instance.nodes]
    return Schedule(
        {task.id: Slot(names[node], start) for task, (node, start) in zip(instance.tasks, slots, strict=True)}
    )


def test_the_budget_ends_the_building_of_the_formula_too() -> None:
    indexed = index(heterogeneous(40, 3, 0))
    with pytest.raises(OutOfBudgetError):
        Encoding(indexed, raised_windows(indexed, pools(indexed)), 100, 90, Budget(Limits(seconds=0.0)))
    assert list(ascend(indexed, 90, 100, Budget(Limits(seconds=0.0)))) == [GaveUp()]
