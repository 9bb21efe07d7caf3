"""What is known about the worst case of a policy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Generic, TypeVar


class Method(StrEnum):
    """How a worst case was found."""

    SYMBOLIC = "symbolic"
    SEARCH = "search"


Witness = TypeVar("Witness", covariant=True)
"""The kind of instance that the policy is judged on."""


@dataclass(frozen=True)
class Worst(Generic[Witness]):
    """The worst ratio found, and what is known about it."""

    policy: str
    tasks: int
    nodes: int
    ratio: Fraction | None
    """The supremum when `proved`, else the ratio of the witness; None when nothing was found."""
    attained: bool
    """Whether the witness has exactly this ratio."""
    proved: bool
    """Whether everything above is refuted at this size."""
    method: Method
    witness: Witness | None
    seconds: float
    resource_units: int
