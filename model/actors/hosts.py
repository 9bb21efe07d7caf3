"""Hosts of actors and the callers that follow them: the two ends of `actors.migration`.

Source: a proposal of the seed notes; neither the paper nor Ray 2.60 moves a living actor. A host runs one method of an
actor at a time and carries out each order once, known by its epoch; a stopped actor takes no calls, and its state is
handed over when its running method has ended.

Left out: order between a caller's calls (a caller makes one at a time) and what an actor's state is: the calls that it
has carried out, so that none is carried out twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from rayproof.model.kernel import Context, Message, Name, Process, TimerKind, Unhandled, Unreachable, constant

METHOD = "method "
"""Prefix of the timers of running methods, one per actor."""

CALL = "call"
"""Timer of a caller's next call."""

DIED = "ActorDiedError"

Checkpoint: TypeAlias = tuple[str, ...]
"""An actor's state: the calls it has carried out, sorted."""


class Kind(StrEnum):
    """What a host is told to do with an actor."""

    INSTALL = "install"
    STOP = "stop"
    RESUME = "resume"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, order=True)
class Order(Message):
    """Coordinator to host; repeated until it is answered."""

    kind: Kind
    actor: str
    size: int
    epoch: int
    """Grows with every order about the actor: an older one is answered and otherwise ignored."""
    checkpoint: Checkpoint = ()


@dataclass(frozen=True, slots=True)
class Obeyed(Message):
    """Host to coordinator; a stopped actor's state comes with it."""

    kind: Kind
    actor: str
    epoch: int
    checkpoint: Checkpoint = ()


@dataclass(frozen=True, slots=True)
class Probe(Message):
    """Coordinator to host: are you there? Only the failure to deliver it matters."""


@dataclass(frozen=True, slots=True)
class Where(Message):
    """Caller to coordinator."""

    actor: str


@dataclass(frozen=True, slots=True)
class Redirect(Message):
    """Coordinator to callers: the actor takes calls there; nowhere, when it is dead for good."""

    actor: str
    node: Name


@dataclass(frozen=True, slots=True)
class MethodCall(Message):
    """Caller to host."""

    actor: str
    call: str


@dataclass(frozen=True, slots=True)
class MethodDone(Message):
    """Host to caller."""

    call: str


@dataclass(frozen=True, slots=True)
class NotHere(Message):
    """Host to caller: the actor is elsewhere or on its way."""

    call: str


@dataclass(frozen=True, slots=True)
class Hosted:
    """An actor on a host."""

    size: int
    epoch: int
    done: Checkpoint = ()
    accepting: bool = True
    running: tuple[str, Name] | None = None
    """The call that runs, and its caller."""
    queue: tuple[tuple[str, Name], ...] = ()


