"""What must hold of leases, the scheduling of Ray 2."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import product

from rayproof.model.graph import Resources
from rayproof.model.graph.resources import UNIT
from rayproof.model.kernel import Name, StateView, always, audit, first, sometimes
from rayproof.model.scheduler.ray2.leases.bundled import GROUP, BundleRaylet, wildcard_of
from rayproof.model.scheduler.ray2.leases.owner import LeaseOwner
from rayproof.model.scheduler.ray2.leases.protocol import Asking, Choosing, Granting, Redirecting
from rayproof.model.scheduler.ray2.leases.raylet import LeaseRaylet
from rayproof.model.scheduler.ray2.leases.worker import LeasedWorker, NestingWorker


@dataclass(frozen=True, slots=True)
class LeaseBreaches:
    """Monitor: what raylets and owners did and should not have."""

    granted_while_draining: str = ""
    asked_the_dead: str = ""
    redirected_twice: str = ""

    def observe(self, event: object) -> LeaseBreaches:
        """Fold one event."""
        match event:
            case Granting(lease, node, True):
                return replace(self, granted_while_draining=f"{node} grants lease {lease} while it drains")
            case Asking(lease, node, True):
                return replace(self, asked_the_dead=f"lease {lease} is asked of {node}, which is known to be dead")
            case Redirecting(lease, True):
                return replace(self, redirected_twice=f"lease {lease} is redirected again")
            case _:
                return self


@always(LeaseRaylet, LeasedWorker, NestingWorker, source="Ray #55469; bug benchmark D12, S2")
def one_grant_per_lease(view: StateView) -> str | None:
    """A worker belongs to one lease at a time, and runs one task at a time."""
    for name, raylet in view.of(LeaseRaylet).items():
        held = [worker for _, worker, _ in raylet.granted.values()]
        if raylet.idle + held and sorted([*raylet.idle, *held]) != sorted(raylet.workers):
            return f"{name}: {', '.join(raylet.idle) or 'nobody'} idle, {', '.join(held) or 'nobody'} leased"
    workers: dict[Name, NestingWorker | LeasedWorker] = {**view.of(NestingWorker), **view.of(LeasedWorker)}
    return first(f"{name} was given a second task" for name, worker in workers.items() if worker.overlap)


@always(LeaseRaylet, each=True, source="Ray 2.60 NodeResourceInstanceSet; bug benchmark S2")
def leases_fit_their_node(raylet: LeaseRaylet) -> str | None:
    """Free, leased and stored resources add up to the node's total, and leases that never waited in a get fit."""
    if raylet.told is None:
        return None
    fresh = raylet.stored
    for _, worker, taken in raylet.granted.values():
        if worker not in raylet.blocked and worker not in raylet.resumed:
            fresh = fresh + taken
    total = _capacity(raylet)
    if total not in raylet.totals.values():
        return f"free, leased and stored are {total}"
    return None if fresh.fits(total) else f"leases that never waited hold {fresh} of {total}"


@always(
    source="Ray 2.60 cluster_resource_scheduler.cc, NodeAvailable; #63405, bug benchmark D04, S6",
    monitors=(LeaseBreaches,),
)
def no_grant_to_the_dead_or_draining(view: StateView) -> str | None:
    """No lease is granted by a draining node, or asked of one that the owner knows to be dead."""
    breaches = view.monitor(LeaseBreaches)
    return breaches.granted_while_draining or breaches.asked_the_dead or None


@always(
    source="Ray 2.60 cluster_lease_manager.cc, ScheduleOnNode; #16488, bug benchmark D02", monitors=(LeaseBreaches,)
)
def one_spillback_at_most(view: StateView) -> str | None:
    """A raylet to which a request was redirected never redirects it again."""
    return view.monitor(LeaseBreaches).redirected_twice or None


