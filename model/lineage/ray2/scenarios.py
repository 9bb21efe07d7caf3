"""Scopes of recovery by an owner, of attempts and of streams."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rayproof.model.graph import ObjectId, TaskId
from rayproof.model.kernel import FaultKind, Process, Scenario, Slot, Statement
from rayproof.model.lineage.ray2.attempts import AttemptNode, AttemptSubmitter, TaskShape
from rayproof.model.lineage.ray2.execution import Borrower, Executor
from rayproof.model.lineage.ray2.ownership import LineageOwner
from rayproof.model.lineage.ray2.programs import Action, Task
from rayproof.model.lineage.ray2.streams import StreamNode, StreamOwner, Wish
from rayproof.model.swap import Swap


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
    reads_later: bool = False,
    fetches: bool = False,
    max_lineage_bytes: int = 0,
    swap: Swap | None = None,
) -> Scenario:
    """One owner, some nodes, perhaps a borrower of one object; at least one node never crashes."""

    def kind(usual: type[Process]) -> Callable[..., Process]:
        return (swap or {}).get(usual, usual)

    names = tuple(f"node{i}" for i in range(nodes))
    processes: dict[Slot, Callable[[], Process]] = {
        "owner": partial(kind(LineageOwner), tasks, program, names, fetches, max_lineage_bytes)
    }
    watchers: dict[Slot, tuple[Slot, ...]] = {**dict.fromkeys(names, ("owner",)), "owner": names}
    for node in names:
        processes[node] = partial(kind(Executor), "owner", spills)
    if borrows:
        processes["borrower"] = partial(kind(Borrower), borrows, waits=reads_later)
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


def attempts(
    name: str,
    shapes: tuple[TaskShape, ...],
    statements: tuple[Statement, ...] = (),
    *,
    memory: int = 10,
    workers: int = 1,
    worker_crashes: int = 0,
    cancels: TaskId = "",
    swap: Swap | None = None,
) -> Scenario:
    """An owner and a node whose workers crash or are killed for memory; perhaps the driver cancels a task."""
    submitter: Callable[..., Process] = (swap or {}).get(AttemptSubmitter, AttemptSubmitter)
    node: Callable[..., Process] = (swap or {}).get(AttemptNode, AttemptNode)
    return Scenario(
        name,
        "lineage",
        {
            "owner": partial(submitter, shapes, cancels),
            "node": partial(node, shapes, memory, workers, worker_crashes),
        },
        statements,
        constants={"tasks": len(shapes), "memory": memory, "workers": workers, "worker crashes": worker_crashes},
    )


def stream(
    name: str,
    wishes: tuple[Wish, ...],
    statements: tuple[Statement, ...] = (),
    *,
    worker_crashes: int = 0,
    node_crashes: int = 0,
    max_retries: int = 1,
    swap: Swap | None = None,
) -> Scenario:
    """One generator of two items, its consumer, and nodes that may fail; the last one never does."""
    owner: Callable[..., Process] = (swap or {}).get(StreamOwner, StreamOwner)
    node: Callable[..., Process] = (swap or {}).get(StreamNode, StreamNode)
    names = ("node0", "node1")
    processes: dict[Slot, Callable[[], Process]] = {"owner": partial(owner, names, max_retries, wishes)}
    for slot in names:
        processes[slot] = partial(node, 2, worker_crashes)
    return Scenario(
        name,
        "lineage",
        processes,
        statements,
        crashable=names[:1],
        watchers=dict.fromkeys(names, ("owner",)),
        faults={FaultKind.CRASH: node_crashes},
        max_incarnations=1,
        constants={"items": 2, "max_retries": max_retries, "worker crashes": worker_crashes, "crashes": node_crashes},
    )
