"""Planted bugs of the shards and of flushing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rayproof.model.gcs.chain.protocol import Datum, Read, Write
from rayproof.model.gcs.chain.register import AtomicStore
from rayproof.model.gcs.paper.flushing import TaskTable
from rayproof.model.gcs.paper.tables import (
    Key,
    Row,
    Table,
    component_of,
    object_key,
    writers_of,
)
from rayproof.model.gcs.paper.typed_store import TypedStore, WriteColumns
from rayproof.model.graph import ObjectId
from rayproof.model.kernel import Context, FaultKind, Message, Name
from rayproof.properties.bug import Bug


@dataclass(slots=True)
class EvictsBeforeItWrites(TaskTable):
    """The memory of an entry is freed whether or not it was written."""

    def flush(self, ctx: Context) -> None:
        for task in sorted(self.memory)[: max(0, len(self.memory) - self.budget)]:
            if not ctx.may_fail(FaultKind.FAIL_WRITE):
                self.disk[task] = self.memory[task]
            self.evict(task)


@dataclass(slots=True)
class ForgetsWhatIsReleased(TaskTable):
    """An entry goes with the reference to its own object, whoever was made from it."""

    def forget(self) -> None:
        for table in (self.memory, self.disk):
            for task in sorted(set(table) - self.referenced):
                del table[task]


@dataclass(slots=True)
class NeverTriesAgain(TaskTable):
    """A write that failed is given up."""

    def fire(self, ctx: Context, timer: str) -> None:
        pass


@dataclass(slots=True)
class KeepsItsDisk(TaskTable):
    """What was flushed is never forgotten."""

    def forget(self) -> None:
        disk = dict(self.disk)
        TaskTable.forget(self)
        self.disk = disk


@dataclass(slots=True)
class LooksInMemoryOnly(TaskTable):
    """Who asks for lineage is told of what is in memory."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        disk, self.disk = self.disk, {}
        TaskTable.receive(self, ctx, sender, message)
        self.disk = {**disk, **self.disk}

    def forget(self) -> None:
        pass


@dataclass(slots=True)
class AnswersBeforeItWrites(AtomicStore):
    """A write takes effect when the next request comes."""

    late: tuple[tuple[str, Datum], ...] = ()
    """Answered and not in effect yet."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        values = dict(self.values)
        AtomicStore.receive(self, ctx, sender, message)
        for key, value in self.late:
            self.values[key] = value
        if isinstance(message, Write):
            self.late = ((message.key, message.value),)
            self.values = values


@dataclass(slots=True)
class IgnoresAbsentKeys(AtomicStore):
    """Who reads a key that was never written waits until it is."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        if not isinstance(message, Read) or message.key in self.values:
            AtomicStore.receive(self, ctx, sender, message)


TABLE_BUGS = (
    Bug(
        "evicts_before_it_writes",
        "An entry leaves memory although it could not be written to disk.",
        {TaskTable: EvictsBeforeItWrites},
        "flushed_lineage_is_reachable",
        "flushing-1-2",
        "Ray #3529",
        ("a_lost_object_can_be_made_again",),
    ),
    Bug(
        "forgets_what_is_released",
        "An entry is forgotten although something made from its object is still referenced.",
        {TaskTable: ForgetsWhatIsReleased},
        "flushed_lineage_is_reachable",
        "flushing-1-2",
        "Ray #3529",
        ("a_lost_object_can_be_made_again",),
    ),
    Bug(
        "never_tries_again",
        "A failed write to disk is never repeated.",
        {TaskTable: NeverTriesAgain},
        "memory_is_within_its_budget",
        "flushing-1-2",
        "OSDI 2018 §5.1",
    ),
    Bug(
        "keeps_its_disk",
        "Flushed entries are never forgotten.",
        {TaskTable: KeepsItsDisk},
        "nothing_is_kept_in_vain",
        "flushing-1-2",
        "OSDI 2018 §5.1",
    ),
    Bug(
        "looks_in_memory_only",
        "Lineage that was flushed is not found.",
        {TaskTable: LooksInMemoryOnly},
        "a_lost_object_can_be_made_again",
        "flushing-1-2",
        "Ray #3529",
        ("nothing_is_kept_in_vain",),
    ),
    Bug(
        "answers_before_it_writes",
        "A write is answered before it takes effect.",
        {AtomicStore: AnswersBeforeItWrites},
        "linearizable",
        "shards-2",
        "Herlihy and Wing 1990",
    ),
    Bug(
        "ignores_absent_keys",
        "A read of a key that was never written is not answered.",
        {AtomicStore: IgnoresAbsentKeys},
        "every_operation_ends",
        "shards-2",
        "OSDI 2018 §4.2.1",
    ),
)
"""The planted bugs of shards and flushing."""


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
