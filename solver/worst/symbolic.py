"""The worst ratio of an abstract policy, exactly, with the proof that nothing of that size is worse.

Lengths and transfers are reals, the policy's choices follow from them, and some assignment has makespan at most 1: then
the largest makespan under the policy is the worst ratio. `Optimize` gives the supremum, of which its model is only one
point: with strict ties it need not be attained, so the supremum is read from the objective's bound, a plain solver
refutes everything above it, and a witness at it (or within 1/100 below) is replayed in exact arithmetic.
"""

from __future__ import annotations

import time
from fractions import Fraction

import z3

from rayproof.solver.engine import DEFAULT_LIMITS, Budget, Limits
from rayproof.solver.worst.burst import Burst, BurstTask, ratio
from rayproof.solver.worst.exact import exactly_one, real, refuted, satisfied, supremum, true_in, value_of
from rayproof.solver.worst.policies import AbstractPolicy, NodeTerms
from rayproof.solver.worst.result import Method, Worst

CLOSE = Fraction(1, 100)
"""How far below an unattained supremum its witness may lie."""


def worst_case(policy: AbstractPolicy, tasks: int, nodes: int, limits: Limits = DEFAULT_LIMITS) -> Worst[Burst]:
    """The supremum of makespan over optimum for bursts of so many tasks on so many nodes."""
    started = time.monotonic()
    budget = Budget(limits)
    question = _Question(policy, tasks, nodes)
    top = supremum(question.constraints, question.makespan, budget)
    proved = top is not None and refuted([*question.constraints, question.makespan > real(top)], budget)
    witness = None
    if top is not None:
        witness = question.witness(top, budget) or question.witness(top - CLOSE, budget)
    # The replay has the last word: on the ratio, and so on whether the supremum is attained.
    reached = None if witness is None else ratio(witness, policy.choose)
    return Worst(
        policy.name,
        tasks,
        nodes,
        top if proved else reached,
        reached is not None and reached == top,
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

    def witness(self, most: Fraction, budget: Budget) -> Burst | None:
        """A burst whose makespan is at least so much."""
        model = satisfied([*self.constraints, self.makespan >= real(most)], budget)
        return None if model is None else self._read(model)

    def _tasks(self) -> None:
        for task in range(self.tasks):
            self.constraints.append(self.length[task] >= 0)
            if self.policy.has_transfers:
                self.constraints += [self.transfer[task] >= 0, self.transfer[task] <= 1]
            self.constraints += exactly_one(self.home[task])
            if self.policy.sorted and task:
                self.constraints.append(self.length[task - 1] >= self.length[task])

    def _optimum(self) -> None:
        """Some assignment has makespan at most 1."""
        loads: list[z3.ArithRef] = [z3.RealVal(0)] * self.nodes
        for task in range(self.tasks):
            chosen = [z3.Bool(f"o{task}_{node}") for node in range(self.nodes)]
            self.constraints += exactly_one(chosen)
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
        return Burst(
            tuple(
                BurstTask(
                    value_of(model, self.length[task]),
                    next(at for at, home in enumerate(self.home[task]) if true_in(model, home)),
                    value_of(model, self.transfer[task]),
                )
                for task in range(self.tasks)
            ),
            self.nodes,
        )
