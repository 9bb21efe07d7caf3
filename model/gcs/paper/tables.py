"""The tables of the control store: typed keys, typed rows, and who may write which column.

Source: OSDI 2018, section 4.2.1 and figure 7 (object, task, function and event tables of the paper's GCS); Ray 2.60
`src/ray/gcs/gcs_table_storage.h` and `gcs_actor_manager.cc`, `gcs_node_manager.cc`, `gcs_placement_group_manager.cc`,
`gcs_job_manager.cc` (node, actor, placement group and job). A column names the components that write it; a row of which
only its subject may write (a node's own registration, a node's own copies) says so in `is_own`.

Left out: columns that no protocol of the model reads (labels, addresses, time stamps).
"""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, field, fields
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypeVar

from rayproof.model.graph import ActorId, NodeId, ObjectId, TaskId
from rayproof.model.graph.resources import UNIT
from rayproof.model.kernel import Name, slot_of
from rayproof.model.lineage.paper.tables import TaskStatus

GroupId: TypeAlias = str
JobId: TypeAlias = str


class Component(StrEnum):
    """Who writes."""

    DRIVER = "driver"
    WORKER = "worker"
    RAYLET = "raylet"
    SCHEDULER = "scheduler"
    GCS = "gcs"
    """The store's own managers: they declare nodes dead and place actors and groups."""


OWNERS = (Component.DRIVER, Component.WORKER)
"""Who submits tasks and creates objects and actors."""

EVERYBODY = tuple(Component)


class Table(StrEnum):
    """The tables."""

    OBJECT = "object"
    TASK = "task"
    FUNCTION = "function"
    ACTOR = "actor"
    NODE = "node"
    GROUP = "placement group"
    JOB = "job"
    EVENT = "event log"


def written_by(*writers: Component, default: Any = MISSING, unit: int = 1) -> Any:
    """A column, with the components that may write it; `unit` as of `in_units`."""
    return field(default=default, metadata={"writers": writers, "unit": unit})


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """Where an object is, how large, and who still needs it."""

    locations: tuple[Name, ...] = written_by(Component.RAYLET, Component.GCS, default=())
    """Raylets with a copy, in order; each writes itself, and the store takes the dead out."""
    size_bytes: int = written_by(Component.RAYLET, default=0)
    references: int = written_by(*OWNERS, default=0)
    """How many holders can still ask for it."""
    is_failed: bool = written_by(Component.RAYLET, Component.SCHEDULER, default=False)
    """Whether it will never be made."""

    @property
    def is_available(self) -> bool:
        """Whether a copy exists."""
        return bool(self.locations)


@dataclass(frozen=True, slots=True)
class TaskRow:
    """Lineage, and how far the task has come."""

    inputs: tuple[ObjectId, ...] = written_by(*OWNERS, default=())
    outputs: tuple[ObjectId, ...] = written_by(*OWNERS, default=())
    status: TaskStatus | None = written_by(Component.RAYLET, Component.SCHEDULER, Component.GCS, default=None)
    node: Name = written_by(Component.RAYLET, Component.SCHEDULER, Component.GCS, default="")
    """Where it was sent last."""


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """A remote function, published to all workers."""

    body: str = written_by(Component.DRIVER)


@dataclass(frozen=True, slots=True)
class ActorRow:
    """An actor: what its owner wants, and where the store has put it."""

    job: JobId = written_by(*OWNERS)
    is_detached: bool = written_by(*OWNERS, default=False)
    node: Name = written_by(Component.GCS, default="")
    """Where it lives; empty while it is pending."""
    is_dead: bool = written_by(Component.GCS, default=False)


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A member of the cluster."""

    total: tuple[tuple[str, int], ...] = written_by(Component.RAYLET, default=(), unit=UNIT)
    """Its resources in fixed-point units."""
    is_dead: bool = written_by(Component.GCS, default=False)
    """Declared by the store alone, and final."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A placement group."""

    bundles: tuple[tuple[tuple[str, int], ...], ...] = written_by(*OWNERS, unit=UNIT)
    nodes: tuple[Name, ...] = written_by(Component.GCS, default=())
    """Where its bundles are reserved; empty while it is pending."""


