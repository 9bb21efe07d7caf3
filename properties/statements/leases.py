"""What must hold of leases, the scheduling of Ray 2."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from model.kernel import StateView, always, audit, sometimes
from model.scheduler.leases.owner import LeasedWorker, Owner
from model.scheduler.leases.protocol import Asking, Granting, Redirecting
from model.scheduler.leases.raylet import LeaseRaylet


@dataclass(frozen=True, slots=True)
class LeaseBreaches:
    """Monitor: what raylets and owners did and should not have."""

    granted_while_draining: bool = False
    asked_the_dead: bool = False
    redirected_twice: bool = False

    def observe(self, event: object) -> LeaseBreaches:
        """Fold one event."""
        match event:
            case Granting(_, _, True):
                return replace(self, granted_while_draining=True)
            case Asking(_, _, True):
                return replace(self, asked_the_dead=True)
            case Redirecting(_, True):
                return replace(self, redirected_twice=True)
            case _:
                return self


@always(LeaseRaylet, LeasedWorker, source="Ray #55469; bug benchmark D12, S2")
def one_grant_per_lease(view: StateView) -> bool:
    """A worker belongs to one lease at a time, and runs one task at a time."""
    for raylet in view.of(LeaseRaylet).values():
        held = [worker for _, worker in raylet.granted.values()]
        if raylet.idle + held and sorted([*raylet.idle, *held]) != sorted(raylet.workers):
            return False
    return not any(worker.overlap for worker in view.of(LeasedWorker).values())


@always(LeaseRaylet, each=True, source="Ray 2.60 NodeResourceInstanceSet; bug benchmark S2")
def leases_fit_their_node(raylet: LeaseRaylet) -> bool:
    """What is free and what is leased add up to what the node has, and nothing is below zero."""
    if not raylet.view:
        return True
    total = raylet.free
    for of, _ in raylet.granted.values():
        total = total + raylet.classes[of].demand
    return total in raylet.totals.values() and all(amount >= 0 for _, amount in raylet.free.units)


@always(
    source="Ray 2.60 cluster_resource_scheduler.cc, NodeAvailable; #63405, bug benchmark D04, S6",
    monitors=(LeaseBreaches,),
)
def no_grant_to_the_dead_or_draining(view: StateView) -> bool:
    """No lease is granted by a draining node, or asked of one that the owner knows to be dead."""
    breaches = view.monitor(LeaseBreaches)
    return not breaches.granted_while_draining and not breaches.asked_the_dead


@always(
    source="Ray 2.60 cluster_lease_manager.cc, ScheduleOnNode; #16488, bug benchmark D02", monitors=(LeaseBreaches,)
)
def one_spillback_at_most(view: StateView) -> bool:
    """A raylet to which a request was redirected grants, keeps or rejects it; it never redirects it again."""
    return not view.monitor(LeaseBreaches).redirected_twice


@audit(Owner, LeaseRaylet, source="bug benchmark L1, L2; Ray #12084, #63405")
def every_lease_request_answered(view: StateView) -> bool:
    """When nothing more can happen, a task waits only for a node that can run it and that there is not."""
    raylets = view.of(LeaseRaylet)
    for owner in view.of(Owner).values():
        for of, waiting in owner.queued.items():
            demand = owner.classes[of].demand
            usable = [name for name, raylet in raylets.items() if not raylet.draining and name not in owner.dead]
            if waiting and any(demand.fits(raylets[name].totals[name]) for name in usable):
                return False
        if owner.leased:
            return False
    return True


@audit(Owner, LeaseRaylet, source="Ray #17634; bug benchmark D50: a late reply grants a worker that nobody returns")
def no_lease_leaks(view: StateView) -> bool:
    """When nothing more can happen, every worker is back."""
    held = Counter(lease for raylet in view.of(LeaseRaylet).values() for lease in raylet.granted)
    return not held


@sometimes(Owner, source="Ray 2.60 normal_task_submitter.cc")
def a_task_runs_elsewhere(view: StateView) -> bool:
    """Some task runs on another node than its owner's."""
    return any(held.node != owner.raylet for owner in view.of(Owner).values() for held in owner.leased.values())


LEASES = (
    one_grant_per_lease,
    leases_fit_their_node,
    no_grant_to_the_dead_or_draining,
    one_spillback_at_most,
    every_lease_request_answered,
    no_lease_leaks,
)
"""Checked in every scope of leases."""
