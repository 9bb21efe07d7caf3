"""Which raylet an owner asks for a lease: the one that holds most argument bytes.

Source: Ray 2.60, `src/ray/core_worker/lease_policy.cc::LocalityAwareLeasePolicy::GetBestNodeForLease`,
`GetBestNodeIdForLease`. The winner is the node that first exceeds the running maximum. Only objects in the store count:
small values travel in the request. Left out: actors, whose creation goes through the GCS.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rayproof.model.kernel import Name


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument in the object store, as its owner knows it."""

    size_bytes: int | None
    """None while unknown; such an object is not counted."""
    nodes: tuple[Name, ...]
    """Nodes with a copy, the primary or spilled one included, in the owner's order."""


@dataclass(frozen=True, slots=True)
class LeaseTarget:
    """The raylet to ask."""

    node: Name
    by_locality: bool
    """Whether locality chose; that raylet then prefers itself beyond the threshold."""


class OwnerStrategy(StrEnum):
    """What the owner looks at, beside label selectors that name nodes."""

    DEFAULT = "DEFAULT"
    SPREAD = "SPREAD"
    NODE_AFFINITY = "NODE_AFFINITY"


def lease_target(
    arguments: Sequence[Argument],
    strategy: OwnerStrategy,
    own: Name,
    *,
    target: Name | None = None,
    selected: Sequence[Name] = (),
    reachable: Container[Name] | None = None,
) -> LeaseTarget:
    """The raylet that the owner asks first.

    `target`: of a node affinity. `selected`: node ids that a label selector names. `reachable`: nodes whose address
    the owner knows; None means all.
    """

    def known(node: Name) -> bool:
        return reachable is None or node in reachable

    if strategy is OwnerStrategy.SPREAD:
        return LeaseTarget(own, False)
    if selected:
        return LeaseTarget(next((node for node in selected if known(node)), own), False)
    if strategy is OwnerStrategy.NODE_AFFINITY:
        return LeaseTarget(target if target is not None and known(target) else own, False)
    best = most_bytes(arguments)
    return LeaseTarget(best, True) if best is not None and known(best) else LeaseTarget(own, False)


def most_bytes(arguments: Sequence[Argument]) -> Name | None:
    """The node that first exceeds the running maximum of local bytes; None when nothing is anywhere."""
    held: dict[Name, int] = {}
    best: Name | None = None
    most = 0
    for argument in arguments:
        for node in argument.nodes if argument.size_bytes else ():
            held[node] = held.get(node, 0) + (argument.size_bytes or 0)
            if held[node] > most:
                best, most = node, held[node]
    return best
