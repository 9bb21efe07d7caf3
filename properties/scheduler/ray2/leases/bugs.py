"""Planted bugs of leases (numbers of the bug benchmark where a real defect stands behind one)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.graph import Resources
from rayproof.model.kernel import Context, Message, Name
from rayproof.model.scheduler.ray import NodeResources
from rayproof.model.scheduler.ray2.leases.bundled import BundleRaylet, wildcard_of
from rayproof.model.scheduler.ray2.leases.local import CAP, Waiting
from rayproof.model.scheduler.ray2.leases.owner import Owner
from rayproof.model.scheduler.ray2.leases.protocol import ClassId, LeaseCancelled, LeaseId
from rayproof.model.scheduler.ray2.leases.raylet import LeaseRaylet
from rayproof.properties.bug import Bug


@dataclass(slots=True)
class ReturnsByWorker(LeaseRaylet):
    """A return ends whatever lease its worker has (D12)."""

    def returned(self, lease: LeaseId, worker: Name) -> None:
        for other, (_, held, _) in sorted(self.granted.items()):
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


@dataclass(slots=True)
class NeverReconsiders(LeaseRaylet):
    """What is queued on a node stays there, whatever becomes free elsewhere (D03)."""

    def moves_on(self, ctx: Context, of: ClassId, waiting: Waiting) -> bool:
        return False


@dataclass(slots=True)
class KeepsTheCpu(LeaseRaylet):
    """A worker that waits in a get keeps its CPU (D10)."""

    def block(self, worker: Name) -> None:
        pass


@dataclass(slots=True)
class HasNoCap(LeaseRaylet):
    """Worker after worker is started for the tasks of one class (D11)."""

    def is_its_turn(self, ctx: Context, of: ClassId) -> bool:
        return True


@dataclass(slots=True)
class NeverLiftsTheCap(LeaseRaylet):
    """A class at its cap waits until one of its tasks has ended."""

    def fire(self, ctx: Context, timer: str) -> None:
        if not timer.startswith(CAP):
            LeaseRaylet.fire(self, ctx, timer)


@dataclass(slots=True)
class ClampsTheWildcard(BundleRaylet):
    """The CPU of any bundle stops at nothing where that of one bundle goes below it (D15)."""

    def unblock(self, worker: Name) -> None:
        BundleRaylet.unblock(self, worker)
        clamped = {name: amount if wildcard_of(name) else max(0, amount) for name, amount in self.free.units}
        self.free = Resources.from_units(clamped)


@dataclass(slots=True)
class CountsCpusOnly(LeaseRaylet):
    """How full a node's object store is does not count (D16)."""

    def nodes(self, me: Name) -> list[NodeResources]:
        return [replace(node, total=self.cpus(node.total)) for node in LeaseRaylet.nodes(self, me)]

    def cpus(self, total: Resources) -> Resources:
        """The part of a total that is looked at."""
        return Resources.from_units({"CPU": total["CPU"]})


# `also`: a lost lease is waited for by its owner; a get that never ends is that of a task whose owner waits and whose
# worker does not come back; what one counter does not say is missing from the sum of all, too.


@dataclass(slots=True)
class AsksForTheImpossible(Owner):
    """A request that no node can ever fulfil is repeated."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        match message:
            case LeaseCancelled(lease, True) if lease in self.requests:
                self.ask(ctx, lease, self.requests[lease][0], self.raylet)
                self.request_leases(ctx)
            case _:
                Owner.receive(self, ctx, sender, message)


LEASE_BUGS = (
    Bug(
        "returns_by_worker",
        "A worker that is returned twice is taken from the lease that has it now.",
        {LeaseRaylet: ReturnsByWorker},
        "one_grant_per_lease",
        "leases-duplicates",
        also=("every_lease_request_answered",),
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
    Bug(
        "never_reconsiders_leases",
        "A request that is queued on a node is never sent on to one that has become free (D03).",
        {LeaseRaylet: NeverReconsiders},
        "every_lease_request_answered",
        "leases-stay",
        "Ray #12084",
    ),
    Bug(
        "keeps_the_cpu",
        "A task that waits for its child keeps the CPU that the child needs (D10).",
        {LeaseRaylet: KeepsTheCpu},
        "every_get_ends",
        "leases-nested",
        "Ray #231",
        also=("every_lease_request_answered", "no_lease_leaks"),
    ),
    Bug(
        "has_no_cap",
        "Parents are started one after the other, and all wait for children that come last (D11).",
        {LeaseRaylet: HasNoCap},
        "blocked_workers_bounded",
        "leases-nested",
        "Ray #3644",
    ),
    Bug(
        "never_lifts_the_cap",
        "A task that waits for another of its class keeps it from starting.",
        {LeaseRaylet: NeverLiftsTheCap},
        "every_get_ends",
        "leases-recursion",
        "Ray 2.60 local_lease_manager.cc, SchedulingClassInfo",
        also=("every_lease_request_answered", "no_lease_leaks"),
    ),
    Bug(
        "clamps_the_wildcard",
        "After a get the CPUs of a bundle and those of its group drift apart (D15).",
        {BundleRaylet: ClampsTheWildcard},
        "wildcard_is_the_sum_of_its_bundles",
        "leases-bundles",
        "Ray #50517",
        also=("leases_fit_their_node",),
    ),
    Bug(
        "counts_cpus_only",
        "Tasks go on to the head node although its object store is past the threshold (D16).",
        {LeaseRaylet: CountsCpusOnly},
        "past_the_threshold_the_less_used_goes_first",
        "leases-store",
        "Ray #16027",
    ),
    Bug(
        "asks_for_the_impossible",
        "A request for a worker that no node can ever grant is answered and made again.",
        {Owner: AsksForTheImpossible},
        "every_lease_request_answered_some_day",
        "leases-classes",
        "bug benchmark L4",
        ("comes_to_rest",),
        spins=True,
    ),
)
"""The planted bugs of leases."""
