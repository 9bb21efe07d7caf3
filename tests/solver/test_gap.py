"""The gap of a heuristic: measured against proofs, summed up per family, and impossible schedules are refused."""

from __future__ import annotations

import pytest

from rayproof.model.graph import Resources
from rayproof.solver.gap import gap_of_run, measure_gap
from rayproof.solver.instances import Instance, Node, Task
from rayproof.solver.instances.families import tiny
from rayproof.solver.makespan import Status
from rayproof.solver.schedules import Schedule, ScheduleError, Slot, heft, upper_bound


def one_after_the_other(instance: Instance) -> Schedule:
    """Everything on its first eligible node, with the slowest transfer before every task."""
    clock, slots = 0, {}
    order = upper_bound(instance, restarts=0).slots
    for name in sorted(order, key=lambda name: (order[name].start, name)):
        task = instance.task[name]
        clock = max(clock, task.release) + max(instance.predecessors(task).values(), default=0)
        slots[name] = Slot(instance.eligible(task)[0], clock)
        clock += task.duration
    return Schedule(slots)


def test_the_gap_of_heft_on_the_tiny_family_is_exact() -> None:
    gap = measure_gap("heft", heft, tiny(6))
    assert [row.status for row in gap.rows] == [Status.OPTIMAL] * 18
    assert all(row.ratio >= 1 for row in gap.rows)
    assert [family.family for family in gap.families] == ["fan-out", "chains", "heterogeneous"]
    assert all(family.proved == family.instances == 6 for family in gap.families)
    assert gap.worst is not None
    assert gap.worst.ratio == max(family.worst for family in gap.families) > 1


def test_a_worse_heuristic_has_a_larger_gap() -> None:
    better, worse = (measure_gap("h", heuristic, tiny(4)) for heuristic in (heft, one_after_the_other))
    for one, other in zip(better.families, worse.families, strict=True):
        assert one.mean < other.mean


def test_an_invalid_schedule_is_refused() -> None:
    instance = Instance((Node("n", Resources.of(CPU=1)),), (Task("a", 3), Task("b", 3, after=("a",))))
    with pytest.raises(ScheduleError, match="before a ends"):
        measure_gap("cheat", lambda _: Schedule({"a": Slot("n", 0), "b": Slot("n", 0)}), [("f", instance)])


def test_no_instances_have_no_worst() -> None:
    gap = measure_gap("heft", heft, [])
    assert (gap.rows, gap.families, gap.worst) == ((), (), None)


def test_a_run_below_its_bound_is_a_defect() -> None:
    instance = Instance((Node("n", Resources.of(CPU=1)),), (Task("a", 3), Task("b", 3, after=("a",))))
    assert gap_of_run("p", "f", instance, 9).ratio == 1.5
    with pytest.raises(ScheduleError, match="p ends at 5 us, before"):
        gap_of_run("p", "f", instance, 5)
