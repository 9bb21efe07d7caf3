"""Scopes of actors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from rayproof.model.actors.calls import Actor, Caller, Registry
from rayproof.model.actors.hosts import Host, Hosted, RedirectedCaller
from rayproof.model.actors.lifecycle import ActorManager, ActorNode, ActorOwner
from rayproof.model.actors.migration import Coordinator
from rayproof.model.actors.paced import PacedCaller
from rayproof.model.actors.protocol import CallSpec
from rayproof.model.actors.replay import ChainCaller, ChainStore, ReplayedActor
from rayproof.model.kernel import FaultKind, LinkRule, Message, Process, Scenario, Slot
from rayproof.model.kernel.statements import Statement
from rayproof.model.kernel.values import Symbol

Swap = Mapping[type[Process], type[Process]]


def calls(
    name: str,
    callers: Mapping[Slot, tuple[CallSpec, ...]],
    statements: tuple[Statement, ...] = (),
    *,
    max_restarts: int = 0,
    max_task_retries: int = 0,
    concurrency: int = 1,
    loses_contact: bool = False,
    paced: bool = False,
    faults: Mapping[FaultKind, int] | None = None,
    replace: Swap | None = None,
) -> Scenario:
    """Some callers and one actor that may be restarted elsewhere; `paced` ones make each call at a time of its own."""

    def kind(usual: type[Process]) -> Callable[..., Process]:
        return (replace or {}).get(usual, usual)

    processes: dict[Slot, Callable[[], Process]] = {
        "actor": partial(kind(Actor), "registry", concurrency),
        "registry": partial(kind(Registry), tuple(callers), max_restarts),
    }
    for caller, made in callers.items():
        processes[caller] = partial(kind(PacedCaller if paced else Caller), made, max_task_retries, loses_contact)
    crashes = (faults or {}).get(FaultKind.CRASH, 0)
    return Scenario(
        name,
        "actors",
        processes,
        statements,
        links=(LinkRule("actor", "registry"), LinkRule("actor", reply=True)),
        crashable=("actor",) if crashes else (),
        recoverable=frozenset({"actor"}),
        watchers={"actor": ("registry",)},
        faults=dict(faults or {}),
        max_incarnations=max_restarts + 1,
        constants={
            "callers": len(callers),
            "calls": sum(len(made) for made in callers.values()),
            "max_restarts": max_restarts,
            "max_task_retries": max_task_retries,
        },
    )


def migration(
    name: str,
    sizes: Mapping[str, int],
    hosts: Mapping[Slot, tuple[str, ...]],
    new: str,
    called: str,
    statements: tuple[Statement, ...] = (),
    *,
    capacity: int = 100,
    methods: int = 2,
    crashable: tuple[str, ...] = (),
    policy: object = None,
    replace: Swap | None = None,
) -> Scenario:
    """Actors on hosts, a new one that needs room, and a caller of one that may have to move."""

    def kind(usual: type[Process]) -> Callable[..., Process]:
        return (replace or {}).get(usual, usual)

    made = tuple(sorted(sizes.items()))
    capacities = tuple((host, capacity) for host in hosts)

    def host(actors: tuple[str, ...]) -> Process:
        return kind(Host)(capacity, {actor: Hosted(sizes[actor], 0) for actor in actors})

    def coordinator() -> Process:
        places = {actor: at for at, actors in hosts.items() for actor in actors}
        return kind(Coordinator)(made, capacities, ((called, "caller"),), policy=policy, places=places, unplaced=(new,))

    at_first = next(at for at, actors in hosts.items() if called in actors)
    calls_made = tuple(f"m{i}" for i in range(methods))
    processes: dict[Slot, Callable[[], Process]] = {at: partial(host, actors) for at, actors in hosts.items()}
    processes["coordinator"] = coordinator
    processes["caller"] = partial(kind(RedirectedCaller), called, calls_made, at_first)
    return Scenario(
        name,
        "actors",
        processes,
        statements,
        services=frozenset({"coordinator"}),
        crashable=crashable,
        recoverable=frozenset({"coordinator"}),
        watchers=dict.fromkeys(hosts, ("coordinator",)),
        faults={FaultKind.CRASH: 1} if crashable else {},
        constants={"capacity": capacity, "sizes": dict(made), "crashable": list(crashable)},
    )


def lifecycle(
    name: str,
    program: tuple[Message, ...],
    statements: tuple[Statement, ...] = (),
    *,
    nodes: int = 2,
    slots: int = 1,
    failures: int = 0,
    max_restarts: int = 0,
    owner_crashes: bool = False,
    replace: Swap | None = None,
) -> Scenario:
    """An owner that creates and kills actors, the manager, and nodes whose workers may fail."""

    def kind(usual: type[Process]) -> Callable[..., Process]:
        return (replace or {}).get(usual, usual)

    names = tuple(f"node{i}" for i in range(nodes))
    processes: dict[Slot, Callable[[], Process]] = {"owner": partial(kind(ActorOwner), program)}
    processes["manager"] = partial(kind(ActorManager), names, max_restarts)
    for node in names:
        processes[node] = partial(kind(ActorNode), slots, failures)
    return Scenario(
        name,
        "actors",
        processes,
        statements,
        crashable=("owner",) if owner_crashes else (),
        watchers={"owner": ("manager",)},
        faults={FaultKind.CRASH: 1} if owner_crashes else {},
        max_incarnations=1,
        constants={"nodes": nodes, "slots": slots, "worker failures": failures, "max_restarts": max_restarts},
    )


def replayed(
    name: str,
    callers: Mapping[Slot, tuple[str, ...]],
    statements: tuple[Statement, ...] = (),
    *,
    every: int = 0,
    crashes: int = 1,
    replace: Swap | None = None,
) -> Scenario:
    """The paper's actor: callers, the store with the chain, and a place more than the actor can lose."""

    def kind(usual: type[Process]) -> Callable[..., Process]:
        return (replace or {}).get(usual, usual)

    hosts = tuple(f"actor{i}" for i in range(crashes + 1))
    processes: dict[Slot, Callable[[], Process]] = {"gcs": partial(kind(ChainStore), hosts)}
    for host in hosts:
        processes[host] = partial(kind(ReplayedActor), every)
    for caller, calls_made in callers.items():
        processes[caller] = partial(kind(ChainCaller), tuple(map(Symbol, calls_made)))
    return Scenario(
        name,
        "actors",
        processes,
        statements,
        crashable=hosts[:-1],
        watchers=dict.fromkeys(hosts, ("gcs",)),
        faults={FaultKind.CRASH: crashes},
        max_incarnations=1,
        constants={"callers": len(callers), "checkpoint every": every, "crashes": crashes},
    )
