"""Z3 behind a small typed face, and the effort it may spend."""

from solver.engine.boolean import Answer, BooleanSolver, Formula, negated
from solver.engine.limits import DEFAULT_LIMITS, Budget, Limits

__all__ = ["DEFAULT_LIMITS", "Answer", "BooleanSolver", "Budget", "Formula", "Limits", "negated"]
