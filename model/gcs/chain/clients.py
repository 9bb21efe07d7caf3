"""Clients of a shard: they write and read, keep a configuration that may be old, and ask again.

Source: van Renesse and Schneider 2004, section 2 (a client that gets no reply cannot know whether its request was
processed, and asks again). Configurations that are older than the known one are ignored.

Left out: clients that fail; requests that are given up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from rayproof.model.gcs.chain.events import Answered, Invoked
from rayproof.model.gcs.chain.protocol import (
    Configuration,
    Datum,
    Key,
    Lookup,
    Read,
    Refused,
    Value,
    Write,
    Written,
)
from rayproof.model.kernel import Context, Message, Name, Process, TimerKind, Unhandled, Unreachable, constant

RETRY_US = 1_000_000
"""How long it waits for an answer before it asks again, in a timed run; longer than an answer takes."""


@dataclass(frozen=True, slots=True)
class Put:
    """Write a value."""

    key: Key
    value: Datum


@dataclass(frozen=True, slots=True)
class Get:
    """Read a value."""

    key: Key


Operation: TypeAlias = Put | Get


@dataclass(slots=True)
class ChainClient(Process):
    """Carries out its operations in order, so many at a time."""

    configuration: Configuration
    """The newest it has heard of."""
    todo: tuple[Operation, ...]
    issued: int = 0
    """Number of the newest request."""
    pending: dict[int, Operation] = field(default_factory=dict)
    """Asked for and not yet answered."""
    done: dict[int, Operation] = field(default_factory=dict)
    """Answered."""
    asks_again: bool = constant(False)
    """Whether it asks again after a time-out, and again for as long as there is no answer."""
    window: int = constant(64)
    """Requests that may be pending at a time."""
    sources: tuple[Name, ...] = constant(())
    """Who may be asked for the configuration."""

    def start(self, ctx: Context) -> None:
        """Operating is the program's own progress."""
        self.go_on(ctx)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Answers, configurations, and requests that came back."""
        match message:
            case Written(number):
                self.answered(ctx, number, None)
            case Value(number, value):
                self.answered(ctx, number, value)
            case Configuration():
                self.learn(ctx, message)
            case Refused(_, configuration):
                self.learn(ctx, configuration)
            case Unreachable():
                self.look_up(ctx)
            case _:
                raise Unhandled(message)

    def fire(self, ctx: Context, timer: str) -> None:
        """The next operation, or the time-out of those that are pending."""
        if timer == "next":
            operation, *rest = self.todo
            self.todo = tuple(rest)
            self.issued += 1
            self.pending[self.issued] = operation
            value = operation.value if isinstance(operation, Put) else None
            ctx.observe(Invoked(ctx.me, self.issued, operation.key, value))
            self.ask(ctx, self.issued)
            self.go_on(ctx)
        else:
            self.look_up(ctx)
            self.ask_again(ctx)

    def go_on(self, ctx: Context) -> None:
        """Arm the next operation while there is room, and the time-out while there is something to wait for."""
        if self.todo and len(self.pending) < self.window:
            ctx.set_timer("next", kind=TimerKind.PROGRAM)
        if self.pending and self.asks_again:
            ctx.set_timer("retry", RETRY_US, TimerKind.EAGER)
        else:
            ctx.cancel_timer("retry")

    def ask(self, ctx: Context, number: int) -> None:
        """Send a request to the replica that has the role for it."""
        operation = self.pending[number]
        known = self.configuration_for(operation.key)
        if isinstance(operation, Put):
            ctx.send(known.chain[0], Write(known, number, operation.key, operation.value))
        else:
            ctx.send(known.chain[-1], Read(known, number, operation.key))

    def configuration_for(self, key: Key) -> Configuration:
        """The configuration of the chain that keeps a key."""
        return self.configuration

    def operation(self, number: int) -> Operation:
        """What a request of this client was for."""
        return self.pending[number] if number in self.pending else self.done[number]

    def ask_again(self, ctx: Context) -> None:
        """Send every pending request again, under its old number."""
        for number in sorted(self.pending):
            self.ask(ctx, number)
        self.go_on(ctx)

    def look_up(self, ctx: Context) -> None:
        """Ask for the configuration, if there is anybody to ask; not the same one for ever, who may be dead."""
        if self.sources:
            ctx.send(ctx.choose(self.sources, random=True), Lookup())

    def learn(self, ctx: Context, configuration: Configuration) -> None:
        """Adopt a newer configuration; whatever is pending may have gone to the wrong replica."""
        if configuration.epoch > self.configuration.epoch:
            self.configuration = configuration
            self.ask_again(ctx)

    def answered(self, ctx: Context, number: int, value: Datum) -> None:
        """The first answer to a request counts; further ones are repeats."""
        operation = self.pending.pop(number, None)
        if operation is None:
            return
        self.done[number] = operation
        ctx.observe(Answered(ctx.me, number, operation.value if isinstance(operation, Put) else value))
        self.go_on(ctx)