@dataclass(slots=True)
class Host(Process):
    """A node with room for actors."""

    capacity: int = constant()
    hosted: dict[str, Hosted] = field(default_factory=dict)
    stopping: dict[str, Order] = field(default_factory=dict)
    """Orders to stop that wait for the running method."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Orders and calls."""
        match message:
            case Order():
                self.obey(ctx, message)
            case MethodCall(actor, call):
                self.call(ctx, actor, call, sender)
            case Probe() | Unreachable():
                pass
            case _:
                raise Unhandled(message)

    def obey(self, ctx: Context, order: Order) -> None:
        """Carry out an order once; answer it as often as it comes."""
        actor = self.hosted.get(order.actor)
        match order.kind:
            case Kind.INSTALL:
                if actor is None:
                    self.hosted[order.actor] = Hosted(order.size, order.epoch, order.checkpoint)
            case Kind.STOP:
                if actor is not None:
                    self.stop(ctx, order, actor)
                    return
            case Kind.RESUME:
                if actor is not None and order.epoch > actor.epoch:
                    self.stopping.pop(order.actor, None)
                    self.put(order.actor, actor, epoch=order.epoch, accepting=True)
            case Kind.REMOVE:
                self.hosted.pop(order.actor, None)
                ctx.cancel_timer(METHOD + order.actor)
        ctx.send("coordinator", Obeyed(order.kind, order.actor, order.epoch))

    def put(self, name: str, actor: Hosted, *, epoch: int, accepting: bool) -> None:
        """Change whether an actor takes calls."""
        self.hosted[name] = Hosted(actor.size, epoch, actor.done, accepting, actor.running, actor.queue)

    def stop(self, ctx: Context, order: Order, actor: Hosted) -> None:
        """Take no more calls, send those away that wait, and let the running one end."""
        if order.epoch < actor.epoch:
            return
        for call, caller in actor.queue:
            ctx.send(caller, NotHere(call))
        self.hosted[order.actor] = Hosted(actor.size, order.epoch, actor.done, False, actor.running)
        if actor.running is None:
            self.checkpointed(ctx, order)
        else:
            self.stopping[order.actor] = order

    def checkpointed(self, ctx: Context, order: Order) -> None:
        """The state as it is when nothing runs."""
        done = self.hosted[order.actor].done
        ctx.send("coordinator", Obeyed(Kind.STOP, order.actor, order.epoch, done))

    def call(self, ctx: Context, name: str, call: str, caller: Name) -> None:
        """Run a method, one at a time; one that has been carried out before is only answered."""
        actor = self.hosted.get(name)
        if actor is None or not actor.accepting:
            ctx.send(caller, NotHere(call))
        elif call in actor.done:
            ctx.send(caller, MethodDone(call))
        else:
            queue = (*actor.queue, (call, caller))
            self.hosted[name] = Hosted(actor.size, actor.epoch, actor.done, True, actor.running, queue)
            self.run_next(ctx, name)

    def run_next(self, ctx: Context, name: str) -> None:
        """Start the first of the waiting calls."""
        actor = self.hosted[name]
        if actor.running is None and actor.queue:
            first, *rest = actor.queue
            self.hosted[name] = Hosted(actor.size, actor.epoch, actor.done, actor.accepting, first, tuple(rest))
            ctx.set_timer(METHOD + name, kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """A method has ended."""
        name = timer.removeprefix(METHOD)
        actor = self.hosted[name]
        assert actor.running is not None
        call, caller = actor.running
        done = tuple(sorted((*actor.done, call)))
        self.hosted[name] = Hosted(actor.size, actor.epoch, done, actor.accepting, None, actor.queue)
        ctx.send(caller, MethodDone(call))
        order = self.stopping.pop(name, None)
        if order is not None:
            self.checkpointed(ctx, order)
        else:
            self.run_next(ctx, name)


@dataclass(slots=True)
class RedirectedCaller(Process):
    """Calls one actor, one call after the other, and follows it."""

    actor: str = constant()
    calls: tuple[str, ...] = ()
    """The present call and those after it."""
    node: Name = ""
    """Where the actor is believed to be."""
    waiting: bool = False
    """The present call is to be sent again as soon as it is known where to."""
    sent_to: Name = ""
    """Where the present call was sent last."""
    outcomes: dict[str, str] = field(default_factory=dict)

    def start(self, ctx: Context) -> None:
        """The first call."""
        ctx.set_timer(CALL, kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """Make the present call."""
        self.send(ctx)

    def send(self, ctx: Context) -> None:
        """Send it to where the actor is, or ask."""
        self.waiting = not self.node
        self.sent_to = self.node
        if self.node:
            ctx.send(self.node, MethodCall(self.actor, self.calls[0]))
        else:
            ctx.send("coordinator", Where(self.actor))

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Results, and where the actor is."""
        match message:
            case MethodDone(call):
                if self.calls and self.calls[0] == call:
                    self.ended(ctx, "done")
            case NotHere(call):
                self.sent_away(ctx, sender, call)
            case Unreachable(to, MethodCall(_, call)):
                self.sent_away(ctx, to, call)
            case Redirect(actor, node):
                if actor == self.actor:
                    self.redirected(ctx, node)
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)

    def sent_away(self, ctx: Context, host: Name, call: str) -> None:
        """The actor is not where the present call was sent last."""
        if self.calls and self.calls[0] == call and host == self.sent_to:
            self.node = ""
            self.send(ctx)

    def redirected(self, ctx: Context, node: Name) -> None:
        """Go on there, also with a call that was sent elsewhere; an actor that is dead for good answers nothing."""
        self.node = node
        if not node:
            while self.calls and (self.waiting or self.sent_to):
                self.ended(ctx, DIED)
        elif self.waiting or self.sent_to not in ("", node):
            self.send(ctx)

    def ended(self, ctx: Context, outcome: str) -> None:
        """The next call, if there is one."""
        self.outcomes[self.calls[0]] = outcome
        self.calls = self.calls[1:]
        if outcome != DIED:
            self.waiting, self.sent_to = False, ""
            if self.calls:
                ctx.set_timer(CALL, kind=TimerKind.PROGRAM)
