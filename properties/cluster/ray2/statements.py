"""What must hold of a cluster of today's Ray.

Safety and progress are owed whatever policy decides. What Ray's own policy promises beside that is in `AS_RAY`: it is
checked where that policy decides, and where it fails of another one it says how that one differs, not that it is wrong.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar, Self, get_args

from rayproof.model.graph import Program, Resources, TaskId, TaskKind
from rayproof.model.graph.contract import DriverEnded, ErrorKind, Fact, Failed, Standing, TaskSubmitted
from rayproof.model.graph.program import DRIVER
from rayproof.model.kernel import Name, Statement, StateView, always, audit, sometimes
from rayproof.model.scheduler.ray2.bundles import wildcard_of
from rayproof.model.scheduler.ray2.lease_manager import LeaseManager, processors
from rayproof.model.scheduler.ray2.submitter import LeaseSubmitter
from rayproof.model.scheduler.ray2.worker_pool import WorkerPool
from rayproof.model.wire.ray2.leases import Decided, LeaseAsked, LeaseGiven, Redirected
from rayproof.model.workers.ray2.body import Body
from rayproof.model.workers.ray2.events import TaskPushed
from rayproof.model.workers.ray2.task_manager import TaskManager

FACTS = get_args(Fact)


@dataclass(frozen=True, slots=True)
class ContractMonitor:
    """Monitor: the contract, fed with the facts of a run."""

    program: ClassVar[Program]
    standing: Standing = Standing()

    def observe(self, event: Any) -> Self:
        """One fact; everything else is a stutter."""
        if not isinstance(event, FACTS):
            return self
        return replace(self, standing=self.standing.after(self.program, event))


@cache
def _monitor_of(key: str) -> type[ContractMonitor]:
    return type(f"Contract_{key}", (ContractMonitor,), {"__slots__": (), "__module__": __name__})


def keeps_the_contract(program: Program) -> Statement:
    """The statement that a cluster does nothing that the contract of its program does not allow."""
    monitor = _monitor_of(program.name)
    monitor.program = program

    def refines_the_task_graph(view: StateView) -> bool:
        """Every step is one of the dynamic task graph, or none: attempts, values, errors and orders are allowed."""
        return not view.monitor(monitor).standing.refusal

    return always(source="OSDI 2018, section 3.2; Ray 2.60 task_manager.cc (graph.contract)", monitors=(monitor,))(
        refines_the_task_graph
    )


# ---- safety ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LeaseBreaches:
    """Monitor: what raylets and owners did and should not have."""

    granted_while_draining: bool = False
    asked_the_dead: bool = False
    redirected_twice: bool = False

    def observe(self, event: object) -> LeaseBreaches:
        """Fold one event."""
        match event:
            case LeaseGiven(draining=True):
                return replace(self, granted_while_draining=True)
            case LeaseAsked(known_dead=True):
                return replace(self, asked_the_dead=True)
            case Redirected(again=True):
                return replace(self, redirected_twice=True)
            case _:
                return self


@always(LeaseManager, WorkerPool, source="Ray #55469; bug benchmark D12, S2")
def a_worker_has_one_lease(view: StateView) -> bool:
    """A worker process belongs to one lease at a time, and to none while its pool has it."""
    pools = {pool.raylet: pool for pool in view.of(WorkerPool).values()}
    for name, raylet in view.of(LeaseManager).items():
        held = [lease.worker for lease in raylet.granted.values() if lease.worker]
        if name in pools:
            pool = pools[name]
            held += [*pool.idle, *pool.absent, *pool.starting, *pool.for_actors]
        if max(Counter(held).values(), default=0) > 1:
            return False
    return True


@always(LeaseManager, source="bug benchmark D12; ray-chaos: requests are deduplicated in every phase")
def a_request_is_known_once(view: StateView) -> bool:
    """A request waits in one queue of a raylet at most, and not while it holds a worker there."""
    for raylet in view.of(LeaseManager).values():
        leases = [spec.lease for spec in raylet.kept()] + list(raylet.granted)
        if len(leases) > len(set(leases)):
            return False
    return True


@always(
    Body, LeaseManager, source="Ray 2.60 node_manager.cc: a worker is leased as long as it runs; bug benchmark S3''"
)
def bodies_run_on_leases(view: StateView) -> bool:
    """A process runs bodies of tasks only while its node has leased it to somebody."""
    raylets = view.of(LeaseManager)
    for name, body in view.of(Body).items():
        runs = any(task != DRIVER for task in body.frames)
        held = raylets[body.raylet].granted.values() if body.raylet in raylets else ()
        if runs and body.raylet in raylets and not any(lease.worker == name for lease in held):
            return False
    return True


@always(LeaseManager, source="Ray 2.60 NodeResourceInstanceSet; bug benchmark S2, D08")
def free_and_leased_add_up(view: StateView) -> bool:
    """Free and leased add up to what the node has, and leases that never waited in a get fit."""
    for name, raylet in view.of(LeaseManager).items():
        fresh, held = Resources(), Resources()
        for lease, granted in raylet.granted.items():
            taken = granted.taken - processors(granted.taken) if lease in raylet.blocked else granted.taken
            held = held + taken
            if lease not in raylet.blocked and lease not in raylet.resumed:
                fresh = fresh + taken
        total = raylet.seats[name].total + raylet.offered - raylet.reserved
        if raylet.told is not None and (raylet.free + held != total or not fresh.fits(total)):
            return False
    return True


@always(
    source="Ray 2.60 cluster_resource_scheduler.cc, NodeAvailable; #63405, bug benchmark D04, S6",
    monitors=(LeaseBreaches,),
)
def the_draining_grant_nothing(view: StateView) -> bool:
    """No lease is granted by a draining node, or asked of one that the owner knows to be dead."""
    breaches = view.monitor(LeaseBreaches)
    return not breaches.granted_while_draining and not breaches.asked_the_dead


@always(
    source="Ray 2.60 cluster_lease_manager.cc, ScheduleOnNode; #16488, bug benchmark D02", monitors=(LeaseBreaches,)
)
def a_redirected_request_is_not_sent_on(view: StateView) -> bool:
    """A raylet to which a request was redirected grants, keeps or rejects it; it never redirects it again."""
    return not view.monitor(LeaseBreaches).redirected_twice


@always(LeaseManager, source="Ray #3644; Ray 2.60 local_lease_manager.cc, SchedulingClassInfo; D11, Q3")
def waiting_workers_are_capped(view: StateView) -> bool:
    """Of each class at most as many workers wait in a get as could run at once, and one for each lifting of the cap."""
    for name, raylet in view.of(LeaseManager).items():
        waiting = Counter(raylet.granted[lease].spec.of for lease in raylet.blocked)
        for of, count in waiting.items():
            asked = next(held.spec.demand.fixed("CPU") for held in raylet.granted.values() if held.spec.of == of)
            if asked and count > round(raylet.seats[name].total.fixed("CPU") / asked) + raylet.lifted.get(of, 0):
                return False
    return True


@always(LeaseManager, source="Ray #50517; bug benchmark D15, S2")
def a_wildcard_goes_with_its_bundles(view: StateView) -> bool:
    """What is free in any bundle of a group is what is free in each of them, added up."""
    for raylet in view.of(LeaseManager).values():
        indexed: Counter[str] = Counter()
        for name, amount in raylet.free.units:
            indexed[wildcard_of(name)] += amount
        wildcards = {wildcard_of(name) for name, _ in raylet.offered.units} - {""}
        if any(indexed[name] != raylet.free.fixed(name) for name in wildcards):
            return False
    return True


# ---- progress --------------------------------------------------------------------------------------------------------


@audit(Body, source="bug benchmark L1, L2; Ray #12084 (D03), #63405, #231 (D10)")
def no_body_waits_for_ever(view: StateView) -> bool:
    """When nothing more can happen, no body waits: the driver has all that it asked for, or knows that it failed."""
    return not any(frame.missing for body in view.of(Body).values() for frame in body.frames.values())


@audit(TaskManager, LeaseManager, source="bug benchmark L1; Ray #52295, bug benchmark D09")
def every_task_that_fits_ends(view: StateView) -> bool:
    """When nothing more can happen, a task is left only while no living node could run it beside its actors.

    A call is left while its actor waits for a place.
    """
    totals, coming = [], set()
    for name, raylet in view.of(LeaseManager).items():
        if not raylet.draining:
            total = raylet.seats[name].total + raylet.offered - raylet.reserved
            for held in raylet.granted.values():
                total = total - held.taken if held.spec.actor else total
            totals.append(total)
        coming |= {raylet.program.tasks[spec.task].actor for spec in raylet.kept() if spec.actor}
    for manager in view.of(TaskManager).values():
        for task, state in manager.pending.items():
            spec = manager.program.tasks[task]
            waits = bool(state.missing) or (spec.kind is TaskKind.ACTOR_METHOD and spec.actor in coming)
            if not waits and any(spec.demand.fits(total) for total in totals):
                return False
    return True


@audit(LeaseManager, source="Ray #17634; bug benchmark D50: a late reply grants a worker that nobody returns")
def every_worker_comes_back(view: StateView) -> bool:
    """When nothing more can happen, every worker is back but for actors."""
    return all(held.spec.actor for raylet in view.of(LeaseManager).values() for held in raylet.granted.values())


@audit(LeaseSubmitter, source="Ray 2.60 normal_task_submitter.cc, CancelWorkerLeaseIfNeeded")
def no_request_is_forgotten(view: StateView) -> bool:
    """When nothing more can happen, every request whose tasks are gone was answered."""
    return not any(
        asked.key not in submitter.queues
        for submitter in view.of(LeaseSubmitter).values()
        for asked in submitter.requests.values()
    )


SAFETY = (
    a_worker_has_one_lease,
    a_request_is_known_once,
    free_and_leased_add_up,
    bodies_run_on_leases,
    the_draining_grant_nothing,
    a_redirected_request_is_not_sent_on,
)
PROGRESS = (no_body_waits_for_ever, every_task_that_fits_ends, every_worker_comes_back, no_request_is_forgotten)


# ---- what Ray's own policy promises ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choices:
    """Monitor: decisions that Ray's default policy would not make on what the raylet knew."""

    left_a_fitting_idle_node: bool = False
    preferred_the_fuller: bool = False

    def observe(self, event: object) -> Choices:
        """Fold one event; utilizations are reckoned anew from what the raylet knew."""
        match event:
            case Decided(by=by, chosen=chosen, redirected=False, demand=demand, seen=seen) if not bound_by(event):
                used = {name: _used_per_mille(total, free) for name, total, free in seen if demand.fits(free)}
                idle = used.get(by, 1000) < 500
                fuller = chosen in used and used[chosen] >= 500 and min(used.values()) < used[chosen]
                return Choices(
                    self.left_a_fitting_idle_node or (idle and chosen != by), self.preferred_the_fuller or fuller
                )
        return self


