"""The cluster resource scheduler: which policy a lease gets, and what is done with its answer.

Source: Ray 2.60, `cluster_resource_scheduler.cc::GetBestSchedulableNode` (both overloads). A raylet that was chosen by
locality, or to which a lease was spilled, keeps it whenever it has room; any other lease obeys the threshold.
Left out: the subtraction from the local copy of a view after a spill, which belongs to the queues.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from rayproof.model.graph import Default, NodeAffinity, PlacementGroup, Spread
from rayproof.model.graph.labels import LabelConstraint
from rayproof.model.kernel import Name
from rayproof.model.scheduler.ray.affinity import NodeAffinityOptions, node_affinity
from rayproof.model.scheduler.ray.answer import NIL, Answer, exactly
from rayproof.model.scheduler.ray.draws import node_label, random_node
from rayproof.model.scheduler.ray.hybrid import HybridOptions, hybrid
from rayproof.model.scheduler.ray.round_robin import round_robin
from rayproof.model.scheduler.ray.view import Node, Request, is_available, is_feasible


@dataclass(frozen=True, slots=True)
class NodeLabels:
    """The older strategy by node labels."""

    hard: tuple[LabelConstraint, ...]
    soft: tuple[LabelConstraint, ...] = ()


LeaseStrategy: TypeAlias = Default | Spread | NodeAffinity | PlacementGroup | NodeLabels


@dataclass(frozen=True, slots=True)
class Decision:
    """What a scheduler decided about one lease."""

    answer: Answer
    cursor: int
    """SPREAD's, to be handed to the next decision."""
    infeasible: bool = False
    """Whether no node could ever serve it."""


@dataclass(frozen=True, slots=True)
class LeaseOptions:
    """The circumstances of a decision about a lease."""

    prefer_local: bool = False
    """Chosen by locality, or spilled here."""
    exclude_local: bool = False
    """The local node is known not to do; any other must have room now."""
    has_raylet: bool = True
    """Whether this scheduler is a raylet's; the GCS has none."""
    actor_creation: bool = False
    hybrid: HybridOptions = field(default_factory=HybridOptions)


def best_for_strategy(
    nodes: Sequence[Node],
    request: Request,
    strategy: LeaseStrategy,
    local: Name,
    cursor: int,
    *,
    force_spillback: bool = False,
    preferred: Name = "",
    actor_creation: bool = False,
    settings: HybridOptions = HybridOptions(),  # noqa: B008 - frozen
) -> tuple[Answer, int]:
    """The answer of the policy that a strategy asks for, and SPREAD's next cursor."""
    options = replace(settings, avoid_local=force_spillback, require_available=force_spillback, preferred=preferred)
    hard = isinstance(strategy, NodeAffinity) and not strategy.soft
    if actor_creation and not request.resources and not hard:
        return random_node(nodes, request), cursor
    match strategy:
        case Spread():
            return round_robin(
                nodes, request, cursor, local=local, avoid_local=force_spillback, require_available=force_spillback
            )
        case NodeAffinity(node, soft, spill):
            affinity = NodeAffinityOptions(node, soft, spill, otherwise=options)
            return node_affinity(nodes, request, local, affinity), cursor
        case NodeLabels(wanted, liked):
            return node_label(nodes, request, wanted, liked), cursor
        case Default() | PlacementGroup():
            return hybrid(nodes, request, local, options), cursor


def best_for_lease(
    nodes: Sequence[Node],
    request: Request,
    strategy: LeaseStrategy,
    local: Name,
    cursor: int,
    options: LeaseOptions,
    selectors: Sequence[tuple[LabelConstraint, ...]] = ((),),
) -> Decision:
    """The decision about a lease whose label selector and fallbacks are tried in order."""
    here = next((node for node in nodes if node.name == local), None)
    prefers = options.prefer_local and not options.exclude_local and here is not None and here.usable
    remembered: Answer = NIL
    under = request
    for selector in selectors:
        wanted = replace(request, labels=(*request.labels, *selector))
        if prefers and here is not None and is_available(here, wanted, ignore_pulls=True):
            return Decision(exactly(local), cursor)
        answer, cursor = best_for_strategy(
            nodes,
            wanted,
            strategy,
            local,
            cursor,
            force_spillback=options.exclude_local,
            preferred=local if options.prefer_local else "",
            actor_creation=options.actor_creation,
            settings=options.hybrid,
        )
        if not answer:
            continue
        if any(node.name in answer and is_available(node, wanted, ignore_pulls=node.name == local) for node in nodes):
            return Decision(answer, cursor)
        if not remembered:
            remembered, under = answer, wanted
    if not remembered:
        return Decision(NIL, cursor, True)
    if prefers and here is not None and is_feasible(here, under):
        return Decision(exactly(local), cursor)
    return Decision(remembered if options.has_raylet else NIL, cursor)
