"""What must hold of an actor that is made again from its chain of methods."""

from __future__ import annotations

from rayproof.model.actors.paper.replay import ChainCaller, ChainStore, ReplayedActor
from rayproof.model.kernel import StateView, always, audit, sometimes


@always(ChainStore, each=True, source="OSDI 2018 §3.2: stateful edges")
def results_follow_the_chain(store: ChainStore) -> bool:
    """Each result is the state after exactly the methods before it in the chain, in their order."""
    names = tuple(call for call, _ in store.chain)
    return all(state == names[: position + 1] for position, state in store.results.items())


@always(ReplayedActor, ChainStore, source="OSDI 2018 §4.2.3")
def every_state_follows_the_chain(view: StateView) -> bool:
    """A live actor process never holds a state that the chain does not lead to."""
    for store in view.of(ChainStore).values():
        names = tuple(call for call, _ in store.chain)
        if any(actor.state != names[: len(actor.state)] for actor in view.of(ReplayedActor).values()):
            return False
    return True


@audit(ChainCaller, source="bug benchmark L2")
def every_method_has_its_result(view: StateView) -> bool:
    """Every caller has the result of every call."""
    return all(len(caller.results) == len(caller.calls) for caller in view.of(ChainCaller).values())


@sometimes(ChainStore, source="OSDI 2018 §4.2.3")
def the_actor_is_made_again(view: StateView) -> bool:
    """The actor is in its second process."""
    return any(store.host for store in view.of(ChainStore).values())


REPLAY = (
    results_follow_the_chain,
    every_state_follows_the_chain,
    every_method_has_its_result,
    the_actor_is_made_again,
)
"""Everything that is checked of replay."""
