"""Scopes of the typed tables, and of shards that are chains."""

from __future__ import annotations

from functools import partial
from typing import Any

from rayproof.model.gcs.clients import Get, Put
from rayproof.model.gcs.register import ShardedClient
from rayproof.model.gcs.scenarios import PAIR, Swap
from rayproof.model.gcs.shards import Chains
from rayproof.model.gcs.tables import (
    actor_key,
    event_key,
    function_key,
    group_key,
    job_key,
    node_key,
    object_key,
    task_key,
)
from rayproof.model.gcs.typed_store import AddCopy, TableWriter, TypedStore, WriteColumns, writes
from rayproof.model.kernel import FaultKind, LinkRule, Scenario
from rayproof.model.kernel.statements import Statement
from rayproof.model.lineage.tables import TaskStatus

CPU = (("CPU", 10_000),)

DRIVER = (
    writes(job_key("job"), is_finished=False),
    writes(function_key("f"), body="f"),
    writes(task_key("t"), inputs=(), outputs=("o",)),
    writes(object_key("o"), references=1),
    writes(actor_key("a"), job="job"),
    # Where its actor lives is not for the owner to say.
    writes(actor_key("a"), node="raylet1"),
    writes(group_key("g"), bundles=(CPU,)),
)
"""A job begins: one row of each table that drivers write, and one write too many."""

RAYLET0 = (
    writes(node_key("raylet0"), total=CPU),
    writes(task_key("t"), status=TaskStatus.DONE, node="raylet0"),
    AddCopy("o"),
    # It has lost its connection to the other node, which proves nothing: to declare it dead is not its right.
    writes(node_key("raylet1"), is_dead=True),
)
"""A node registers, runs the task, and takes a silent peer for dead."""

RAYLET1 = (
    writes(node_key("raylet1"), total=CPU),
    AddCopy("o"),
    writes(event_key("raylet1", 1), text="copied o"),
)
"""A node that gets a copy, and may die."""


def typed_tables(crashes: int = 1, statements: tuple[Statement, ...] = (), swap: Swap | None = None) -> Scenario:
    """A driver and two raylets write all tables; one of the raylets may crash."""
    kinds: Any = swap or {}
    store, writer = kinds.get(TypedStore, TypedStore), kinds.get(TableWriter, TableWriter)

    def made(todo: tuple[WriteColumns | AddCopy, ...]) -> Any:
        return lambda: writer(todo)

    return Scenario(
        f"tables-{crashes}",
        "gcs",
        {"gcs": store, "driver": made(DRIVER), "raylet0": made(RAYLET0), "raylet1": made(RAYLET1)},
        statements,
        links=(LinkRule(unreachable=False),),
        crashable=("raylet1",),
        watchers={"raylet1": ("gcs",)},
        faults={FaultKind.CRASH: crashes},
        max_incarnations=1,
        constants={"writes": len(DRIVER) + len(RAYLET0) + len(RAYLET1), "crashes": crashes},
    )


def chained_shards(
    chains: Chains = Chains(2),  # noqa: B008 - frozen
    statements: tuple[Statement, ...] = (),
    swap: Swap | None = None,
) -> Scenario:
    """A writer of pairs of keys and a reader of both, on shards that are chains."""
    kinds: Any = swap or {}
    first, *others = chains.configurations()
    client = partial(kinds.get(ShardedClient, ShardedClient), first, window=1, others=tuple(others))
    names = ("writer", "reader")
    return Scenario(
        f"chains-{chains.shards}-{chains.replicas}-{chains.crashes}",
        "gcs",
        {
            **chains.processes(names, kinds),
            "writer": partial(client, tuple(Put(key, 1) for key in PAIR)),
            "reader": partial(client, tuple(Get(key) for key in PAIR)),
        },
        statements,
        links=(LinkRule(unreachable=False),),
        crashable=chains.replica_slots(),
        watchers=chains.watchers(),
        faults={FaultKind.CRASH: chains.crashes},
        max_incarnations=1,
        constants={**vars(chains), "keys": len(PAIR)},
    )
