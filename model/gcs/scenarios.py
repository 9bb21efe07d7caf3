"""Scopes of the chain."""

from __future__ import annotations

from collections.abc import Callable

from model.gcs.chain import ChainClient, ChainMaster, Replica
from model.kernel import FaultKind, LinkRule, Process, Scenario, Slot
from model.kernel.statements import Statement


def chain(
    replicas: int = 3,
    writes: int = 3,
    crashes: int = 2,
    statements: tuple[Statement, ...] = (),
    *,
    replace: dict[type[Process], type[Process]] | None = None,
) -> Scenario:
    """A chain under crashes: one client writes distinct values, any replica may crash but the last one left.

    `replace` puts another class in the place of one (a planted bug).
    """
    swap = replace or {}
    made: Callable[..., Process] = swap.get(Replica, Replica)
    names = tuple(f"replica{i}" for i in range(replicas))
    processes: dict[Slot, Callable[[], Process]] = {
        "master": lambda: ChainMaster(names),
        "client": lambda: ChainClient(names, tuple(range(1, writes + 1))),
    }
    for replica in names:
        processes[replica] = lambda: made(names)
    return Scenario(
        f"chain-{replicas}-{writes}-{crashes}",
        "gcs",
        processes,
        statements,
        links=(LinkRule(unreachable=False),),
        crashable=names,
        watchers=dict.fromkeys(names, ("master",)),
        faults={FaultKind.CRASH: min(crashes, replicas - 1)},
        max_incarnations=1,
        constants={"replicas": replicas, "writes": writes, "crashes": crashes},
    )
