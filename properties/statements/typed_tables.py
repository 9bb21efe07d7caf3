"""What must hold of the typed tables."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.gcs.tables import ActorRow, GroupRow, NodeRow, ObjectRow, may_write
from rayproof.model.gcs.typed_store import RowWritten, TableWriter, TypedStore
from rayproof.model.kernel import Name, StateView, always, audit, sometimes


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
