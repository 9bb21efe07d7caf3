"""The order encoding: "task i has started by t" for every i and t of its window.

    s(i, t) -> s(i, t + 1)                                     a start is a threshold
    s(j, t) -> s(i, t - length(i))                             precedence; with the delay, when the nodes differ
    run(i, v, t) <- on(i, v), s(i, t), not s(i, t - length(i)) what occupies a node at t
    sum of demands of run(., v, t) <= capacity of v            natively, per time point, node and resource
    end(T) -> s(i, T - tail(i) - length(i))                    one assumption literal per makespan T

Source: Crawford and Baker 1994; Tamura et al. 2009. Windows come from the bounds, so a tight bound is a small formula.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.solver.bounds.windows import Windows
from rayproof.solver.engine import BooleanSolver, Budget, Formula, negated
from rayproof.solver.instances import Indexed


class OutOfBudgetError(Exception):
    """The budget ended while the formula was being built."""


TRUE, FALSE = "", "-"
"""Literals known beforehand: `FALSE` never holds, `TRUE` always; neither enters the formula."""


@dataclass
class Encoding:
    """The formula whose models are the schedules that end by `horizon`, and how to read them."""

    indexed: Indexed
    windows: Windows
    horizon: int
    least: int
    """Makespans from here to the horizon have an assumption literal."""
    budget: Budget
    """When it is exhausted, building ends with `OutOfBudgetError`."""
    formula: Formula = field(default_factory=Formula)

    def __post_init__(self) -> None:
        indexed = self.indexed
        self.last = [
            self.horizon - tail - length for tail, length in zip(self.windows.tails, indexed.durations, strict=True)
        ]
        for task in range(indexed.n):
            self._go_on()
            self._start(task)
        for task in range(indexed.n):
            self._go_on()
            self._precedence(task)
        for resource in range(len(indexed.resources)):
            self._capacity(resource)
        for makespan in range(self.least, self.horizon):
            self._end(makespan)

    def ends_by(self, makespan: int) -> tuple[str, ...]:
        """The assumption under which the run ends by this time; none is needed at the horizon."""
        return (f"h{makespan}",) if makespan < self.horizon else ()

    def read(self, solver: BooleanSolver) -> list[tuple[int, int]]:
        """(node, start) of every task in the solver's model."""
        found = []
        for task in range(self.indexed.n):
            eligible = self.indexed.eligible[task]
            node = eligible[0] if len(eligible) == 1 else next(v for v in eligible if solver.holds(f"a{task}_{v}"))
            first, last = self.windows.heads[task], self.last[task]
            start = next((t for t in range(first, last) if solver.holds(f"s{task}_{t}")), last)
            found.append((node, start))
        return found

    def started(self, task: int, time: int) -> str:
        """The literal of "started by": constants outside the window."""
        if time >= self.last[task]:
            return TRUE
        return f"s{task}_{time}" if time >= self.windows.heads[task] else FALSE

    def on(self, task: int, node: int) -> str:
        """The literal of "runs on this eligible node"."""
        return TRUE if len(self.indexed.eligible[task]) == 1 else f"a{task}_{node}"

    def _go_on(self) -> None:
        if self.budget.exhausted:
            raise OutOfBudgetError

    def _start(self, task: int) -> None:
        first, last = self.windows.heads[task], self.last[task]
        if last < first:
            self.formula.clause()
        for time in range(first, last):
            self.formula.variable(f"s{task}_{time}")
        for time in range(first, last - 1):
            self.formula.clause(f"-s{task}_{time}", f"s{task}_{time + 1}")
        if len(self.indexed.eligible[task]) > 1:
            self.formula.exactly_one([self.formula.variable(f"a{task}_{node}") for node in self.indexed.eligible[task]])

    def _precedence(self, task: int) -> None:
        indexed = self.indexed
        for before, delay in indexed.preds[task].items():
            length = indexed.durations[before]
            shared = set(indexed.eligible[before]) & set(indexed.eligible[task])
            if not shared or not delay:
                self._after(task, before, length + (0 if shared else delay), TRUE)
                continue
            self._after(task, before, length, TRUE)
            if indexed.eligible[before] == indexed.eligible[task] and len(shared) == 1:
                continue
            apart = self.formula.variable(f"d{before}_{task}")
            for node in indexed.eligible[before]:
                if node in shared:
                    self._implies([self.on(before, node), _not(self.on(task, node))], apart)
                else:
                    self._implies([self.on(before, node)], apart)
            self._after(task, before, length + delay, apart)

    def _after(self, task: int, before: int, gap: int, condition: str) -> None:
        for time in range(self.windows.heads[task], self.last[task] + 1):
            done = self.started(before, time - gap)
            if done == TRUE:
                break
            self._implies([condition, self.started(task, time)], done)

    def _capacity(self, resource: int) -> None:
        indexed = self.indexed
        for node, capacity in enumerate(indexed.capacity):
            # What may run at each time: a task draws from its earliest start to its latest end.
            drawing: list[list[int]] = [[] for _ in range(max(0, self.horizon))]
            for task in range(indexed.n):
                if indexed.demand[task][resource] and node in indexed.eligible[task]:
                    for time in range(
                        self.windows.heads[task], min(self.horizon, self.last[task] + indexed.durations[task])
                    ):
                        drawing[time].append(task)
            for time, tasks in enumerate(drawing):
                self._go_on()
                if sum(indexed.demand[task][resource] for task in tasks) > capacity[resource]:
                    self._room(resource, node, time, tasks)

    def _room(self, resource: int, node: int, time: int, tasks: list[int]) -> None:
        room = self.indexed.capacity[node][resource]
        weights, literals = [], []
        for task in tasks:
            demand = self.indexed.demand[task][resource]
            literal = self._running(task, node, time)
            if literal == TRUE:
                room -= demand
            else:
                weights.append(demand)
                literals.append(literal)
        if room < 0:
            self.formula.clause()
        elif weights:
            self.formula.weighted(weights, literals, room)

    def _running(self, task: int, node: int, time: int) -> str:
        name = f"r{task}_{node}_{time}"
        if self.formula.declared(name):
            return name
        ended = self.started(task, time - self.indexed.durations[task])
        conditions = [self.on(task, node), self.started(task, time), _not(ended)]
        proper = [condition for condition in conditions if condition != TRUE]
        if len(proper) <= 1:
            return proper[0] if proper else TRUE
        self.formula.variable(name)
        self._implies(proper, name)
        return name

    def _end(self, makespan: int) -> None:
        literal = self.formula.variable(f"h{makespan}")
        for task, (tail, length) in enumerate(zip(self.windows.tails, self.indexed.durations, strict=True)):
            self._implies([literal], self.started(task, makespan - tail - length))

    def _implies(self, conditions: list[str], conclusion: str) -> None:
        if conclusion == TRUE or FALSE in conditions:
            return
        literals = [negated(condition) for condition in conditions if condition != TRUE]
        self.formula.clause(*literals, *([conclusion] if conclusion != FALSE else []))


def _not(literal: str) -> str:
    return {TRUE: FALSE, FALSE: TRUE}[literal] if literal in (TRUE, FALSE) else negated(literal)
