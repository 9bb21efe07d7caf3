"""Scopes of the control store: the chain and the publish-subscribe of both editions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from rayproof.model.gcs.chain.clients import ChainClient, GetKey, Operation, PutKey
from rayproof.model.gcs.chain.master import ChainMaster
from rayproof.model.gcs.chain.protocol import Configuration
from rayproof.model.gcs.chain.replica import Replica
from rayproof.model.kernel import FaultKind, LinkRule, Process, Scenario, Slot, Statement
from rayproof.model.swap import Swap

KEY = "x"
"""The key of scopes that need only one."""


def puts(count: int) -> tuple[Operation, ...]:
    """So many writes of distinct values."""
    return tuple(PutKey(KEY, value) for value in range(1, count + 1))


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
    {"client0": puts(2), "client1": (GetKey(KEY), GetKey(KEY))},
    replicas=2,
    window=1,
    faults={FaultKind.CRASH: 1},
    asks_again=True,
)
"""A writer and a reader while one of two replicas may crash."""


RETRIES = ChainScope(
    "chain-retries",
    {"client0": puts(1), "client1": (PutKey(KEY, 7),)},
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
    {"client0": puts(1), "client1": (GetKey(KEY),)},
    replicas=2,
    faults={FaultKind.CRASH: 1},
    asks_again=True,
    told=False,
)
"""Nobody tells the clients of new configurations."""


EXTENSION = ChainScope(
    "chain-extension",
    {"client0": (PutKey(KEY, 1), GetKey(KEY))},
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
    {"client0": puts(1), "client1": (GetKey(KEY),)},
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
