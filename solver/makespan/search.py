"""One engine of the makespan search: it narrows [lower, upper] and reports every step.

Ascending from the lower bound, each unsat is a certified bound and the first sat is optimal; descending from the upper
bound, each sat is a better schedule. The formula covers makespans up to a horizon not far above the lower bound, since
its size grows with it, and is built anew, twice as far, when the bound reaches the horizon.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rayproof.solver.bounds.pools import pools
from rayproof.solver.bounds.windows import Windows, raised_windows
from rayproof.solver.engine import Answer, BooleanSolver, Budget
from rayproof.solver.instances import Indexed
from rayproof.solver.makespan.encoding import Encoding, OutOfBudgetError

AHEAD = 4
"""First distance of the horizon from the lower bound, in steps; then twice that, and so on."""


LARGEST = 150_000
"""Windows x nodes of the largest formula that is built: the solver reads it in one go, which takes seconds beyond."""


@dataclass(frozen=True, slots=True)
class Refuted:
    """No schedule ends before `below` steps."""

    below: int


@dataclass(frozen=True, slots=True)
class Found:
    """A schedule: (node, start in steps) of every task."""

    slots: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The budget ended before the answer, or the formula would be too large."""


def ascend(
    indexed: Indexed, lower: int, upper: int, budget: Budget, seed: int = 0
) -> Iterator[Refuted | Found | GaveUp]:
    """Refute `lower`, `lower` + 1, ... steps until one has a schedule or `upper`, known to have one, is reached."""
    windows = raised_windows(indexed, pools(indexed))
    ahead = AHEAD
    while lower < upper:
        horizon = min(upper - 1, lower + ahead)
        if _size(indexed, windows, horizon) > LARGEST:
            yield GaveUp()
            return
        try:
            encoding = Encoding(indexed, windows, horizon, lower, budget)
        except OutOfBudgetError:
            yield GaveUp()
            return
        solver = BooleanSolver(encoding.formula, seed)
        while lower <= horizon:
            answer = solver.check(budget, encoding.ends_by(lower))
            if answer is Answer.UNKNOWN:
                yield GaveUp()
                return
            if answer is Answer.SAT:
                yield Found(tuple(encoding.read(solver)))
                return
            lower += 1
            yield Refuted(lower)
        ahead *= 2


def descend(
    indexed: Indexed, lower: int, upper: int, budget: Budget, seed: int = 0
) -> Iterator[Refuted | Found | GaveUp]:
    """Improve on `upper` steps until nothing shorter exists."""
    windows = raised_windows(indexed, pools(indexed))
    if lower >= upper:
        return
    if _size(indexed, windows, upper - 1) > LARGEST:
        yield GaveUp()
        return
    try:
        encoding = Encoding(indexed, windows, upper - 1, lower, budget)
    except OutOfBudgetError:
        yield GaveUp()
        return
    solver = BooleanSolver(encoding.formula, seed)
    while lower < upper:
        answer = solver.check(budget, encoding.ends_by(upper - 1))
        if answer is Answer.UNKNOWN:
            yield GaveUp()
            return
        if answer is Answer.UNSAT:
            yield Refuted(upper)
            return
        slots = tuple(encoding.read(solver))
        upper = max(start + indexed.durations[task] for task, (_, start) in enumerate(slots))
        yield Found(slots)


def _size(indexed: Indexed, windows: Windows, horizon: int) -> int:
    """How often a task may be running somewhere at some time."""
    return sum(
        (horizon - head - tail) * len(eligible)
        for head, tail, eligible in zip(windows.heads, windows.tails, indexed.eligible, strict=True)
    )
