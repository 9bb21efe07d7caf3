"""What must hold of a cluster of today's Ray.

Safety and progress are owed whatever policy decides. What Ray's own policy promises beside that is in `AS_RAY`: it is
checked where that policy decides, and where it fails of another one it says how that one differs, not that it is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any, ClassVar, Self, get_args

from rayproof.model.graph import Default, NodeAffinity, Program, Resources, TaskId, TaskKind
from rayproof.model.graph.contract import (
    DriverEnded,
    ErrorKind,
    Fact,
    Failed,
    PlaceDied,
    PlaceGone,
    Standing,
    TaskSubmitted,
)
from rayproof.model.graph.labels import allowed_by
from rayproof.model.graph.program import DRIVER
from rayproof.model.graph.resources import UNIT
from rayproof.model.kernel import Name, Statement, StateView, always, audit, first, sometimes
from rayproof.model.scheduler.ray2.bundles import GROUP, wildcard_of
from rayproof.model.scheduler.ray2.lease_manager import LeaseManager, processors
from rayproof.model.scheduler.ray2.submitter import LeaseSubmitter
from rayproof.model.scheduler.ray2.worker_pool import WorkerPool
from rayproof.model.wire.ray2.leases import Decided, LeaseAsked, LeaseGiven, LeaseId, Redirected
from rayproof.model.workers.ray2.body import Body
from rayproof.model.workers.ray2.events import TaskPushed
from rayproof.model.workers.ray2.task_manager import TaskManager

FACTS = get_args(Fact)


@dataclass(frozen=True, slots=True)
class ContractMonitor:
    """Monitor: the contract, fed with the facts of a run."""

    program: ClassVar[Program]
    suspects: ClassVar[bool]
    """Whether nodes are declared dead that are not."""
    standing: Standing = Standing()

    def observe(self, event: Any) -> Self:
        """One fact; everything else is a stutter."""
        if not isinstance(event, FACTS):
            return self
        if self.suspects and isinstance(event, PlaceDied) and "/" not in event.place:
            # A node that was declared dead is told so later; its processes end then, each a death of its own.
            event = PlaceGone(event.place)
        return replace(self, standing=self.standing.after(self.program, event))


@cache
def _monitor_of(key: str) -> type[ContractMonitor]:
    return type(f"Contract_{key}", (ContractMonitor,), {"__slots__": (), "__module__": __name__})


def keeps_the_contract(program: Program, *, suspects: bool = False) -> Statement:
    """The statement that a cluster does nothing that the contract of its program does not allow.

    `suspects`: whether nodes may be declared dead that are not.
    """
    monitor = _monitor_of(program.name)
    monitor.program, monitor.suspects = program, suspects

    def refines_the_task_graph(view: StateView) -> str | None:
        """Every step is one of the dynamic task graph, or none: attempts, values, errors and orders are allowed."""
        return view.monitor(monitor).standing.refusal or None

    return always(source="OSDI 2018, section 3.2; Ray 2.60 task_manager.cc (graph.contract)", monitors=(monitor,))(
        refines_the_task_graph
    )


def told(lease: LeaseId) -> str:
    """A lease for people."""
    owner, number = lease
    return f"lease {number} of {owner}"


# ---- safety ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LeaseBreaches:
    """Monitor: what raylets and owners did and should not have."""

    granted_while_draining: str = ""
    asked_the_dead: str = ""
    redirected_twice: str = ""

    def observe(self, event: object) -> LeaseBreaches:
        """Fold one event."""
        match event:
            case LeaseGiven(lease, node, draining=True):
                return replace(self, granted_while_draining=f"{node} grants {told(lease)} while it drains")
            case LeaseAsked(lease, node, known_dead=True):
                return replace(self, asked_the_dead=f"{told(lease)} is asked of {node}, which is known to be dead")
            case Redirected(lease, again=True):
                return replace(self, redirected_twice=f"{told(lease)} is redirected again")
            case _:
                return self


@always(Body, source="Ray #55469; bug benchmark D12, S3")
def a_worker_gets_one_task_at_a_time(view: StateView) -> str | None:
    """No task is pushed to a worker that has one."""
    return first(
        f"{push.task} waits in {name} for the task that runs there"
        for name, body in view.of(Body).items()
        for push, _ in body.queue
        if body.program.tasks[push.task].kind is TaskKind.NORMAL
    )


@always(LeaseManager, WorkerPool, source="Ray #55469; bug benchmark D12, S2")
def a_worker_has_one_lease(view: StateView) -> str | None:
    """A worker process belongs to at most one lease, and to none while it is in the pool."""
    pools = {pool.raylet: pool for pool in view.of(WorkerPool).values()}
    for name, raylet in view.of(LeaseManager).items():
        held = [lease.worker for lease in raylet.granted.values() if lease.worker]
        if name in pools:
            pool = pools[name]
            held += [*pool.idle, *pool.absent, *pool.starting, *pool.for_actors]
        for worker, count in Counter(held).items():
            if count > 1:
                leases = [lease for lease, granted in raylet.granted.items() if granted.worker == worker]
                held_by = " and ".join(map(told, leases)) or "nobody"
                return f"{worker} belongs to {held_by}" + ("" if len(leases) > 1 else " and is in the pool")
    return None


@always(LeaseManager, source="bug benchmark D12; ray-chaos: requests are deduplicated in every phase")
def a_request_is_known_once(view: StateView) -> str | None:
    """A request is in at most one queue of a raylet, and in none while it holds a worker there."""
    for name, raylet in view.of(LeaseManager).items():
        leases = Counter([spec.lease for spec in raylet.kept()] + list(raylet.granted))
        for lease, count in leases.items():
            if count > 1:
                return f"{name} has {told(lease)} {count} times"
    return None


@always(
    Body, LeaseManager, source="Ray 2.60 node_manager.cc: a worker is leased as long as it runs; bug benchmark S3''"
)
def bodies_run_on_leases(view: StateView) -> str | None:
    """A process runs bodies of tasks only while its node has leased it to somebody."""
    raylets = view.of(LeaseManager)
    for name, body in view.of(Body).items():
        held = raylets[body.raylet].granted.values() if body.raylet in raylets else ()
        if body.raylet in raylets and not any(lease.worker == name for lease in held):
            for task in body.frames:
                if task != DRIVER:
                    return f"{task} runs in {name}, which {body.raylet} has leased to nobody"
    return None


@always(LeaseManager, source="Ray 2.60 NodeResourceInstanceSet; bug benchmark S2, D08")
def free_and_leased_add_up(view: StateView) -> str | None:
    """Free, leased and stored add up to the node's total, and leases that never waited in a get fit."""
    for name, raylet in view.of(LeaseManager).items():
        fresh, held = Resources(), raylet.stored
        for lease, granted in raylet.granted.items():
            taken = granted.taken - processors(granted.taken) if lease in raylet.blocked else granted.taken
            held = held + taken
            if lease not in raylet.blocked and lease not in raylet.resumed:
                fresh = fresh + taken
        if raylet.told is None:
            continue
        total = raylet.seats[name].total + raylet.offered - raylet.reserved
        if raylet.free + held != total:
            return f"{name}: {raylet.free} free, {held} leased, {total} in all"
        if not fresh.fits(total):
            return f"{name}: leases that never waited hold {fresh} of {total}"
    return None