def bound_by(decided: Decided) -> str:
    """The node that the strategy of a request names; empty when none is."""
    return getattr(decided.strategy, "node", "")


def _used_per_mille(total: Resources, free: Resources) -> int:
    """The largest used share of a critical resource."""
    shares = [
        1000 - 1000 * free.fixed(name) // total.fixed(name)
        for name in ("CPU", "memory", "object_store_memory")
        if total[name]
    ]
    return max(shares, default=0)


@always(source="Ray 2.60 hybrid_scheduling_policy.cc, ScheduleImpl (prefer the local node)", monitors=(Choices,))
def a_fit_on_the_idle_own_node_is_kept(view: StateView) -> bool:
    """A raylet below half of its critical resources keeps a request that fits there."""
    return not view.monitor(Choices).left_a_fitting_idle_node


@always(
    source="Ray 2.60 hybrid_scheduling_policy.cc; Ray #16027; bug benchmark D16, Q1 on the critical resource",
    monitors=(Choices,),
)
def the_less_used_node_goes_first(view: StateView) -> bool:
    """No raylet chooses a node at half of a critical resource or more while it knows of a less used one with room."""
    return not view.monitor(Choices).preferred_the_fuller


@dataclass(frozen=True, slots=True)
class Places:
    """Monitor: on which nodes tasks came to run."""

    nodes: frozenset[tuple[TaskId, Name]] = frozenset()

    def observe(self, event: object) -> Places:
        """Fold one event."""
        if isinstance(event, TaskPushed):
            return Places(self.nodes | {(event.task, event.node)})
        return self


