"""What must hold of an actor that is made again from its chain of methods."""

from __future__ import annotations

from rayproof.model.actors.paper.replay import ChainCaller, ChainStore, ReplayedActor
from rayproof.model.kernel import StateView, always, audit, first, sometimes


@always(ChainStore, each=True, source="OSDI 2018 §3.2: stateful edges")
def results_follow_the_chain(store: ChainStore) -> str | None:
    """Each result is the state after the preceding methods of the chain, in their order."""
    names = tuple(call for call, _ in store.chain)
    return first(
        f"call {position} gave {state}, the chain is {names}"
        for position, state in store.results.items()
        if state != names[: position + 1]
    )


@always(ReplayedActor, ChainStore, source="OSDI 2018 §4.2.3")
def every_state_follows_the_chain(view: StateView) -> str | None:
    """The state of a live actor process is always one that the chain of methods leads to."""
    for store in view.of(ChainStore).values():
        names = tuple(call for call, _ in store.chain)
        for name, actor in view.of(ReplayedActor).items():
            if actor.state != names[: len(actor.state)]:
                return f"{name} holds {actor.state}, the chain is {names}"
    return None


@audit(ChainCaller, source="bug benchmark L2")
def every_method_has_its_result(view: StateView) -> str | None:
    """Every caller has the result of every call."""
    return first(
        f"{name} has {len(caller.results)} results of {len(caller.calls)} calls"
        for name, caller in view.of(ChainCaller).items()
        if len(caller.results) != len(caller.calls)
    )


@sometimes(ChainStore, source="OSDI 2018 §4.2.3")
def the_actor_is_made_again(view: StateView) -> str | None:
    """The actor is in its second process."""
    return first(f"it is process {store.host}" for store in view.of(ChainStore).values() if store.host)


REPLAY = (
    results_follow_the_chain,
    every_state_follows_the_chain,
    every_method_has_its_result,
    the_actor_is_made_again,
)
"""Everything that is checked of replay."""