@always(
    source="Ray 2.60 cluster_resource_scheduler.cc, NodeAvailable; #63405, bug benchmark D04, S6",
    monitors=(LeaseBreaches,),
)
def the_draining_grant_nothing(view: StateView) -> str | None:
    """No lease is granted by a draining node, or asked of one that the owner knows to be dead."""
    breaches = view.monitor(LeaseBreaches)
    return breaches.granted_while_draining or breaches.asked_the_dead or None


@always(
    source="Ray 2.60 cluster_lease_manager.cc, ScheduleOnNode; #16488, bug benchmark D02", monitors=(LeaseBreaches,)
)
def a_redirected_request_is_not_sent_on(view: StateView) -> str | None:
    """A raylet to which a request was redirected never redirects it again."""
    return view.monitor(LeaseBreaches).redirected_twice or None


@always(LeaseManager, source="Ray #3644; Ray 2.60 local_lease_manager.cc, SchedulingClassInfo; D11, Q3")
def waiting_workers_are_capped(view: StateView) -> str | None:
    """No more workers of a class are blocked in a get than could run at once, plus one each time the cap was lifted."""
    for name, raylet in view.of(LeaseManager).items():
        waiting = Counter(raylet.granted[lease].spec.of for lease in raylet.blocked)
        for of, count in waiting.items():
            asked = next(held.spec.demand.fixed("CPU") for held in raylet.granted.values() if held.spec.of == of)
            if asked and count > round(raylet.seats[name].total.fixed("CPU") / asked) + raylet.lifted.get(of, 0):
                return f"{name}: {count} workers of class {of} wait in a get"
    return None


