"""The worst ratio of an abstract policy, exactly, with the proof that nothing of that size is worse.

Lengths and transfers are reals, the policy's choices follow from them, and some assignment has makespan at most 1: then
the largest makespan under the policy is the worst ratio. `Optimize` gives the supremum, of which its model is only one
point: with strict ties it need not be attained, so the supremum is read from the objective's bound, a plain solver
refutes everything above it, and a witness at it (or within 1/100 below) is replayed in exact arithmetic.
"""

from __future__ import annotations

import time
from fractions import Fraction
from itertools import combinations

import z3

from solver.engine import DEFAULT_LIMITS, Budget, Limits
from solver.worst.burst import Burst, BurstTask, ratio
from solver.worst.policies import AbstractPolicy, NodeTerms
from solver.worst.result import Method, Worst

CLOSE = Fraction(1, 100)
"""How far below an unattained supremum its witness may lie."""


def worst_case(policy: AbstractPolicy, tasks: int, nodes: int, limits: Limits = DEFAULT_LIMITS) -> Worst:
    """The supremum of makespan over optimum for bursts of so many tasks on so many nodes."""
    started = time.monotonic()
    budget = Budget(limits)
    question = _Question(policy, tasks, nodes)
    supremum = question.supremum(budget)
    proved = supremum is not None and question.refuted_above(supremum, budget)
    witness, attained = None, False
    if supremum is not None:
        witness, attained = question.witness(supremum, budget)
    # The replay has the last word: on the ratio, and so on whether the supremum is attained.
    reached = None if witness is None else ratio(witness, policy.choose)
    return Worst(
        policy.name,
        tasks,
        nodes,
        supremum if proved else reached,
        attained and reached == supremum,
        proved,
        Method.SYMBOLIC,
        witness,
        time.monotonic() - started,
        budget.resource_units,
    )


