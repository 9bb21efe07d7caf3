"""Bounds from what an interval must contain.

In a run of length T a task with head r, tail q and length p lies within [r, T - q]; of any interval it must then occupy
at least min(length of the interval, p, r + p - start, end - (T - q - p)). When the tasks of a pool must draw more from
an interval than the pool has, T is too short (Erschler, Lopez and Thuriot 1991). Fernandez and Bussell (1973) read the
same sums at T = critical path: an excess of e over an interval needs e / capacity more time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rayproof.solver.bounds.pools import Pool
from rayproof.solver.bounds.windows import Windows
from rayproof.solver.instances import Indexed

POINTS = 160
"""Interval ends looked at, at most; fewer weaken the bound and never break it."""

LARGEST = 2**60
"""Bound on times and energies, which are added up in 64 bits."""

Times: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Overload:
    """An interval [start, end) in which a pool's tasks must draw `energy` units x us."""

    pool: Pool
    start: int
    end: int
    energy: int

    @property
    def missing(self) -> int:
        """How much longer the interval would have to be, rounded up; 0 or less when there is no overload."""
        return -((self.pool.capacity * (self.end - self.start) - self.energy) // self.pool.capacity)


def worst_overload(indexed: Indexed, windows: Windows, pools: list[Pool], length: int) -> Overload | None:
    """The interval most overloaded in a run of this length; None when no interval is."""
    found = [each for pool in pools for each in _overloads(indexed, windows, pool, length)]
    return max(found, key=lambda each: each.missing, default=None)


def _overloads(indexed: Indexed, windows: Windows, pool: Pool, length: int) -> Iterator[Overload]:
    pool = _in_range(indexed, pool, length)
    drawing = [task for task, draw in enumerate(pool.draw) if draw]
    if not drawing or length > LARGEST:
        return
    draw = np.array([pool.draw[task] for task in drawing], dtype=np.int64)
    lengths = np.array([indexed.durations[task] for task in drawing], dtype=np.int64)
    earliest = np.array([windows.heads[task] for task in drawing], dtype=np.int64)
    latest_end = length - np.array([windows.tails[task] for task in drawing], dtype=np.int64)
    starts = _thinned(np.concatenate([earliest, latest_end - lengths]))
    ends = _thinned(np.concatenate([earliest + lengths, latest_end]))
    for start in starts:
        later = ends[ends > start]
        if not later.size:
            continue
        span = (later - start)[:, None]
        left = np.maximum(earliest + lengths - start, 0)[None, :]
        right = np.maximum(later[:, None] - (latest_end - lengths)[None, :], 0)
        inside = np.minimum(np.minimum(span, lengths[None, :]), np.minimum(left, right))
        energy = inside @ draw
        at = int(np.argmax(energy - pool.capacity * (later - start)))
        overload = Overload(pool, int(start), int(later[at]), int(energy[at]))
        if overload.missing > 0:
            yield overload


def _in_range(indexed: Indexed, pool: Pool, length: int) -> Pool:
    """The pool in coarser units if its energies (bytes of memory x us) would leave 64 bits; rounding is to our cost."""
    energy = sum(draw * length for draw, length in zip(pool.draw, indexed.durations, strict=True))
    unit = -(-max(energy, pool.capacity * length) // LARGEST)
    if unit <= 1:
        return pool
    return Pool(pool.name, -(-pool.capacity // unit), tuple(draw // unit for draw in pool.draw))


def _thinned(points: Times) -> Times:
    unique = np.unique(points)
    if unique.size <= POINTS:
        return unique
    return unique[np.linspace(0, unique.size - 1, POINTS).astype(np.int64)]
