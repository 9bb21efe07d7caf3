"""HYBRID, Ray's default: pack below a threshold of utilization, balance above it, the preferred node first.

Source: Ray 2.60, `hybrid_scheduling_policy.cc::HybridSchedulingPolicy::Schedule`, `ScheduleImpl`, `GetBestNode`.
Scores are those of now, not of after the placement. Left out: nothing of the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rayproof.model.kernel import Name
from rayproof.model.scheduler.ray.answer import NIL, Answer, drawn, exactly
from rayproof.model.scheduler.ray.view import Node, Request, float32, is_available, is_feasible

THRESHOLD = 0.5
TOP_K_FRACTION = 0.2
TOP_K_ABSOLUTE = 1


@dataclass(frozen=True, slots=True)
class HybridOptions:
    """Settings (`RAY_scheduler_*`) and the circumstances of a call."""

    threshold: float = THRESHOLD
    top_k_absolute: int = TOP_K_ABSOLUTE
    top_k_fraction: float = TOP_K_FRACTION
    avoid_gpu_nodes: bool = True
    avoid_local: bool = False
    require_available: bool = False
    preferred: Name = ""
    """Taken when it is as good as the best; empty, or unknown, means the local node."""


def truncated(utilization: float, threshold: float) -> float:
    """The score of a node: its utilization, 0 below the threshold."""
    return 0.0 if utilization < float32(threshold) else utilization


def candidates_drawn(nodes: int, options: HybridOptions) -> int:
    """k: among how many of the best the answer is drawn; all known nodes count, also those that cannot serve."""
    return max(options.top_k_absolute, int(float32(float32(nodes) * float32(options.top_k_fraction))))


def hybrid(nodes: Sequence[Node], request: Request, local: Name, options: HybridOptions) -> Answer:
    """Where a request goes; `nodes` in the tie-break order."""
    if not options.avoid_gpu_nodes or request.resources.fixed("GPU"):
        return _among(nodes, request, local, options, lambda node: True, options.require_available)
    without = _among(nodes, request, local, options, lambda node: not node.total.fixed("GPU"), True)
    return without or _among(nodes, request, local, options, lambda node: True, options.require_available)


def _among(
    nodes: Sequence[Node],
    request: Request,
    local: Name,
    options: HybridOptions,
    allowed: Callable[[Node], bool],
    require_available: bool,
) -> Answer:
    named = {node.name: node for node in nodes}
    preferred = options.preferred if options.preferred in named else local
    own = named.get(preferred)
    # Only the preferred node is forgiven its waiting pulls: its arguments are on their way there already.
    fits = own is not None and own.usable and allowed(own) and is_feasible(own, request)
    fits = fits and own is not None and is_available(own, request, ignore_pulls=True)
    if fits and own is not None and not options.avoid_local and not truncated(own.utilization, options.threshold):
        return exactly(preferred)  # No score is lower.
    available: dict[Name, float] = {}
    feasible: dict[Name, float] = {}
    for node in nodes:
        if options.avoid_local and node.name == preferred:
            continue
        if not node.usable or not allowed(node):
            continue
        if is_available(node, request, ignore_pulls=node.name == preferred):
            # What is free now is at most all that there is.
            available[node.name] = truncated(node.utilization, options.threshold)
        elif not available and is_feasible(node, request):
            feasible[node.name] = truncated(node.utilization, options.threshold)
    if not available and require_available:
        return NIL
    scores = available or feasible
    favoured = None if options.avoid_local or preferred not in scores else preferred
    order = [node.name for node in nodes]
    return best_node(scores, order, candidates_drawn(len(nodes), options), favoured, scores.get(preferred, 0.0))


def best_node(
    scores: Mapping[Name, float], order: Sequence[Name], drawn_from: int, preferred: Name | None, preferred_score: float
) -> Answer:
    """The preferred node when it is as good as the best, else a draw from the first `drawn_from` by (score, order)."""
    if not scores:
        return NIL
    rank = {name: position for position, name in enumerate(order)}
    ranked = sorted(scores, key=lambda name: (scores[name], rank[name]))
    if preferred is not None and preferred_score <= scores[ranked[0]]:
        return exactly(preferred)
    return drawn(ranked[: min(drawn_from, len(ranked))])
