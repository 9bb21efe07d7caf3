"""SPREAD: round-robin over the nodes that have room, then over those that could have it.

Source: Ray 2.60, `spread_scheduling_policy.cc::SpreadSchedulingPolicy::Schedule`. Dead and infeasible nodes keep their
place in the round; no load, no history and no locality. Left out: nothing of the choice.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from rayproof.model.kernel import Name
from rayproof.model.scheduler.ray.answer import NIL, Answer, exactly
from rayproof.model.scheduler.ray.view import Node, Request, is_available, is_feasible


def round_robin(
    nodes: Sequence[Node],
    request: Request,
    cursor: int,
    *,
    local: Name = "",
    avoid_local: bool = False,
    require_available: bool = False,
    among: Container[int] | None = None,
) -> tuple[Answer, int]:
    """Where a request goes, and the next cursor; `nodes` are all known ones in the tie-break order.

    `among`: positions that the request's other constraints allow; None means all.
    """
    for now in (True,) if require_available else (True, False):
        for step in range(len(nodes)):
            at = (cursor + step) % len(nodes)
            node = nodes[at]
            if (avoid_local and node.name == local) or (among is not None and at not in among):
                continue
            if not node.usable or not is_feasible(node, request):
                continue
            if not now or is_available(node, request):
                return exactly(node.name), (at + 1) % len(nodes)
    return NIL, cursor
