"""Planted bugs of lease requests that wait (numbers of the bug benchmark)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.graph import NodeAffinity
from rayproof.model.kernel import Context
from rayproof.model.scheduler.ray import Decision, LeaseOptions, Request, best_for_lease
from rayproof.model.scheduler.ray2.leases.local import Waiting
from rayproof.model.scheduler.ray2.leases.protocol import ClassId
from rayproof.model.scheduler.ray2.leases.raylet import LeaseRaylet
from rayproof.properties.bug import Bug


@dataclass(slots=True)
class ErasesWithoutAnAnswer(LeaseRaylet):
    """What has become infeasible while it was queued leaves the queue, and nobody is told (D09)."""

    def cannot(self, ctx: Context, of: ClassId, waiting: list[Waiting]) -> list[Waiting]:
        return waiting[1:]


@dataclass(slots=True)
class StaysAtABusyNode(LeaseRaylet):
    """A soft affinity gives way to death only, whatever it says of a busy node (D07)."""

    def decide(self, ctx: Context, of: ClassId, waiting: Waiting) -> Decision:
        strategy = self.classes[of].strategy
        if not isinstance(strategy, NodeAffinity):
            return LeaseRaylet.decide(self, ctx, of, waiting)
        stays = replace(strategy, spill_on_unavailable=False)
        options = LeaseOptions(prefer_local=waiting[2])
        return best_for_lease(self.nodes(ctx.me), Request(self.classes[of].demand), stays, ctx.me, self.cursor, options)


REQUEST_BUGS = (
    Bug(
        "erases_without_an_answer",
        "A request that can no longer be served disappears, and its owner waits.",
        {LeaseRaylet: ErasesWithoutAnAnswer},
        "no_request_is_forgotten",
        "requests-drain",
        "Ray #52295",
    ),
    Bug(
        "stays_at_a_busy_node",
        "A task that may leave a busy node waits there while others are idle.",
        {LeaseRaylet: StaysAtABusyNode},
        "a_busy_node_lets_go",
        "requests-leave",
        "Ray #33835",
    ),
)
"""The planted bugs of requests."""
