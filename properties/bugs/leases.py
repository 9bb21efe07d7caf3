"""Planted bugs of leases (numbers of the bug benchmark where a real defect stands behind one)."""

from __future__ import annotations

from dataclasses import dataclass

from model.kernel import Context, Name
from model.scheduler.leases.owner import Owner
from model.scheduler.leases.protocol import ClassId, LeaseId
from model.scheduler.leases.raylet import LeaseRaylet, Waiting
from model.scheduler.ray import NodeResources
from properties.bugs.base import Bug


@dataclass(slots=True)
class ReturnsByWorker(LeaseRaylet):
    """A return ends whatever lease its worker has (D12)."""

    def returned(self, lease: LeaseId, worker: Name) -> None:
        for other, (_, held) in sorted(self.granted.items()):
            if held == worker:
                LeaseRaylet.returned(self, other, worker)


@dataclass(slots=True)
class GrantsWithoutTaking(LeaseRaylet):
    """A worker is given away without its resources (D08)."""

    def give(self, ctx: Context, of: ClassId, waiting: Waiting) -> None:
        free = self.free
        LeaseRaylet.give(self, ctx, of, waiting)
        self.free = free


@dataclass(slots=True)
class GrantsWhileDraining(LeaseRaylet):
    """A raylet tells the others that it drains, and goes on itself."""

    def nodes(self, me: Name) -> list[NodeResources]:
        draining, self.draining = self.draining, False
        found = LeaseRaylet.nodes(self, me)
        self.draining = draining
        return found

    def grant(self, ctx: Context) -> None:
        for of in sorted(self.to_grant):
            while of in self.to_grant and self.idle and self.classes[of].demand.fits(self.free):
                waiting = self.to_grant[of][0]
                self.leave(of)
                self.give(ctx, of, waiting)
        LeaseRaylet.grant(self, ctx)


@dataclass(slots=True)
class RedirectsAgain(LeaseRaylet):
    """A raylet without room names the next one, also to a request that was redirected to it (D02)."""

    def schedule_on(self, ctx: Context, of: ClassId, waiting: Waiting, node: Name) -> None:
        if node != ctx.me:
            self.redirect(ctx, of, waiting, node)
        else:
            LeaseRaylet.schedule_on(self, ctx, of, waiting, node)


@dataclass(slots=True)
class WaitsForTheDead(Owner):
    """A request to a raylet that has died is never asked again (D04)."""

    def node_died(self, ctx: Context, node: Name) -> None:
        asked = {lease: request for lease, request in self.requests.items() if request[1] == node}
        self.requests = {lease: request for lease, request in self.requests.items() if lease not in asked}
        Owner.node_died(self, ctx, node)
        self.requests = {**self.requests, **asked}


@dataclass(slots=True)
class IgnoresLateGrants(Owner):
    """A worker that comes when there is nothing left to run is not given back (D50)."""

    def granted(self, ctx: Context, node: Name, lease: LeaseId, worker: Name) -> None:
        of, _ = self.requests.get(lease, ("", ""))
        if of and self.queued[of]:
            Owner.granted(self, ctx, node, lease, worker)
        else:
            self.forget(lease)


LEASE_BUGS = (
    Bug(
        "returns_by_worker",
        "A worker that is returned twice is taken from the lease that has it now.",
        {LeaseRaylet: ReturnsByWorker},
        "one_grant_per_lease",
        "leases-duplicates",
    ),
    Bug(
        "grants_without_taking",
        "A worker is given away, and its resources stay free.",
        {LeaseRaylet: GrantsWithoutTaking},
        "leases_fit_their_node",
        "leases-plain",
    ),
    Bug(
        "grants_while_draining",
        "A draining node goes on granting what it is asked for.",
        {LeaseRaylet: GrantsWhileDraining},
        "no_grant_to_the_dead_or_draining",
        "leases-drain",
    ),
    Bug(
        "redirects_again",
        "A request is redirected from raylet to raylet.",
        {LeaseRaylet: RedirectsAgain},
        "one_spillback_at_most",
        "leases-drain",
    ),
    Bug(
        "waits_for_the_dead",
        "An owner waits for the answer of a raylet that has died.",
        {Owner: WaitsForTheDead},
        "every_lease_request_answered",
        "leases-crash",
    ),
    Bug(
        "ignores_late_grants",
        "A worker that is not needed any more is not returned.",
        {Owner: IgnoresLateGrants},
        "no_lease_leaks",
        "leases-plain",
    ),
)
"""The planted bugs of leases."""
