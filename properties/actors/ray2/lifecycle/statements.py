"""What must hold of the creation and end of actors."""

from __future__ import annotations

from collections import Counter

from rayproof.model.actors.ray2.lifecycle import ActorManager, ActorNode, ActorOwner, Life
from rayproof.model.kernel import StateView, always, audit, first, sometimes


@audit(ActorManager, ActorNode, source="Ray #17634; bug benchmark S2: at quiescence nothing is held")
def no_worker_leaks(view: StateView) -> str | None:
    """Every worker and every request for one belongs to an actor that lives."""
    for manager in view.of(ActorManager).values():
        for name, node in view.of(ActorNode).items():
            for actor, number in [*node.workers.items(), *node.waiting]:
                if manager.life.get(actor) is Life.DEAD:
                    return f"{name} has a worker or a request of {actor}, which is dead"
                if manager.incarnation[actor] != number:
                    return f"{name} has incarnation {number} of {actor}, which is at {manager.incarnation[actor]}"
    return None


@audit(ActorManager, ActorNode, source="Ray 2.60 gcs_actor_manager.cc; bug benchmark S4")
def living_actors_have_one_worker(view: StateView) -> str | None:
    """A living actor has exactly one worker, or one place in a queue."""
    for manager in view.of(ActorManager).values():
        for actor, life in manager.life.items():
            nodes = view.of(ActorNode).values()
            workers = sum(actor in node.workers for node in nodes)
            queued = sum(actor == name for node in nodes for name, _ in node.waiting)
            if life is not Life.DEAD and workers + queued != 1:
                return f"{actor} is {life}, with {workers} workers and {queued} places in queues"
    return None


@audit(ActorManager, ActorOwner, source="Ray #8261; bug benchmark S4: an owned actor ends with its owner")
def actors_end_with_their_owner(view: StateView) -> str | None:
    """When the owner is dead, so are its actors, detached ones apart."""
    if view.of(ActorOwner):
        return None
    return first(
        f"{actor} is {life}, its owner is dead"
        for manager in view.of(ActorManager).values()
        for actor, life in manager.life.items()
        if life is not Life.DEAD and actor not in manager.detached
    )


@audit(ActorManager, source="Ray documentation, Named actors: lifetimes; Ray 2.60 gcs_actor_manager.cc")
def detached_actors_outlive_their_owner(view: StateView) -> str | None:
    """A detached actor that nobody kills ends only when its restarts are used up."""
    return first(
        f"{actor} is dead after {manager.incarnation[actor]} restarts, it has {manager.max_restarts}"
        for manager in view.of(ActorManager).values()
        for actor in sorted(manager.detached)
        if manager.life[actor] is Life.DEAD and manager.incarnation[actor] < manager.max_restarts
    )


@always(ActorManager, each=True, source="Ray documentation, Named actors; Ray 2.60 gcs_actor_manager.cc: named_actors_")
def one_actor_per_name(manager: ActorManager) -> str | None:
    """No two living actors have one name."""
    taken = Counter(name for actor, name in manager.names.items() if manager.life[actor] is not Life.DEAD)
    return first(f"{count} living actors are called {name}" for name, count in taken.items() if count > 1)


@sometimes(ActorManager, source="Ray documentation, Named actors")
def a_name_passes_on(view: StateView) -> str | None:
    """The name of an actor that has ended is taken by another one."""
    return first(
        f"{name} is now the name of {actor}"
        for manager in view.of(ActorManager).values()
        for actor, name in manager.names.items()
        if manager.life[actor] is not Life.DEAD and list(manager.names.values()).count(name) > 1
    )


@always(ActorManager, each=True, source="Ray 2.60 gcs_actor_manager.cc, max_restarts; bug benchmark L4")
def restarts_bounded(manager: ActorManager) -> str | None:
    """No actor is restarted more often than it may be."""
    return first(
        f"{actor} is at incarnation {number}, with {manager.max_restarts} restarts"
        for actor, number in manager.incarnation.items()
        if number > manager.max_restarts
    )


@sometimes(ActorManager, source="Ray 2.60 gcs_actor_manager.cc")
def an_actor_is_restarted(view: StateView) -> str | None:
    """Some actor is in its second incarnation."""
    return first(
        f"{actor} is at incarnation {number}"
        for manager in view.of(ActorManager).values()
        for actor, number in manager.incarnation.items()
        if number
    )


LIFECYCLE = (
    restarts_bounded,
    no_worker_leaks,
    living_actors_have_one_worker,
    actors_end_with_their_owner,
    an_actor_is_restarted,
)
"""Everything that is checked of the creation and end of actors."""
