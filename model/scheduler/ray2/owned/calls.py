"""Calls of a cluster's actors: the driver's end of them, and an actor's worker on a node.

Source: Ray 2.60 `core_worker/task_submission/actor_task_submitter.cc` (`SubmitTask`, `SendPendingTasks`,
`DisconnectActor`) and `task_manager.cc`: a call is a task of its owner that takes its number when it is made, waits for
its arguments, values or errors, and is sent as soon as the actor's address is known and every earlier call of that
actor has been sent; when the actor is dead it fails at once, arguments or not. Results are small: they come with the
reply and stay with their owner.

Left out: arguments that the actor's worker has to fetch, calls that are cancelled, and handles in other processes.
"""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.actors.ray2.calls import METHOD, Actor, Caller
from rayproof.model.actors.ray2.events import ReplyLost
from rayproof.model.actors.ray2.protocol import Outcome, Push, Result
from rayproof.model.kernel import Context, Message, Name, Slot, Unreachable, constant
from rayproof.model.scheduler.ray2.owned.protocol import (
    CallMade,
    CallOver,
    CallReady,
    ConnectionBroken,
    WorkerBegan,
    WorkerEnded,
)


def caller_of(actor: str) -> Slot:
    """The part of the driver that calls an actor."""
    return f"calls-{actor}"


def home_of(actor: str, node: int) -> Slot:
    """The worker of an actor on a node: it is there once at most, since a node that has died stays dead."""
    return f"home-{actor}.{node}"


@dataclass(slots=True, kw_only=True)
class ActorCalls(Caller):
    """A driver's calls of one actor."""

    owner: Name = constant("owner")
    created: bool = False
    """Whether it has ever been heard where the actor lives, or that it never will. Until then calls wait."""

    def start(self, ctx: Context) -> None:
        """Nothing is called yet."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Calls and their arguments, workers that are gone; the rest is any caller's."""
        match message:
            case CallMade(call):
                self.submit(ctx, self.number(call))
                self.send_ready(ctx)
            case CallReady(call):
                self.argument(ctx, call)
            case ConnectionBroken(number, attempt) | Unreachable(_, ConnectionBroken(number, attempt)):
                self.send_failed(ctx, sender, number, attempt)
            case Unreachable(_, Result(call)):
                ctx.observe(ReplyLost(call))
                Caller.receive(self, ctx, sender, message)
            case _:
                Caller.receive(self, ctx, sender, message)

    def actor_state(self, ctx: Context, actor: Name, dead: bool) -> None:
        """Where it is, or that it is gone."""
        self.created = True
        Caller.actor_state(self, ctx, actor, dead)

    def send_ready(self, ctx: Context) -> None:
        """An actor that is still to come is waited for; one that is restarted is so only by calls with retries."""
        if self.dead:
            unsent, self.unsent = self.unsent, ()
            for number in unsent:
                self.finish(ctx, number, Outcome.DIED)
        elif self.created:
            Caller.send_ready(self, ctx)

    def finish(self, ctx: Context, number: int, outcome: str) -> None:
        """The owner has the value, or the error."""
        Caller.finish(self, ctx, number, outcome)
        ctx.send(self.owner, CallOver(self.calls[number].name, outcome))


@dataclass(slots=True)
class ActorHome(Actor):
    """The worker of an actor on one node, and the connections to it."""

    lives: bool = False

    def start(self, ctx: Context) -> None:
        """The node leases it when the actor comes."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Calls, which meet nobody once the worker has ended, and that end."""
        match message:
            case WorkerBegan():
                self.lives = True
            case WorkerEnded():
                self.end(ctx)
            case Push(_, number, attempt) if not self.lives:
                ctx.send(sender, ConnectionBroken(number, attempt))
            case _:
                Actor.receive(self, ctx, sender, message)

    def end(self, ctx: Context) -> None:
        """The worker is killed; callers see their connections break."""
        self.lives = False
        queued = [
            (caller, push) for caller, waiting in sorted(self.waiting.items()) for _, push in sorted(waiting.items())
        ]
        for caller, push in (*self.running, *self.ready, *queued):
            ctx.send(caller, ConnectionBroken(push.number, push.attempt))
        for _, push in self.running:
            ctx.cancel_timer(f"{METHOD}{push.call} {push.attempt}")
        self.running, self.ready, self.waiting = (), (), {}
