"""Whether the outcomes in a recording of real Ray are ones that the `ray2` models of objects and actors allow."""

from rayproof.conformance.outcomes.check import Outcomes, check_outcomes

__all__ = ["Outcomes", "check_outcomes"]
