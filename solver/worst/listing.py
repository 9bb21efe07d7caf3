"""List scheduling with precedence (Graham 1966), its worst graphs exactly.

Tasks come in list order, an edge leads from an earlier to a later one. Whenever a machine is free, the first ready task
of the list starts; no task waits for a better one. The solver chooses lengths and edges; starts are reals, and that
nobody idles is stated at the moments at which something ends: whoever is ready and does not start finds all machines
busy with what started before or stands earlier in the list.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

import z3

from rayproof.solver.engine import DEFAULT_LIMITS, Budget, Limits
from rayproof.solver.worst.exact import exactly_one, real, refuted, satisfied, supremum, true_in, value_of
from rayproof.solver.worst.result import Method, Worst


@dataclass(frozen=True)
class Graph:
    """Tasks in list order on so many equal machines; `before[i]` are earlier positions that i waits for."""

    lengths: tuple[Fraction, ...]
    before: tuple[tuple[int, ...], ...]
    machines: int

    def to_json(self) -> dict[str, Any]:
        """Exact numbers as strings."""
        pairs = zip(self.lengths, self.before, strict=True)
        return {
            "machines": self.machines,
            "tasks": [{"length": str(length), "after": list(before)} for length, before in pairs],
        }


def list_starts(graph: Graph) -> tuple[Fraction, ...]:
    """When each task starts, by running the list."""
    starts: dict[int, Fraction] = {}
    now = Fraction(0)
    while len(starts) < len(graph.lengths):
        for task in range(len(graph.lengths)):
            ended = [other for other, start in starts.items() if start + graph.lengths[other] <= now]
            busy = len(starts) - len(ended)
            if task not in starts and set(graph.before[task]) <= set(ended) and busy < graph.machines:
                starts[task] = now
        later = [starts[task] + length for task, length in enumerate(graph.lengths) if task in starts]
        now = min((end for end in later if end > now), default=now)
    return tuple(starts[task] for task in range(len(graph.lengths)))


def makespan(graph: Graph, starts: tuple[Fraction, ...]) -> Fraction:
    """When the last task ends."""
    return max((start + length for start, length in zip(starts, graph.lengths, strict=True)), default=Fraction(0))


def least_makespan(graph: Graph) -> Fraction:
    """The optimum, by trying every order of starts on machines that free up."""
    best = [sum(graph.lengths, Fraction(0))]

    def extend(ends: dict[int, Fraction], free: tuple[Fraction, ...]) -> None:
        if max(ends.values(), default=Fraction(0)) >= best[0]:
            return
        if len(ends) == len(graph.lengths):
            best[0] = max(ends.values(), default=Fraction(0))
            return
        for task, length in enumerate(graph.lengths):
            if task in ends or not set(graph.before[task]) <= set(ends):
                continue
            ready = max((ends[other] for other in graph.before[task]), default=Fraction(0))
            end = max(ready, free[0]) + length
            extend({**ends, task: end}, tuple(sorted((*free[1:], end))))

    extend({}, (Fraction(0),) * graph.machines)
    return best[0]


def list_ratio(graph: Graph) -> Fraction:
    """List makespan over optimum; 1 when nothing takes time."""
    least = least_makespan(graph)
    return makespan(graph, list_starts(graph)) / least if least else Fraction(1)


def worst_list(tasks: int, machines: int, limits: Limits = DEFAULT_LIMITS) -> Worst[Graph]:
    """The supremum of list makespan over optimum for graphs of so many tasks."""
    started = time.monotonic()
    budget = Budget(limits)
    question = _Question(tasks, machines)
    top = supremum(question.constraints, question.makespan, budget)
    proved = top is not None and refuted([*question.constraints, question.makespan > real(top)], budget)
    witness = None
    if top is not None:
        model = satisfied([*question.constraints, question.makespan >= real(top)], budget)
        witness = None if model is None else question.read(model)
    reached = None if witness is None else list_ratio(witness)
    return Worst(
        "list",
        tasks,
        machines,
        top if proved else reached,
        reached is not None and reached == top,
        proved,
        Method.SYMBOLIC,
        witness,
        time.monotonic() - started,
        budget.resource_units,
    )


def admits(graph: Graph, starts: tuple[Fraction, ...]) -> bool:
    """Whether the encoding accepts these starts as the list's, for a graph whose optimum is at most 1."""
    question = _Question(len(graph.lengths), graph.machines)
    fixed = [length == real(value) for length, value in zip(question.length, graph.lengths, strict=True)]
    fixed += [start == real(value) for start, value in zip(question.start, starts, strict=True)]
    fixed += [edge == (one in graph.before[other]) for (one, other), edge in question.edge.items()]
    return satisfied([*question.constraints, *fixed], Budget(DEFAULT_LIMITS)) is not None


