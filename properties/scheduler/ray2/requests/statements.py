"""What must hold of lease requests that wait: that they are still somewhere, and that a busy node lets them go."""

from __future__ import annotations

from rayproof.model.graph import NodeAffinity
from rayproof.model.kernel import StateView, always, audit, first
from rayproof.model.scheduler.ray2.leases.owner import LeaseOwner
from rayproof.model.scheduler.ray2.leases.raylet import LeaseRaylet


@audit(LeaseOwner, LeaseRaylet, source="Ray #52295; bug benchmark D09, L2")
def no_request_is_forgotten(view: StateView) -> str | None:
    """At rest, a request without an answer is in a queue of its raylet."""
    raylets = view.of(LeaseRaylet)
    kept = {
        (name, waiting[0])
        for name, raylet in raylets.items()
        for queue in (raylet.to_schedule, raylet.infeasible, raylet.to_grant)
        for waitings in queue.values()
        for waiting in waitings
    }
    return first(
        f"request {lease} of {name} is in no queue of {raylet}"
        for name, owner in view.of(LeaseOwner).items()
        for lease, (_, raylet) in owner.requests.items()
        if raylet in raylets and (raylet, lease) not in kept
    )


@always(LeaseRaylet, each=True, source="Ray 2.60 node_affinity_scheduling_policy.cc; #33835, bug benchmark D07")
def a_busy_node_lets_go(raylet: LeaseRaylet) -> str | None:
    """A request that may be moved does not wait at a busy node while its raylet knows of room elsewhere."""
    for scheduling_class in raylet.to_grant:
        wanted = raylet.classes[scheduling_class]
        leaves = isinstance(wanted.strategy, NodeAffinity) and wanted.strategy.spill_on_unavailable
        room = next(
            (name for name, seen in raylet.view.items() if wanted.demand.fits(seen.available) and not seen.draining),
            None,
        )
        if leaves and room is not None and not wanted.demand.fits(raylet.free):
            return f"class {scheduling_class} asks for {wanted.demand}, {raylet.free} is free here, {room} has room"
    return None


REQUESTS = (no_request_is_forgotten, a_busy_node_lets_go)
"""Checked in the scopes of requests."""
