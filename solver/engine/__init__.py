"""Z3 behind a small typed face, and the effort it may spend."""

from rayproof.solver.engine.boolean import Answer, BooleanSolver, Formula, negated
from rayproof.solver.engine.limits import DEFAULT_LIMITS, Budget, Limits

__all__ = ["DEFAULT_LIMITS", "Answer", "BooleanSolver", "Budget", "Formula", "Limits", "negated"]