@always(LeaseManager, source="Ray #50517; bug benchmark D15, S2")
def a_wildcard_goes_with_its_bundles(view: StateView) -> str | None:
    """A group's wildcard resource is the sum of what is free in its bundles."""
    for node, raylet in view.of(LeaseManager).items():
        indexed: Counter[str] = Counter()
        for name, amount in raylet.free.units:
            indexed[wildcard_of(name)] += amount
        bundles = raylet.offered + raylet.seats[node].total
        for name in sorted({wildcard_of(name) for name, _ in bundles.units} - {""}):
            if indexed[name] != raylet.free.fixed(name):
                return f"{node}: {raylet.free[name]:g} {name} free, its bundles have {indexed[name] / UNIT:g}"
    return None


# ---- progress --------------------------------------------------------------------------------------------------------


@audit(Body, source="bug benchmark L1, L2; Ray #12084 (D03), #63405, #231 (D10)")
def no_body_waits_for_ever(view: StateView) -> str | None:
    """At rest, no task waits for an object: the driver has everything that it asked for, or knows that it failed."""
    return first(
        f"{task} waits for {', '.join(sorted(frame.missing))}" + ("" if name == task else f" in {name}")
        for name, body in view.of(Body).items()
        for task, frame in body.frames.items()
        if frame.missing
    )


@audit(TaskManager, LeaseManager, source="bug benchmark L1; Ray #52295, bug benchmark D09")
def every_task_that_fits_ends(view: StateView) -> str | None:
    """At rest, a task is left only if no live node could run it beside its actors.

    A call is left while its actor waits for a place.
    """
    nodes, coming = {}, set()
    for name, raylet in view.of(LeaseManager).items():
        if not raylet.draining and not raylet.exited:
            total = raylet.seats[name].total + raylet.offered - raylet.reserved
            for held in raylet.granted.values():
                total = total - held.taken if held.spec.actor else total
            nodes[name] = (total, raylet.seats[name].labels)
        coming |= {raylet.program.tasks[spec.task].actor for spec in raylet.kept() if spec.actor}
    for manager in view.of(TaskManager).values():
        for task, state in manager.pending.items():
            spec = manager.program.tasks[task]
            if state.missing or (spec.kind is TaskKind.ACTOR_METHOD and spec.actor in coming):
                continue
            for name, (total, labels) in nodes.items():
                if spec.demand.fits(total) and allowed_by(spec.selectors, labels):
                    return f"{task} waits and asks for {spec.demand}, {name} has {total}"
    return None


