"""Whether the placements of a recording of real Ray are ones that the exact policies allow."""

from rayproof.conformance.answers import Answer, Decided
from rayproof.conformance.check import Conformance, Placement, check_placements
from rayproof.conformance.evidence import Evidence, read_evidence

__all__ = ["Answer", "Conformance", "Decided", "Evidence", "Placement", "check_placements", "read_evidence"]
