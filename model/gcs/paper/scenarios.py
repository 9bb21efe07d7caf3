"""Scopes of the typed tables, and of shards that are chains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from rayproof.model.gcs.chain.clients import GetKey, PutKey
from rayproof.model.gcs.chain.protocol import Configuration
from rayproof.model.gcs.chain.register import AtomicStore, ShardedClient
from rayproof.model.gcs.followers import NODE_NEWS, Announcer
from rayproof.model.gcs.paper.flushing import AddTask, GetLineage, LineageUser, Release, TaskTable
from rayproof.model.gcs.paper.news import NodeTable, Subscriber
from rayproof.model.gcs.paper.shards import Chains
from rayproof.model.gcs.paper.tables import (
    actor_key,
    event_key,
    function_key,
    group_key,
    job_key,
    node_key,
    object_key,
    task_key,
)
from rayproof.model.gcs.paper.typed_store import AddCopy, TableWriter, TypedStore, WriteColumns, writes
from rayproof.model.kernel import FaultKind, LinkRule, Process, Scenario, Slot, Statement
from rayproof.model.lineage.paper.tables import TaskStatus
from rayproof.model.swap import Swap

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
            "writer": partial(client, tuple(PutKey(key, 1) for key in PAIR)),
            "reader": partial(client, tuple(GetKey(key) for key in PAIR)),
        },
        statements,
        links=(LinkRule(unreachable=False),),
        crashable=chains.replica_slots(),
        watchers=chains.watchers(),
        faults={FaultKind.CRASH: chains.crashes},
        max_incarnations=1,
        constants={**vars(chains), "keys": len(PAIR)},
    )


def push(
    cuts: int = 1,
    crashes: int = 1,
    statements: tuple[Statement, ...] = (),
    swap: Swap | None = None,
    *,
    rests: bool = False,
) -> Scenario:
    """One subscriber of the node table; their connection may break, the table may come back after a crash.

    It checks its subscription for ever or, in a scenario that is to rest, as often as what breaks can make necessary.
    """
    kinds: Mapping[Any, Any] = swap or {}
    table, subscriber = kinds.get(NodeTable, NodeTable), kinds.get(Subscriber, Subscriber)
    return Scenario(
        f"pubsub-{cuts}-{crashes}",
        "gcs",
        {
            "table": table,
            "announcer": partial(Announcer, NODE_NEWS),
            "subscriber": partial(subscriber, checks=cuts + 2 * crashes if rests else None),
        },
        statements,
        services=frozenset({"table"}),
        crashable=("table",),
        recoverable=frozenset({"table"}),
        watchers={"table": ("subscriber",)},
        # A walk need not wait for the rest of a run that never rests.
        drain_limit=10_000 if rests else 100,
        rests=rests,
        cuttable=(("table", "subscriber"),),
        faults={FaultKind.CUT: cuts, FaultKind.CRASH: crashes},
        max_incarnations=crashes + 1,
        constants={"keys": 2, "updates": len(NODE_NEWS), "cuts": cuts, "crashes": crashes},
    )


PAIR = ("x", "y")
"""Keys of different shards."""


def shards(count: int = 2, statements: tuple[Statement, ...] = (), swap: Swap | None = None) -> Scenario:
    """A writer of pairs of keys and a reader of both, on shards that are registers."""
    kinds: Mapping[Any, Any] = swap or {}
    names = tuple(f"shard{i}" for i in range(count))
    first, *others = (Configuration(0, (name,), shard=name) for name in names)
    client = partial(kinds.get(ShardedClient, ShardedClient), first, window=1, others=tuple(others))
    processes: dict[Slot, Callable[[], Process]] = dict.fromkeys(names, kinds.get(AtomicStore, AtomicStore))
    processes["writer"] = partial(client, tuple(PutKey(key, 1) for key in PAIR))
    processes["reader"] = partial(client, tuple(GetKey(key) for key in PAIR))
    return Scenario(f"shards-{count}", "gcs", processes, statements, constants={"shards": count, "keys": len(PAIR)})


LINEAGE = (
    AddTask(1, ()),
    AddTask(2, (1,)),
    Release(1),
    AddTask(3, (2,)),
    GetLineage(3),
    Release(2),
    Release(3),
    AddTask(4, ()),
    AddTask(5, (4,)),
    GetLineage(5),
)
"""A chain of tasks that is released from its beginning to its end, and another one."""


def flushing(
    budget: int = 1, failed_writes: int = 1, statements: tuple[Statement, ...] = (), swap: Swap | None = None
) -> Scenario:
    """A task table under a memory budget, whose writes to disk may fail."""
    kinds: Mapping[Any, Any] = swap or {}
    return Scenario(
        f"flushing-{budget}-{failed_writes}",
        "gcs",
        {
            "tasks": partial(kinds.get(TaskTable, TaskTable), budget=budget),
            "user": partial(kinds.get(LineageUser, LineageUser), LINEAGE),
        },
        statements,
        faults={FaultKind.FAIL_WRITE: failed_writes},
        constants={"tasks": 5, "budget": budget, "failed writes": failed_writes},
    )
