"""Z3 over exact reals: the supremum of a goal, refutations, witnesses."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import z3

from rayproof.solver.engine import Budget


def supremum(constraints: list[z3.BoolRef], goal: z3.ArithRef, budget: Budget) -> Fraction | None:
    """The least upper bound of the goal, attained or not; None when the budget ends first or there is none.

    Read from the objective: with strict constraints the optimiser's model is only some point below.
    """
    optimize = z3.Optimize()
    _limit(optimize, budget)
    optimize.add(constraints)
    objective = optimize.maximize(goal)
    before = _spent(optimize)
    answer = optimize.check()
    budget.resource_units += _spent(optimize) - before
    if answer != z3.sat:
        return None
    infinite, value, _epsilon = (_exact(part) for part in optimize.upper_values(objective))
    return None if infinite else value


def refuted(constraints: list[z3.BoolRef], budget: Budget) -> bool:
    """Whether a plain solver finds the constraints unsatisfiable; unknown is not refuted."""
    answer, _ = _check(constraints, budget)
    return bool(answer == z3.unsat)


def satisfied(constraints: list[z3.BoolRef], budget: Budget) -> z3.ModelRef | None:
    """A model; None when there is none or the budget ends first."""
    _, model = _check(constraints, budget)
    return model


def exactly_one(choices: list[z3.BoolRef]) -> list[z3.BoolRef]:
    """Exactly one holds, as clauses: native sums would send the optimiser through another core."""
    return [z3.Or(choices), *(z3.Not(z3.And(one, other)) for one, other in combinations(choices, 2))]


def real(value: Fraction) -> z3.RatNumRef:
    """A rational as a term."""
    return z3.RealVal(f"{value.numerator}/{value.denominator}")


def value_of(model: z3.ModelRef, term: z3.ArithRef) -> Fraction:
    """A real's value in a model."""
    return _exact(model.eval(term, model_completion=True))


def true_in(model: z3.ModelRef, choice: z3.BoolRef) -> bool:
    """A Boolean's value in a model."""
    return bool(z3.is_true(model.eval(choice, model_completion=True)))


def _check(constraints: list[z3.BoolRef], budget: Budget) -> tuple[z3.CheckSatResult, z3.ModelRef | None]:
    if budget.exhausted:
        return z3.unknown, None
    solver = z3.Solver()
    _limit(solver, budget)
    solver.add(constraints)
    before = _spent(solver)
    answer = solver.check()
    budget.resource_units += _spent(solver) - before
    return answer, solver.model() if answer == z3.sat else None


def _exact(value: z3.ArithRef) -> Fraction:
    return Fraction(value.as_long()) if z3.is_int_value(value) else Fraction(value.as_fraction())


def _limit(solver: z3.Solver | z3.Optimize, budget: Budget) -> None:
    seconds, units = budget.seconds_left, budget.resource_units_left
    solver.set("timeout", 4_294_967_295 if seconds is None else max(1, int(seconds * 1000)))
    solver.set("rlimit", 0 if units is None else max(1, units))


def _spent(solver: z3.Solver | z3.Optimize) -> int:
    statistics = solver.statistics()
    return int(statistics.get_key_value("rlimit count")) if "rlimit count" in statistics.keys() else 0  # noqa: SIM118
