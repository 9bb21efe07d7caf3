"""What a node has free over time, as a step function."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence


class Profile:
    """Free amounts of one node: `free[i]` from `times[i]` until `times[i + 1]`, the last for ever."""

    __slots__ = ("free", "times")

    def __init__(self, capacity: Sequence[int]) -> None:
        self.times = [0]
        self.free = [list(capacity)]

    def earliest(self, ready: int, length: int, demand: Sequence[tuple[int, int]]) -> int:
        """The earliest start, not before `ready`, at which every (resource, amount) is free for so long."""
        if length == 0 or not demand:
            return ready
        times, free = self.times, self.free
        at = bisect_right(times, ready) - 1
        start, last = ready, len(times)
        end = start + length
        while at < last and times[at] < end:
            here = free[at]
            for resource, amount in demand:
                if here[resource] < amount:
                    start = times[at + 1]
                    end = start + length
                    break
            at += 1
        return start

    def take(self, start: int, length: int, demand: Sequence[tuple[int, int]]) -> None:
        """Hold the amounts over [start, start + length)."""
        if length == 0 or not demand:
            return
        first, last = self._cut(start), self._cut(start + length)
        for at in range(first, last):
            here = self.free[at]
            for resource, amount in demand:
                here[resource] -= amount

    def _cut(self, time: int) -> int:
        at = bisect_right(self.times, time) - 1
        if self.times[at] == time:
            return at
        self.times.insert(at + 1, time)
        self.free.insert(at + 1, list(self.free[at]))
        return at + 1
