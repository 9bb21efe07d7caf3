"""What must hold of calls of actors where their nodes, their table and their callers are those of a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from rayproof.model.actors.ray2.events import ReplyLost, Started
from rayproof.model.actors.ray2.lifecycle import Life
from rayproof.model.actors.ray2.protocol import CallOutcome
from rayproof.model.kernel import Name, StateView, always, audit, first, sometimes
from rayproof.model.scheduler.ray2.owned.actors import ActorTable
from rayproof.model.scheduler.ray2.owned.calls import ActorCalls, ActorHome, caller_of, home_of
from rayproof.properties.actors.ray2.statements import Executions, Order


@dataclass(frozen=True, slots=True)
class ByCaller:
    """Monitor: what another one has seen of each actor, by its one caller."""

    seen: ClassVar[type[Order | Executions]]
    by: tuple[tuple[Name, Any], ...] = ()

    def observe(self, event: object) -> Self:
        """Fold one event."""
        if not isinstance(event, Started):
            return self
        known = dict(self.by)
        known[event.caller] = known.get(event.caller, self.seen()).observe(event)
        return type(self)(tuple(sorted(known.items())))


class Orders(ByCaller):
    """Monitor: `Order` of each actor."""

    __slots__ = ()
    seen = Order


class ExecutionsOfEach(ByCaller):
    """Monitor: `Executions` of each actor."""

    __slots__ = ()
    seen = Executions


@always(source="Ray documentation, Actors: order per caller; bug benchmark S3", monitors=(Orders,))
def calls_start_in_order(view: StateView) -> str | None:
    """Within one incarnation, an actor's calls start in the order of submission, except for retried ones."""
    orders = view.monitor(Orders).by
    return first(
        f"{order.overtaken} of {caller} starts after a later call" for caller, order in orders if order.overtaken
    )


@always(
    ActorCalls,
    source="Ray documentation, Actors: at most once by default; bug benchmark S3",
    monitors=(ExecutionsOfEach,),
)
def no_call_starts_twice(view: StateView) -> str | None:
    """A call without retries is not executed twice by the same worker."""
    callers = view.of(ActorCalls)
    return first(
        f"{executions.twice} of {caller} starts twice"
        for caller, executions in view.monitor(ExecutionsOfEach).by
        if executions.twice and caller in callers and not callers[caller].max_task_retries
    )


@audit(ActorCalls, ActorTable, source="Ray 2.60 actor_task_submitter.cc, ConnectActor and DisconnectActor")
def callers_know_where_actors_live(view: StateView) -> str | None:
    """At rest, a caller knows the worker of each living actor, and which actors are dead."""
    callers = view.of(ActorCalls)
    for table in view.of(ActorTable).values():
        for actor, life in table.life.items():
            caller = callers.get(caller_of(actor))
            if caller is not None and (caller.actor, caller.dead) != (table.home(actor), life is Life.DEAD):
                known = "dead" if caller.dead else f"at {caller.actor or 'no worker'}"
                return f"{actor} is {life} at {table.home(actor) or 'no worker'}, its caller takes it to be {known}"
    return None


@audit(ActorHome, ActorTable, source="Ray 2.60 gcs_actor_manager.cc, DestroyActor, OnNodeDead; bug benchmark S2")
def only_living_actors_have_workers(view: StateView) -> str | None:
    """At rest, exactly the living actors have workers."""
    lives = [name for name, home in view.of(ActorHome).items() if home.lives]
    return first(
        f"{name} lives, and no living actor is there"
        for table in view.of(ActorTable).values()
        for name in lives
        if name not in set(map(table.home, table.life))
    )


@dataclass(frozen=True, slots=True)
class LostReplies:
    """Monitor: calls under whose reply a connection broke."""

    calls: tuple[str, ...] = ()

    def observe(self, event: object) -> LostReplies:
        """Fold one event."""
        return LostReplies(tuple(sorted({*self.calls, event.call}))) if isinstance(event, ReplyLost) else self