class _Question:
    """All bursts of one size whose optimum is at most 1, and the policy's makespan on each."""

    def __init__(self, policy: AbstractPolicy, tasks: int, nodes: int) -> None:
        self.policy, self.tasks, self.nodes = policy, tasks, nodes
        self.constraints: list[z3.BoolRef] = []
        self.length = [z3.Real(f"p{task}") for task in range(tasks)]
        self.transfer = [z3.Real(f"x{task}") if policy.has_transfers else z3.RealVal(0) for task in range(tasks)]
        self.home = [[z3.Bool(f"h{task}_{node}") for node in range(nodes)] for task in range(tasks)]
        self._tasks()
        self._optimum()
        self.makespan = z3.Real("makespan")
        loads = self._choices()
        self.constraints.append(z3.Or([self.makespan <= load for load in loads]))

    def supremum(self, budget: Budget) -> Fraction | None:
        """The objective's upper bound; None when the budget ends first."""
        optimize = z3.Optimize()
        _limit(optimize, budget)
        optimize.add(self.constraints)
        goal = optimize.maximize(self.makespan)
        before = _spent(optimize)
        answer = optimize.check()
        budget.resource_units += _spent(optimize) - before
        if answer != z3.sat:
            return None
        infinite, value, _epsilon = (_exact(part) for part in optimize.upper_values(goal))
        return None if infinite else value

    def refuted_above(self, supremum: Fraction, budget: Budget) -> bool:
        """Whether no burst has a larger makespan: unsat, and nothing less, counts."""
        answer, _ = self._check(self.makespan > _real(supremum), budget)
        return bool(answer == z3.unsat)

    def witness(self, supremum: Fraction, budget: Budget) -> tuple[Burst | None, bool]:
        """A burst at the supremum, or just below it, and whether it is at it."""
        for least in (supremum, supremum - CLOSE):
            answer, model = self._check(self.makespan >= _real(least), budget)
            if answer == z3.sat and model is not None:
                return self._read(model), least == supremum
        return None, False

    def _check(self, condition: z3.BoolRef, budget: Budget) -> tuple[z3.CheckSatResult, z3.ModelRef | None]:
        if budget.exhausted:
            return z3.unknown, None
        solver = z3.Solver()
        _limit(solver, budget)
        solver.add(self.constraints)
        solver.add(condition)
        before = _spent(solver)
        answer = solver.check()
        budget.resource_units += _spent(solver) - before
        return answer, solver.model() if answer == z3.sat else None

    def _tasks(self) -> None:
        for task in range(self.tasks):
            self.constraints.append(self.length[task] >= 0)
            if self.policy.has_transfers:
                self.constraints += [self.transfer[task] >= 0, self.transfer[task] <= 1]
            self._exactly_one(self.home[task])
            if self.policy.sorted and task:
                self.constraints.append(self.length[task - 1] >= self.length[task])

    def _exactly_one(self, choices: list[z3.BoolRef]) -> None:
        # As clauses: native sums would send the optimiser through another core.
        self.constraints.append(z3.Or(choices))
        self.constraints += [z3.Not(z3.And(one, other)) for one, other in combinations(choices, 2)]

    def _optimum(self) -> None:
        """Some assignment has makespan at most 1."""
        loads: list[z3.ArithRef] = [z3.RealVal(0)] * self.nodes
        for task in range(self.tasks):
            chosen = [z3.Bool(f"o{task}_{node}") for node in range(self.nodes)]
            self._exactly_one(chosen)
            for node, choice in enumerate(chosen):
                if not self.policy.has_transfers and node > task:
                    # Without homes the nodes are alike: number them by their first task.
                    self.constraints.append(z3.Not(choice))
                loads[node] = loads[node] + z3.If(choice, self._cost(task, node), 0)
        self.constraints += [load <= 1 for load in loads]

    def _choices(self) -> list[z3.ArithRef]:
        """The loads after the policy has placed every task."""
        average = z3.Sum(self.length) / self.tasks
        loads: list[z3.ArithRef] = [z3.RealVal(0)] * self.nodes
        queues: list[z3.ArithRef] = [z3.RealVal(0)] * self.nodes
        for task in range(self.tasks):
            chosen = self._chosen(task, loads, queues)
            for node, choice in enumerate(chosen):
                loads[node] = loads[node] + z3.If(choice, self._cost(task, node), 0)
                queues[node] = queues[node] + z3.If(choice, average, 0)
        return loads

    def _chosen(self, task: int, loads: list[z3.ArithRef], queues: list[z3.ArithRef]) -> list[z3.BoolRef]:
        nodes = range(self.nodes)
        if self.policy.score is None:
            return [z3.BoolVal(task % self.nodes == node) for node in nodes]
        scores = [
            self.policy.score(NodeTerms(loads[node], queues[node], self._travel(task, node), self.length[task]))
            for node in nodes
        ]
        chosen = [z3.Bool(f"c{task}_{node}") for node in nodes]
        for node in nodes:
            least = [scores[node] < scores[other] for other in range(node)]
            least += [scores[node] <= scores[other] for other in range(node + 1, self.nodes)]
            self.constraints.append(chosen[node] == z3.And(least))
        return chosen

    def _travel(self, task: int, node: int) -> z3.ArithRef:
        return z3.If(self.home[task][node], 0, self.transfer[task])

    def _cost(self, task: int, node: int) -> z3.ArithRef:
        return self.length[task] + self._travel(task, node) if self.policy.has_transfers else self.length[task]

    def _read(self, model: z3.ModelRef) -> Burst:
        def number(term: z3.ArithRef) -> Fraction:
            return _exact(model.eval(term, model_completion=True))

        return Burst(
            tuple(
                BurstTask(
                    number(self.length[task]),
                    next(at for at, home in enumerate(self.home[task]) if z3.is_true(model.eval(home, True))),
                    number(self.transfer[task]),
                )
                for task in range(self.tasks)
            ),
            self.nodes,
        )


def _real(value: Fraction) -> z3.RatNumRef:
    return z3.RealVal(f"{value.numerator}/{value.denominator}")


def _exact(value: z3.ArithRef) -> Fraction:
    return Fraction(value.as_long()) if z3.is_int_value(value) else Fraction(value.as_fraction())


def _limit(solver: z3.Solver | z3.Optimize, budget: Budget) -> None:
    seconds, units = budget.seconds_left, budget.resource_units_left
    solver.set("timeout", 4_294_967_295 if seconds is None else max(1, int(seconds * 1000)))
    solver.set("rlimit", 0 if units is None else max(1, units))


def _spent(solver: z3.Solver | z3.Optimize) -> int:
    statistics = solver.statistics()
    return int(statistics.get_key_value("rlimit count")) if "rlimit count" in statistics.keys() else 0  # noqa: SIM118
