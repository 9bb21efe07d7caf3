"""Scopes of the chain."""

from __future__ import annotations

from model.gcs.chain import ChainClient, ChainMaster, Replica
from model.kernel import FaultKind, LinkRule, Process, Scenario, Slot
from model.kernel.statements import Statement


def chain(
    replicas: int = 3, writes: int = 3, crashes: int = 2, statements: tuple[Statement, ...] = (), name: str = ""
) -> Scenario:
    """A chain under crashes: one client writes distinct values, any replica may crash but the last one left."""
    names = tuple(f"replica{i}" for i in range(replicas))
    processes: dict[Slot, object] = {
        "master": lambda: ChainMaster(names),
        "client": lambda: ChainClient(names, tuple(range(1, writes + 1))),
    }
    for replica in names:
        processes[replica] = lambda: Replica(names)
    return Scenario(
        name or f"chain-{replicas}-{writes}-{crashes}",
        "gcs",
        processes,  # type: ignore[arg-type]
        statements,
        links=(LinkRule(unreachable=False),),
        crashable=names,
        watchers=dict.fromkeys(names, ("master",)),
        faults={FaultKind.CRASH: min(crashes, replicas - 1)},
        max_incarnations=1,
        constants={"replicas": replicas, "writes": writes, "crashes": crashes},
    )


__all__ = ["Process", "chain"]