@audit(LeaseOwner, LeaseRaylet, source="bug benchmark L1, L2; Ray #12084 (bug benchmark D03), #63405")
def every_lease_request_answered(view: StateView) -> str | None:
    """At rest, a task waits only if no node could run it beside the tasks that never end."""
    raylets = view.of(LeaseRaylet)
    owners = view.of(LeaseOwner)
    dead = {name for owner in owners.values() for name in owner.dead}
    rooms = {
        name: _room(raylet, raylets[name].totals[name])
        for name, raylet in raylets.items()
        if _usable(raylet, name, dead)
    }
    for name, owner in owners.items():
        for scheduling_class, waiting in owner.queued.items():
            demand = owner.classes[scheduling_class].demand
            for node, room in rooms.items():
                if waiting and demand.fits(room):
                    return f"{waiting[0]} of {name} waits and asks for {demand}, {node} has {room}"
        for held in owner.leased.values():
            if not owner.classes[held.scheduling_class].stays:
                return f"{name} keeps a lease of {held.node}"
    return None


def _usable(raylet: LeaseRaylet, name: Name, dead: set[Name]) -> bool:
    return not raylet.draining and name not in dead


def _room(raylet: LeaseRaylet, total: Resources) -> Resources:
    """What a node has for tasks that end."""
    for scheduling_class, _, taken in raylet.granted.values():
        if raylet.classes[scheduling_class].stays:
            total = total - taken
    return total


@audit(
    LeaseOwner, LeaseRaylet, source="Ray #17634; bug benchmark D50: a late reply grants a worker that nobody returns"
)
def no_lease_leaks(view: StateView) -> str | None:
    """At rest, every worker has been returned except for those whose task never ends."""
    return first(
        f"{worker} of {name} is not back"
        for name, raylet in view.of(LeaseRaylet).items()
        for scheduling_class, worker, _ in raylet.granted.values()
        if not raylet.classes[scheduling_class].stays
    )


@always(LeaseRaylet, each=True, source="Ray #3644; Ray 2.60 local_lease_manager.cc, SchedulingClassInfo; D11, Q3")
def blocked_workers_bounded(raylet: LeaseRaylet) -> str | None:
    """No more workers of a class are blocked in a get than could run at once, plus one each time the cap was lifted."""
    for scheduling_class, each in raylet.classes.items():
        asked = each.demand.fixed("CPU")
        total = sum(amount for name, amount in _capacity(raylet).units if name == "CPU")
        waiting = sum(
            held == scheduling_class and worker in raylet.blocked for held, worker, _ in raylet.granted.values()
        )
        if asked and waiting > round(total / asked) + raylet.lifted.get(scheduling_class, 0):
            return f"{waiting} workers of class {scheduling_class} wait in a get"
    return None


def _capacity(raylet: LeaseRaylet) -> Resources:
    """What a node has in all, from what it says is free and held."""
    total = raylet.free + raylet.stored
    for _, worker, taken in raylet.granted.values():
        total = total + (taken - raylet.processors(worker) if worker in raylet.blocked else taken)
    return total


@audit(NestingWorker, source="Ray #231; bug benchmark D10, L1")
def every_get_ends(view: StateView) -> str | None:
    """At rest, no task waits for one that it has submitted."""
    return first(f"{name} waits for its task" for name, worker in view.of(NestingWorker).items() if worker.waits)


@always(BundleRaylet, each=True, source="Ray #50517; bug benchmark D15, S2")
def wildcard_is_the_sum_of_its_bundles(raylet: BundleRaylet) -> str | None:
    """A group's wildcard resource is the sum of what is free in its bundles."""
    indexed: Counter[str] = Counter()
    for name, amount in raylet.free.units:
        indexed[wildcard_of(name)] += amount
    wildcards = {wildcard_of(name) for total in raylet.totals.values() for name, _ in total.units} - {""}
    return first(
        f"{name}: {raylet.free[name]:g} free, its bundles have {indexed[name] / UNIT:g}"
        for name in sorted(wildcards)
        if indexed[name] != raylet.free.fixed(name)
    )


