"""One scheduler's view of a node, and the predicates that every policy is made of.

Source: Ray 2.60, `src/ray/common/scheduling/cluster_resource_data.cc`: `NodeResources::IsFeasible`, `IsAvailable`,
`CalculateCriticalResourceUtilization`; `cluster_resource_scheduler.cc::NodeAvailable`. In 2.60 availability is compared
in total and not for each GPU (`instances` has those). Left out: the idle time of a node, which only the autoscaler
reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Protocol

from rayproof.model.graph import Resources
from rayproof.model.graph.labels import LabelConstraint, matches
from rayproof.model.graph.resources import UNIT
from rayproof.model.kernel import Name

IMPLICIT = "node:__internal_implicit_resource_"
"""Prefix of resources of which every node has one unless it says otherwise."""

CRITICAL = frozenset({"CPU", "memory", "object_store_memory"})
"""Resources whose use counts as load; never GPUs or custom ones."""

_FLOAT32 = Struct("f")


def float32(value: float) -> float:
    """The nearest single-precision number: Ray keeps scores and thresholds in floats."""
    rounded: float = _FLOAT32.unpack(_FLOAT32.pack(value))[0]
    return rounded


class Node(Protocol):
    """What policies read of a node."""

    @property
    def name(self) -> Name: ...
    @property
    def total(self) -> Resources: ...
    @property
    def free(self) -> Mapping[str, int]: ...
    @property
    def labels(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def utilization(self) -> float: ...
    @property
    def usable(self) -> bool:
        """Known to be alive and not draining."""
        ...

    @property
    def pulls_queued(self) -> bool:
        """Objects wait for room in its store."""
        ...


@dataclass(frozen=True, slots=True)
class NodeResources:
    """A node as one scheduler knows it."""

    name: Name
    total: Resources
    free: Mapping[str, int]
    """In fixed-point units."""
    labels: tuple[tuple[str, str], ...] = ()
    draining: bool = False
    alive: bool = True
    pulls_queued: bool = False

    @property
    def usable(self) -> bool:
        """Known to be alive and not draining."""
        return self.alive and not self.draining

    @property
    def utilization(self) -> float:
        """The largest used share of a critical resource."""
        return critical_utilization(self.total, self.free)


@dataclass(frozen=True, slots=True)
class Request:
    """What a lease needs of a node."""

    resources: Resources
    labels: tuple[LabelConstraint, ...] = ()
    needs_object_store: bool = False
    """Whether a node on which objects wait for room is no place for it."""


def critical_utilization(total: Resources, available: Mapping[str, int]) -> float:
    """The largest used share among CPU, memory and object store memory, in single precision."""
    worst = 0.0
    for name, capacity in total.units:
        if name in CRITICAL:
            worst = max(worst, 1 - available.get(name, 0) / capacity)
    return float32(worst) if worst else 0.0


def covers(have: Mapping[str, int], demand: Resources) -> bool:
    """Whether amounts suffice for a demand; of an implicit resource that is not named there is one."""
    for name, amount in demand.units:
        if amount > have.get(name, 0) and (not name.startswith(IMPLICIT) or name in have or amount > UNIT):
            return False
    return True


def is_feasible(node: Node, request: Request) -> bool:
    """Whether a node could serve a request when empty."""
    if not matches(request.labels, node.labels):
        return False
    return request.resources.fits(node.total) or covers(dict(node.total.units), request.resources)


def is_available(node: Node, request: Request, *, ignore_pulls: bool = False) -> bool:
    """Whether a node could serve a request now."""
    if request.needs_object_store and node.pulls_queued and not ignore_pulls:
        return False
    return matches(request.labels, node.labels) and covers(node.free, request.resources)
