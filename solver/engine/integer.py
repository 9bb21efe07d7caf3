"""Z3 over integers and Booleans, its formula loaded as SMT-LIB text."""

from __future__ import annotations

from typing import Any

import z3

from rayproof.solver.engine.boolean import Answer
from rayproof.solver.engine.limits import Budget


class IntegerSolver:
    """Z3's SMT core over SMT-LIB declarations and assertions, asked under one upper limit at a time."""

    def __init__(self, text: str, seed: int = 0) -> None:
        self._solver = z3.SimpleSolver()
        self._solver.set("random_seed", seed)
        self._solver.from_string(text)
        self._asked = 0
        self._values: dict[str, Any] = {}

    def check(self, budget: Budget, name: str, most: int) -> Answer:
        """Satisfiable with this integer at most so much? Draws from the budget."""
        if budget.exhausted:
            return Answer.UNKNOWN
        seconds, units = budget.seconds_left, budget.resource_units_left
        self._solver.set("timeout", 4_294_967_295 if seconds is None else max(1, int(seconds * 1000)))
        self._solver.set("rlimit", 0 if units is None else units)
        self._asked += 1
        # A guard instead of a scope: what the solver learns stays.
        guard = z3.Bool(f"asked{self._asked}")
        self._solver.add(z3.Implies(guard, z3.Int(name) <= most))
        before = _spent(self._solver)
        answer = self._solver.check(guard)
        budget.resource_units += _spent(self._solver) - before
        if answer == z3.sat:
            model = self._solver.model()
            self._values = {each.name(): model[each] for each in model.decls()}
            return Answer.SAT
        return Answer.UNSAT if answer == z3.unsat else Answer.UNKNOWN

    def integer(self, name: str) -> int:
        """An integer's value in the model of the last satisfiable check."""
        value = self._values.get(name)
        return value.as_long() if value is not None else 0

    def holds(self, name: str) -> bool:
        """Whether a Boolean holds in the model of the last satisfiable check."""
        return bool(z3.is_true(self._values.get(name)))


def _spent(solver: z3.Solver) -> int:
    statistics = solver.statistics()
    return int(statistics.get_key_value("rlimit count")) if "rlimit count" in statistics.keys() else 0  # noqa: SIM118
