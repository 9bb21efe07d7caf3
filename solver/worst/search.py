"""The worst burst of any policy, by search: a policy that is only a callable can be tried but not solved.

Small grids are exhausted first; then Hypothesis draws bursts and is driven by `target`; then hill climbing changes one
task at a time, from the worst burst so far and after that from random ones. Lengths and transfers are small whole
numbers: worst cases tend to be simple. What it finds is a lower bound on the worst ratio and nothing more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import product
from math import gcd
from random import Random

from rayproof.solver.worst.burst import Burst, BurstTask, Policy, makespan, optimal_placement, placed
from rayproof.solver.worst.result import Method, Worst
from rayproof.solver.worst.targeted import aim, bursts

LARGEST = 12
"""Lengths and transfers are drawn from 0 to this."""
STALE = 300
"""Attempts without improvement before a restart."""
GRID_SHARE = 4
"""A grid is exhausted only when it takes less than one in so many of the evaluations."""

TARGETED_SHARE = 8
"""Hypothesis has one in so many of the evaluations, or of the time."""
ROUND = 400
"""Examples of one targeted run, where time is the limit."""


def worst_by_search(
    policy: Policy,
    tasks: int,
    nodes: int,
    *,
    seconds: float | None = 30.0,
    evaluations: int | None = None,
    seed: int = 0,
    transfers: bool = True,
    name: str = "policy",
) -> Worst[Burst]:
    """The worst burst of so many tasks on so many nodes that the search meets.

    The policy is called with a `View` and names a node. Give `evaluations` for a repeatable answer; at least one of the
    two limits is needed (`ValueError` otherwise).
    """
    if seconds is None and evaluations is None:
        raise ValueError("expected a limit in seconds or evaluations")
    climb = _Climb(policy, tasks, nodes, seconds, evaluations, Random(seed), transfers)
    climb.run()
    return Worst(
        name, tasks, nodes, climb.best_ratio, True, False, Method.SEARCH, climb.best, climb.elapsed(), climb.evaluated
    )


class _OutOfBudget(Exception):
    pass


class _Climb:
    def __init__(
        self,
        policy: Policy,
        tasks: int,
        nodes: int,
        seconds: float | None,
        evaluations: int | None,
        random: Random,
        transfers: bool,
    ) -> None:
        self.policy, self.tasks, self.nodes = policy, tasks, nodes
        self.seconds, self.evaluations = seconds, evaluations
        self.random, self.transfers = random, transfers
        self.started = time.monotonic()
        self.evaluated = 0
        self.best: Burst | None = None
        self.best_ratio = Fraction(0)

    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def run(self) -> None:
        try:
            for burst in self._grid():
                self._try(burst)
            self._targeted()
            if self.best is not None:
                self._climb(self.best)
            while True:
                self._climb(Burst(tuple(self._random_task() for _ in range(self.tasks)), self.nodes))
        except _OutOfBudget:
            pass
        if self.best is not None:
            self.best = self._simplest(self.best)

    def _grid(self) -> Iterator[Burst]:
        """All bursts of the coarsest numbers, when there are few enough."""
        tasks = [
            BurstTask(length, home, transfer)
            for length in (0, 1, 2)
            for home in (range(self.nodes) if self.transfers else (0,))
            for transfer in ((0, 1, 2) if self.transfers else (0,))
        ]
        if len(tasks) ** self.tasks * GRID_SHARE <= (self.evaluations or 20_000):
            for each in product(tasks, repeat=self.tasks):
                yield Burst(each, self.nodes)

    def _targeted(self) -> None:
        """Rounds of Hypothesis; an exception in there would be taken for a failure of the burst, so none is raised."""
        drawn = bursts(self.tasks, self.nodes, LARGEST, self.transfers)
        until = (
            None if self.seconds is None else (self.seconds + self.elapsed() * (TARGETED_SHARE - 1)) / TARGETED_SHARE
        )
        examples = ROUND if self.evaluations is None else (self.evaluations - self.evaluated) // TARGETED_SHARE

        def over() -> bool:
            return self.evaluated == self.evaluations or (until is not None and self.elapsed() >= until)

        def measure(burst: Burst) -> float | None:
            return None if over() else float(self._keep(burst))

        while examples and not over():
            aim(measure, drawn, examples, self.random.getrandbits(32))
            if self.evaluations is not None:
                return

    def _climb(self, here: Burst) -> None:
        value, stale = self._try(here), 0
        while stale < STALE:
            there = self._changed(here)
            reached = self._try(there)
            stale = 0 if reached > value else stale + 1
            if reached >= value:
                here, value = there, reached

    def _random_task(self) -> BurstTask:
        draw = self.random.randint
        if not self.transfers:
            return BurstTask(draw(0, LARGEST))
        return BurstTask(draw(0, LARGEST), draw(0, self.nodes - 1), draw(0, LARGEST))

    def _changed(self, burst: Burst) -> Burst:
        tasks = list(burst.tasks)
        for _ in range(self.random.choice((1, 1, 2, 3))):
            at = self.random.randrange(self.tasks)
            kind = self.random.randrange(4 if self.transfers else 3)
            task = tasks[at]
            if kind == 0:
                tasks[at] = replace(task, length=self._near(task.length))
            elif kind == 1:
                tasks[at] = self._random_task()
            elif kind == 2:
                other = self.random.randrange(self.tasks)
                tasks[at], tasks[other] = tasks[other], task
            else:
                tasks[at] = replace(task, transfer=self._near(task.transfer))
        return Burst(tuple(tasks), self.nodes)

    def _near(self, value: Fraction | int) -> int:
        return min(LARGEST, max(0, int(value) + self.random.choice((-2, -1, 1, 2))))

    def _try(self, burst: Burst) -> Fraction:
        """The ratio of a burst, 0 for one that is out of bounds; keeps the best."""
        if self.evaluated == self.evaluations or (self.seconds is not None and self.elapsed() >= self.seconds):
            raise _OutOfBudget
        return self._keep(burst)

    def _keep(self, burst: Burst) -> Fraction:
        self.evaluated += 1
        found = self._ratio(burst)
        if found > self.best_ratio:
            self.best, self.best_ratio = burst, found
        return found

    def _ratio(self, burst: Burst) -> Fraction:
        least = makespan(burst, optimal_placement(burst))
        if not least or any(task.transfer > least for task in burst.tasks):
            return Fraction(0)
        return Fraction(makespan(burst, placed(burst, self.policy))) / least

    def _simplest(self, burst: Burst) -> Burst:
        """The same ratio with as many numbers as possible at zero or home on node 0, in lowest terms."""
        changes: tuple[Callable[[BurstTask], BurstTask], ...] = (
            lambda task: BurstTask(0),
            lambda task: replace(task, transfer=0),
            lambda task: replace(task, length=0),
            lambda task: replace(task, home=0),
        )
        for at in range(self.tasks):
            for change in changes:
                tasks = list(burst.tasks)
                tasks[at] = change(tasks[at])
                simpler = Burst(tuple(tasks), self.nodes)
                if simpler != burst and self._ratio(simpler) == self.best_ratio:
                    burst = simpler
        unit = gcd(*(int(task.length) for task in burst.tasks), *(int(task.transfer) for task in burst.tasks)) or 1
        scaled = tuple(
            replace(task, length=int(task.length) // unit, transfer=int(task.transfer) // unit) for task in burst.tasks
        )
        return Burst(scaled, self.nodes)