@audit(LeaseOwner, BundleRaylet, source="Ray #20051; bug benchmark D58, L1", known="20051")
def tasks_that_fit_their_group_run(view: StateView) -> str | None:
    """At rest, no task of a group waits that would fit in its bundles beside the running ones."""
    bundles = [
        {name: amount for name, amount in raylet.totals[node].units if name.endswith(place)}
        for node, raylet in view.of(BundleRaylet).items()
        for place in sorted({name.partition(GROUP)[2] for name, _ in raylet.totals[node].units if wildcard_of(name)})
    ]
    for owner in view.of(LeaseOwner).values():
        running = [owner.classes[held.scheduling_class].demand for held in owner.leased.values()]
        waiting = [(task, owner.classes[each].demand) for each, tasks in owner.queued.items() for task in tasks]
        demands = (*running, *(demand for _, demand in waiting))
        amounts = [Counter({n.partition(GROUP)[0]: v for n, v in demand.units}) for demand in demands]
        offers = [Counter({n.partition(GROUP)[0]: v for n, v in bundle.items()}) for bundle in bundles]
        if waiting and any(
            all(
                sum((amounts[i] for i, at in enumerate(places) if at == number), Counter[str]()) <= offer
                for number, offer in enumerate(offers)
            )
            for places in product(range(len(offers)), repeat=len(amounts))
        ):
            return f"{waiting[0][0]} waits and would fit in the bundles of its group"
    return None


@dataclass(frozen=True, slots=True)
class FullNodes:
    """Monitor: a node past the threshold that was chosen although a less used one had room."""

    preferred: str = ""

    def observe(self, event: object) -> FullNodes:
        """Fold one event; the utilization is reckoned anew from what the raylet knew."""
        match event:
            case Choosing(_, chosen, True, seen, demand):
                used = {name: _used_per_mille(total, free) for name, total, free in seen if demand.fits(free)}
                if chosen in used and used[chosen] >= 500 and min(used.values()) < used[chosen]:
                    least = min(used, key=used.__getitem__)
                    return FullNodes(
                        f"{chosen} is chosen at {used[chosen] / 10:g} %, {least} is at {used[least] / 10:g} %"
                    )
        return self


def _used_per_mille(total: Resources, free: Resources) -> int:
    """The largest used share of a critical resource."""
    shares = [
        1000 - 1000 * free.fixed(name) // total.fixed(name)
        for name in ("CPU", "memory", "object_store_memory")
        if total.fixed(name)
    ]
    return max(shares, default=0)


@always(
    source="Ray 2.60 hybrid_scheduling_policy.cc; Ray #16027; bug benchmark D16, Q1 on the critical resource",
    monitors=(FullNodes,),
)
def past_the_threshold_the_less_used_goes_first(view: StateView) -> str | None:
    """No raylet chooses a node at half of a critical resource or more while it knows of a less used one with room."""
    return view.monitor(FullNodes).preferred or None


@sometimes(LeaseRaylet, source="Ray 2.60 node_manager.cc, HandleNotifyWorkerUnblocked")
def cpus_are_overdrawn(view: StateView) -> str | None:
    """Some task resumes after a get while others use its CPU."""
    return first(
        f"{name}: {raylet.free} free"
        for name, raylet in view.of(LeaseRaylet).items()
        if any(amount < 0 for _, amount in raylet.free.units)
    )


@sometimes(LeaseOwner, source="Ray 2.60 normal_task_submitter.cc")
def a_task_runs_elsewhere(view: StateView) -> str | None:
    """Some task runs on another node than its owner's."""
    return first(
        f"a task of {name} runs on {held.node}"
        for name, owner in view.of(LeaseOwner).items()
        for held in owner.leased.values()
        if held.node != owner.raylet
    )


LEASES = (
    one_grant_per_lease,
    leases_fit_their_node,
    no_grant_to_the_dead_or_draining,
    one_spillback_at_most,
    every_lease_request_answered,
    no_lease_leaks,
)
"""Checked in every scope of leases."""
