"""Heads and tails: how early a task can start, and how long the run goes on once it has ended.

A transfer is certain when a task and its predecessor have no eligible node in common. Heads are then raised by energy:
the ancestors of a task must all be done before it starts, and those with a head of at least h need their work over the
pool's capacity after h. Tails are the same with time reversed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rayproof.solver.bounds.pools import Pool
from rayproof.solver.instances import Indexed

RAISED_TASKS = 400
"""Above this many tasks heads and tails follow paths only; raising them by energy is cubic."""


@dataclass(frozen=True)
class Windows:
    """Per task: earliest start, and the least time between its end and the end of the run."""

    heads: tuple[int, ...]
    tails: tuple[int, ...]


def path_windows(indexed: Indexed) -> Windows:
    """Heads and tails by longest paths with certain transfers."""
    return _windows(indexed, ())


def raised_windows(indexed: Indexed, pools: Iterable[Pool]) -> Windows:
    """Heads and tails by longest paths and by the energy of ancestors and descendants in every pool."""
    return _windows(indexed, tuple(pools) if indexed.n <= RAISED_TASKS else ())


def certain_delay(indexed: Indexed, before: int, after: int, delay: int) -> int:
    """The delay of an edge if the two tasks can never share a node, else 0."""
    return 0 if delay == 0 or set(indexed.eligible[before]) & set(indexed.eligible[after]) else delay


def _windows(indexed: Indexed, pools: tuple[Pool, ...]) -> Windows:
    forward = [
        {before: certain_delay(indexed, before, task, delay) for before, delay in found.items()}
        for task, found in enumerate(indexed.preds)
    ]
    backward: list[dict[int, int]] = [{} for _ in forward]
    for task, found in enumerate(forward):
        for before, delay in found.items():
            backward[before][task] = delay
    heads = _one_way(indexed, indexed.order, forward, indexed.releases, pools)
    tails = _one_way(indexed, tuple(reversed(indexed.order)), backward, (0,) * indexed.n, pools)
    return Windows(tuple(heads), tuple(tails))


def _one_way(
    indexed: Indexed,
    order: Sequence[int],
    before: Sequence[dict[int, int]],
    least: Sequence[int],
    pools: tuple[Pool, ...],
) -> list[int]:
    """Earliest starts in one direction of time."""
    lengths = indexed.durations
    heads = list(least)
    ancestors: list[set[int]] = [set() for _ in heads]
    to_go: list[dict[int, int]] = [{} for _ in heads]
    for task in order:
        for pred, delay in before[task].items():
            heads[task] = max(heads[task], heads[pred] + lengths[pred] + delay)
        if not pools:
            continue
        for pred, delay in before[task].items():
            # The least time between an ancestor's end and this task's start, over all paths.
            to_go[task][pred] = max(to_go[task].get(pred, 0), delay)
            for far, rest in to_go[pred].items():
                to_go[task][far] = max(to_go[task].get(far, 0), rest + lengths[pred] + delay)
            ancestors[task] |= ancestors[pred] | {pred}
        for pool in pools:
            heads[task] = max(heads[task], _after_energy(ancestors[task], to_go[task], heads, lengths, pool))
    return heads


def _after_energy(
    ancestors: Iterable[int], to_go: dict[int, int], heads: Sequence[int], lengths: Sequence[int], pool: Pool
) -> int:
    """Earliest time at which the pool can have served all these ancestors; late starters alone are tried first."""
    drawing = sorted((far for far in ancestors if pool.draw[far]), key=lambda far: (-heads[far], far))
    energy, tail, found = 0, None, 0
    for far in drawing:
        energy += pool.draw[far] * lengths[far]
        tail = to_go[far] if tail is None else min(tail, to_go[far])
        found = max(found, heads[far] - (-energy // pool.capacity) + tail)
    return found