@audit(LeaseManager, source="Ray #17634; bug benchmark D50: a late reply grants a worker that nobody returns")
def every_worker_comes_back(view: StateView) -> str | None:
    """At rest, every worker has been returned except for those of actors."""
    return first(
        f"{told(lease)} is still granted by {name}"
        for name, raylet in view.of(LeaseManager).items()
        for lease, held in raylet.granted.items()
        if not held.spec.actor
    )


@audit(
    LeaseSubmitter,
    LeaseManager,
    source="Ray 2.60 normal_task_submitter.cc, CancelWorkerLeaseIfNeeded; Ray #52295, bug benchmark D09, L2",
)
def no_request_is_forgotten(view: StateView) -> str | None:
    """At rest, a request without an answer waits at its raylet, and a task waits for it."""
    known = {
        name: {*(spec.lease for spec in raylet.kept()), *raylet.granted}
        for name, raylet in view.of(LeaseManager).items()
    }
    return first(
        f"request {number} of {name} has no answer"
        for name, submitter in view.of(LeaseSubmitter).items()
        for number, asked in submitter.requests.items()
        if asked.key not in submitter.queues or asked.spec.lease not in known.get(asked.node, {asked.spec.lease})
    )


@always(LeaseManager, source="Ray 2.60 node_affinity_scheduling_policy.cc; #33835, bug benchmark D07")
def a_busy_node_lets_go(view: StateView) -> str | None:
    """A request that may be moved does not wait at a busy node while its raylet knows of room elsewhere."""
    for name, raylet in view.of(LeaseManager).items():
        rooms = {
            other: seen.available - raylet.counted.get(other, Resources())
            for other, seen in raylet.said.items()
            if not seen.draining and other not in raylet.dead
        }
        for queue in raylet.to_grant.values():
            spec = queue[0]
            leaves = isinstance(spec.strategy, NodeAffinity) and spec.strategy.spill_on_unavailable
            busy = not spec.demand.fits(raylet.free)
            room = next((other for other, free in rooms.items() if spec.demand.fits(free)), "")
            if leaves and busy and room:
                return f"{spec.task} asks {name} for {spec.demand}, {raylet.free} is free there, {room} has room"
    return None


@audit(LeaseManager, source="Ray #20051; bug benchmark D58, L1", known="20051")
def tasks_that_fit_their_group_run(view: StateView) -> str | None:
    """At rest, nothing of a group waits that would fit in its bundles beside what they hold."""
    raylets = view.of(LeaseManager)
    bundles = [
        _by_kind(each for each in raylet.seats[node].total.units if each[0].endswith(place))
        for node, raylet in raylets.items()
        for place in sorted({n.partition(GROUP)[2] for n, _ in raylet.seats[node].total.units if wildcard_of(n)})
    ]
    waiting = [spec for raylet in raylets.values() for spec in raylet.kept()]
    running = [held.spec.demand for raylet in raylets.values() for held in raylet.granted.values()]
    wanted = [_by_kind(demand.units) for demand in (*running, *(spec.demand for spec in waiting))]
    if waiting and any(
        all(
            sum((wanted[i] for i, at in enumerate(places) if at == number), Counter[str]()) <= bundle
            for number, bundle in enumerate(bundles)
        )
        for places in product(range(len(bundles)), repeat=len(wanted))
    ):
        return f"{waiting[0].task} waits and would fit in the bundles of its group"
    return None


def _by_kind(units: Iterable[tuple[str, int]]) -> Counter[str]:
    """Amounts in bundles under the plain names of their resources."""
    return Counter({name.partition(GROUP)[0]: amount for name, amount in units})


@audit(LeaseManager, source="Ray 2.60 ray_syncer_bidi_reactor_base.h: a new stream begins with all that is known")
def views_agree_at_rest(view: StateView) -> str | None:
    """When nothing more can happen, every raylet knows of the others what they say of themselves."""
    raylets = view.of(LeaseManager)
    return first(
        f"{by} believes otherwise of {name} than {name} says"
        for by, raylet in raylets.items()
        for name, seen in raylet.said.items()
        if name in raylets and seen != raylets[name].told
    )


