"""Scopes of replayed actors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from rayproof.model.actors.paper.replay import ChainCaller, ChainStore, ReplayedActor
from rayproof.model.kernel import FaultKind, Process, Scenario, Slot, Statement, Symbol
from rayproof.model.swap import Swap


def replayed(
    name: str,
    callers: Mapping[Slot, tuple[str, ...]],
    statements: tuple[Statement, ...] = (),
    *,
    every: int = 0,
    crashes: int = 1,
    swap: Swap | None = None,
) -> Scenario:
    """The paper's actor: callers, the store with the chain, and a place more than the actor can lose."""

    def kind(usual: type[Process]) -> Callable[..., Process]:
        return (swap or {}).get(usual, usual)

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