@always(
    ActorCalls,
    ActorTable,
    ActorHome,
    source="Ray 2.60 exceptions.py; actor_task_submitter.cc, max_task_retries; bug benchmark S3",
    monitors=(LostReplies,),
)
def errors_of_calls_are_justified(view: StateView) -> str | None:
    """A call fails only if its actor died, or if its retries are used up after a worker or a reply was lost."""
    lost = view.monitor(LostReplies).calls
    callers = view.of(ActorCalls)
    for table in view.of(ActorTable).values():
        for actor, life in table.life.items():
            caller = callers.get(caller_of(actor))
            if caller is None or life is Life.DEAD:
                continue
            away = actor in table.restarts or not view.dead.isdisjoint(
                home_of(actor, i) for i in range(len(table.nodes))
            )
            for number, call in enumerate(caller.calls):
                outcome = caller.outcomes.get(call.name)
                spent = caller.attempts.get(number, 0) > caller.max_task_retries
                if outcome == CallOutcome.DIED or (
                    outcome == CallOutcome.UNAVAILABLE and not (spent and (away or call.name in lost))
                ):
                    return f"{call.name} fails ({outcome}), {actor} is {life}"
    return None


@always(ActorCalls, each=True, source="Ray 2.60 actor_task_submitter.cc, max_task_retries; bug benchmark L4")
def calls_are_retried_within_their_budget(caller: ActorCalls) -> str | None:
    """No call is sent more often than its retries allow."""
    return first(
        f"call {number} has {count} attempts and {caller.max_task_retries} retries"
        for number, count in caller.attempts.items()
        if count > caller.max_task_retries + 1
    )


@always(ActorCalls, each=True, source="Ray 2.60 actor_task_submitter.cc, fail_if_actor_unreachable")
def nobody_waits_for_a_restart_without_retries(caller: ActorCalls) -> str | None:
    """A call without retries whose arguments are there does not wait for an actor that is being restarted."""
    away = caller.created and not caller.actor and not caller.dead and not caller.max_task_retries
    if not away or not caller.unsent or not caller.may_send(caller.unsent[0]):
        return None
    return f"call {caller.unsent[0]} waits for an actor that is away"


@sometimes(ActorCalls, source="Ray 2.60 exceptions.py")
def a_call_fails_with_its_actor(view: StateView) -> str | None:
    """Some call ends in an error because its actor has died or is being restarted."""
    return first(
        f"{call} of {name}: {outcome}"
        for name, caller in view.of(ActorCalls).items()
        for call, outcome in caller.outcomes.items()
        if outcome in set(CallOutcome)
    )


@sometimes(ActorCalls, ActorTable, source="Ray 2.60 gcs_actor_manager.cc, RestartActor")
def a_restarted_actor_is_called(view: StateView) -> str | None:
    """Some call is sent to an actor that has lost its node and lives on another."""
    callers = view.of(ActorCalls)
    return first(
        f"{actor} is called at {table.home(actor)}"
        for table in view.of(ActorTable).values()
        for actor in table.restarts
        if caller_of(actor) in callers and table.home(actor) in callers[caller_of(actor)].in_flight.values()
    )


@sometimes(source="Ray documentation, Actors: at least once with retries", monitors=(ExecutionsOfEach,))
def a_call_is_executed_again(view: StateView) -> str | None:
    """Some call is executed twice by one worker: its first reply was lost."""
    return first(
        f"{e.twice} of {caller} is executed twice" for caller, e in view.monitor(ExecutionsOfEach).by if e.twice
    )


CLUSTER_CALLS = (
    calls_start_in_order,
    no_call_starts_twice,
    callers_know_where_actors_live,
    only_living_actors_have_workers,
    errors_of_calls_are_justified,
    calls_are_retried_within_their_budget,
    nobody_waits_for_a_restart_without_retries,
)
"""What is checked of calls in a cluster."""
