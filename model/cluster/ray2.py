"""Puts a program, a cluster and perhaps a policy together into a scenario of today's Ray.

A node is its raylet, its pool of workers, its object manager and those workers, each a core worker; what belongs to one
unit speaks over immediate links. A core worker has a body, and where bodies below the driver own something, a task
manager and a submitter too. Sizes, faults, budgets and times are parameters here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import TypeVar

from rayproof.model.actors.ray2.actor_calls import ActorCalls
from rayproof.model.actors.ray2.actor_table import ActorTable
from rayproof.model.graph import ClusterSpec, GroupId, Program, TaskId
from rayproof.model.graph.labels import NODE_ID_LABEL, labels_of
from rayproof.model.kernel import FaultKind, LinkKind, LinkRule, Name, Process, Scenario, Slot, Statement, Timing
from rayproof.model.objects.ray2.object_manager import ObjectManager
from rayproof.model.scheduler.policy.hooks import Policy, initial_memory
from rayproof.model.scheduler.policy.queue_hooks import has_retry
from rayproof.model.scheduler.ray import HybridOptions, order_by_rank
from rayproof.model.scheduler.ray2.bundle_manager import BundleManager
from rayproof.model.scheduler.ray2.bundles import with_bundle_demands
from rayproof.model.scheduler.ray2.driver_policy import DriverPolicy
from rayproof.model.scheduler.ray2.group_client import GroupClient
from rayproof.model.scheduler.ray2.group_manager import GroupManager
from rayproof.model.scheduler.ray2.lease_manager import LeaseManager
from rayproof.model.scheduler.ray2.patience import Patience
from rayproof.model.scheduler.ray2.place_hook import Asked, Seat
from rayproof.model.scheduler.ray2.submitter import LeaseSubmitter
from rayproof.model.scheduler.ray2.syncer import SyncHub
from rayproof.model.scheduler.ray2.worker_pool import WorkerPool
from rayproof.model.swap import Swap
from rayproof.model.wire.ray2.groups import USAGE
from rayproof.model.wire.ray2.leases import INSIDE, SYNC, WITHDRAW
from rayproof.model.wire.ray2.rpc import NO_FAULTS, Client, Faults
from rayproof.model.workers.ray2.body import INLINE_BYTES, Body
from rayproof.model.workers.ray2.mentions import exports_of, mentions_of, owns_below_the_driver
from rayproof.model.workers.ray2.task_manager import TaskManager

HUB = "syncer"
ACTORS = "actors"
GROUPS = "groups"
DRIVER = "driver"

RAY_ID = re.compile(r"[0-9a-f]{56}")
"""A node's id as Ray draws it."""

P = TypeVar("P", bound=Process)


@dataclass(frozen=True)
class Durations:
    """Durations of a timed run, in microseconds; all zero in explored scopes."""

    sync_us: int = 0
    """Period of the views."""
    gather_us: int = 0
    """For how long the syncer's hub gathers views."""
    lease_us: int = 0
    """Age from which on a lease is not used again."""
    start_us: int = 0
    """Until a further worker process is there."""
    first_us: int = 0
    """Before the first body of a process begins."""
    later_us: int = 0
    """Before each later one begins."""
    actor_us: int = 0
    """Until a process for an actor is there."""
    kills_idle: bool = False


