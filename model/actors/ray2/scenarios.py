"""Scopes of actors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from rayproof.model.actors.ray2.calls import Actor, Caller, Registry
from rayproof.model.actors.ray2.lifecycle import ActorManager, ActorNode, ActorOwner
from rayproof.model.actors.ray2.paced import PacedCaller
from rayproof.model.actors.ray2.protocol import CallSpec
from rayproof.model.kernel import FaultKind, LinkRule, Message, Process, Scenario, Slot, Statement
from rayproof.model.swap import Swap


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
    swap: Swap | None = None,
) -> Scenario:
    """Some callers and one actor that may be restarted elsewhere; `paced` ones make each call at a time of its own."""

    def kind(usual: type[Process]) -> Callable[..., Process]:
        return (swap or {}).get(usual, usual)

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
    swap: Swap | None = None,
) -> Scenario:
    """An owner that creates and kills actors, the manager, and nodes whose workers may fail."""

    def kind(usual: type[Process]) -> Callable[..., Process]:
        return (swap or {}).get(usual, usual)

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
