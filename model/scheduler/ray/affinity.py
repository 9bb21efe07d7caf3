"""Affinity to a node, and to a bundle of a placement group.

Source: Ray 2.60, `node_affinity_scheduling_policy.cc::NodeAffinitySchedulingPolicy::Schedule`,
`affinity_with_bundle_scheduling_policy.cc::AffinityWithBundleSchedulingPolicy::Schedule`. Left out: what becomes of a
lease that a hard affinity cannot place (Ray fails it at once; the queues do that).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rayproof.model.kernel import Name
from rayproof.model.scheduler.ray.answer import NIL, Answer, exactly
from rayproof.model.scheduler.ray.hybrid import HybridOptions, hybrid
from rayproof.model.scheduler.ray.view import Node, Request, is_available, is_feasible


@dataclass(frozen=True, slots=True)
class NodeAffinityOptions:
    """An affinity: spilling needs a soft one, failing a hard one."""

    target: Name
    soft: bool = False
    spill_on_unavailable: bool = False
    fail_on_unavailable: bool = False
    otherwise: HybridOptions = field(default_factory=HybridOptions)


def node_affinity(nodes: Sequence[Node], request: Request, local: Name, options: NodeAffinityOptions) -> Answer:
    """The target when it is alive and feasible, even when busy (unless told otherwise); a soft one gives way."""
    for node in nodes:
        if node.name == options.target and node.usable and is_feasible(node, request):
            waits = not options.spill_on_unavailable and not options.fail_on_unavailable
            if waits or is_available(node, request):
                return exactly(node.name)
    if not options.soft:
        return NIL
    return hybrid(nodes, request, local, replace(options.otherwise, preferred=""))


def bundle_affinity(
    nodes: Sequence[Node], request: Request, bundles: Mapping[int, Name], index: int, group: str
) -> Answer:
    """The node of a bundle when it has room; index -1: the first bundle's that has, nodes without GPUs of it first.

    `bundles`: index -> node of the placed bundles of the group.
    """
    known = {node.name: node for node in nodes}

    def fits(name: Name | None) -> bool:
        node = known.get(name or "")
        return node is not None and node.usable and is_feasible(node, request) and is_available(node, request)

    if index != -1:
        node = bundles.get(index)
        return exactly(node) if node is not None and fits(node) else NIL
    placed = [node for _, node in sorted(bundles.items())]
    for names in ([node for node in placed if not known[node].total[f"GPU_group_{group}"]], placed):
        for name in names:
            if fits(name):
                return exactly(name)
    return NIL
