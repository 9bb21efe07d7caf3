"""Streaming generators: items are made one by one, read while the task runs, lost and made again (edition `ray2`).

Source: Ray 2.60 `core_worker/task_manager.cc`, `ObjectRefStream`. The owner keeps every item until it has been handed
out; a retried generator reports its items again; the end of the stream never comes to lie before an item that was
handed out. Items that cannot be made again end in an error.

Left out: back-pressure; items of different attempts that differ (Ray requires determinism as well).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from rayproof.model.kernel import Context, Down, Message, Name, Process, TimerKind, Unhandled, Unreachable, constant

GO_ON = "go on"
YIELD = "yield"


class Wish(StrEnum):
    """What the consumer does next."""

    PEEK = "peek"
    """Wait for the next item without taking it."""
    NEXT = "next"
    """Take the next item's reference, or learn that there is none."""
    READ = "read"
    """Get the oldest item that was taken and not read."""


class Item(StrEnum):
    """Where an item stands."""

    HERE = "here"
    LOST = "lost"
    """Its copy is gone; it will be made again."""
    FAILED = "ObjectReconstructionFailedError"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Generate(Message):
    """Owner to node."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Yielded(Message):
    """Node to owner."""

    attempt: int
    index: int


@dataclass(frozen=True, slots=True)
class StreamEnded(Message):
    """Node to owner: the generator has returned, or its worker has crashed."""

    attempt: int
    crashed: bool


@dataclass(slots=True)
class StreamOwner(Process):
    """Owner and consumer of one stream."""

    nodes: tuple[Name, ...] = constant()
    max_retries: int = constant(1)
    wishes: tuple[Wish, ...] = ()
    items: dict[int, Item] = field(default_factory=dict)
    places: dict[int, Name] = field(default_factory=dict)
    taken: int = 0
    """Items that were handed out."""
    read: int = 0
    """Items that were read."""
    end: int = -1
    """Number of items of the whole stream; -1 while it is not known."""
    attempt: int = 0
    runs_on: Name = ""
    waiting: bool = False
    dead: set[Name] = field(default_factory=set)
    seen: int = 0
    """Items that the present attempt has reported."""
    outcomes: tuple[str, ...] = ()

    def start(self, ctx: Context) -> None:
        """The program begins."""
        ctx.set_timer(GO_ON, kind=TimerKind.PROGRAM)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Items, ends, deaths of nodes."""
        match message:
            case Yielded(attempt, index):
                if attempt == self.attempt and sender == self.runs_on:
                    self.yielded(index, sender)
            case StreamEnded(attempt, crashed):
                if attempt == self.attempt and sender == self.runs_on:
                    self.ended(ctx, crashed)
            case Down(node):
                self.node_died(ctx, node)
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)
        self.consume(ctx)

    def run(self, ctx: Context) -> None:
        """One attempt, on any live node."""
        self.attempt += 1
        self.seen = 0
        self.runs_on = ctx.choose([node for node in self.nodes if node not in self.dead])
        ctx.send(self.runs_on, Generate(self.attempt))

    def yielded(self, index: int, node: Name) -> None:
        """An item is there, for the first time or again. `HandleReportGeneratorItemReturns`."""
        self.seen = index + 1
        if self.items.get(index) not in (Item.DROPPED, Item.HERE):
            self.items[index] = Item.HERE
            self.places[index] = node

    def ended(self, ctx: Context, crashed: bool) -> None:
        """The generator has returned, or runs again, or the stream ends with what there is."""
        self.runs_on = ""
        if not crashed:
            self.end = max(self.end, self.seen)
            self.fail_missing()
        elif self.attempt <= self.max_retries:
            self.run(ctx)
        else:
            self.end = self.end_after_failure()
            self.fail_missing()

    def end_after_failure(self) -> int:
        """The end never lies before an item of any attempt. `MarkEndOfStream`."""
        return max(self.end, self.seen, *(index + 1 for index in self.items), 0)

    def fail_missing(self) -> None:
        """What is lost and will not be made again ends in an error."""
        for index in range(self.end):
            if self.items.get(index, Item.LOST) is Item.LOST:
                self.items[index] = Item.FAILED

    def node_died(self, ctx: Context, node: Name) -> None:
        """Its items are lost; make them again unless that is under way or the budget is spent."""
        self.dead.add(node)
        for index, place in sorted(self.places.items()):
            if place == node and self.items[index] is Item.HERE:
                self.items[index] = Item.LOST
        if self.runs_on == node:
            self.ended(ctx, True)
        elif not self.runs_on and Item.LOST in self.items.values():
            if self.attempt <= self.max_retries:
                self.run(ctx)
            else:
                self.fail_missing()

    # ---- the consumer -----------------------------------------------------------------------------------------------

    def fire(self, ctx: Context, timer: str) -> None:
        """Submit the generator, then wish after wish."""
        if not self.attempt:
            self.run(ctx)
            ctx.set_timer(GO_ON, kind=TimerKind.PROGRAM)
            return
        self.waiting = True
        self.consume(ctx)

    def consume(self, ctx: Context) -> None:
        """Carry out the present wish if that is possible by now."""
        if self.waiting and self.carry_out(self.wishes[0]):
            self.waiting = False
            self.wishes = self.wishes[1:]
            if self.wishes:
                ctx.set_timer(GO_ON, kind=TimerKind.PROGRAM)

    def carry_out(self, wish: Wish) -> bool:
        """Whether the wish is fulfilled."""
        if wish is Wish.READ:
            return self.read_one()
        ended = 0 <= self.end <= self.taken
        there = self.taken in self.items
        if wish is Wish.NEXT and there and not ended:
            self.taken += 1
        elif wish is Wish.PEEK and there:
            self.peeked(self.taken)
        return there or ended

    def peeked(self, index: int) -> None:
        """A temporary reference comes and goes; the stream itself still refers to the item."""

    def read_one(self) -> bool:
        """Read the oldest item that was taken; with none there is nothing to do."""
        if self.read == self.taken:
            return True
        item = self.items[self.read]
        if item is Item.LOST:
            return False
        self.outcomes += (str(item),)
        if item is Item.HERE:
            self.items[self.read] = Item.DROPPED
        self.read += 1
        return True


@dataclass(slots=True)
class StreamNode(Process):
    """A node whose worker runs the generator."""

    length: int = constant(2)
    crashes: int = 0
    """Times that the worker may still crash; part of the scope."""
    attempt: int = 0
    next: int = 0

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Run the generator from its beginning."""
        match message:
            case Generate(attempt):
                self.attempt, self.next = attempt, 0
                ctx.set_timer(YIELD, kind=TimerKind.PROGRAM)
            case _:
                raise Unhandled(message)

    def fire(self, ctx: Context, timer: str) -> None:
        """The next item, the end, or a crash of the worker; items outlive it."""
        if self.crashes and ctx.choose((False, True)):
            self.crashes -= 1
            ctx.send("owner", StreamEnded(self.attempt, True))
        elif self.next == self.length:
            ctx.send("owner", StreamEnded(self.attempt, False))
        else:
            ctx.send("owner", Yielded(self.attempt, self.next))
            self.next += 1
            ctx.set_timer(YIELD, kind=TimerKind.PROGRAM)
