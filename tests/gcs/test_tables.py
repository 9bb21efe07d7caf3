"""Who may write what: every column has writers, and a write by anybody else is refused."""

import pytest

from rayproof.model.gcs.paper.tables import (
    ROWS,
    ActorRow,
    Component,
    EventRow,
    NodeRow,
    ObjectRow,
    Row,
    Table,
    TaskRow,
    actor_key,
    component_of,
    event_key,
    may_write,
    node_key,
    object_key,
    task_key,
    writers_of,
)


@pytest.mark.parametrize("table", Table)
def test_every_column_of_every_table_names_its_writers(table: Table) -> None:
    assert ROWS[table].__slots__ == tuple(writers_of(table))
    assert all(writers and {*writers} <= {*Component} for writers in writers_of(table).values())


@pytest.mark.parametrize(
    ("writer", "component"),
    [("driver", "driver"), ("worker1.003", "worker"), ("raylet12#1", "raylet"), ("gcs", "gcs")],
)
def test_a_process_belongs_to_the_component_of_its_slot(writer: str, component: str) -> None:
    assert component_of(writer) == component


def test_a_process_of_no_component_writes_nothing() -> None:
    with pytest.raises(ValueError, match="storage"):
        component_of("storage")


ALLOWED = [
    ("raylet0", object_key("o"), None, ObjectRow(("raylet0",), 8)),
    ("raylet0", object_key("o"), ObjectRow(("raylet0", "raylet1")), ObjectRow(("raylet1",))),
    ("driver", object_key("o"), ObjectRow(("raylet1",)), ObjectRow(("raylet1",), references=1)),
    ("gcs", object_key("o"), ObjectRow(("raylet0", "raylet1")), ObjectRow(())),
    ("worker0.000", task_key("t"), None, TaskRow(("o",), ("p",))),
    ("gcs", actor_key("a"), ActorRow("job"), ActorRow("job", node="raylet0")),
    ("gcs", node_key("raylet0"), NodeRow(), NodeRow(is_dead=True)),
    ("scheduler", event_key("scheduler", 1), None, EventRow("placed")),
]

REFUSED = [
    ("raylet0", object_key("o"), None, ObjectRow(("raylet1",))),
    ("raylet0", object_key("o"), ObjectRow(("raylet1",)), ObjectRow(())),
    ("raylet0", object_key("o"), None, ObjectRow(references=1)),
    ("scheduler", task_key("t"), None, TaskRow(("o",), ("p",))),
    ("driver", actor_key("a"), ActorRow("job"), ActorRow("job", node="raylet0")),
    ("gcs", actor_key("a"), None, ActorRow("job", node="raylet0")),
    ("raylet0", node_key("raylet1"), None, NodeRow((("CPU", 1),))),
    ("raylet0", node_key("raylet1"), NodeRow(), NodeRow(is_dead=True)),
    ("driver", event_key("scheduler", 1), None, EventRow("placed")),
    ("driver", event_key("driver", 1), EventRow("began"), EventRow("ended")),
    ("driver", object_key("o"), None, TaskRow()),
]


@pytest.mark.parametrize(("writer", "key", "before", "after"), ALLOWED)
def test_a_component_writes_its_own(writer: str, key: object, before: Row | None, after: Row) -> None:
    assert may_write(writer, key, before, after)  # type: ignore[arg-type]


@pytest.mark.parametrize(("writer", "key", "before", "after"), REFUSED)
def test_a_write_by_anybody_else_is_refused(writer: str, key: object, before: Row | None, after: Row) -> None:
    assert not may_write(writer, key, before, after)  # type: ignore[arg-type]