SAFETY = (
    a_worker_has_one_lease,
    a_request_is_known_once,
    free_and_leased_add_up,
    bodies_run_on_leases,
    the_draining_grant_nothing,
    a_redirected_request_is_not_sent_on,
)
PROGRESS = (no_request_is_forgotten, no_body_waits_for_ever, every_task_that_fits_ends, every_worker_comes_back)


# ---- what Ray's own policy promises ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choices:
    """Monitor: decisions that Ray's default policy would not make on what the raylet knew."""

    left_a_fitting_idle_node: str = ""
    preferred_the_fuller: str = ""

    def observe(self, event: object) -> Choices:
        """Fold one event; utilizations are reckoned anew from what the raylet knew."""
        match event:
            case Decided(by=by, chosen=chosen, redirected=False, demand=demand, strategy=Default(), seen=seen):
                used = {name: _used_per_mille(total, free) for name, total, free in seen if demand.fits(free)}
                left, fuller = self.left_a_fitting_idle_node, self.preferred_the_fuller
                if used.get(by, 1000) < 500 and chosen != by and not left:
                    left = f"{by} is used to {used[by] / 10:g} % and sends {demand} to {chosen}"
                least = min(used, key=used.__getitem__, default="")
                if chosen in used and used[chosen] >= 500 and used[least] < used[chosen] and not fuller:
                    fuller = f"{chosen} is used to {used[chosen] / 10:g} %, {least} to {used[least] / 10:g} %"
                return Choices(left, fuller)
        return self


def _used_per_mille(total: Resources, free: Resources) -> int:
    """The largest used share of a critical resource."""
    shares = [
        1000 - 1000 * free.fixed(name) // total.fixed(name)
        for name in ("CPU", "memory", "object_store_memory")
        if total[name]
    ]
    return max(shares, default=0)


@always(source="Ray 2.60 hybrid_scheduling_policy.cc, ScheduleImpl (prefer the local node)", monitors=(Choices,))
def a_fit_on_the_idle_own_node_is_kept(view: StateView) -> str | None:
    """A raylet that uses less than half of its critical resources keeps a request that fits."""
    return view.monitor(Choices).left_a_fitting_idle_node or None


@always(
    source="Ray 2.60 hybrid_scheduling_policy.cc; Ray #16027; bug benchmark D16, Q1 on the critical resource",
    monitors=(Choices,),
)
def the_less_used_node_goes_first(view: StateView) -> str | None:
    """No raylet chooses a node at half of a critical resource or more while it knows of a less used one with room."""
    return view.monitor(Choices).preferred_the_fuller or None


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
def some_task_leaves_its_driver(view: StateView) -> str | None:
    """Some task runs on another node than its driver's."""
    places = sorted(view.monitor(Places).nodes)
    return first(f"{task} runs on {node}" for task, node in places if node != "raylet0")


@sometimes(LeaseManager, source="Ray 2.60 node_manager.cc, HandleNotifyWorkerUnblocked")
def some_body_overdraws(view: StateView) -> str | None:
    """Some task resumes after a get while others use its CPU."""
    return first(
        f"{name}: {raylet.free} free"
        for name, raylet in view.of(LeaseManager).items()
        if any(amount < 0 for _, amount in raylet.free.units)
    )


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
def nothing_fails_by_itself(view: StateView) -> str | None:
    """Without a fault no task fails, but for those that a policy gives up."""
    failed = view.monitor(Failures).failed
    return f"{min(failed)} fails" if failed else None


@always(source="Ray 2.60: an owner waits for ever (notes, idea 7)", monitors=(Failures,))
def nothing_is_given_up(view: StateView) -> str | None:
    """No task is given up, however long it waits."""
    return "a task is given up" if view.monitor(Failures).given_up else None


AS_RAY = (a_fit_on_the_idle_own_node_is_kept, the_less_used_node_goes_first, nothing_is_given_up)
