"""Scopes of recovery by an owner."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from model.graph import ObjectId
from model.kernel import FaultKind, Process, Scenario, Slot
from model.kernel.statements import Statement
from model.lineage.execution import Borrower, Executor
from model.lineage.ownership import Action, Owner, Task

Swap = Mapping[type[Process], type[Process]]


def ownership(
    name: str,
    tasks: tuple[Task, ...],
    program: tuple[Action, ...],
    statements: tuple[Statement, ...] = (),
    *,
    nodes: int = 3,
    crashable: tuple[str, ...] = ("node0", "node1"),
    crashes: int = 1,
    spills: frozenset[ObjectId] = frozenset(),
    borrows: ObjectId = "",
    replace: Swap | None = None,
) -> Scenario:
    """One owner, some nodes, perhaps a borrower of one object; at least one node never crashes."""

    def kind(usual: type[Process]) -> Callable[..., Process]:
        return (replace or {}).get(usual, usual)

    names = tuple(f"node{i}" for i in range(nodes))
    processes: dict[Slot, Callable[[], Process]] = {"owner": partial(kind(Owner), tasks, program, names)}
    watchers: dict[Slot, tuple[Slot, ...]] = dict.fromkeys(names, ("owner",))
    for node in names:
        processes[node] = partial(kind(Executor), "owner", spills)
    if borrows:
        processes["borrower"] = partial(kind(Borrower), borrows)
        watchers["owner"] = (*names, "borrower")
    return Scenario(
        name,
        "lineage",
        processes,
        statements,
        crashable=crashable,
        watchers=watchers,
        faults={FaultKind.CRASH: crashes},
        max_incarnations=1,
        constants={"nodes": nodes, "tasks": len(tasks), "crashes": crashes, "crashable": list(crashable)},
    )
