"""The best of all bounds, with its argument."""

from __future__ import annotations

from collections.abc import Iterator

from rayproof.solver.bounds.bound import Bound, BoundKind
from rayproof.solver.bounds.energetic import Overload, worst_overload
from rayproof.solver.bounds.pools import Pool, pools
from rayproof.solver.bounds.windows import Windows, path_windows, raised_windows
from rayproof.solver.instances import Indexed, Instance, index

ENERGETIC_TASKS = 400
"""Above this many tasks interval arguments are skipped; they are cubic."""


def lower_bound(instance: Instance) -> Bound:
    """The best makespan bound, in us; of equal ones the simplest argument."""
    return max(bounds(instance), key=lambda bound: bound.value_us)


def bounds(instance: Instance) -> Iterator[Bound]:
    """Every bound, simplest argument first. The last, by energy, starts from the best of those before it."""
    yield Bound(0, BoundKind.TRIVIAL, "no run ends before it starts")
    if not instance.tasks:
        return
    indexed = index(instance)
    paths = path_windows(indexed)
    path = critical_path(indexed, paths)
    yield path
    found = list(pools(indexed))
    best = path.value_us
    for bound in _areas(indexed, paths, found):
        best = max(best, bound.value_us)
        yield bound
    if indexed.n > ENERGETIC_TASKS:
        return
    overload = worst_overload(indexed, paths, found, path.value_us)
    if overload is not None:
        bound = _fernandez_bussell(overload, path)
        best = max(best, bound.value_us)
        yield bound
    yield from _energetic(indexed, raised_windows(indexed, found), found, best)


def critical_path(indexed: Indexed, windows: Windows) -> Bound:
    """The longest chain of tasks and certain transfers."""
    through = [
        head + length + tail for head, length, tail in zip(windows.heads, indexed.durations, windows.tails, strict=True)
    ]
    longest = max(through)
    on_it = [
        indexed.instance.tasks[task].id
        for task in indexed.order
        if through[task] == longest and indexed.durations[task]
    ]
    shown = " -> ".join(on_it[:6]) + (" -> ..." if len(on_it) > 6 else "")
    return Bound(longest, BoundKind.CRITICAL_PATH, f"critical: {shown or 'nothing takes time'}")


def _areas(indexed: Indexed, windows: Windows, found: list[Pool]) -> Iterator[Bound]:
    for pool in found:
        drawing = [task for task, draw in enumerate(pool.draw) if draw]
        energy = sum(pool.draw[task] * indexed.durations[task] for task in drawing)
        head = min(windows.heads[task] for task in drawing)
        tail = min(windows.tails[task] for task in drawing)
        value = head - (-energy // pool.capacity) + tail
        text = f"{pool.name}: {energy} units x us of work over {pool.capacity} units"
        if head or tail:
            text += f", not before {head} us and {tail} us before the end"
        yield Bound(value, BoundKind.AREA, text)


def _fernandez_bussell(overload: Overload, path: Bound) -> Bound:
    return Bound(
        path.value_us + overload.missing,
        BoundKind.FERNANDEZ_BUSSELL,
        f"{_told(overload)}, in a run of the critical path's {path.value_us} us: {overload.missing} us are missing",
    )


def _energetic(indexed: Indexed, windows: Windows, found: list[Pool], known: int) -> Iterator[Bound]:
    """The longest run refuted by an overloaded interval; every refuted length refutes all shorter ones."""
    raised = max(
        head + length + tail for head, length, tail in zip(windows.heads, indexed.durations, windows.tails, strict=True)
    )
    if raised > known:
        yield Bound(raised, BoundKind.ENERGETIC, "a chain whose heads and tails are raised by the energy around it")
    known = max(known, raised)
    certificate = None
    overload = worst_overload(indexed, windows, found, known)
    while overload is not None:
        # A run of `known` is refuted, and by the excess of this interval so is every one less than `missing` longer.
        certificate = f"{_told(overload)}, in a run of {known} us"
        known += overload.missing
        overload = worst_overload(indexed, windows, found, known)
    if certificate is not None:
        yield Bound(known, BoundKind.ENERGETIC, certificate)


def _told(overload: Overload) -> str:
    return (
        f"{overload.pool.name}: {overload.energy} units x us must fall into [{overload.start}, {overload.end}) us, "
        f"which has {overload.pool.capacity} units"
    )
