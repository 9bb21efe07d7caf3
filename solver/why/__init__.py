"""Why something is pending: minimal reasons in Ray's words."""

from solver.why.explain import Explanation, Verdict, why_not
from solver.why.reasons import Holds, Needs, NeedsLabel, NeedsNode, NeedsStrategy, Reason

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
