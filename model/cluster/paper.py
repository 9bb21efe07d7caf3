"""Puts a program, a cluster and a policy together into a scenario.

Sizes, crashes, the form of the store (atomic and immediate, or by messages) and every bound are parameters here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from rayproof.model.gcs.paper.chained import LIBRARY, ChainedStore, RowClient
from rayproof.model.gcs.paper.control_store import ControlStore
from rayproof.model.gcs.paper.shards import Chains
from rayproof.model.graph import ClusterSpec, Program, TaskId
from rayproof.model.kernel import FaultKind, LinkKind, LinkRule, Name, Process, Scenario, Slot, Statement, Timing
from rayproof.model.scheduler.paper.global_scheduler import GlobalScheduler
from rayproof.model.scheduler.paper.raylet import HEARTBEAT, Raylet
from rayproof.model.scheduler.paper.replicas import SharingChainedStore, SharingRaylet, SharingScheduler, SharingStore
from rayproof.model.scheduler.paper.worker import Driver, Worker
from rayproof.model.scheduler.policy.built_in import Default
from rayproof.model.scheduler.policy.hooks import Policy, initial_memory
from rayproof.model.swap import Swap


@dataclass(frozen=True)
class ClusterParameters:
    """Everything about a cluster that its program and nodes do not say."""

    policy: Policy = field(default_factory=Default)
    threshold: int = 1
    """Tasks queued or running on a node from which on the local scheduler forwards; 0 forwards all."""
    workers: int | None = None
    """Workers per node; None: as many as the node has CPUs, at least one."""
    immediate_store: bool = True
    """Whether a request to the control store is one atomic step with its asker."""
    chains: Chains | None = None
    """Where the rows of the control store lie; None: in one process that never fails."""
    crashes: int = 0
    """Nodes that may crash; the head node does not."""
    repeats: int = 1
    weight_per_mille: int = 0
    task_us: int = 0
    startup_us: Callable[[int, int], int] = lambda node, position: 0
    """Time before the first body of the worker at (node, position) begins."""
    overhead_us: int = 0
    """Time before each later body begins."""
    at_once: frozenset[TaskId] = frozenset()
    """Tasks that begin without these delays."""
    joining: tuple[int, ...] = ()
    """Nodes that are not there at the beginning."""
    booting: tuple[tuple[int, int], ...] = ()
    """(node, microseconds) until a node that is being started makes itself known; it takes part in nothing before."""
    early_timeouts: int = 0
    """How often a back-off may end before everything else has happened."""
    schedulers: int = 1
    """Global schedulers; node i is served by number i modulo that."""
    timing: Timing | None = None
    drain_limit: int = 10_000


def raylet_of(number: int) -> Slot:
    """The slot of a node's raylet."""
    return f"raylet{number}"


def scheduler_of(number: int) -> Slot:
    """The slot of a global scheduler."""
    return f"scheduler{number}" if number else "scheduler"


def worker_of(number: int, position: int) -> Slot:
    """The slot of one of a node's workers."""
    return f"worker{number}.{position:03}"


