"""Whether the placements of a recording of real Ray are ones that the exact policies allow."""

from rayproof.conformance.check import Conformance, Refusal, check_placements
from rayproof.conformance.evidence import Evidence, read_evidence

__all__ = ["Conformance", "Evidence", "Refusal", "check_placements", "read_evidence"]
