"""Scopes of the control store: the chain and the publish-subscribe of both editions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from rayproof.model.gcs.chain import Replica
from rayproof.model.gcs.clients import ChainClient, Get, Operation, Put
from rayproof.model.gcs.flushing import AddTask, GetLineage, LineageUser, Release, TaskTable
from rayproof.model.gcs.followers import NodeState
from rayproof.model.gcs.longpoll import PollingSubscriber, Publisher
from rayproof.model.gcs.master import ChainMaster
from rayproof.model.gcs.membership import NodeAgent, NodeManager
from rayproof.model.gcs.protocol import Configuration
from rayproof.model.gcs.pubsub import Announcer, NodeTable, Subscriber
from rayproof.model.gcs.register import AtomicStore, ShardedClient
from rayproof.model.gcs.server import ActorRow, FinishJob, GcsClient, GcsServer, RegisterActor, Storage
from rayproof.model.gcs.syncer import SyncClient, SyncServer
from rayproof.model.kernel import FaultKind, LinkKind, LinkRule, Process, Scenario, Slot
from rayproof.model.kernel.statements import Statement

Swap = Mapping[type[Process], type[Process]]
"""Classes to put in the place of others (planted bugs)."""

KEY = "x"
"""The key of scopes that need only one."""


def puts(count: int) -> tuple[Operation, ...]:
    """So many writes of distinct values."""
    return tuple(Put(KEY, value) for value in range(1, count + 1))


@dataclass(frozen=True)
class ChainScope:
    """The bounds of one scope of the chain."""

    name: str
    clients: Mapping[str, tuple[Operation, ...]]
    """Operations of each client."""
    replicas: int = 3
    spares: int = 0
    """Replicas that are no members at first and join while the clients operate."""
    faults: Mapping[FaultKind, int] | None = None
    asks_again: bool = False
    """Whether clients ask again after a time-out, for as long as there is no answer."""
    window: int = 64
    told: bool = True
    """Whether clients are told of new configurations; otherwise they have to ask."""
    fail_stop: bool = True
    restarts: bool = False
    """Whether a crashed replica comes back, empty."""
    lossy: bool = False


def build_chain(scope: ChainScope, statements: tuple[Statement, ...] = (), swap: Swap | None = None) -> Scenario:
    """The scenario of a scope."""
    kinds: Mapping[Any, Any] = swap or {}
    replica, client, master = (kinds.get(kind, kind) for kind in (Replica, ChainClient, ChainMaster))
    members = tuple(f"replica{i}" for i in range(scope.replicas))
    spares = tuple(f"replica{i}" for i in range(scope.replicas, scope.replicas + scope.spares))
    first = Configuration(0, members)
    clients = tuple(scope.clients)
    sources = () if scope.told else ("master", *members)

    processes: dict[Slot, Callable[[], Process]] = {
        "master": lambda: master(first, clients=clients if scope.told else (), fail_stop=scope.fail_stop)
    }
    for name, operations in scope.clients.items():
        processes[name] = partial(
            client, first, operations, asks_again=scope.asks_again, window=scope.window, sources=sources
        )
    for name in (*members, *spares):
        processes[name] = partial(replica, first)
    return Scenario(
        scope.name,
        "gcs",
        processes,
        statements,
        links=(
            LinkRule("replica*", "replica*", unreachable=False, lossy=scope.lossy),
            LinkRule("replica*", unreachable=False, lossy=scope.lossy),
            LinkRule("master", unreachable=not scope.fail_stop),
            LinkRule("client*", unreachable=not scope.told, lossy=scope.lossy),
        ),
        crashable=(*members, *spares),
        recoverable=frozenset(members if scope.restarts else ()),
        watchers=dict.fromkeys((*members, *spares), ("master",)),
        faults=dict(scope.faults or {}),
        max_incarnations=2 if scope.restarts else 1,
        constants={
            "replicas": scope.replicas,
            "spares": scope.spares,
            "operations": sum(map(len, scope.clients.values())),
            **{f"faults: {kind}": count for kind, count in (scope.faults or {}).items()},
        },
    )


def chain(
    replicas: int = 3,
    writes: int = 3,
    crashes: int = 2,
    statements: tuple[Statement, ...] = (),
    *,
    swap: Swap | None = None,
) -> Scenario:
    """A chain under crashes: one client writes distinct values, any replica may crash but the last one left."""
    faults = {FaultKind.CRASH: min(crashes, replicas - 1)}
    scope = ChainScope(f"chain-{replicas}-{writes}-{crashes}", {"client": puts(writes)}, replicas, faults=faults)
    return build_chain(scope, statements, swap)


READS = ChainScope(
    "chain-reads",
    {"client0": puts(2), "client1": (Get(KEY), Get(KEY))},
    replicas=2,
    window=1,
    faults={FaultKind.CRASH: 1},
    asks_again=True,
)
"""A writer and a reader while one of two replicas may crash."""

RETRIES = ChainScope(
    "chain-retries",
    {"client0": puts(1), "client1": (Put(KEY, 7),)},
    replicas=2,
    faults={FaultKind.LOSE: 1, FaultKind.EARLY_TIMEOUT: 1},
    asks_again=True,
    lossy=True,
)
"""Two writers whose messages may get lost, or who ask again too early."""

ALONE = replace(RETRIES, name="chain-alone", replicas=1)
"""The same with one replica, as a chain is when all others have failed."""

STALE = ChainScope(
    "chain-stale",
    {"client0": puts(1), "client1": (Get(KEY),)},
    replicas=2,
    faults={FaultKind.CRASH: 1},
    asks_again=True,
    told=False,
)
"""Nobody tells the clients of new configurations."""

EXTENSION = ChainScope(
    "chain-extension",
    {"client0": (Put(KEY, 1), Get(KEY))},
    replicas=1,
    spares=1,
    window=1,
    asks_again=True,
)
"""One replica becomes two while updates flow."""

EXTENSION_CRASH = ChainScope(
    "chain-extension-crash",
    {"client0": puts(1)},
    replicas=2,
    spares=1,
    faults={FaultKind.CRASH: 1},
    asks_again=True,
)
"""Any replica may fail during an extension, the one that is being added too."""

RESTART = ChainScope(
    "chain-restart",
    {"client0": puts(1)},
    replicas=2,
    faults={FaultKind.CRASH: 1},
    window=1,
    restarts=True,
)
"""A crashed replica comes back with nothing and joins again."""

RESTART_BUSY = replace(RESTART, name="chain-restart-busy", clients={"client0": puts(2)})
"""The same while more is written."""

SUSPICION = ChainScope(
    "chain-suspicion",
    {"client0": puts(1), "client1": (Get(KEY),)},
    replicas=2,
    faults={FaultKind.SUSPECT: 1},
    asks_again=True,
    fail_stop=False,
)
"""A live replica may be taken for dead."""

SUSPICION_OF_THREE = replace(SUSPICION, name="chain-suspicion-of-three", replicas=3)
"""The same with a member in the middle."""

SEALED_CRASH = replace(SUSPICION, name="chain-sealed-crash", clients={"client0": puts(1)}, faults={FaultKind.CRASH: 1})
"""A member is dead when its promise is asked for."""

NODE_NEWS = (("n0", NodeState.ALIVE), ("n0", NodeState.DEAD), ("n1", NodeState.ALIVE))
"""A node comes and goes, another comes."""


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


def long_poll(
    crashes: int = 1, lost_replies: int = 1, statements: tuple[Statement, ...] = (), swap: Swap | None = None
) -> Scenario:
    """One polling subscriber; the publisher may come back after a crash, a reply may be lost."""
    kinds: Mapping[Any, Any] = swap or {}
    publisher, subscriber = kinds.get(Publisher, Publisher), kinds.get(PollingSubscriber, PollingSubscriber)
    return Scenario(
        f"long-poll-{crashes}-{lost_replies}",
        "gcs",
        {"gcs": publisher, "announcer": partial(Announcer, NODE_NEWS, table="gcs"), "subscriber": subscriber},
        statements,
        links=(LinkRule("gcs", "subscriber", reply=True),),
        services=frozenset({"gcs"}),
        crashable=("gcs",),
        recoverable=frozenset({"gcs"}),
        watchers={"gcs": ("subscriber",)},
        faults={FaultKind.CRASH: crashes, FaultKind.LOSE_REPLY: lost_replies},
        max_incarnations=crashes + 1,
        constants={"keys": 2, "updates": len(NODE_NEWS), "crashes": crashes, "lost replies": lost_replies},
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
    processes["writer"] = partial(client, tuple(Put(key, 1) for key in PAIR))
    processes["reader"] = partial(client, tuple(Get(key) for key in PAIR))
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


JOB_REQUESTS = (
    RegisterActor("a", ActorRow("job")),
    RegisterActor("d", ActorRow("job", is_detached=True)),
    FinishJob("job"),
)
"""A job registers an actor and a detached one, and ends."""


def _restarts(crashes: int, units: tuple[str, ...] = ("gcs",)) -> dict[str, Any]:
    """Units, the GCS unless said otherwise, that crash so often and come back each time."""
    return {
        "services": frozenset({"gcs"}),
        "crashable": units,
        "recoverable": frozenset(units),
        "max_incarnations": crashes + 1,
    }


def restart(
    crashes: int = 2,
    failed_writes: int = 1,
    half_writes: int = 1,
    statements: tuple[Statement, ...] = (),
    swap: Swap | None = None,
) -> Scenario:
    """Today's GCS, restarted between any two writes, some of which fail or stop half-way."""
    kinds: Mapping[Any, Any] = swap or {}
    return Scenario(
        f"gcs-restart-{crashes}-{failed_writes}-{half_writes}",
        "gcs",
        {
            "gcs": kinds.get(GcsServer, GcsServer),
            "storage": kinds.get(Storage, Storage),
            "owner": partial(GcsClient, JOB_REQUESTS),
        },
        statements,
        links=(LinkRule("storage", unreachable=False),),
        watchers={"gcs": ("owner",)},
        faults={
            FaultKind.CRASH: crashes,
            FaultKind.FAIL_WRITE: failed_writes,
            FaultKind.HALF_WRITE: half_writes,
        },
        constants={"actors": 2, "crashes": crashes, "failed writes": failed_writes, "half writes": half_writes},
        **_restarts(crashes),
    )


