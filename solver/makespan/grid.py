"""Time in steps of the grid: exact when all times are multiples of it, else a relaxation.

Rounding every length, delay and release down to steps keeps every schedule: round its starts down too. Whatever runs
during a step of the rounded schedule ran at the last microsecond of that step in the true one, so capacities hold, and
a <= b + length survives rounding down. So a refuted makespan of k steps refutes every true one below (k + 1) steps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gcd

from rayproof.solver.instances import Indexed

STEPS = 60_000
"""Tasks x steps of the horizon that an exact formula may have before the grid is made coarser."""


@dataclass(frozen=True)
class Grid:
    """An instance counted in steps of `step` us."""

    step: int
    exact: bool
    indexed: Indexed


def grid(indexed: Indexed, horizon: int, steps: int = STEPS) -> Grid:
    """The coarsest exact grid, or a rounding one when that would be too fine for a run of `horizon` us."""
    delays = [delay for before in indexed.preds for delay in before.values()]
    exact = gcd(*indexed.durations, *indexed.releases, *delays) or 1
    if horizon // exact * indexed.n <= steps:
        return Grid(exact, True, _rounded(indexed, exact))
    coarse = max(exact, -(-horizon * indexed.n // steps))
    return Grid(coarse, False, _rounded(indexed, coarse))


def _rounded(indexed: Indexed, step: int) -> Indexed:
    return replace(
        indexed,
        durations=tuple(length // step for length in indexed.durations),
        releases=tuple(release // step for release in indexed.releases),
        preds=tuple({before: delay // step for before, delay in found.items()} for found in indexed.preds),
    )
