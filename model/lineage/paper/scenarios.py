"""Scopes of recovery through the control store."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rayproof.model.graph import ObjectId, TaskId
from rayproof.model.kernel import FaultKind, Process, Scenario, Slot, Statement
from rayproof.model.lineage.paper.control import LineageStore, PaperNode
from rayproof.model.swap import Swap


def control(
    name: str,
    program: tuple[tuple[TaskId, tuple[ObjectId, ...]], ...],
    reads: tuple[ObjectId, ...],
    statements: tuple[Statement, ...] = (),
    *,
    rows: int = 10,
    crashes: int = 1,
    early: int = 0,
    swap: Swap | None = None,
) -> Scenario:
    """Lineage in the store; the last of three nodes reads and never crashes."""
    store: Callable[..., Process] = (swap or {}).get(LineageStore, LineageStore)
    node: Callable[..., Process] = (swap or {}).get(PaperNode, PaperNode)
    names = ("node0", "node1", "node2")
    processes: dict[Slot, Callable[[], Process]] = {"gcs": partial(store, program, names, rows, frozenset(reads))}
    for slot in names:
        processes[slot] = partial(node, reads if slot == names[-1] else ())
    return Scenario(
        name,
        "lineage",
        processes,
        statements,
        crashable=names[:-1],
        watchers=dict.fromkeys(names, ("gcs",)),
        faults={FaultKind.CRASH: crashes, FaultKind.EARLY_TIMEOUT: early},
        max_incarnations=1,
        constants={"nodes": len(names), "tasks": len(program), "rows": rows, "crashes": crashes, "early": early},
    )
