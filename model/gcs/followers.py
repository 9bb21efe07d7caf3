"""What a subscriber keeps of a published table, whichever way the news travel.

Source: OSDI 2018, section 4.2.1 (the GCS is a key-value store with publish-subscribe); Ray 2.60 node table (a node that
was declared dead never returns under the same id). A record has a version, counted by the table per key; news may come
twice, and a snapshot may come after news that are newer than it.

Left out: unsubscribing; filters on keys.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from rayproof.model.kernel import Context, Message, Name, Process, TimerKind, Unhandled, Unreachable, constant


class NodeState(StrEnum):
    """What the node table says about a node."""

    ALIVE = "alive"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, order=True)
class Record:
    """One row of a published table."""

    version: int
    state: NodeState


Rows = tuple[tuple[str, Record], ...]
"""A table as a value: keys in order, each with its record."""


@dataclass(frozen=True, slots=True)
class Publish(Message):
    """A component writes a row."""

    key: str
    state: NodeState


@dataclass(slots=True)
class Follower(Process):
    """A subscriber's copy of the table, and what it was told since it last subscribed."""

    view: dict[str, Record] = field(default_factory=dict)
    """The newest record known of each key."""
    snapshot: Rows | None = None
    """What the table held when the present subscription asked for all of it."""
    told: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Versions that the present subscription was told of, by key, in the order they came."""

    def begin(self) -> None:
        """A new subscription knows nothing of what the last one was told."""
        self.snapshot = None
        self.told = {}

    def take_snapshot(self, rows: Rows) -> None:
        """Keep what is newer than what is known: news may have overtaken the snapshot."""
        self.snapshot = rows
        for key, record in rows:
            self.keep(key, record)

    def take_update(self, key: str, record: Record) -> None:
        """Keep one piece of news; what was told before is told again after a repeat."""
        if record.version not in self.told.get(key, ()):
            self.told[key] = (*self.told.get(key, ()), record.version)
        self.keep(key, record)

    def keep(self, key: str, record: Record) -> None:
        """Of two records of a key the one with the higher version counts."""
        known = self.view.get(key)
        if known is None or known.version < record.version:
            self.view[key] = record


@dataclass(slots=True)
class Announcer(Process):
    """Writes rows, as raylets and the failure detector would."""

    todo: tuple[tuple[str, NodeState], ...]
    table: Name = constant("table")

    def start(self, ctx: Context) -> None:
        """Writing is the program's own progress."""
        self.go_on(ctx)

    def go_on(self, ctx: Context) -> None:
        """Arm the next write while there is one."""
        if self.todo:
            ctx.set_timer("write", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """Write the next row."""
        (key, state), *rest = self.todo
        self.todo = tuple(rest)
        ctx.send(self.table, Publish(key, state))
        self.go_on(ctx)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """A write that did not arrive is written again."""
        match message:
            case Unreachable(_, Publish(key, state)):
                self.todo = (*self.todo, (key, state))
                self.go_on(ctx)
            case _:
                raise Unhandled(message)


NODE_NEWS = (("n0", NodeState.ALIVE), ("n0", NodeState.DEAD), ("n1", NodeState.ALIVE))
"""For scopes: a node comes and goes, another comes."""
