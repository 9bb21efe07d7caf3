"""Why something is pending: minimal reasons in Ray's words."""

from rayproof.solver.why.explain import Explanation, Verdict, why_not
from rayproof.solver.why.reasons import Holds, Needs, NeedsLabel, NeedsNode, NeedsStrategy, Reason

__all__ = [
    "Explanation",
    "Holds",
    "Needs",
    "NeedsLabel",
    "NeedsNode",
    "NeedsStrategy",
    "Reason",
    "Verdict",
    "why_not",
]
