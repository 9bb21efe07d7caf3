"""Good schedules quickly: HEFT with insertion, restarts with shaken ranks, and justification.

HEFT (Topcuoglu, Hariri and Wu 2002) takes ready tasks by upward rank and puts each where it ends first; on one node
it is the serial list schedule. Justification (Valls, Ballestin and Quintanilla 2005) schedules the reversed instance by
the ends of a schedule, then the instance by the starts of that one; it never lengthens a schedule on one node.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from random import Random

from rayproof.solver.instances import Indexed, Instance, index
from rayproof.solver.schedules.form import Schedule, Slot
from rayproof.solver.schedules.profile import Profile

SHAKE = 0.35
"""Largest relative change of a rank in a restart."""
STRAY = 0.08
"""How often a restart lets a task choose its second best node."""


def heft(instance: Instance) -> Schedule:
    """The schedule of HEFT, no restarts."""
    return upper_bound(instance, restarts=0, justify=False)


def upper_bound(
    instance: Instance, restarts: int = 20, seed: int = 0, target: int = 0, justify: bool = True
) -> Schedule:
    """The best schedule of HEFT and its restarts; stops as soon as one ends at `target` us, a lower bound."""
    indexed = index(instance)
    one_way = _Direction(indexed, reverse=False)
    # Reversed time has no place for releases.
    back = _Direction(indexed, reverse=True) if justify and not any(indexed.releases) else None
    random = Random(seed)
    rank = _upward_ranks(indexed)
    best = one_way.schedule(rank, None)
    length = one_way.makespan(best)
    for attempt in range(restarts + 1):
        if length <= target:
            break
        if attempt:
            found = one_way.schedule([value * (1 + SHAKE * random.random()) for value in rank], random)
        else:
            found = best
        for _ in range(3 if back else 0):
            assert back is not None
            reached = one_way.makespan(found)
            again = _justified(found, one_way, back)
            if one_way.makespan(again) >= reached:
                break
            found = again
        if one_way.makespan(found) < length:
            best, length = found, one_way.makespan(found)
    names = [node.id for node in instance.nodes]
    return Schedule(
        {task.id: Slot(names[node], start) for task, (node, start) in zip(instance.tasks, best, strict=True)}
    )


def decoded(instance: Instance, indexed: Indexed, nodes: Sequence[int], starts: Sequence[int]) -> Schedule:
    """Tasks on these nodes, taken in the order of these starts, each as early as it then can."""
    one_way = _Direction(indexed, reverse=False)
    one_way.eligible = tuple((node,) for node in nodes)
    found = one_way.schedule([-start for start in starts], None)
    return Schedule(
        {
            task.id: Slot(instance.nodes[node].id, start)
            for task, (node, start) in zip(instance.tasks, found, strict=True)
        }
    )


def _justified(found: list[tuple[int, int]], one_way: _Direction, back: _Direction) -> list[tuple[int, int]]:
    lengths = one_way.lengths
    by_end = [float(start + lengths[task]) for task, (_, start) in enumerate(found)]
    late = back.schedule(by_end, None)
    by_late_start = [float(start + lengths[task]) for task, (_, start) in enumerate(late)]
    return one_way.schedule(by_late_start, None)


def _upward_ranks(indexed: Indexed) -> list[float]:
    ranks = [0.0] * indexed.n
    for task in reversed(indexed.order):
        apart = 1 - 1 / len(indexed.eligible[task])
        below = (ranks[after] + apart * delay for after, delay in indexed.succs[task].items())
        ranks[task] = indexed.durations[task] + max(below, default=0.0)
    return ranks


class _Direction:
    """The serial scheme in one direction of time."""

    def __init__(self, indexed: Indexed, reverse: bool) -> None:
        self.before = indexed.succs if reverse else indexed.preds
        self.after = indexed.preds if reverse else indexed.succs
        self.releases = (0,) * indexed.n if reverse else indexed.releases
        self.lengths = indexed.durations
        self.eligible = indexed.eligible
        self.capacity = indexed.capacity
        self.demand = [
            [(resource, amount) for resource, amount in enumerate(demand) if amount] for demand in indexed.demand
        ]

    def makespan(self, found: Sequence[tuple[int, int]]) -> int:
        return max((start + self.lengths[task] for task, (_, start) in enumerate(found)), default=0)

    def schedule(self, rank: Sequence[float], random: Random | None) -> list[tuple[int, int]]:
        """(node, start) per task; ready tasks by rank, highest first, each where it ends first."""
        profiles = [Profile(capacity) for capacity in self.capacity]
        missing = [len(found) for found in self.before]
        ready = [(-rank[task], task) for task, count in enumerate(missing) if count == 0]
        ready.sort()
        found: list[tuple[int, int]] = [(-1, -1)] * len(missing)
        while ready:
            _, task = heappop(ready)
            options = sorted(
                (
                    profiles[node].earliest(self._ready(task, node, found), self.lengths[task], self.demand[task]),
                    random.random() if random else 0.0,
                    node,
                )
                for node in self.eligible[task]
            )
            pick = 1 if random and len(options) > 1 and random.random() < STRAY else 0
            start, _, node = options[pick]
            profiles[node].take(start, self.lengths[task], self.demand[task])
            found[task] = node, start
            for later in self.after[task]:
                missing[later] -= 1
                if missing[later] == 0:
                    heappush(ready, (-rank[later], later))
        return found

    def _ready(self, task: int, node: int, found: Sequence[tuple[int, int]]) -> int:
        ready = self.releases[task]
        for before, delay in self.before[task].items():
            on, start = found[before]
            ends = start + self.lengths[before]
            if on != node:
                ends += delay
            if ends > ready:
                ready = ends
        return ready
