"""The store of all tables, which refuses what is written by a component that does not own it.

Source: OSDI 2018, section 4.2.1 and figure 7; Ray 2.60 `gcs_actor_manager.cc::SchedulePendingActors` and
`gcs_placement_group_manager.cc::SchedulePendingPlacementGroups` (what is pending is looked at again when a node comes),
`gcs_node_manager.cc` (only the GCS declares a node dead). Rules are in `gcs.tables`; the managers obey them too.

Writers change columns, not rows: two of them may write one row at a time without undoing each other.

Left out: which node suits an actor or a bundle (the scheduler's part); deleting rows; storage below (`gcs.chain`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from rayproof.model.gcs.paper.tables import (
    ROWS,
    ActorRow,
    GroupRow,
    Key,
    NodeRow,
    ObjectRow,
    Row,
    may_write,
    node_key,
    object_key,
)
from rayproof.model.graph import ObjectId
from rayproof.model.kernel import Context, Down, Message, Name, Process, TimerKind, Unhandled, constant

Columns = tuple[tuple[str, Any], ...]
"""Columns with their new contents."""


@dataclass(frozen=True, slots=True)
class WriteColumns(Message):
    """Set these columns of a row; a row that does not exist is made."""

    key: Key[Any]
    columns: Columns


@dataclass(frozen=True, slots=True)
class AddCopy(Message):
    """The sending raylet holds a copy of an object."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class Denied(Message):
    """The write was not carried out: the writer does not own what it would change."""

    key: Key[Any]


@dataclass(frozen=True, slots=True)
class RowWritten:
    """Event: one row became another."""

    writer: Name
    key: Key[Any]
    before: Row | None
    after: Row


@dataclass(slots=True)
class TypedStore(Process):
    """All tables."""

    rows: dict[Key[Any], Row] = field(default_factory=dict)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Writes of the components, and the failure detector's word."""
        match message:
            case WriteColumns(key, columns):
                self.write(ctx, sender, key, columns)
            case AddCopy(there):
                self.add_copy(ctx, sender, there)
            case Down(name):
                self.declare_dead(ctx, name)
            case _:
                raise Unhandled(message)
        self.place_pending(ctx)

    def write(self, ctx: Context, writer: Name, key: Key[Any], columns: Columns) -> None:
        """Carry out a write that the writer may make, refuse any other."""
        before = self.rows.get(key)
        try:
            after = replace(before, **dict(columns)) if before else ROWS[key.table](**dict(columns))
        except TypeError:
            # No such column, or a new row without one that it must have.
            ctx.send(writer, Denied(key))
            return
        if self.allows(writer, key, before, after):
            self.rows[key] = after
            ctx.observe(RowWritten(writer, key, before, after))
        else:
            ctx.send(writer, Denied(key))

    def allows(self, writer: Name, key: Key[Any], before: Row | None, after: Row) -> bool:
        """Whether a writer may turn one row into another."""
        return may_write(writer, key, before, after)

    def add_copy(self, ctx: Context, raylet: Name, there: ObjectId) -> None:
        """A copy counts while its node lives; a raylet that is dead may have said so before."""
        if self.is_dead(raylet):
            ctx.send(raylet, Denied(object_key(there)))
            return
        locations = tuple(sorted({*self.locations(there), raylet}))
        self.write(ctx, raylet, object_key(there), (("locations", locations),))

    def declare_dead(self, ctx: Context, raylet: Name) -> None:
        """A dead node is no member and holds no copies."""
        self.write(ctx, ctx.me, node_key(raylet), (("is_dead", True),))
        for key, row in sorted(self.rows.items()):
            if isinstance(row, ObjectRow) and raylet in row.locations:
                left = tuple(name for name in row.locations if name != raylet)
                self.write(ctx, ctx.me, key, (("locations", left),))

    def place_pending(self, ctx: Context) -> None:
        """Give actors and groups that have no node a live one, as soon as there is one."""
        alive = sorted(key.id for key, row in self.rows.items() if isinstance(row, NodeRow) and not row.is_dead)
        if not alive:
            return
        for key, row in sorted(self.rows.items()):
            match row:
                case ActorRow(node="", is_dead=False):
                    self.write(ctx, ctx.me, key, (("node", alive[0]),))
                case GroupRow(nodes=()):
                    self.write(ctx, ctx.me, key, (("nodes", (alive[0],) * len(row.bundles)),))

    def locations(self, there: ObjectId) -> tuple[Name, ...]:
        """Who holds a copy."""
        row = self.rows.get(object_key(there))
        return row.locations if isinstance(row, ObjectRow) else ()

    def is_dead(self, raylet: Name) -> bool:
        """Whether a node was declared dead."""
        row = self.rows.get(node_key(raylet))
        return isinstance(row, NodeRow) and row.is_dead


@dataclass(slots=True)
class TableWriter(Process):
    """A component that writes its part of the tables, one request after the other."""

    todo: tuple[WriteColumns | AddCopy, ...]
    denied: tuple[Key[Any], ...] = ()
    """Writes that were refused."""
    store: Name = constant("gcs")

    def start(self, ctx: Context) -> None:
        """Writing is the program's own progress."""
        self.go_on(ctx)

    def go_on(self, ctx: Context) -> None:
        """Arm the next write while there is one."""
        if self.todo:
            ctx.set_timer("write", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """Write."""
        request, *rest = self.todo
        self.todo = tuple(rest)
        ctx.send(self.store, request)
        self.go_on(ctx)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Word that a write was refused."""
        match message:
            case Denied(key):
                self.denied += (key,)
            case _:
                raise Unhandled(message)


def writes(key: Key[Any], **columns: Any) -> WriteColumns:
    """A write of these columns."""
    return WriteColumns(key, tuple(columns.items()))
