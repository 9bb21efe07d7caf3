"""How far a heuristic is from the optimum, or from what is certified of it.

The heuristic is any callable from an instance to a schedule. Its schedules pass the checker, the optimum is the
makespan solver's; where that ends with an interval, the gap is stated against the certified lower bound, so it is an
upper limit of the true one. A heuristic below a bound is a defect and raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import mean, median
from typing import TypeAlias

from rayproof.solver.bounds import BoundKind
from rayproof.solver.engine import DEFAULT_LIMITS, Limits
from rayproof.solver.instances import Instance
from rayproof.solver.makespan import Status, shortest_schedule
from rayproof.solver.schedules import Schedule, ScheduleError, require_valid

RunHeuristic: TypeAlias = Callable[[Instance], Schedule]


@dataclass(frozen=True)
class GapRow:
    """One instance: the heuristic's makespan and the interval of the optimum, in us."""

    family: str
    instance: Instance
    heuristic_us: int
    lower_us: int
    upper_us: int
    status: Status
    certificate: BoundKind
    """What certifies the lower end."""
    schedule: Schedule | None
    """The heuristic's; None when only its makespan is known."""

    @property
    def ratio(self) -> float:
        """Heuristic over certified lower bound, which is the optimum when the status says so; 1 for empty runs."""
        return self.heuristic_us / self.lower_us if self.lower_us else 1.0


@dataclass(frozen=True)
class FamilyGap:
    """The ratios of one family."""

    family: str
    instances: int
    proved: int
    """Instances whose optimum is known exactly."""
    mean: float
    median: float
    worst: float


@dataclass(frozen=True)
class Gap:
    """All rows, in the order of the instances."""

    policy: str
    rows: tuple[GapRow, ...]

    @property
    def families(self) -> tuple[FamilyGap, ...]:
        """The distribution per family, in the order of appearance."""
        found = []
        for family in dict.fromkeys(row.family for row in self.rows):
            rows = [row for row in self.rows if row.family == family]
            ratios = [row.ratio for row in rows]
            proved = sum(row.status is Status.OPTIMAL for row in rows)
            found.append(FamilyGap(family, len(rows), proved, mean(ratios), median(ratios), max(ratios)))
        return tuple(found)

    @property
    def worst(self) -> GapRow | None:
        """The first row of largest ratio."""
        return max(self.rows, key=lambda row: row.ratio, default=None)


def measure_gap(
    policy: str,
    run_heuristic: RunHeuristic,
    instances: Iterable[tuple[str, Instance]],
    limits: Limits = DEFAULT_LIMITS,
    seed: int = 0,
) -> Gap:
    """The gap on each (family, instance); the limits are per instance.

    Raises `ScheduleError` when the heuristic's schedule is invalid, or shorter than a certified bound.
    """
    rows = []
    for family, instance in instances:
        schedule = run_heuristic(instance)
        require_valid(instance, schedule)
        reached = schedule.makespan(instance)
        rows.append(gap_of_run(policy, family, instance, reached, limits, seed=seed, schedule=schedule))
    return Gap(policy, tuple(rows))


def gap_of_run(
    policy: str,
    family: str,
    instance: Instance,
    reached_us: int,
    limits: Limits = DEFAULT_LIMITS,
    *,
    seed: int = 0,
    schedule: Schedule | None = None,
) -> GapRow:
    """The row of one run that ended at `reached_us`.

    For a run of a program, give the instance of `from_program`: its optimum bounds every run from below, and the status
    then says whether that bound is as good as the relaxation allows. Raises `ScheduleError` when the run is shorter
    than the bound.
    """
    best = shortest_schedule(instance, limits, seed=seed)
    lower, upper = best.lower.value_us, min(best.upper_us, reached_us)
    if reached_us < lower:
        raise ScheduleError(f"{instance.name}: {policy} ends at {reached_us} us, before {best.lower}")
    status = Status.OPTIMAL if lower == upper else Status.UNDETERMINED
    return GapRow(family, instance, reached_us, lower, upper, status, best.lower.kind, schedule)
