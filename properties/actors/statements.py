"""What must hold when actors are moved."""

from __future__ import annotations

from rayproof.model.actors.hosts import Host, RedirectedCaller
from rayproof.model.actors.migration import Coordinator
from rayproof.model.kernel import StateView, always, audit, sometimes


@always(Host, source="Ray 2.60 gcs_actor_manager.cc; bug benchmark S4")
def single_incarnation(view: StateView) -> bool:
    """No actor takes calls on two live hosts."""
    taking = [name for host in view.of(Host).values() for name, actor in sorted(host.hosted.items()) if actor.accepting]
    return len(taking) == len(set(taking))


@always(Host, each=True, source="bug benchmark S2")
def hosts_are_not_overfull(host: Host) -> bool:
    """The actors on a host fit its capacity."""
    return sum(actor.size for actor in host.hosted.values()) <= host.capacity


@audit(Host, RedirectedCaller, source="seed notes: an actor is moved with its state")
def no_acknowledged_call_is_lost(view: StateView) -> bool:
    """Unless a host has died, an actor's state has every call that its caller was told is done."""
    if any(name.startswith("node") for name in view.dead):
        return True
    hosted = {name: actor for host in view.of(Host).values() for name, actor in host.hosted.items()}
    return all(
        caller.actor in hosted and set(caller.outcomes) <= set(hosted[caller.actor].done)
        for caller in view.of(RedirectedCaller).values()
    )


@audit(RedirectedCaller, source="bug benchmark L2")
def every_call_ends_in_value_or_error(view: StateView) -> bool:
    """Every call of a moved actor ends."""
    return not any(caller.calls for caller in view.of(RedirectedCaller).values())


@audit(Host, Coordinator, source="seed notes: an actor is moved to make room for a new one")
def the_new_actor_has_its_place(view: StateView) -> bool:
    """Unless a host has died, the actor for which another one was moved is there."""
    if any(name.startswith("node") for name in view.dead):
        return True
    hosted = {name for host in view.of(Host).values() for name in host.hosted}
    return all(name in hosted for coordinator in view.of(Coordinator).values() for name, _ in coordinator.sizes)


@audit(Host, Coordinator, source="bug benchmark S2: at quiescence nothing is held")
def nothing_stays_frozen(view: StateView) -> bool:
    """No move is left half-way: all hosted actors take calls, no order is without an answer, no copy is left behind."""
    for coordinator in view.of(Coordinator).values():
        if coordinator.move is not None or coordinator.orders:
            return False
        for name, host in view.of(Host).items():
            if any(not a.accepting or coordinator.places[actor] != name for actor, a in sorted(host.hosted.items())):
                return False
    return True


@sometimes(Coordinator, source="seed notes")
def an_actor_moves(view: StateView) -> bool:
    """Some move is under way."""
    return any(coordinator.move is not None for coordinator in view.of(Coordinator).values())


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
