"""The shortest schedule, or the interval that holds its length, with what certifies each end.

Bounds and heuristics first: most instances end there. Then the order encoding narrows what is left on the exact grid of
the instance's times, or, when that is too fine, on rounding grids; few tasks are finished by the event encoding.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from rayproof.solver.bounds import Bound, BoundKind, lower_bound
from rayproof.solver.engine import DEFAULT_LIMITS, Budget, Limits
from rayproof.solver.instances import Indexed, Instance, index
from rayproof.solver.makespan.events import EVENT_TASKS, narrow
from rayproof.solver.makespan.grid import STEPS, Grid, grid
from rayproof.solver.makespan.portfolio import both_ways
from rayproof.solver.makespan.search import Found, GaveUp, Refuted, ascend
from rayproof.solver.schedules import Schedule, Slot, require_valid, upper_bound
from rayproof.solver.schedules.heuristics import decoded

ALONE_SECONDS = 1.0
"""How long one engine tries before a second process is worth its start."""
RESTARTS = 6
"""More restarts close a few more instances, but the solver then closes these sooner."""
FINEST = 1_000_000
"""Tasks x steps of the finest rounding grid."""


class Status(StrEnum):
    """Whether the interval has closed."""

    OPTIMAL = "optimal"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True)
class Makespan:
    """The answer: `lower.value_us` <= optimum <= `upper_us`, the makespan of `schedule`."""

    instance: Instance
    lower: Bound
    schedule: Schedule
    seconds: float
    resource_units: int

    @property
    def upper_us(self) -> int:
        """Length of the schedule."""
        return self.schedule.makespan(self.instance)

    @property
    def status(self) -> Status:
        """Optimal when both ends meet."""
        return Status.OPTIMAL if self.lower.value_us == self.upper_us else Status.UNDETERMINED

    @property
    def gap(self) -> float:
        """(upper - lower) / upper."""
        return (self.upper_us - self.lower.value_us) / self.upper_us if self.upper_us else 0.0


def shortest_schedule(
    instance: Instance, limits: Limits = DEFAULT_LIMITS, *, seed: int = 0, restarts: int = RESTARTS, processes: int = 1
) -> Makespan:
    """Narrow the makespan of an instance until the ends meet or the limits are reached.

    Every schedule handed out has passed the checker. `processes` 2 adds a descending engine once the first second has
    not sufficed.
    """
    started = time.monotonic()
    budget = Budget(limits)
    lower = lower_bound(instance)
    schedule = upper_bound(instance, restarts=restarts, seed=seed, target=lower.value_us)
    require_valid(instance, schedule)
    for bound, found in _narrowed(instance, lower, schedule, budget, seed, processes):
        if bound.value_us > lower.value_us:
            lower = bound
        if found.makespan(instance) < schedule.makespan(instance):
            require_valid(instance, found)
            schedule = found
        if lower.value_us >= schedule.makespan(instance):
            break
    return Makespan(instance, lower, schedule, time.monotonic() - started, budget.resource_units)


def _narrowed(
    instance: Instance, lower: Bound, schedule: Schedule, budget: Budget, seed: int, processes: int
) -> Iterator[tuple[Bound, Schedule]]:
    """Better and better (bound, schedule) pairs; either may be the one already known."""
    indexed = index(instance)
    steps = STEPS
    while lower.value_us < (upper := schedule.makespan(instance)) and steps <= FINEST:
        ruled = grid(indexed, upper, steps)
        low, high = (
            -(-lower.value_us // ruled.step) if ruled.exact else lower.value_us // ruled.step,
            upper // ruled.step,
        )
        for report in _reports(ruled, low, high, budget, seed, processes):
            match report:
                case Refuted(below):
                    lower = _refuted(ruled, below, lower)
                case Found(slots):
                    schedule = _shorter(instance, schedule, _in_time(instance, indexed, ruled, slots))
                case GaveUp():
                    break
            yield lower, schedule
        if ruled.exact or budget.exhausted:
            return
        steps *= 4
        if indexed.n <= EVENT_TASKS:
            break
    for below, improved in narrow(indexed, lower.value_us, schedule.makespan(instance), budget, seed):
        if below > lower.value_us:
            lower = Bound(below, BoundKind.UNSAT, f"the solver refutes every run that ends before {below} us")
        if improved is not None:
            schedule = _shorter(instance, schedule, _named(instance, improved))
        yield lower, schedule


def _reports(
    ruled: Grid, low: int, high: int, budget: Budget, seed: int, processes: int
) -> Iterator[Refuted | Found | GaveUp]:
    if processes == 1:
        yield from ascend(ruled.indexed, low, high, budget, seed)
        return
    left = budget.seconds_left
    alone = Budget(Limits(ALONE_SECONDS if left is None else min(ALONE_SECONDS, left), budget.resource_units_left))
    for report in ascend(ruled.indexed, low, high, alone, seed):
        match report:
            case Refuted(below):
                low = below
            case GaveUp():
                budget.resource_units += alone.resource_units
                yield from both_ways(ruled.indexed, low, high, budget, seed)
                return
        yield report
    budget.resource_units += alone.resource_units


def _refuted(ruled: Grid, below: int, lower: Bound) -> Bound:
    value = below * ruled.step
    if value <= lower.value_us:
        return lower
    how = "" if ruled.exact else f", times rounded down to {ruled.step} us"
    return Bound(value, BoundKind.UNSAT, f"the solver refutes every run that ends before {value} us{how}")


def _in_time(instance: Instance, indexed: Indexed, ruled: Grid, slots: tuple[tuple[int, int], ...]) -> Schedule:
    if ruled.exact:
        return _named(instance, tuple((node, start * ruled.step) for node, start in slots))
    # Rounded starts overlap a little in true time: keep nodes and order, and let each task start when it can.
    return decoded(instance, indexed, [node for node, _ in slots], [start for _, start in slots])


def _named(instance: Instance, slots: tuple[tuple[int, int], ...]) -> Schedule:
    return Schedule(
        {
            task.id: Slot(instance.nodes[node].id, start)
            for task, (node, start) in zip(instance.tasks, slots, strict=True)
        }
    )


def _shorter(instance: Instance, one: Schedule, other: Schedule) -> Schedule:
    return other if other.makespan(instance) < one.makespan(instance) else one
