"""What is held on a node over time, as a step function that is asked by bisection."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping

from rayproof.model.graph import Resources


class Usage:
    """The sum of demands at each moment."""

    def __init__(self, changes: Iterable[tuple[int, int, Resources]]) -> None:
        """`changes`: (moment, 1 or -1, demand), in any order; a change counts from its moment on."""
        self.times: list[int] = []
        self.held: list[Mapping[str, int]] = []
        now: dict[str, int] = {}
        for moment, sign, demand in sorted(changes, key=lambda change: change[0]):
            for name, amount in demand.units:
                now[name] = now.get(name, 0) + sign * amount
            if self.times and self.times[-1] == moment:
                self.held[-1] = dict(now)
            else:
                self.times.append(moment)
                self.held.append(dict(now))

    def at(self, moment: int) -> Mapping[str, int]:
        """What is held at a moment, in units of `Resources`."""
        place = bisect_right(self.times, moment) - 1
        return self.held[place] if place >= 0 else {}