class _Question:
    """All graphs of one size whose optimum is at most 1, and the list's makespan on each."""

    def __init__(self, tasks: int, machines: int) -> None:
        self.machines = machines
        self.tasks = range(tasks)
        self.length = [z3.Real(f"p{task}") for task in self.tasks]
        self.start = [z3.Real(f"s{task}") for task in self.tasks]
        self.end = [start + length for start, length in zip(self.start, self.length, strict=True)]
        self.edge = {(one, other): z3.Bool(f"e{one}_{other}") for one, other in combinations(self.tasks, 2)}
        self.makespan = z3.Real("makespan")
        self.constraints: list[z3.BoolRef] = [length >= 0 for length in self.length]
        self._list()
        self._optimum()
        self.constraints.append(z3.Or([self.makespan <= end for end in self.end]))

    def read(self, model: z3.ModelRef) -> Graph:
        """The graph of a model."""
        return Graph(
            tuple(value_of(model, length) for length in self.length),
            tuple(
                tuple(one for one in self.tasks if one < task and true_in(model, self.edge[one, task]))
                for task in self.tasks
            ),
            self.machines,
        )

    def _list(self) -> None:
        for task in self.tasks:
            start = self.start[task]
            self.constraints.append(start >= 0)
            self.constraints += [z3.Implies(self.edge[one, task], start >= self.end[one]) for one in range(task)]
            self.constraints.append(z3.Not(self._full(task, start)))
            for moment in (z3.RealVal(0), *(self.end[other] for other in self.tasks if other != task)):
                ready = [z3.Implies(self.edge[one, task], self.end[one] <= moment) for one in range(task)]
                self.constraints.append(z3.Implies(z3.And(*ready, moment < start), self._full(task, moment)))

    def _full(self, task: int, moment: z3.ArithRef) -> z3.BoolRef:
        """Whether, when the list comes to this task at this moment, every machine is taken."""
        taken = [
            z3.And(
                self.start[other] <= moment if other < task else self.start[other] < moment, moment < self.end[other]
            )
            for other in self.tasks
            if other != task
        ]
        return z3.Or([z3.And(some) for some in combinations(taken, self.machines)])

    def _optimum(self) -> None:
        """Some other schedule of the same graph ends by 1."""
        start = [z3.Real(f"o{task}") for task in self.tasks]
        end = [begin + length for begin, length in zip(start, self.length, strict=True)]
        on = [[z3.Bool(f"m{task}_{machine}") for machine in range(self.machines)] for task in self.tasks]
        for task in self.tasks:
            self.constraints += [start[task] >= 0, end[task] <= 1]
            self.constraints += exactly_one(on[task])
            # Machines are alike: number them by their first task.
            self.constraints += [z3.Not(choice) for machine, choice in enumerate(on[task]) if machine > task]
        for one, other in combinations(self.tasks, 2):
            self.constraints.append(z3.Implies(self.edge[one, other], start[other] >= end[one]))
            apart = z3.Or(start[other] >= end[one], start[one] >= end[other])
            self.constraints += [
                z3.Implies(z3.And(mine, theirs), apart) for mine, theirs in zip(on[one], on[other], strict=True)
            ]
