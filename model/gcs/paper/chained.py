"""The cluster's control store with its rows on chains, one chain per shard.

Source: OSDI 2018, section 4.2.1: the tables are sharded by key, every shard is a chain. The front end keeps no row: for
each request it reads the shards at their tails, does what the atomic store does, writes the rows that changed at the
heads, and tells nobody before all of them are stable. What it keeps is who is to be told of which object: subscriptions
belong to connections.

Requests are carried out one after the other, so a request is atomic although its rows lie on several shards; that holds
for one front end only (`gcs.register` shows two clients). A request that would change a row which its sender does not
own is not carried out (`gcs.tables`).

Left out: a front end that fails; several of them; reading only the rows that a request needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rayproof.model.gcs.chain.clients import RETRY_US, Get, Operation, Put
from rayproof.model.gcs.chain.protocol import EVERYTHING, Datum, Key
from rayproof.model.gcs.chain.register import ShardedClient
from rayproof.model.gcs.paper.control_store import ControlStore
from rayproof.model.gcs.paper.tables import (
    Component,
    NodeRow,
    ObjectRow,
    Row,
    Table,
    TaskRow,
    may_write,
    node_key,
    object_key,
    task_key,
)
from rayproof.model.gcs.paper.tables import Key as RowKey
from rayproof.model.kernel import Context, Down, Message, Name, TimerKind, constant
from rayproof.model.lineage.paper.tables import TaskEntry, TaskStatus

Rows = dict[RowKey[Any], Row]

LIBRARY = "library"
"""Slot of the front end's client of the chains."""


@dataclass(frozen=True, slots=True)
class Operate(Message):
    """The front end's request to its library: carry these out in order."""

    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Operated(Message):
    """All were answered. For each in order what was read; what was written for a write."""

    values: tuple[Datum, ...]


@dataclass(slots=True)
class RowClient(ShardedClient):
    """The library of the front end: the client of every shard, one operation after the other."""

    values: tuple[Datum, ...] = ()
    """Answers to the present request so far."""
    user: Name = constant("gcs")

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The front end's requests, and what any client hears."""
        if isinstance(message, Operate):
            self.todo = message.operations
            self.go_on(ctx)
        else:
            ShardedClient.receive(self, ctx, sender, message)

    def shard_of(self, key: Key) -> int:
        """The shard that keeps a key, or that is asked for as a whole."""
        if key.startswith(EVERYTHING):
            return int(key.removeprefix(EVERYTHING))
        return ShardedClient.shard_of(self, key)

    def go_on(self, ctx: Context) -> None:
        """Begin the next operation when the last one is answered: the front end waits, not the program."""
        if self.todo and not self.pending:
            self.fire(ctx, "next")
        elif self.pending and self.asks_again:
            ctx.set_timer("retry", RETRY_US, TimerKind.EAGER)
        else:
            ctx.cancel_timer("retry")

    def answered(self, ctx: Context, number: int, value: Datum) -> None:
        """Keep the answer; after the last one, hand all of them over."""
        operation = self.pending.get(number)
        if operation is None:
            return
        self.values += (operation.value if isinstance(operation, Put) else value,)
        ShardedClient.answered(self, ctx, number, value)
        if isinstance(operation, Get):
            del self.done[number]
        if not self.pending:
            values, self.values = self.values, ()
            ctx.send(self.user, Operated(values))


@dataclass(slots=True)
class ChainedStore(ControlStore):
    """The front end. Its tables are empty but for the time of one handler."""

    requests: tuple[tuple[Name, Message], ...] = ()
    """What has been asked, oldest first; the first is being carried out."""
    outbox: tuple[tuple[Name, Message], ...] | None = None
    """What to tell when the rows are stable; None while they are being read."""
    shards: int = constant(1)
    library: Name = constant(LIBRARY)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Requests queue up; answers of the shards move the first one on."""
        if not isinstance(message, Operated):
            self.requests += ((sender, message),)
            if len(self.requests) == 1:
                self.read(ctx)
        elif self.outbox is None:
            self.carry_out(ctx, message.values)
        else:
            self.finish(ctx)

    def read(self, ctx: Context) -> None:
        """Ask every shard for its rows."""
        ctx.send(self.library, Operate(tuple(Get(f"{EVERYTHING}{shard}") for shard in range(self.shards))))

    def carry_out(self, ctx: Context, shards: tuple[Datum, ...]) -> None:
        """Do what the atomic store would do with these rows, and write what it has changed."""
        sender, request = self.requests[0]
        before = {**self.rows(), **rows_in(shards)}
        self.load(before)
        self.outbox = ()
        self.apply(ctx, sender, request)
        after = self.rows()
        self.load({})
        changed = {key: row for key, row in sorted(after.items()) if before.get(key) != row}
        writer = Component.GCS if isinstance(request, Down) else sender
        if not all(may_write(writer, key, before.get(key), row) for key, row in changed.items()):
            self.outbox, changed = (), {}
        if changed:
            ctx.send(self.library, Operate(tuple(Put(key.path, row) for key, row in changed.items())))
        else:
            self.finish(ctx)

    def apply(self, ctx: Context, sender: Name, request: Message) -> None:
        """What the atomic store would do, on the rows that are loaded."""
        ControlStore.receive(self, ctx, sender, request)

    def tell(self, ctx: Context, to: Name, message: Message) -> None:
        """Nobody is told before the rows are stable."""
        assert self.outbox is not None
        self.outbox += ((to, message),)

    def finish(self, ctx: Context) -> None:
        """The request has taken effect: tell everybody, and go on with the next."""
        assert self.outbox is not None
        for to, message in self.outbox:
            ctx.send(to, message)
        self.outbox = None
        self.requests = self.requests[1:]
        if self.requests:
            self.read(ctx)

    # ---- the tables as rows -----------------------------------------------------------------------------------------

    def load(self, rows: Rows) -> None:
        """Fill the tables from rows."""
        self.copies, self.tasks, self.dead, self.failed = {}, {}, set(), set()
        for key, row in rows.items():
            match row:
                case ObjectRow(locations, is_failed=is_failed):
                    if locations:
                        self.copies[key.id] = {*locations}
                    if is_failed:
                        self.failed.add(key.id)
                case TaskRow(status=TaskStatus() as status, node=node):
                    self.tasks[key.id] = TaskEntry(status, node)
                case NodeRow(is_dead=True):
                    self.dead.add(key.id)

    def rows(self) -> Rows:
        """The tables as rows; every object of the program has one, so that a copy can leave it."""
        rows: Rows = {}
        for there in self.program.objects:
            rows[object_key(there)] = ObjectRow(self.holders(there), is_failed=there in self.failed)
        for task in self.program.tasks:
            entry = self.tasks.get(task)
            rows[task_key(task)] = TaskRow(status=entry.status, node=entry.node) if entry else TaskRow()
        for node in self.raylets:
            rows[node_key(node)] = NodeRow(is_dead=node in self.dead)
        return rows


def rows_in(shards: tuple[Datum, ...]) -> Rows:
    """The rows that the shards hold."""
    found: Rows = {}
    for shard in shards:
        assert isinstance(shard, tuple)
        for path, row in shard:
            table, _, id = path.partition("/")
            found[RowKey(Table(table), id)] = row
    return found
