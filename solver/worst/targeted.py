"""Bursts drawn by Hypothesis and driven by `target` towards a large ratio.

Its mutations move whole groups of numbers at once, which single changes of a hill climb rarely do; what it meets is
where the climb begins.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, seed, settings, target
from hypothesis import strategies as st

from rayproof.solver.worst.burst import Burst, BurstTask


def bursts(tasks: int, nodes: int, largest: int, transfers: bool) -> st.SearchStrategy[Burst]:
    """Bursts of so many tasks, with lengths and transfers from 0 to `largest`."""
    numbers = st.integers(0, largest)
    if transfers:
        task = st.builds(BurstTask, numbers, st.integers(0, nodes - 1), numbers)
    else:
        task = st.builds(BurstTask, numbers)
    return st.lists(task, min_size=tasks, max_size=tasks).map(lambda drawn: Burst(tuple(drawn), nodes))


def aim(measure: Callable[[Burst], float | None], drawn: st.SearchStrategy[Burst], examples: int, start: int) -> None:
    """Give `measure` so many bursts, ever more like those for which it returned the most; None says nothing of one.

    The same `start` gives the same bursts. `measure` keeps what it wants to remember.
    """

    @seed(start)
    @settings(
        max_examples=examples,
        phases=(Phase.generate, Phase.target),
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn)
    def towards(burst: Burst) -> None:
        found = measure(burst)
        if found is not None:
            target(found, label="ratio")

    towards()