def assemble(
    name: str,
    program: Program,
    cluster: ClusterSpec,
    parameters: ClusterParameters,
    statements: tuple[Statement, ...] = (),
    *,
    component: str = "cluster",
    swap: Swap | None = None,
) -> Scenario:
    """The scenario of a program on a cluster. `swap` puts another class in the place of one (a planted bug)."""
    kinds = swap or {}

    def made(kind: type[Process]) -> Callable[..., Process]:
        return kinds.get(kind, kind)

    raylets = tuple(raylet_of(i) for i in range(len(cluster.nodes)))
    table = tuple(zip(raylets, cluster.nodes, strict=True))
    schedulers = tuple(scheduler_of(i) for i in range(parameters.schedulers))
    several = {"schedulers": schedulers} if len(schedulers) > 1 else {}

    def scheduler() -> Process:
        return made(SharingScheduler if several else GlobalScheduler)(
            program=program,
            cluster=table,
            policy=parameters.policy,
            task_us=parameters.task_us,
            bandwidth_bytes_per_s=cluster.bandwidth_bytes_per_s or 0,
            repeats=parameters.repeats,
            memory=initial_memory(parameters.policy),
            known=tuple(
                raylet
                for i, raylet in enumerate(raylets)
                if i not in parameters.joining and i not in dict(parameters.booting)
            ),
        )

    processes: dict[Slot, Callable[[], Process]] = {
        "driver": lambda: made(Driver)(raylet=raylets[0], program=program),
        **dict.fromkeys(schedulers, scheduler),
    }
    chains = parameters.chains
    if chains is None:
        processes["gcs"] = lambda: made(SharingStore if several else ControlStore)(
            program=program, raylets=raylets, **several
        )
    else:
        first, *others = chains.configurations()
        processes["gcs"] = lambda: made(SharingChainedStore if several else ChainedStore)(
            program=program, raylets=raylets, shards=chains.shards, **several
        )
        processes[LIBRARY] = lambda: made(RowClient)(
            first, (), others=tuple(others), asks_again=chains.answers_get_lost
        )
        processes.update(chains.processes((LIBRARY,), kinds))
    units: dict[str, tuple[Slot, ...]] = {}
    hosts: dict[Slot, str] = dict.fromkeys(("driver", "gcs", *schedulers), raylets[0])
    for number, node in enumerate(cluster.nodes):
        count = parameters.workers or max(1, node.total["CPU"] // 10_000)
        workers = tuple(worker_of(number, position) for position in range(count))

        def raylet(number: int = number, workers: tuple[Name, ...] = workers) -> Process:
            return made(SharingRaylet if several else Raylet)(
                program=program,
                number=number,
                total=cluster.nodes[number].total,
                policy=parameters.policy,
                boot_us=dict(parameters.booting).get(number),
                workers=workers,
                scheduler=schedulers[number % len(schedulers)],
                **several,
                threshold=parameters.threshold,
                weight_per_mille=parameters.weight_per_mille,
            )

        def worker(number: int, position: int) -> Process:
            return made(Worker)(
                raylet=raylet_of(number),
                program=program,
                startup_us=parameters.startup_us(number, position),
                overhead_us=parameters.overhead_us,
                at_once=parameters.at_once,
            )

        processes[raylet_of(number)] = raylet
        for position, slot in enumerate(workers):
            processes[slot] = partial(worker, number, position)
        units[f"node{number}"] = (raylet_of(number), *workers)
        hosts.update(dict.fromkeys(units[f"node{number}"], raylet_of(number)))
    timing = parameters.timing
    return Scenario(
        name,
        component,
        processes,
        statements,
        links=links(parameters.immediate_store),
        units=units,
        crashable=(
            *(f"node{number}" for number in range(1, len(raylets)) if parameters.crashes),
            *(chains.replica_slots() if chains and chains.crashes else ()),
        ),
        watchers={**dict.fromkeys(raylets, ("gcs",)), **(chains.watchers() if chains else {})},
        faults={
            kind: budget
            for kind, budget in (
                (FaultKind.CRASH, max(parameters.crashes, chains.crashes if chains else 0)),
                (FaultKind.EARLY_TIMEOUT, parameters.early_timeouts),
            )
            if budget
        },
        max_incarnations=1,
        drain_limit=parameters.drain_limit,
        constants={
            "raylets": len(raylets),
            "tasks": len(program.tasks),
            "crashes": parameters.crashes,
            "gcs": "immediate" if parameters.immediate_store else "messages",
            **(
                {"shards": chains.shards, "replicas": chains.replicas, "replica crashes": chains.crashes}
                if chains
                else {}
            ),
        },
        timing=None if timing is None else Timing(**{**vars(timing), "host": hosts.__getitem__}),
    )


def links(immediate_store: bool) -> tuple[LinkRule, ...]:
    """The links of a cluster: a node is one unit, deaths are learnt from notices and not from failed sends."""
    rules = [
        LinkRule("raylet*", "worker*", kind=LinkKind.IMMEDIATE, unreachable=False),
        LinkRule("worker*", "raylet*", kind=LinkKind.IMMEDIATE, unreachable=False),
        LinkRule(channel=HEARTBEAT, kind=LinkKind.LATEST, unreachable=False),
    ]
    if immediate_store:
        rules += [
            LinkRule("gcs", LIBRARY, kind=LinkKind.IMMEDIATE, unreachable=False),
            LinkRule("*", "gcs", channel="", kind=LinkKind.IMMEDIATE, unreachable=False),
        ]
    rules.append(LinkRule(unreachable=False, capacity=1_000_000))
    return tuple(rules)
