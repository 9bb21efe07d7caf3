"""Scopes of moving an actor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from rayproof.model.actors.hosts import Host, Hosted, RedirectedCaller
from rayproof.model.actors.migration import Coordinator
from rayproof.model.kernel import FaultKind, Process, Scenario, Slot, Statement
from rayproof.model.swap import Swap


def migration(
    name: str,
    sizes: Mapping[str, int],
    hosts: Mapping[Slot, tuple[str, ...]],
    new: str,
    called: str,
    statements: tuple[Statement, ...] = (),
    *,
    capacity: int = 100,
    methods: int = 2,
    crashable: tuple[str, ...] = (),
    policy: object = None,
    swap: Swap | None = None,
) -> Scenario:
    """Actors on hosts, a new one that needs room, and a caller of one that may have to move."""

    def kind(usual: type[Process]) -> Callable[..., Process]:
        return (swap or {}).get(usual, usual)

    made = tuple(sorted(sizes.items()))
    capacities = tuple((host, capacity) for host in hosts)

    def host(actors: tuple[str, ...]) -> Process:
        return kind(Host)(capacity, {actor: Hosted(sizes[actor], 0) for actor in actors})

    def coordinator() -> Process:
        places = {actor: at for at, actors in hosts.items() for actor in actors}
        return kind(Coordinator)(made, capacities, ((called, "caller"),), policy=policy, places=places, unplaced=(new,))

    at_first = next(at for at, actors in hosts.items() if called in actors)
    calls_made = tuple(f"m{i}" for i in range(methods))
    processes: dict[Slot, Callable[[], Process]] = {at: partial(host, actors) for at, actors in hosts.items()}
    processes["coordinator"] = coordinator
    processes["caller"] = partial(kind(RedirectedCaller), called, calls_made, at_first)
    return Scenario(
        name,
        "actors",
        processes,
        statements,
        services=frozenset({"coordinator"}),
        crashable=crashable,
        recoverable=frozenset({"coordinator"}),
        watchers=dict.fromkeys(hosts, ("coordinator",)),
        faults={FaultKind.CRASH: 1} if crashable else {},
        constants={"capacity": capacity, "sizes": dict(made), "crashable": list(crashable)},
    )
