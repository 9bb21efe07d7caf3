"""What must hold of lease requests that wait: that they are still somewhere, and that a busy node lets them go."""

from __future__ import annotations

from rayproof.model.graph import NodeAffinity
from rayproof.model.kernel import StateView, always, audit
from rayproof.model.scheduler.ray2.leases.owner import Owner
from rayproof.model.scheduler.ray2.leases.raylet import LeaseRaylet


@audit(Owner, LeaseRaylet, source="Ray #52295; bug benchmark D09, L2")
def no_request_is_forgotten(view: StateView) -> bool:
    """When nothing more can happen, a request without an answer is one that its raylet still has in a queue."""
    raylets = view.of(LeaseRaylet)
    kept = {
        (name, waiting[0])
        for name, raylet in raylets.items()
        for queue in (raylet.to_schedule, raylet.infeasible, raylet.to_grant)
        for waitings in queue.values()
        for waiting in waitings
    }
    return all(
        (raylet, lease) in kept
        for owner in view.of(Owner).values()
        for lease, (_, raylet) in owner.requests.items()
        if raylet in raylets
    )


@always(LeaseRaylet, each=True, source="Ray 2.60 node_affinity_scheduling_policy.cc; #33835, bug benchmark D07")
def a_busy_node_lets_go(raylet: LeaseRaylet) -> bool:
    """A request that may leave a busy node does not wait at one while its raylet knows of room elsewhere."""
    for of in raylet.to_grant:
        wanted = raylet.classes[of]
        leaves = isinstance(wanted.strategy, NodeAffinity) and wanted.strategy.spill_on_unavailable
        room = any(wanted.demand.fits(seen.available) and not seen.draining for seen in raylet.view.values())
        if leaves and room and not wanted.demand.fits(raylet.free):
            return False
    return True


REQUESTS = (no_request_is_forgotten, a_busy_node_lets_go)
"""Checked in the scopes of requests."""
