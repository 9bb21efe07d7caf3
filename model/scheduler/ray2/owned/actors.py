"""The table of actors in a cluster whose nodes die.

Source: Ray 2.60 `gcs/gcs_actor_manager.cc::OnNodeDead`, `RestartActor`, and `gcs_actor_scheduler.cc`. An actor that
lived on the dead node is restarted within its budget; one that had not come up there is placed again whatever the
budget says. Every change of an actor's state is published to its caller.

Left out: a request that is sent on to another raylet: an actor waits at the node that it was given to.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.actors.ray2.lifecycle import ActorManager, LeaseWorker, Life
from rayproof.model.actors.ray2.protocol import ActorState
from rayproof.model.kernel import Context, Down, Message, Name, constant
from rayproof.model.scheduler.ray2.owned.calls import caller_of, home_of


@dataclass(slots=True)
class ActorTable(ActorManager):
    """The GCS's actor table."""

    owner: Name = constant("submitter")
    """The process whose end is that of the driver."""
    called: tuple[str, ...] = constant(())
    """Actors that somebody calls."""
    dead: set[Name] = field(default_factory=set)
    """Raylets that have died."""
    restarts: dict[str, int] = field(default_factory=dict)
    told: dict[str, ActorState] = field(default_factory=dict)
    """What callers heard last."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Deaths of nodes; the rest is about one actor."""
        if isinstance(message, Down) and message.name != self.owner:
            self.node_died(ctx, message.name)
        else:
            ActorManager.receive(self, ctx, sender, message)
        for actor in self.called:
            self.publish(ctx, actor)

    def publish(self, ctx: Context, actor: str) -> None:
        """Tell its caller where it lives now, that it does nowhere, or that it never will again."""
        state = ActorState(self.home(actor), dead=self.life.get(actor) is Life.DEAD)
        if state != self.told.get(actor, ActorState("")):
            self.told[actor] = state
            ctx.send(caller_of(actor), state)

    def home(self, actor: str) -> Name:
        """The worker in which it lives; empty where it does not."""
        return home_of(actor, self.nodes.index(self.node[actor])) if self.life.get(actor) is Life.ALIVE else ""

    def node_died(self, ctx: Context, node: Name) -> None:
        """What was there has failed."""
        self.dead.add(node)
        for actor in sorted(self.life):
            if self.node[actor] == node and self.life[actor] is not Life.DEAD:
                self.worker_failed(ctx, actor)

    def worker_failed(self, ctx: Context, actor: str) -> None:
        """Restart what lived within the budget, and place again what did not live yet."""
        if self.life[actor] is Life.ALIVE:
            if self.restarts.get(actor, 0) >= self.max_restarts or not self.may_restart(actor):
                self.life[actor] = Life.DEAD
                return
            self.restarts[actor] = self.restarts.get(actor, 0) + 1
            self.life[actor] = Life.RESTARTING
        self.schedule(ctx, actor)

    def schedule(self, ctx: Context, actor: str) -> None:
        """At any node that lives."""
        self.incarnation[actor] = self.incarnation.get(actor, -1) + 1
        self.node[actor] = ctx.choose([node for node in self.nodes if node not in self.dead])
        ctx.send(self.node[actor], LeaseWorker(actor, self.incarnation[actor]))
