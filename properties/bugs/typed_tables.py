"""Planted bugs of the typed tables: writes that should have been refused, and what is never looked at again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rayproof.model.gcs.tables import Key, Row, Table, component_of, object_key, writers_of
from rayproof.model.gcs.typed_store import TypedStore, WriteColumns
from rayproof.model.graph import ObjectId
from rayproof.model.kernel import Context, Message, Name
from rayproof.properties.bugs.base import Bug


@dataclass(slots=True)
class LetsOwnersPlaceTheirActors(TypedStore):
    """Whoever registers actors may write all of their rows."""

    def allows(self, writer: Name, key: Key[Any], before: Row | None, after: Row) -> bool:
        return key.table is Table.ACTOR or TypedStore.allows(self, writer, key, before, after)


@dataclass(slots=True)
class ChecksTheTableOnly(TypedStore):
    """Whoever may write something into a table may write everything into it."""

    def allows(self, writer: Name, key: Key[Any], before: Row | None, after: Row) -> bool:
        return any(component_of(writer) in writers for writers in writers_of(key.table).values())


@dataclass(slots=True)
class TakesLateCopies(TypedStore):
    """A dead node's word that it holds a copy is believed."""

    def add_copy(self, ctx: Context, raylet: Name, there: ObjectId) -> None:
        locations = tuple(sorted({*self.locations(there), raylet}))
        self.write(ctx, raylet, object_key(there), (("locations", locations),))


@dataclass(slots=True)
class PlacesAtOnceOrNever(TypedStore):
    """What finds no node when it is registered is forgotten."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        hidden: dict[Key[Any], Row] = {}
        if not (isinstance(message, WriteColumns) and message.key.table in _PLACED):
            hidden = {key: row for key, row in self.rows.items() if key.table in _PLACED}
        self.rows = {key: row for key, row in self.rows.items() if key not in hidden}
        TypedStore.receive(self, ctx, sender, message)
        self.rows |= hidden


_PLACED = (Table.ACTOR, Table.GROUP)

_TABLES = "tables-1"

TYPED_TABLE_BUGS = (
    Bug(
        "lets_owners_place_their_actors",
        "A driver writes where its actor lives, which is for the store to decide.",
        {TypedStore: LetsOwnersPlaceTheirActors},
        "tables_are_written_by_their_owners",
        _TABLES,
        "Ray 2.60 gcs_actor_manager.cc",
    ),
    Bug(
        "checks_the_table_only",
        "A raylet that has lost its connection to another one declares it dead.",
        {TypedStore: ChecksTheTableOnly},
        "tables_are_written_by_their_owners",
        _TABLES,
        "Ray 2.60 gcs_node_manager.cc",
        ("no_copy_on_a_dead_node",),
    ),
    Bug(
        "takes_late_copies",
        "A copy is recorded on a node that has been declared dead.",
        {TypedStore: TakesLateCopies},
        "no_copy_on_a_dead_node",
        _TABLES,
        "Ray #65660",
    ),
    Bug(
        "places_at_once_or_never",
        "An actor that is registered before the first node is never placed.",
        {TypedStore: PlacesAtOnceOrNever},
        "what_is_pending_is_placed",
        _TABLES,
        "Ray 2.60 gcs_actor_manager.cc::SchedulePendingActors",
    ),
)
"""The planted bugs of the typed tables."""