@dataclass(frozen=True)
class TodayParameters:
    """Everything about a cluster of today's Ray that its program and nodes do not say."""

    policy: Policy | None = None
    """None: Ray's own."""
    in_driver: bool = False
    """Whether the policy decides in the driver, through soft affinities, rather than in the raylets."""
    repeats: int = 1
    workers: int | None = None
    """Worker processes that there can be on a node; None: as many as CPUs, at least one."""
    prestarted: int | None = None
    """Those that are there from the start; None: all of them, or as many as CPUs if that is less."""
    most_requests: int | None = None
    """Requests in flight for one scheduling key; None: ten, or one a node if these are more."""
    crashes: int = 0
    """Nodes that may crash; the driver's does not."""
    crashing: tuple[int, ...] | None = None
    """Which may; None: all but the driver's."""
    faults: Faults = NO_FAULTS
    """Beside crashes, drains and memory."""
    suspected: tuple[int, ...] = (1,)
    """Nodes that may be declared dead although they live."""
    restarts: int = 0
    """Of the manager of placement groups."""
    drains: tuple[int, ...] = ()
    overfills: tuple[int, ...] = ()
    """Nodes that run out of memory once, at any moment."""
    early_timeouts: int = 0
    """How often a lease may come of age at any moment."""
    joining: tuple[int, ...] = ()
    """Nodes that are not there at the beginning."""
    first_us: Callable[[int, int], int] | None = None
    """Time before the first body of the worker at (node, position) begins; None: the same for all."""
    at_once: frozenset[TaskId] = frozenset()
    """Tasks that begin without delays: they stand for what was there before."""
    estimates: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Expected time of a function's tasks, in microseconds, for policies."""
    reserved: Mapping[GroupId, tuple[int | None, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """Where the bundles of a group go while there is room for them there."""
    settings: HybridOptions = HybridOptions()
    times: Durations = Durations()
    timing: Timing | None = None
    views: bool = True
    """Whether nodes and owners hear of each other: what they have, and that they are dead. Groups do not need it."""
    inline_bytes: int = INLINE_BYTES


def raylet_of(number: int) -> Slot:
    """The slot of a node's raylet."""
    return f"raylet{number}"


def worker_of(number: int, position: int) -> Slot:
    """The slot of one of a node's workers."""
    return f"worker{number}.{position:03}"


def assemble(
    name: str,
    program: Program,
    cluster: ClusterSpec,
    parameters: TodayParameters,
    statements: tuple[Statement, ...] = (),
    *,
    component: str = "cluster",
    swap: Swap | None = None,
) -> Scenario:
    """The scenario of a program on a cluster. `swap` puts another class in the place of one (a planted bug)."""
    classes = swap or {}

    def made(kind: type[P]) -> type[P]:
        found: type[P] = classes.get(kind, kind)  # type: ignore[assignment]
        return found

    # The contract and statements speak of tasks as their programs do; demands are rewritten by who submits them.
    program = with_bundle_demands(program)
    times = parameters.times
    numbers = range(len(cluster.nodes))
    raylets = tuple(map(raylet_of, numbers))
    stores = MappingProxyType({raylet_of(i): f"store{i}" for i in numbers})
    seats = MappingProxyType(
        {
            raylet_of(i): Seat(node.id, i, node.total, labels_of(node), node.object_store_bytes)
            for i, node in enumerate(cluster.nodes)
        }
    )
    labelled = MappingProxyType({dict(seats[raylet].labels)[NODE_ID_LABEL]: raylet for raylet in raylets})
    owning = owns_below_the_driver(program)
    mentions, exports = mentions_of(program), exports_of(program)
    workers = {i: _workers(parameters, cluster, i) for i in numbers}
    cores = {DRIVER: 0} | ({worker: i for i in numbers for worker in workers[i]} if owning else {})
    node_of = MappingProxyType(
        {f"{core}.{part}": raylet_of(i) for core, i in cores.items() for part in ("tasks", "leases")}
    )
    has_actors = any(task.actor is not None for task in program.tasks.values())
    policy = parameters.policy
    asked = in_driver = None
    if policy is not None and parameters.in_driver:
        in_driver = DriverPolicy(
            tuple(zip(raylets, cluster.nodes, strict=True)), program, parameters.estimates, parameters.repeats
        )
    elif policy is not None:
        asked = Asked(policy, program, parameters.estimates, repeats=parameters.repeats)
    memory = () if policy is None else initial_memory(policy)
    patient = policy if policy is not None and has_retry(policy) else None
    order = _tie_break_order(cluster)
    faults = parameters.faults
    client = Client(faults)

    def lease_manager(i: int) -> Process:
        return made(LeaseManager)(
            order=order,
            seats=seats,
            pool=f"pool{i}",
            store=stores[raylets[i]],
            bundles=f"bundles{i}" if program.groups else "",
            hub=HUB,
            node_of=node_of,
            program=program,
            asked_policy=asked,
            late=frozenset(map(raylet_of, parameters.joining)),
            drains=i in parameters.drains,
            overfills=i in parameters.overfills,
            sync_us=times.sync_us,
            settings=parameters.settings,
            tells_views=parameters.views,
            tells_queue=asked is not None,
            shows_views=parameters.timing is None,
            memory=memory,
        )

    def pool(i: int) -> Process:
        cpus = max(1, cluster.nodes[i].total.fixed("CPU") // 10_000)
        prestarted = cpus if parameters.prestarted is None else parameters.prestarted
        return made(WorkerPool)(
            raylet=raylets[i],
            workers=workers[i],
            prestarted=min(prestarted, len(workers[i])),
            start_us=times.start_us,
            starts_at_once=cpus,
            actor_us=times.actor_us,
            kills=times.kills_idle,
        )

    def body(core: Name, i: int) -> Process:
        own = parameters.first_us if core != DRIVER else None
        return made(Body)(
            program=program,
            raylet=raylets[i],
            store=stores[raylets[i]],
            groups=f"{core}.groups" if core in cores and program.groups else "",
            manager=f"{core}.tasks" if core in cores else "",
            exports=exports if core in cores else MappingProxyType({}),
            driver=core == DRIVER,
            starts_later=client.fails,
            first_us=times.first_us if own is None else own(i, workers[i].index(core)),
            later_us=times.later_us,
            at_once=parameters.at_once,
            inline_bytes=parameters.inline_bytes,
        )

    def task_manager(core: Name, i: int) -> Process:
        return made(TaskManager)(
            program=program,
            body=core,
            submitter=f"{core}.leases",
            patience=f"{core}.patience" if patient is not None else "",
            caller=f"{core}.calls" if has_actors else "",
            raylet=raylets[i],
            store=stores[raylets[i]],
            node_of=node_of,
            raylets=MappingProxyType({node.id: raylet_of(j) for j, node in enumerate(cluster.nodes)}),
            mentions=mentions,
            exports=exports,
            inline_bytes=parameters.inline_bytes,
            policy=policy if in_driver is not None else None,
            nodes=in_driver,
            memory=memory if in_driver is not None else (),
        )

    def submitter(core: Name, i: int) -> Process:
        return made(LeaseSubmitter)(
            program=program,
            raylet=raylets[i],
            labelled=labelled,
            tells_apart=asked is not None and asked.shows_what_runs,
            manager=f"{core}.tasks",
            patience=f"{core}.patience" if patient is not None else "",
            most_requests=parameters.most_requests or max(10, len(raylets)),
            client=client,
            lease_us=times.lease_us,
        )

    timing = parameters.timing
    processes: dict[Slot, Callable[[], Process]] = {
        HUB: lambda: made(SyncHub)(raylets=raylets, gather_us=times.gather_us)
    }
    if has_actors:
        processes[ACTORS] = lambda: made(ActorTable)(program=program, raylets=raylets, client=client)
    bundles = tuple(f"bundles{i}" for i in numbers) if program.groups else ()
    if bundles:
        processes[GROUPS] = lambda: made(GroupManager)(
            groups=program.groups,
            totals=tuple((bundles[i], cluster.nodes[i].total) for i in numbers if i not in parameters.joining),
            clients=tuple(f"{core}.groups" for core in cores),
            reserved=tuple(
                (group, tuple("" if node is None else bundles[node] for node in places))
                for group, places in parameters.reserved.items()
            ),
        )
    units: dict[str, list[Slot]] = {
        f"node{i}": [raylets[i], f"pool{i}", f"store{i}", *bundles[i : i + 1]] for i in numbers
    }
    for i in numbers:
        processes[raylets[i]] = partial(lease_manager, i)
        processes[f"pool{i}"] = partial(pool, i)
        processes[f"store{i}"] = partial(
            made(ObjectManager),
            program=program,
            raylet=raylets[i],
            stores=stores,
            policy=policy,
            client=client,
            bandwidth_bytes_per_s=(timing.bandwidth_bytes_per_s or 0) if timing is not None else 0,
        )
    for i, slot in enumerate(bundles):
        processes[slot] = partial(
            made(BundleManager),
            groups=program.groups,
            total=cluster.nodes[i].total,
            raylet=raylets[i],
            manager=GROUPS,
            late=i in parameters.joining,
        )
    for core, number in [(DRIVER, 0), *((worker, i) for i in numbers for worker in workers[i])]:
        parts: dict[Slot, Callable[[], Process]] = {core: partial(body, core, number)}
        if core in cores:
            parts[f"{core}.tasks"] = partial(task_manager, core, number)
            parts[f"{core}.leases"] = partial(submitter, core, number)
            if patient is not None:
                parts[f"{core}.patience"] = partial(
                    made(Patience),
                    program=program,
                    policy=patient,
                    raylet=raylets[number],
                    manager=f"{core}.tasks",
                )
            if has_actors:
                parts[f"{core}.calls"] = partial(
                    made(ActorCalls),
                    program=program,
                    manager=f"{core}.tasks",
                    raylet=raylets[number],
                    table=ACTORS,
                    client=client,
                )
            if bundles:
                parts[f"{core}.groups"] = partial(made(GroupClient), manager=GROUPS, body=core)
        processes |= parts
        units[f"node{number}"] += parts
    hosts = {slot: raylets[i] for i in numbers for slot in units[f"node{i}"]}
    hosts |= dict.fromkeys((HUB, ACTORS, GROUPS), raylets[0])
    crashing = parameters.crashing if parameters.crashing is not None else tuple(numbers)[1:]
    mortal = parameters.crashes or timing is not None
    watchers: dict[Slot, tuple[Slot, ...]] = {}
    if mortal or faults.suspicions:
        watchers = _watchers(processes, raylets if parameters.views else (), bundles)
    if faults.suspicions:
        # Whoever is declared dead hears of it, too; nobody else can be.
        watchers = {raylet_of(i): (*watchers[raylet_of(i)], raylet_of(i)) for i in parameters.suspected}
    return Scenario(
        name,
        component,
        processes,
        statements,
        links=links(faults, bool(times.gather_us)),
        units={unit: tuple(slots) for unit, slots in units.items()},
        services=frozenset({GROUPS} if parameters.restarts else ()),
        crashable=(
            *(f"node{i}" for i in crashing if parameters.crashes),
            *((GROUPS,) if parameters.restarts else ()),
        ),
        recoverable=frozenset({GROUPS} if parameters.restarts else ()),
        watchers=watchers,
        cuttable=tuple((HUB, raylet) for raylet in raylets) if faults.breaks else (),
        faults=faults.budgets
        | {
            kind: budget
            for kind, budget in (
                (FaultKind.CRASH, parameters.crashes + parameters.restarts),
                (FaultKind.EARLY_TIMEOUT, parameters.early_timeouts),
            )
            if budget
        },
        max_incarnations=1 + parameters.restarts,
        constants={
            "raylets": len(raylets),
            "tasks": len(program.tasks),
            **({"crashes": parameters.crashes} if parameters.crashes else {}),
            **({"groups": len(program.groups), "restarts": parameters.restarts} if program.groups else {}),
        },
        timing=None if timing is None else Timing(**{**vars(timing), "host": hosts.__getitem__}),
    )


def _workers(parameters: TodayParameters, cluster: ClusterSpec, number: int) -> tuple[Name, ...]:
    count = parameters.workers or max(1, cluster.nodes[number].total.fixed("CPU") // 10_000)
    return tuple(worker_of(number, position) for position in range(count))


def _tie_break_order(cluster: ClusterSpec) -> tuple[Name, ...]:
    """All raylets in the order in which Ray breaks ties: by the hash of their ids, where these are known."""
    ids = {node.ray_id: raylet_of(i) for i, node in enumerate(cluster.nodes)}
    if len(ids) < len(cluster.nodes) or not all(RAY_ID.fullmatch(each) for each in ids):
        return tuple(raylet_of(i) for i in range(len(cluster.nodes)))
    return tuple(ids[each] for each in order_by_rank(ids))


def _watchers(
    processes: Mapping[Slot, object], raylets: tuple[Name, ...], bundles: tuple[Name, ...]
) -> dict[Slot, tuple[Slot, ...]]:
    """Who is told that a node is dead: owners, raylets and object managers, and who places bundles."""
    told = tuple(slot for slot in processes if slot.endswith(".leases") or slot.startswith("store") or slot == ACTORS)
    of_nodes = {raylet: (*told, *(other for other in raylets if other != raylet)) for raylet in raylets}
    return of_nodes | dict.fromkeys(bundles, (GROUPS,))


def links(faults: Faults, gathers: bool) -> tuple[LinkRule, ...]:
    """The links of a cluster: what is inside a unit is immediate, deaths are learnt from notices.

    A stream of views that may break tells both ends.
    """
    breaks, duplicates = bool(faults.breaks), bool(faults.duplicates)
    at_once = not (gathers or breaks)
    return (
        LinkRule(channel=INSIDE, kind=LinkKind.IMMEDIATE, unreachable=False),
        *((LinkRule(receiver=HUB, channel=SYNC, kind=LinkKind.IMMEDIATE, unreachable=False),) if at_once else ()),
        LinkRule(channel=SYNC, kind=LinkKind.LATEST, unreachable=breaks),
        LinkRule(channel=USAGE, kind=LinkKind.LATEST, unreachable=False),
        LinkRule(channel=WITHDRAW, unreachable=False, capacity=1_000_000),
        LinkRule("*.leases", "raylet*", duplicating=duplicates, unreachable=False, capacity=1_000_000),
        LinkRule(unreachable=False, capacity=1_000_000),
    )
