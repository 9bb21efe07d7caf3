"""The actor table of the control plane: it leases a worker for each actor, for life, and says where actors live.

Source: Ray 2.60, `gcs_actor_manager.cc` (RegisterActor, CreateActor, OnNodeDead, RestartActor) and
`gcs_actor_scheduler.cc` (ScheduleByRaylet, LeaseWorkerFromNode, CreateActorOnWorker). A creation is forwarded to the
raylet of its creator's node, which places it as any lease; a constructor that asks for nothing begins at a random one.
An actor whose process dies is restarted within its budget, anywhere.

Left out: a table that fails (it is one atomic part here), names, detached actors, and the end of an actor whose handles
are gone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeAlias

from rayproof.model.graph import ActorId, Program
from rayproof.model.graph.contract import ErrorKind, PlaceDied
from rayproof.model.kernel import Context, Down, Message, Name, Process, Unhandled, constant
from rayproof.model.scheduler.ray2.submitter import class_of
from rayproof.model.wire.ray2.actors import ActorAt, CreateActor, CreationFailed, GiveUpActor, WatchActor
from rayproof.model.wire.ray2.leases import (
    ActorWorkerDied,
    LeaseCancelled,
    LeaseGranted,
    LeaseRejected,
    LeaseSpec,
    RequestLease,
    RetryAt,
    ReturnWorker,
)
from rayproof.model.wire.ray2.rpc import AGAIN, Client
from rayproof.model.wire.ray2.workers import PushTask, TaskReply, WorkerDied

Answer: TypeAlias = LeaseGranted | RetryAt | LeaseRejected | LeaseCancelled


@dataclass(frozen=True, slots=True)
class ActorState:
    """One actor."""

    creation: CreateActor
    calls: Name
    """The part that asked for it."""
    asked: Name = ""
    """Raylet asked for a worker; empty when it has one."""
    redirected: bool = False
    """Whether another raylet named it."""
    lease: int = 0
    node: Name = ""
    worker: Name = ""
    alive: bool = False
    call: int = 0
    """How often the present request was sent again."""
    restarts: int = 0
    told: bool = False
    """Whether its creator knows that it has lived."""


@dataclass(slots=True, kw_only=True)
class ActorTable(Process):
    """All actors."""

    program: Program = constant()
    raylets: tuple[Name, ...] = constant()
    client: Client = constant(Client())
    actors: dict[ActorId, ActorState] = field(default_factory=dict)
    watching: dict[ActorId, tuple[Name, ...]] = field(default_factory=dict)
    gone: set[ActorId] = field(default_factory=set)
    """Actors that will never live again."""
    dead: set[Name] = field(default_factory=set)
    count: int = 0

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Creations, answers of raylets, ends of constructors, deaths."""
        match message:
            case CreateActor(actor) if actor in self.actors:
                # It was sent again.
                return
            case CreateActor(actor):
                self.actors[actor] = ActorState(message, sender)
                self.place(ctx, actor)
            case GiveUpActor(actor):
                self.gone.add(actor)
                self.publish(ctx, actor)
            case WatchActor(actor):
                self.watching[actor] = tuple(sorted({*self.watching.get(actor, ()), sender}))
                ctx.send(sender, self.home(actor))
            case LeaseGranted() | RetryAt() | LeaseRejected() | LeaseCancelled():
                if self.hears(ctx, sender, message):
                    self.answered(ctx, sender, message)
            case TaskReply():
                self.created(ctx, message)
            case ActorWorkerDied(lease):
                actor = self.of_lease(lease[1])
                if actor and self.actors[actor].node == sender:
                    # What an earlier start says of its end comes too late (`OnWorkerDead` compares the worker).
                    self.worker_died(ctx, actor)
            case WorkerDied():
                # The raylet says so, too, and also of an actor that does nothing at the moment.
                return
            case Down(node):
                self.dead.add(node)
                ctx.observe(PlaceDied(node))
                for actor, state in sorted(self.actors.items()):
                    if node in (state.node, state.asked):
                        self.worker_died(ctx, actor)
            case _:
                raise Unhandled(message)

    def place(self, ctx: Context, actor: ActorId) -> None:
        """Ask for a worker, at the creator's node where that lives (`ScheduleByRaylet`)."""
        creation = self.actors[actor].creation
        demand = self.program.tasks[creation.task].demand
        living = [node for node in self.raylets if node not in self.dead]
        first = creation.raylet if demand and creation.raylet in living else ctx.choose(living, random=True)
        lease = self.actors[actor].lease
        if not self.actors[actor].asked:
            # A request that starts over keeps its number.
            self.count += 1
            lease = self.count
        state = replace(self.actors[actor], asked=first, redirected=False, lease=lease)
        self.actors[actor] = replace(state, node="", worker="", alive=False)
        self.ask(ctx, actor)

    def ask(self, ctx: Context, actor: ActorId) -> None:
        """Send a request for a worker."""
        spec = self.request(ctx.me, actor)
        again = replace(spec, call=spec.call + 1)
        if self.client.request(ctx, self.actors[actor].asked, RequestLease(spec), RequestLease(again)):
            self.actors[actor] = replace(self.actors[actor], call=again.call)

    def request(self, me: Name, actor: ActorId) -> LeaseSpec:
        """The present request for a worker."""
        state = self.actors[actor]
        creation, task = state.creation, self.program.tasks[state.creation.task]
        return LeaseSpec(
            (me, state.lease),
            class_of(task, creation.strategy),
            task.demand,
            creation.strategy,
            creation.task,
            creation.args,
            again=state.restarts > 0,
            redirected=state.redirected,
            actor=True,
            call=state.call,
            selectors=task.selectors,
        )

    def hears(self, ctx: Context, sender: Name, answer: Answer) -> bool:
        """Whether an answer arrives: it may be lost, or answer a call that has failed meanwhile."""
        actor = self.of_lease(answer.lease[1])
        if not actor or self.actors[actor].asked != sender:
            return True
        if answer.call < self.actors[actor].call:
            return False
        if self.client.misses(ctx):
            self.actors[actor] = replace(self.actors[actor], call=answer.call + 1)
            ctx.send(sender, RequestLease(self.request(ctx.me, actor)), AGAIN)
            return False
        return True

    def answered(self, ctx: Context, sender: Name, answer: Answer) -> None:
        """What a raylet says of a request."""
        match answer:
            case LeaseGranted(lease, worker):
                self.granted(ctx, sender, lease[1], worker)
            case RetryAt(lease, node):
                self.ask_at(ctx, sender, lease[1], node)
            case LeaseRejected(lease):
                self.ask_at(ctx, sender, lease[1], "")
            case LeaseCancelled():
                self.given_up(ctx, answer)

    def of_lease(self, number: int) -> ActorId:
        """The actor that a lease is for; empty when it is for none any more."""
        return next((actor for actor, state in self.actors.items() if state.lease == number), "")

    def ask_at(self, ctx: Context, sender: Name, number: int, node: Name) -> None:
        """A request is sent on, or starts over."""
        actor = self.of_lease(number)
        if not actor or self.actors[actor].asked != sender:
            return
        if not node or node in self.dead:
            self.place(ctx, actor)
        else:
            self.actors[actor] = replace(self.actors[actor], asked=node, redirected=True)
            self.ask(ctx, actor)

    def granted(self, ctx: Context, node: Name, number: int, worker: Name) -> None:
        """Run the constructor on a worker."""
        actor = self.of_lease(number)
        if node in self.dead:
            return
        if not actor or self.actors[actor].asked != node:
            if not actor or self.actors[actor].node != node:
                self.client.tell(ctx, node, ReturnWorker((ctx.me, number)))
            return
        state = self.actors[actor]
        self.actors[actor] = replace(state, asked="", node=node, worker=worker)
        creation = state.creation
        number_of_start = creation.attempt + state.restarts
        ctx.send(worker, PushTask(creation.task, number_of_start, (ctx.me, number), creation.references))

    def created(self, ctx: Context, reply: TaskReply) -> None:
        """The constructor has ended: the actor lives."""
        actor = self.program.tasks[reply.task].actor or ""
        state = self.actors[actor]
        if reply.attempt != state.creation.attempt + state.restarts:
            return
        self.actors[actor] = replace(state, alive=True, told=True)
        if not state.told:
            ctx.send(state.calls, replace(reply, attempt=state.creation.attempt))
        self.publish(ctx, actor)

    def worker_died(self, ctx: Context, actor: ActorId) -> None:
        """Start an actor again, or give it up."""
        state = self.actors[actor]
        if actor in self.gone:
            return
        if state.asked:
            # It never came up there: this costs no restart.
            self.place(ctx, actor)
            return
        most = self.program.tasks[state.creation.task].max_retries
        if 0 <= most <= state.restarts:
            self.bury(ctx, actor, ErrorKind.ACTOR_DIED)
            return
        self.actors[actor] = replace(state, restarts=state.restarts + 1, alive=False)
        self.publish(ctx, actor)
        self.place(ctx, actor)

    def given_up(self, ctx: Context, answer: LeaseCancelled) -> None:
        """There is no place for an actor."""
        error = ErrorKind.UNSCHEDULABLE if answer.unschedulable else ErrorKind.ACTOR_DIED
        if actor := self.of_lease(answer.lease[1]):
            self.bury(ctx, actor, ErrorKind.GROUP_REMOVED if answer.group_removed else error)

    def bury(self, ctx: Context, actor: ActorId, error: ErrorKind) -> None:
        """An actor will never live again."""
        state = self.actors[actor]
        self.gone.add(actor)
        self.actors[actor] = replace(state, alive=False, worker="", node="", asked="", redirected=False)
        if not state.told:
            ctx.send(state.calls, CreationFailed(state.creation.task, state.creation.attempt, error))
        self.publish(ctx, actor)

    def home(self, actor: ActorId) -> ActorAt:
        """Where an actor lives."""
        state = self.actors.get(actor)
        if actor in self.gone or state is None or not state.alive:
            gone = actor in self.gone
            return ActorAt(actor, "", "", gone, state is not None and state.restarts > 0 and not gone)
        return ActorAt(actor, state.worker, state.node)

    def publish(self, ctx: Context, actor: ActorId) -> None:
        """Tell whoever watches."""
        for who in self.watching.get(actor, ()):
            ctx.send(who, self.home(actor))