@dataclass(frozen=True, slots=True)
class JobRow:
    """A driver's job."""

    is_finished: bool = written_by(Component.DRIVER, Component.GCS, default=False)


@dataclass(frozen=True, slots=True)
class EventRow:
    """One line of the log."""

    text: str = written_by(*EVERYBODY)


Row: TypeAlias = ObjectRow | TaskRow | FunctionRow | ActorRow | NodeRow | GroupRow | JobRow | EventRow

R = TypeVar("R", ObjectRow, TaskRow, FunctionRow, ActorRow, NodeRow, GroupRow, JobRow, EventRow)

ROWS: dict[Table, type[Row]] = {
    Table.OBJECT: ObjectRow,
    Table.TASK: TaskRow,
    Table.FUNCTION: FunctionRow,
    Table.ACTOR: ActorRow,
    Table.NODE: NodeRow,
    Table.GROUP: GroupRow,
    Table.JOB: JobRow,
    Table.EVENT: EventRow,
}
"""What each table holds."""


@dataclass(frozen=True, slots=True, order=True)
class RowKey(Generic[R]):
    """The key of a row of type R; made by the functions below."""

    table: Table
    id: str

    @property
    def path(self) -> str:
        """The key as the chain and its shards know it."""
        return f"{self.table}/{self.id}"


def object_key(id: ObjectId) -> RowKey[ObjectRow]:
    """The row of an object."""
    return RowKey(Table.OBJECT, id)


def task_key(id: TaskId) -> RowKey[TaskRow]:
    """The row of a task."""
    return RowKey(Table.TASK, id)


def function_key(id: str) -> RowKey[FunctionRow]:
    """The row of a function."""
    return RowKey(Table.FUNCTION, id)


def actor_key(id: ActorId) -> RowKey[ActorRow]:
    """The row of an actor."""
    return RowKey(Table.ACTOR, id)


def node_key(id: NodeId) -> RowKey[NodeRow]:
    """The row of a node, under the name of its raylet."""
    return RowKey(Table.NODE, id)


def group_key(id: GroupId) -> RowKey[GroupRow]:
    """The row of a placement group."""
    return RowKey(Table.GROUP, id)


def job_key(id: JobId) -> RowKey[JobRow]:
    """The row of a job."""
    return RowKey(Table.JOB, id)


def event_key(writer: Name, number: int) -> RowKey[EventRow]:
    """A writer's line of that number in the log."""
    return RowKey(Table.EVENT, f"{writer}/{number}")


# ---- who may write --------------------------------------------------------------------------------------------------


def component_of(writer: Name) -> Component:
    """The component of a process; raises `ValueError` for one that writes no table."""
    return Component(slot_of(writer).rstrip("0123456789."))


def writers_of(table: Table) -> dict[str, tuple[Component, ...]]:
    """The columns of a table, each with the components that write it."""
    return {column.name: column.metadata["writers"] for column in fields(ROWS[table])}


def may_write(writer: Name, key: RowKey[Any], before: Row | None, after: Row) -> bool:
    """Whether a process may turn one row into another; `before` is None for a new row.

    It must write every column that it changes, and the row must be its own where rows have a subject. The columns of a
    new row start with their defaults.
    """
    if type(after) is not ROWS[key.table]:
        return False
    component = component_of(writer)
    return all(
        component in column.metadata["writers"]
        for column in fields(after)
        if getattr(after, column.name) != _held(column, before)
    ) and is_own(writer, key, before, after)


def is_own(writer: Name, key: RowKey[Any], before: Row | None, after: Row) -> bool:
    """Whether a write stays with its subject: raylets write their own registration and copies, all their own events.

    The log only grows.
    """
    match after:
        case ObjectRow(locations) if component_of(writer) is Component.RAYLET:
            held = before.locations if isinstance(before, ObjectRow) else ()
            return {*locations} ^ {*held} <= {writer}
        case NodeRow() if component_of(writer) is Component.RAYLET:
            return key.id == writer
        case EventRow():
            return before is None and key.id.rpartition("/")[0] == writer
        case _:
            return True


def _held(column: Field[Any], before: Row | None) -> Any:
    """What a column holds before a write; what no write has set equals nothing that can be written."""
    return column.default if before is None else getattr(before, column.name)
