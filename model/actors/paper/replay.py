"""An actor that is made again from its lineage: checkpoint, then the chain of its methods (edition `paper`).

Source: OSDI 2018, sections 3.2 and 4.2.3: stateful edges chain the methods of an actor, the chain is in the control
store, and a lost actor is restored from its last checkpoint by running the methods after it in the same order. A method
whose result exists runs for the state only.

Left out: lost method results without a lost actor (the same replay), the checkpoint's own storage.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.kernel import (
    Context,
    Down,
    Message,
    Name,
    Process,
    Slot,
    TimerKind,
    Unhandled,
    Unreachable,
    constant,
)

METHOD = "method"


@dataclass(frozen=True, slots=True)
class SubmitMethod(Message):
    """Caller to store: the next method of the chain."""

    call: str


@dataclass(frozen=True, slots=True)
class RunMethod(Message):
    """Store to the actor's process: run it. `position` in the chain."""

    call: str
    position: int


@dataclass(frozen=True, slots=True)
class MethodRan(Message):
    """Actor to store: its result, which is the state after it."""

    position: int
    state: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TakeCheckpoint(Message):
    """Actor to store: the state after so many methods."""

    position: int
    state: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Restore(Message):
    """Store to a new actor process: begin with this state."""

    position: int
    state: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MethodResult(Message):
    """Store to caller."""

    call: str
    state: tuple[str, ...]


@dataclass(slots=True)
class ChainStore(Process):
    """The control store's part: the chain of methods, results, the last checkpoint."""

    hosts: tuple[Slot, ...] = constant()
    """Places for the actor's process, one after the other."""
    chain: tuple[tuple[str, Name], ...] = ()
    """Methods in the order of their stateful edges, with who has called them."""
    results: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """By position: the first result is final."""
    checkpoint: tuple[int, tuple[str, ...]] = (0, ())
    host: int = 0
    dead: set[Name] = field(default_factory=set)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Methods, results, checkpoints, the actor's death."""
        match message:
            case SubmitMethod(call):
                self.chain += ((call, sender),)
                ctx.send(self.hosts[self.host], RunMethod(call, len(self.chain) - 1))
            case MethodRan(position, state):
                if position not in self.results:
                    self.results[position] = state
                    call, caller = self.chain[position]
                    ctx.send(caller, MethodResult(call, state))
            case TakeCheckpoint(position, state):
                if position > self.checkpoint[0]:
                    self.checkpoint = (position, state)
            case Down(name):
                self.dead.add(name)
                if name == self.hosts[self.host]:
                    self.restore(ctx)
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)

    def restore(self, ctx: Context) -> None:
        """Elsewhere: the checkpoint, then every method after it, in the order of the chain."""
        while self.hosts[self.host] in self.dead:
            self.host += 1
        position, state = self.checkpoint
        ctx.send(self.hosts[self.host], Restore(position, state))
        for later in self.replayed(position):
            ctx.send(self.hosts[self.host], RunMethod(self.chain[later][0], later))

    def replayed(self, position: int) -> list[int]:
        """Positions of the methods that run again."""
        return list(range(position, len(self.chain)))


@dataclass(slots=True)
class ReplayedActor(Process):
    """A process for the actor; its state is the list of the methods that made it."""

    every: int = constant(0)
    """Methods between two checkpoints; 0 for none."""
    state: tuple[str, ...] = ()
    position: int = 0
    queue: tuple[RunMethod, ...] = ()

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Methods in the order of the chain, perhaps a state to begin with."""
        match message:
            case RunMethod():
                self.queue += (message,)
                ctx.set_timer(METHOD, kind=TimerKind.PROGRAM)
            case Restore(position, state):
                self.position, self.state = position, state
            case _:
                raise Unhandled(message)

    def fire(self, ctx: Context, timer: str) -> None:
        """One method at a time."""
        first, *rest = self.queue
        self.queue = tuple(rest)
        self.state += (first.call,)
        self.position = first.position + 1
        ctx.send("gcs", MethodRan(first.position, self.state))
        if self.every and self.position % self.every == 0:
            ctx.send("gcs", TakeCheckpoint(self.position, self.state))
        if self.queue:
            ctx.set_timer(METHOD, kind=TimerKind.PROGRAM)


@dataclass(slots=True)
class ChainCaller(Process):
    """Calls methods, all at once."""

    calls: tuple[str, ...] = constant()
    results: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def start(self, ctx: Context) -> None:
        """Submit them in order."""
        for call in self.calls:
            ctx.send("gcs", SubmitMethod(call))

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Results."""
        match message:
            case MethodResult(call, state):
                self.results[call] = state
            case _:
                raise Unhandled(message)
