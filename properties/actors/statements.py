"""What must hold when actors are moved."""

from __future__ import annotations

from rayproof.model.actors.hosts import Host, RedirectedCaller
from rayproof.model.actors.migration import Coordinator
from rayproof.model.kernel import Name, StateView, always, audit, first, sometimes


@always(Host, source="Ray 2.60 gcs_actor_manager.cc; bug benchmark S4")
def single_incarnation(view: StateView) -> str | None:
    """No actor takes calls on two live hosts."""
    taking: dict[str, Name] = {}
    for at, host in view.of(Host).items():
        for name, actor in sorted(host.hosted.items()):
            if actor.accepting:
                if name in taking:
                    return f"{name} takes calls on {taking[name]} and on {at}"
                taking[name] = at
    return None


@always(Host, each=True, source="bug benchmark S2")
def hosts_are_not_overfull(host: Host) -> str | None:
    """The actors on a host fit its capacity."""
    sizes = [actor.size for actor in host.hosted.values()]
    return None if sum(sizes) <= host.capacity else f"{', '.join(host.hosted)} ask for {sum(sizes)} of {host.capacity}"


@audit(Host, RedirectedCaller, source="seed notes: an actor is moved with its state")
def no_acknowledged_call_is_lost(view: StateView) -> str | None:
    """Unless a host has died, an actor's state contains every call that its caller was told is done."""
    if any(name.startswith("node") for name in view.dead):
        return None
    hosted = {name: actor for host in view.of(Host).values() for name, actor in host.hosted.items()}
    for name, caller in view.of(RedirectedCaller).items():
        if caller.actor not in hosted:
            return f"{caller.actor} is on no host, {name} calls it"
        lost = sorted(set(caller.outcomes) - set(hosted[caller.actor].done))
        if lost:
            return f"{lost[0]} of {name} is done, and the state of {caller.actor} is without it"
    return None


@audit(RedirectedCaller, source="bug benchmark L2")
def every_call_ends_in_value_or_error(view: StateView) -> str | None:
    """Every call of a moved actor ends."""
    return first(f"{name} waits for {len(c.calls)} calls" for name, c in view.of(RedirectedCaller).items() if c.calls)


@audit(Host, Coordinator, source="seed notes: an actor is moved to make room for a new one")
def the_new_actor_has_its_place(view: StateView) -> str | None:
    """Unless a host has died, the actor for which another one was moved has been placed."""
    if any(name.startswith("node") for name in view.dead):
        return None
    hosted = {name for host in view.of(Host).values() for name in host.hosted}
    return first(
        f"{name} is on no host"
        for coordinator in view.of(Coordinator).values()
        for name, _ in coordinator.sizes
        if name not in hosted
    )


@audit(Host, Coordinator, source="bug benchmark S2: at quiescence nothing is held")
def nothing_stays_frozen(view: StateView) -> str | None:
    """At rest, no move is unfinished: all actors take calls, all orders are answered, no old copy is left."""
    for coordinator in view.of(Coordinator).values():
        if coordinator.move is not None or coordinator.orders:
            return "a move or an order of the coordinator is left over"
        for name, host in view.of(Host).items():
            for actor, hosted in sorted(host.hosted.items()):
                if not hosted.accepting:
                    return f"{actor} on {name} takes no calls"
                if coordinator.places[actor] != name:
                    return f"{actor} is left on {name}, its place is {coordinator.places[actor]}"
    return None


@sometimes(Coordinator, source="seed notes")
def an_actor_moves(view: StateView) -> str | None:
    """Some move is under way."""
    return first(f"{name} has a move under way" for name, c in view.of(Coordinator).items() if c.move is not None)


MIGRATION = (
    single_incarnation,
    hosts_are_not_overfull,
    nothing_stays_frozen,
    every_call_ends_in_value_or_error,
    no_acknowledged_call_is_lost,
    the_new_actor_has_its_place,
    an_actor_moves,
)
"""Everything that is checked of moves."""
