"""Scheduling strategies a task may carry, with Ray's names (python/ray/util/scheduling_strategies.py, 2.60)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Default:
    """The cluster's policy decides."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Best effort to spread over the nodes."""


@dataclass(frozen=True, slots=True)
class NodeAffinity:
    """A named node; a soft affinity gives way when it is dead or infeasible (and, if so set, when it is busy)."""

    node: str
    soft: bool = False
    spill_on_unavailable: bool = False


GroupId: TypeAlias = str


@dataclass(frozen=True, slots=True)
class PlacementGroup:
    """A bundle of a placement group; index -1 means any bundle."""

    group: GroupId
    bundle: int = -1


class BundleStrategy(StrEnum):
    """Where the bundles of a group may be, in relation to each other: Ray's four."""

    PACK = "PACK"
    SPREAD = "SPREAD"
    STRICT_PACK = "STRICT_PACK"
    STRICT_SPREAD = "STRICT_SPREAD"


Strategy: TypeAlias = Default | Spread | NodeAffinity | PlacementGroup
