"""What a bound is: a makespan below which no schedule ends, and the argument for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BoundKind(StrEnum):
    """The arguments, by their names in the literature."""

    TRIVIAL = "trivial"
    CRITICAL_PATH = "critical path"
    AREA = "area"
    FERNANDEZ_BUSSELL = "Fernandez-Bussell"
    ENERGETIC = "energetic"
    UNSAT = "unsat"
    """Not an argument but a solver's answer: no schedule ends earlier."""


@dataclass(frozen=True, slots=True)
class Bound:
    """No schedule of the instance ends before `value_us`."""

    value_us: int
    kind: BoundKind
    certificate: str
    """The argument with its numbers, for people."""