def membership(
    raylets: int = 1,
    has_storage: bool = True,
    crashes: int = 1,
    rounds: int = 3,
    statements: tuple[Statement, ...] = (),
    swap: Swap | None = None,
    *,
    nodes_restart: bool = False,
) -> Scenario:
    """Raylets that register and answer health checks, late perhaps.

    The GCS may restart, with or without its rows; or, with `nodes_restart`, the raylets in its place.
    """
    kinds: Mapping[Any, Any] = swap or {}
    names = tuple(f"raylet{i}" for i in range(raylets))
    processes: dict[Slot, Callable[[], Process]] = {
        "gcs": partial(kinds.get(NodeManager, NodeManager), has_storage=has_storage)
    }
    processes.update(dict.fromkeys(names, kinds.get(NodeAgent, NodeAgent)))
    return Scenario(
        f"gcs-membership-{raylets}" + ("" if has_storage else "-memory") + ("-nodes" if nodes_restart else ""),
        "gcs",
        processes,
        statements,
        watchers={"gcs": names},
        faults={FaultKind.CRASH: crashes},
        rounds=rounds,
        constants={"raylets": raylets, "storage": has_storage, "crashes": crashes, "rounds": rounds},
        **_restarts(crashes, names if nodes_restart else ("gcs",)),
    )


def sync(
    raylets: int = 2,
    changes: int = 1,
    crashes: int = 1,
    statements: tuple[Statement, ...] = (),
    swap: Swap | None = None,
) -> Scenario:
    """Raylets, one of which changes its resources, and a GCS that spreads the news and may restart."""
    kinds: Mapping[Any, Any] = swap or {}
    names = tuple(f"raylet{i}" for i in range(raylets))
    client = kinds.get(SyncClient, SyncClient)
    processes: dict[Slot, Callable[[], Process]] = {"gcs": partial(kinds.get(SyncServer, SyncServer), raylets=names)}
    for name in names:
        processes[name] = partial(client, tuple(range(1, changes + 1)) if name == names[0] else ())
    return Scenario(
        f"gcs-sync-{raylets}-{changes}-{crashes}",
        "gcs",
        processes,
        statements,
        links=(LinkRule(kind=LinkKind.LATEST),),
        watchers={"gcs": names},
        faults={FaultKind.CRASH: crashes},
        constants={"raylets": raylets, "changes": changes, "crashes": crashes},
        **_restarts(crashes),
    )
