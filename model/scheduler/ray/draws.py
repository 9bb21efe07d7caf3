"""The node label and the random policy.

Source: Ray 2.60, `node_label_scheduling_policy.cc::NodeLabelSchedulingPolicy::Schedule` and
`random_scheduling_policy.cc::RandomSchedulingPolicy::Schedule`. Both walk a hash container, whose order differs from
process to process. Left out: nothing of the choice.
"""

from __future__ import annotations

from collections.abc import Sequence

from rayproof.model.graph.labels import LabelConstraint, matches
from rayproof.model.scheduler.ray.answer import NIL, Answer, drawn
from rayproof.model.scheduler.ray.view import Node, Request, is_available, is_feasible


def node_label(
    nodes: Sequence[Node],
    request: Request,
    hard: tuple[LabelConstraint, ...],
    soft: tuple[LabelConstraint, ...] = (),
) -> Answer:
    """A fair draw from the first that is not empty: soft and free, free, soft, any that the hard ones allow."""
    allowed = [node for node in nodes if node.usable and is_feasible(node, request) and matches(hard, node.labels)]
    preferred = [node for node in allowed if matches(soft, node.labels)] if soft else []
    for group in (
        [node for node in preferred if is_available(node, request)],
        [node for node in allowed if is_available(node, request)],
        preferred,
        allowed,
    ):
        if group:
            return drawn([node.name for node in group])
    return NIL


def random_node(nodes: Sequence[Node], request: Request, *, order_known: bool = False) -> Answer:
    """A node that can serve the request now: draw a position, go on from there to the first that can.

    With `order_known`, `nodes` stands in the order of Ray's container and a node's weight is the number of positions
    that lead to it; without, every order is as likely, and so is every node.
    """
    able = [
        position
        for position, node in enumerate(nodes)
        if node.usable and is_feasible(node, request) and is_available(node, request, ignore_pulls=True)
    ]
    if not able:
        return NIL
    names = tuple(nodes[position].name for position in able)
    if not order_known:
        return drawn(names)
    before = [able[-1] - len(nodes), *able]
    return Answer(names, tuple(after - last for last, after in zip(before, able, strict=False)))
