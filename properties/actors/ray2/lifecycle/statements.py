"""What must hold of the creation and end of actors."""

from __future__ import annotations

from rayproof.model.actors.ray2.lifecycle import ActorManager, ActorNode, ActorOwner, Life
from rayproof.model.kernel import StateView, always, audit, sometimes


@audit(ActorManager, ActorNode, source="Ray #17634; bug benchmark S2: at quiescence nothing is held")
def no_worker_leaks(view: StateView) -> bool:
    """Every worker and every request for one belongs to an actor that lives."""
    for manager in view.of(ActorManager).values():
        for node in view.of(ActorNode).values():
            for actor, number in [*node.workers.items(), *node.waiting]:
                if manager.life.get(actor) is Life.DEAD or manager.incarnation[actor] != number:
                    return False
    return True


@audit(ActorManager, ActorNode, source="Ray 2.60 gcs_actor_manager.cc; bug benchmark S4")
def living_actors_have_one_worker(view: StateView) -> bool:
    """An actor that lives has a worker on exactly one node, if not a place in a queue."""
    for manager in view.of(ActorManager).values():
        for actor, life in manager.life.items():
            nodes = view.of(ActorNode).values()
            workers = sum(actor in node.workers for node in nodes)
            queued = sum(actor == name for node in nodes for name, _ in node.waiting)
            if life is not Life.DEAD and workers + queued != 1:
                return False
    return True


@audit(ActorManager, ActorOwner, source="Ray #8261; bug benchmark S4: an owned actor ends with its owner")
def actors_end_with_their_owner(view: StateView) -> bool:
    """When the owner is dead, so are its actors, detached ones apart."""
    if view.of(ActorOwner):
        return True
    return all(
        life is Life.DEAD or actor in manager.detached
        for manager in view.of(ActorManager).values()
        for actor, life in manager.life.items()
    )


@audit(ActorManager, source="Ray documentation, Named actors: lifetimes; Ray 2.60 gcs_actor_manager.cc")
def detached_actors_outlive_their_owner(view: StateView) -> bool:
    """A detached actor that nobody kills ends only when its restarts are spent."""
    return all(
        manager.life[actor] is not Life.DEAD or manager.incarnation[actor] >= manager.max_restarts
        for manager in view.of(ActorManager).values()
        for actor in manager.detached
    )


@always(ActorManager, each=True, source="Ray documentation, Named actors; Ray 2.60 gcs_actor_manager.cc: named_actors_")
def one_actor_per_name(manager: ActorManager) -> bool:
    """No two living actors have one name."""
    taken = [name for actor, name in manager.names.items() if manager.life[actor] is not Life.DEAD]
    return len(taken) == len(set(taken))


@sometimes(ActorManager, source="Ray documentation, Named actors")
def a_name_passes_on(view: StateView) -> bool:
    """A name whose actor has ended is another one's."""
    return any(
        manager.life[actor] is not Life.DEAD and list(manager.names.values()).count(name) > 1
        for manager in view.of(ActorManager).values()
        for actor, name in manager.names.items()
    )


@always(ActorManager, each=True, source="Ray 2.60 gcs_actor_manager.cc, max_restarts; bug benchmark L4")
def restarts_bounded(manager: ActorManager) -> bool:
    """No actor has more incarnations than one and its restarts."""
    return all(number <= manager.max_restarts for number in manager.incarnation.values())


@sometimes(ActorManager, source="Ray 2.60 gcs_actor_manager.cc")
def an_actor_is_restarted(view: StateView) -> bool:
    """Some actor is in its second incarnation."""
    return any(number for manager in view.of(ActorManager).values() for number in manager.incarnation.values())


LIFECYCLE = (
    restarts_bounded,
    no_worker_leaks,
    living_actors_have_one_worker,
    actors_end_with_their_owner,
    an_actor_is_restarted,
)
"""Everything that is checked of the creation and end of actors."""
