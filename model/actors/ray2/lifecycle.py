"""Creation and end of actors: leases for their workers, kill, restart, the owner's death, churn (edition `ray2`).

Source: Ray 2.60 `gcs/gcs_actor_manager.cc` and `gcs_actor_scheduler.cc`. The manager leases a worker for each
incarnation from a node, an actor that was killed meanwhile gives the worker back, a failed worker is restarted within
the budget as long as the owner lives. A name belongs to one living actor at a time, and a detached actor does not
share its owner's end.

Left out: calls (`rayproof.model.actors.ray2.calls`), resolution of constructor arguments, namespaces, storage of
the manager (`rayproof.model.gcs.ray2.server`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from rayproof.model.kernel import Context, Down, Message, Name, Process, TimerKind, Unhandled, Unreachable, constant

GO_ON = "go on"
"""Timer of the owner's program."""

START = "start "
"""Prefix of the timers of workers that come up."""


class Life(StrEnum):
    """States of an actor, as in `gcs.proto`."""

    PENDING = "PENDING_CREATION"
    ALIVE = "ALIVE"
    RESTARTING = "RESTARTING"
    DEAD = "DEAD"


@dataclass(frozen=True, slots=True)
class CreateActor(Message):
    """Owner to manager. `name`: by which others find it, empty for none."""

    actor: str
    name: str = ""
    detached: bool = False


@dataclass(frozen=True, slots=True)
class NameTaken(Message):
    """Manager to owner: a living actor has that name."""

    actor: str


@dataclass(frozen=True, slots=True)
class KillActor(Message):
    """Owner to manager: no restart."""

    actor: str


@dataclass(frozen=True, slots=True)
class LeaseWorker(Message):
    """Manager to node: a worker for one incarnation."""

    actor: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class WorkerLeased(Message):
    """Node to manager: it has started."""

    actor: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class ReturnWorker(Message):
    """Manager to node: end that worker, wherever it has got to."""

    actor: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class WorkerFailed(Message):
    """Node to manager: the worker ended by itself."""

    actor: str
    incarnation: int


