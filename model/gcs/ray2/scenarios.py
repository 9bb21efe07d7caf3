"""Scopes of Ray 2's GCS: polled news, restart, membership, resource sync."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from rayproof.model.gcs.followers import NODE_NEWS, Announcer
from rayproof.model.gcs.ray2.longpoll import PollingSubscriber, Publisher
from rayproof.model.gcs.ray2.membership import NodeAgent, NodeManager
from rayproof.model.gcs.ray2.server import (
    ActorRow,
    FinishJob,
    GcsClient,
    GcsServer,
    RegisterActor,
    Storage,
)
from rayproof.model.gcs.ray2.syncer import SyncClient, SyncServer
from rayproof.model.kernel import FaultKind, LinkKind, LinkRule, Process, Scenario, Slot, Statement
from rayproof.model.swap import Swap


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
