"""What must hold of the tables: spread over shards, and flushed to disk."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.gcs.chain.clients import ChainClient
from rayproof.model.gcs.chain.events import Answered, Invoked
from rayproof.model.gcs.chain.protocol import ABSENT, Datum
from rayproof.model.gcs.paper.flushing import LineageUser, TaskTable
from rayproof.model.gcs.paper.tables import ActorRow, GroupRow, NodeRow, ObjectRow, may_write
from rayproof.model.gcs.paper.typed_store import RowWritten, TableWriter, TypedStore
from rayproof.model.kernel import Name, StateView, always, audit, first, sometimes
from rayproof.properties.gcs.chain.linearizability import linearizable
from rayproof.properties.gcs.chain.statements import unanswered


@dataclass(frozen=True, slots=True)
class PairsRead:
    """Monitor: a reader that asks for the second key of a pair before the first, and what it was told.

    The writer writes the first key before the second, and waits in between.
    """

    asked: tuple[Invoked, ...] = ()
    second: Datum = ABSENT
    halved: bool = False

    def observe(self, event: object) -> PairsRead:
        """Fold one event."""
        match event:
            case Invoked(value=None):
                return replace(self, asked=(*self.asked, event))
            case Answered(client, number, value):
                query = next((e for e in self.asked if (e.client, e.number) == (client, number)), None)
                if query is None:
                    return self
                is_first = query == self.asked[0]
                if is_first:
                    return replace(self, second=value)
                return replace(self, halved=(self.second == ABSENT) != (value == ABSENT))
            case _:
                return self


def _half_a_pair(view: StateView) -> str | None:
    read = view.monitor(PairsRead)
    return f"one key was read as {read.second}, the other was not" if read.halved else None


@always(source="OSDI 2018 §4.2.1: shards are independent", monitors=(PairsRead,))
def a_pair_is_seen_whole(view: StateView) -> str | None:
    """A reader sees both keys of a pair as written, or neither. Not promised, and broken, across shards."""
    return _half_a_pair(view)


@sometimes(source="OSDI 2018 §4.2.1: shards are independent", monitors=(PairsRead,))
def half_a_pair_is_seen(view: StateView) -> str | None:
    """A reader sees one key of a pair without the other: there is no atomicity across shards."""
    return _half_a_pair(view)


@audit(ChainClient, source="OSDI 2018 §4.2.1")
def every_operation_ends(view: StateView) -> str | None:
    """No operation stays unanswered."""
    return first(
        f"{name}: {unanswered(client)}"
        for name, client in view.of(ChainClient).items()
        if client.pending or client.todo
    )


@always(TaskTable, each=True, source="OSDI 2018 §5.1; Ray #3529")
def flushed_lineage_is_reachable(table: TaskTable) -> str | None:
    """The lineage of every live reference is in memory or on disk."""
    _, missing = table.lineage(tuple(sorted(table.referenced)))
    return f"{min(missing)} is neither in memory nor on disk" if missing else None


@always(LineageUser, each=True, source="Ray #3529")
def a_lost_object_can_be_made_again(user: LineageUser) -> str | None:
    """Whoever holds a reference to an object and asks for its lineage gets all of it."""
    return first(f"{name} cannot be made again" for name, complete in user.answers.items() if not complete)


@audit(TaskTable, each=True, source="OSDI 2018 §5.1, figure 10b")
def memory_is_within_its_budget(table: TaskTable) -> str | None:
    """At rest, memory holds no more entries than its budget allows."""
    return None if len(table.memory) <= table.budget else f"{len(table.memory)} entries, the budget is {table.budget}"


@audit(TaskTable, each=True, source="OSDI 2018 §5.1")
def nothing_is_kept_in_vain(table: TaskTable) -> str | None:
    """At rest, every entry is needed by some reference."""
    needed, _ = table.lineage(tuple(sorted(table.referenced)))
    return first(f"{task} is kept" for task in sorted({*table.memory, *table.disk} - needed))


@sometimes(TaskTable, source="OSDI 2018 §5.1")
def a_needed_entry_is_on_disk_only(view: StateView) -> str | None:
    """The lineage of a live reference has been flushed."""
    return first(
        f"{task} is on disk only"
        for table in view.of(TaskTable).values()
        for task in sorted(table.lineage(tuple(sorted(table.referenced)))[0])
        if task in table.disk and task not in table.memory
    )


@sometimes(TaskTable, source="OSDI 2018 §5.1")
def a_write_to_disk_fails(view: StateView) -> str | None:
    """Memory is over its budget, because an entry could not be written."""
    return first(
        f"{len(table.memory)} entries in memory, the budget is {table.budget}"
        for table in view.of(TaskTable).values()
        if len(table.memory) > table.budget
    )


SHARDED = (linearizable, every_operation_ends, half_a_pair_is_seen)
"""What is checked of two shards."""


FLUSHED = (
    flushed_lineage_is_reachable,
    a_lost_object_can_be_made_again,
    memory_is_within_its_budget,
    nothing_is_kept_in_vain,
    a_needed_entry_is_on_disk_only,
    a_write_to_disk_fails,
)
"""What is checked of a task table under a memory budget."""


@dataclass(frozen=True, slots=True)
class ForeignWrites:
    """Monitor: a column that was changed by a component that does not own it."""

    broken: str = ""

    def observe(self, event: object) -> ForeignWrites:
        """Fold one event."""
        if self.broken or not isinstance(event, RowWritten):
            return self
        if may_write(event.writer, event.key, event.before, event.after):
            return self
        return replace(self, broken=f"{event.writer} changes {event.key}")


@always(source="OSDI 2018 §4.2.1, figure 7; Ray 2.60 gcs_node_manager.cc", monitors=(ForeignWrites,))
def tables_are_written_by_their_owners(view: StateView) -> str | None:
    """No column is ever changed by a component that does not own it."""
    return view.monitor(ForeignWrites).broken or None


def dead_nodes(store: TypedStore) -> set[Name]:
    """Raylets that the store has declared dead."""
    return {key.id for key, row in store.rows.items() if isinstance(row, NodeRow) and row.is_dead}


@always(TypedStore, each=True, source="Ray #65660: a late notice of a dead node")
def no_copy_on_a_dead_node(store: TypedStore) -> str | None:
    """No object is said to be on a node that is said to be dead."""
    dead = dead_nodes(store)
    return first(
        f"{key.id} is said to be on {min(dead.intersection(row.locations))}, which is dead"
        for key, row in store.rows.items()
        if isinstance(row, ObjectRow) and not dead.isdisjoint(row.locations)
    )


@audit(TypedStore, each=True, source="Ray 2.60 gcs_actor_manager.cc::SchedulePendingActors")
def what_is_pending_is_placed(store: TypedStore) -> str | None:
    """At rest, if a node is alive, every actor and every placement group has one."""
    nodes = {key.id for key, row in store.rows.items() if isinstance(row, NodeRow)}
    living = sorted(nodes - dead_nodes(store))
    if not living:
        return None
    return first(
        f"{key.id} has no node, {living[0]} lives"
        for key, row in store.rows.items()
        if (isinstance(row, ActorRow) and not row.node) or (isinstance(row, GroupRow) and not row.nodes)
    )


@sometimes(TableWriter, source="Ray 2.60 gcs_node_manager.cc")
def a_foreign_write_is_refused(view: StateView) -> str | None:
    """A component is refused a write to a column that it does not own."""
    return first(f"{name} is denied" for name, writer in view.of(TableWriter).items() if writer.denied)


TYPED = (
    tables_are_written_by_their_owners,
    no_copy_on_a_dead_node,
    what_is_pending_is_placed,
    a_foreign_write_is_refused,
)
"""What is checked of the typed tables."""
