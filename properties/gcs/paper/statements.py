"""What must hold of the tables: spread over shards, and flushed to disk."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.gcs.chain.clients import ChainClient
from rayproof.model.gcs.chain.events import Answered, Invoked
from rayproof.model.gcs.chain.protocol import ABSENT, Datum
from rayproof.model.gcs.paper.flushing import LineageUser, TaskTable
from rayproof.model.gcs.paper.tables import ActorRow, GroupRow, NodeRow, ObjectRow, may_write
from rayproof.model.gcs.paper.typed_store import RowWritten, TableWriter, TypedStore
from rayproof.model.kernel import Name, StateView, always, audit, sometimes
from rayproof.properties.gcs.chain.linearizability import linearizable


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


@always(source="OSDI 2018 §4.2.1: shards are independent", monitors=(PairsRead,))
def a_pair_is_seen_whole(view: StateView) -> bool:
    """A reader sees both keys of a pair as written, or neither. Not promised, and broken, across shards."""
    return not view.monitor(PairsRead).halved


@sometimes(source="OSDI 2018 §4.2.1: shards are independent", monitors=(PairsRead,))
def half_a_pair_is_seen(view: StateView) -> bool:
    """A reader sees one key of a pair without the other: there is no atomicity across shards."""
    return view.monitor(PairsRead).halved


@audit(ChainClient, source="OSDI 2018 §4.2.1")
def every_operation_ends(view: StateView) -> bool:
    """No operation stays unanswered."""
    return not any(client.pending or client.todo for client in view.of(ChainClient).values())


@always(TaskTable, each=True, source="OSDI 2018 §5.1; Ray #3529")
def flushed_lineage_is_reachable(table: TaskTable) -> bool:
    """Whatever a live reference may have to be made from again is in memory or on disk."""
    _, missing = table.lineage(tuple(sorted(table.referenced)))
    return not missing


@always(LineageUser, each=True, source="Ray #3529")
def a_lost_object_can_be_made_again(user: LineageUser) -> bool:
    """Who asks for the lineage of an object that it holds a reference to gets all of it."""
    return all(user.answers.values())


@audit(TaskTable, each=True, source="OSDI 2018 §5.1, figure 10b")
def memory_is_within_its_budget(table: TaskTable) -> bool:
    """When all is quiet, memory holds no more entries than it may."""
    return len(table.memory) <= table.budget


@audit(TaskTable, each=True, source="OSDI 2018 §5.1")
def nothing_is_kept_in_vain(table: TaskTable) -> bool:
    """When all is quiet, every entry is needed by some reference."""
    needed, _ = table.lineage(tuple(sorted(table.referenced)))
    return {*table.memory, *table.disk} <= needed


@sometimes(TaskTable, source="OSDI 2018 §5.1")
def a_needed_entry_is_on_disk_only(view: StateView) -> bool:
    """The lineage of a live reference has been flushed."""
    return any(
        task in table.disk and task not in table.memory
        for table in view.of(TaskTable).values()
        for task in table.lineage(tuple(sorted(table.referenced)))[0]
    )


@sometimes(TaskTable, source="OSDI 2018 §5.1")
def a_write_to_disk_fails(view: StateView) -> bool:
    """Memory is over its budget, because an entry could not be written."""
    return any(len(table.memory) > table.budget for table in view.of(TaskTable).values())


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
    """Monitor: whether a column was ever changed by a component that does not own it."""

    broken: bool = False

    def observe(self, event: object) -> ForeignWrites:
        """Fold one event."""
        if isinstance(event, RowWritten) and not may_write(event.writer, event.key, event.before, event.after):
            return replace(self, broken=True)
        return self


@always(source="OSDI 2018 §4.2.1, figure 7; Ray 2.60 gcs_node_manager.cc", monitors=(ForeignWrites,))
def tables_are_written_by_their_owners(view: StateView) -> bool:
    """No column is ever changed by a component that does not own it."""
    return not view.monitor(ForeignWrites).broken


def dead_nodes(store: TypedStore) -> set[Name]:
    """Raylets that the store has declared dead."""
    return {key.id for key, row in store.rows.items() if isinstance(row, NodeRow) and row.is_dead}


@always(TypedStore, each=True, source="Ray #65660: a late notice of a dead node")
def no_copy_on_a_dead_node(store: TypedStore) -> bool:
    """No object is said to be on a node that is said to be dead."""
    dead = dead_nodes(store)
    return all(dead.isdisjoint(row.locations) for row in store.rows.values() if isinstance(row, ObjectRow))


@audit(TypedStore, each=True, source="Ray 2.60 gcs_actor_manager.cc::SchedulePendingActors")
def what_is_pending_is_placed(store: TypedStore) -> bool:
    """While a node lives, no actor and no placement group is left without one."""
    nodes = {key.id for key, row in store.rows.items() if isinstance(row, NodeRow)}
    pending = any(
        (isinstance(row, ActorRow) and not row.node) or (isinstance(row, GroupRow) and not row.nodes)
        for row in store.rows.values()
    )
    return not pending or nodes <= dead_nodes(store)


@sometimes(TableWriter, source="Ray 2.60 gcs_node_manager.cc")
def a_foreign_write_is_refused(view: StateView) -> bool:
    """A component is told that what it would write is not its own."""
    return any(writer.denied for writer in view.of(TableWriter).values())


TYPED = (
    tables_are_written_by_their_owners,
    no_copy_on_a_dead_node,
    what_is_pending_is_placed,
    a_foreign_write_is_refused,
)
"""What is checked of the typed tables."""