@dataclass(slots=True)
class ActorNode(Process):
    """A node with some slots for workers."""

    slots: int = constant()
    failures: int = 0
    """Workers that may still fail by themselves; part of the scope."""
    waiting: tuple[tuple[str, int], ...] = ()
    workers: dict[str, int] = field(default_factory=dict)
    """Incarnation that each actor's worker runs, starting or up."""
    up: set[str] = field(default_factory=set)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Leases and their end."""
        match message:
            case LeaseWorker(actor, incarnation):
                self.waiting += ((actor, incarnation),)
            case ReturnWorker(actor, incarnation):
                self.waiting = tuple(item for item in self.waiting if item != (actor, incarnation))
                if self.workers.get(actor) == incarnation:
                    self.end(ctx, actor)
            case _:
                raise Unhandled(message)
        self.start_waiting(ctx)

    def start_waiting(self, ctx: Context) -> None:
        """Start workers while there are slots."""
        while self.waiting and len(self.workers) < self.slots:
            (actor, incarnation), *rest = self.waiting
            self.waiting = tuple(rest)
            self.workers[actor] = incarnation
            ctx.set_timer(START + actor, kind=TimerKind.PROGRAM)

    def end(self, ctx: Context, actor: str) -> None:
        """A worker is gone and its slot is free."""
        del self.workers[actor]
        self.up.discard(actor)
        ctx.cancel_timer(START + actor)

    def fire(self, ctx: Context, timer: str) -> None:
        """A worker is up; it may fail at any time after that, here or never."""
        actor = timer.removeprefix(START)
        incarnation = self.workers[actor]
        if actor not in self.up:
            self.up.add(actor)
            ctx.send("manager", WorkerLeased(actor, incarnation))
            if self.failures and ctx.choose((False, True)):
                self.failures -= 1
                ctx.set_timer(START + actor, kind=TimerKind.PROGRAM)
        else:
            self.end(ctx, actor)
            ctx.send("manager", WorkerFailed(actor, incarnation))
            self.start_waiting(ctx)


@dataclass(slots=True)
class ActorManager(Process):
    """The GCS's actor table."""

    nodes: tuple[Name, ...] = constant()
    max_restarts: int = constant(0)
    life: dict[str, Life] = field(default_factory=dict)
    node: dict[str, Name] = field(default_factory=dict)
    incarnation: dict[str, int] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """Name of each actor that has one."""
    detached: set[str] = field(default_factory=set)
    owner_dead: bool = False

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The owner's wishes, the nodes' answers, the owner's end."""
        match message:
            case CreateActor():
                self.create(ctx, message)
            case KillActor(actor):
                # An owner that is dead may have been noticed before its last wishes, creations included.
                if actor in self.life:
                    self.destroy(ctx, actor)
            case WorkerLeased(actor, incarnation):
                self.leased(ctx, actor, incarnation, sender)
            case WorkerFailed(actor, incarnation):
                if self.is_current(actor, incarnation):
                    self.worker_failed(ctx, actor)
            case Down():
                self.owner_dead = True
                for actor in sorted(self.life):
                    if self.shares_fate(actor):
                        self.destroy(ctx, actor)
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)

    def create(self, ctx: Context, wish: CreateActor) -> None:
        """Register it, unless its name is taken or its owner is gone. `RegisterActor`."""
        if self.owner_dead and not wish.detached:
            return
        if wish.name and self.is_taken(wish.name):
            ctx.send("owner", NameTaken(wish.actor))
            return
        if wish.name:
            self.names[wish.actor] = wish.name
        if wish.detached:
            self.detached.add(wish.actor)
        self.life[wish.actor] = Life.PENDING
        self.schedule(ctx, wish.actor)

    def is_taken(self, name: str) -> bool:
        """Whether a living actor has the name; the dead have given theirs back."""
        return any(other == name and self.life[actor] is not Life.DEAD for actor, other in self.names.items())

    def shares_fate(self, actor: str) -> bool:
        """Whether it ends with its owner."""
        return actor not in self.detached

    def is_current(self, actor: str, incarnation: int) -> bool:
        """Whether a node speaks of the incarnation that the table knows, and that is not to end."""
        return self.incarnation.get(actor) == incarnation and self.life[actor] is not Life.DEAD

    def schedule(self, ctx: Context, actor: str) -> None:
        """Lease a worker for the next incarnation, at any node. `GcsActorScheduler::Schedule`."""
        self.incarnation[actor] = self.incarnation.get(actor, -1) + 1
        self.node[actor] = ctx.choose(self.nodes)
        ctx.send(self.node[actor], LeaseWorker(actor, self.incarnation[actor]))

    def leased(self, ctx: Context, actor: str, incarnation: int, node: Name) -> None:
        """The incarnation lives, unless nobody wants it any longer. `OnActorCreationSuccess`."""
        if self.is_current(actor, incarnation):
            self.life[actor] = Life.ALIVE
        else:
            ctx.send(node, ReturnWorker(actor, incarnation))

    def destroy(self, ctx: Context, actor: str) -> None:
        """The actor ends, and so does its worker, also one that is still asked for. `DestroyActor`."""
        if self.life[actor] is not Life.DEAD:
            self.life[actor] = Life.DEAD
            self.give_back(ctx, actor)

    def give_back(self, ctx: Context, actor: str) -> None:
        """End the worker, or the request for it."""
        ctx.send(self.node[actor], ReturnWorker(actor, self.incarnation[actor]))

    def worker_failed(self, ctx: Context, actor: str) -> None:
        """Restart within the budget. `RestartActor`."""
        if self.incarnation[actor] < self.max_restarts and self.may_restart(actor):
            self.life[actor] = Life.RESTARTING
            self.schedule(ctx, actor)
        else:
            self.life[actor] = Life.DEAD

    def may_restart(self, actor: str) -> bool:
        """Not once its owner is gone, unless it is detached."""
        return not self.owner_dead or not self.shares_fate(actor)


@dataclass(slots=True)
class ActorOwner(Process):
    """Creates actors and kills some of them, in a fixed order."""

    program: tuple[Message, ...] = ()
    refused: set[str] = field(default_factory=set)
    """Actors whose names were taken (a ValueError in Ray)."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """What was refused."""
        match message:
            case NameTaken(actor):
                self.refused.add(actor)
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)

    def start(self, ctx: Context) -> None:
        """Begin."""
        ctx.set_timer(GO_ON, kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """The next wish."""
        first, *rest = self.program
        self.program = tuple(rest)
        ctx.send("manager", first)
        if rest:
            ctx.set_timer(GO_ON, kind=TimerKind.PROGRAM)
