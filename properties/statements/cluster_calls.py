"""What must hold of calls of actors where their nodes, their table and their callers are those of a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from model.actors.events import Started
from model.actors.lifecycle import Life
from model.actors.protocol import Outcome
from model.cluster.ray2.actors import ActorTable
from model.cluster.ray2.calls import ActorCalls, caller_of, home_of
from model.kernel import Name, StateView, always, audit, sometimes
from properties.statements.actors import Executions, Order

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Orders:
    """Monitor: `Order` of each actor, by its one caller."""

    by: tuple[tuple[Name, Order], ...] = ()

    def observe(self, event: object) -> Orders:
        """Fold one event."""
        if not isinstance(event, Started):
            return self
        before = dict(self.by).get(event.caller, Order())
        return Orders(_with(self.by, event.caller, before.observe(event)))


@dataclass(frozen=True, slots=True)
class ExecutionsOfEach:
    """Monitor: `Executions` of each actor, by its one caller."""

    by: tuple[tuple[Name, Executions], ...] = ()

    def observe(self, event: object) -> ExecutionsOfEach:
        """Fold one event."""
        if not isinstance(event, Started):
            return self
        before = dict(self.by).get(event.caller, Executions())
        return ExecutionsOfEach(_with(self.by, event.caller, before.observe(event)))


def _with(by: tuple[tuple[Name, T], ...], caller: Name, known: T) -> tuple[tuple[Name, T], ...]:
    return tuple(sorted({**dict(by), caller: known}.items()))


@always(source="Ray documentation, Actors: order per caller; bug benchmark S3", monitors=(Orders,))
def calls_start_in_order(view: StateView) -> bool:
    """In an incarnation an actor's methods start in the order of the driver's calls, those that are retried apart."""
    return not any(order.overtaken for _, order in view.monitor(Orders).by)


@always(source="Ray documentation, Actors: at most once by default; bug benchmark S3", monitors=(ExecutionsOfEach,))
def no_call_starts_twice(view: StateView) -> bool:
    """No call is executed twice by one worker: a worker that a caller loses touch with has ended."""
    return not any(executions.twice for _, executions in view.monitor(ExecutionsOfEach).by)


@audit(ActorCalls, ActorTable, source="Ray 2.60 actor_task_submitter.cc, ConnectActor and DisconnectActor")
def callers_know_where_actors_live(view: StateView) -> bool:
    """When nothing more can happen, a caller knows the worker of each actor that lives, and which are dead."""
    callers = view.of(ActorCalls)
    for table in view.of(ActorTable).values():
        for actor, life in table.life.items():
            caller = callers.get(caller_of(actor))
            if caller is None:
                continue
            home = home_of(actor, table.nodes.index(table.node[actor])) if life is Life.ALIVE else ""
            if (caller.actor, caller.dead) != (home, life is Life.DEAD):
                return False
    return True


@sometimes(ActorCalls, source="Ray 2.60 exceptions.py")
def a_call_fails_with_its_actor(view: StateView) -> bool:
    """Some call ends in an error, since its actor has ended or is away."""
    return any(set(Outcome).intersection(caller.outcomes.values()) for caller in view.of(ActorCalls).values())


@sometimes(ActorCalls, ActorTable, source="Ray 2.60 gcs_actor_manager.cc, RestartActor")
def a_restarted_actor_is_called(view: StateView) -> bool:
    """Some call is sent to an actor that has lost its node and lives on another."""
    restarted = {caller_of(actor) for table in view.of(ActorTable).values() for actor in table.restarts}
    return any(
        caller in restarted and made.actor and made.actor in made.in_flight.values()
        for caller, made in view.of(ActorCalls).items()
    )


CLUSTER_CALLS = (calls_start_in_order, no_call_starts_twice, callers_know_where_actors_live)
"""What is checked of calls in a cluster."""