@sometimes(source="Ray 2.60 normal_task_submitter.cc", monitors=(Places,))
def some_task_leaves_its_driver(view: StateView) -> bool:
    """Some task runs on another node than its driver's."""
    return any(node != "raylet0" for _, node in view.monitor(Places).nodes)


@sometimes(LeaseManager, source="Ray 2.60 node_manager.cc, HandleNotifyWorkerUnblocked")
def some_body_overdraws(view: StateView) -> bool:
    """Some body goes on after a get while others have its CPU."""
    return any(amount < 0 for raylet in view.of(LeaseManager).values() for _, amount in raylet.free.units)


# ---- ends that the driver is told ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Failures:
    """Monitor: what became of the tasks that failed, and whether the driver has ended."""

    failed: frozenset[TaskId] = frozenset()
    given_up: bool = False
    submitted: frozenset[TaskId] = frozenset()
    done: bool = False

    def observe(self, event: object) -> Failures:
        """Fold one event."""
        match event:
            case Failed(error=ErrorKind.REJECTED):
                return replace(self, given_up=True)
            case Failed(task):
                return replace(self, failed=self.failed | {task})
            case TaskSubmitted(task, by) if by == DRIVER:
                return replace(self, submitted=self.submitted | {task})
            case DriverEnded():
                return replace(self, done=True)
            case _:
                return self


@always(source="Ray 2.60: without a fault nothing fails", monitors=(Failures,))
def nothing_fails_by_itself(view: StateView) -> bool:
    """Without a fault no task fails, but for those that a policy gives up."""
    return not view.monitor(Failures).failed


@always(source="Ray 2.60: an owner waits for ever (notes, idea 7)", monitors=(Failures,))
def nothing_is_given_up(view: StateView) -> bool:
    """No task is given up, however long it waits."""
    return not view.monitor(Failures).given_up


AS_RAY = (a_fit_on_the_idle_own_node_is_kept, the_less_used_node_goes_first, nothing_is_given_up)
