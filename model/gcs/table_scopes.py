"""Scopes of the typed tables, and of control state that lies on chains."""

from __future__ import annotations

from typing import Any

from model.gcs.scenarios import Swap
from model.gcs.tables import (
    actor_key,
    event_key,
    function_key,
    group_key,
    job_key,
    node_key,
    object_key,
    task_key,
)
from model.gcs.typed_store import AddCopy, TableWriter, TypedStore, WriteColumns, writes
from model.kernel import FaultKind, LinkRule, Scenario
from model.kernel.statements import Statement
from model.lineage.tables import TaskStatus

CPU = (("CPU", 10_000),)

DRIVER = (
    writes(job_key("job"), is_finished=False),
    writes(function_key("f"), body="f"),
    writes(task_key("t"), inputs=(), outputs=("o",)),
    writes(object_key("o"), references=1),
    writes(actor_key("a"), job="job"),
    # Where its actor lives is not for the owner to say.
    writes(actor_key("a"), node="raylet1"),
    writes(group_key("g"), bundles=(CPU,)),
)
"""A job begins: one row of each table that drivers write, and one write too many."""

RAYLET0 = (
    writes(node_key("raylet0"), total=CPU),
    writes(task_key("t"), status=TaskStatus.DONE, node="raylet0"),
    AddCopy("o"),
    # It has lost its connection to the other node, which proves nothing: to declare it dead is not its right.
    writes(node_key("raylet1"), is_dead=True),
)
"""A node registers, runs the task, and takes a silent peer for dead."""

RAYLET1 = (
    writes(node_key("raylet1"), total=CPU),
    AddCopy("o"),
    writes(event_key("raylet1", 1), text="copied o"),
)
"""A node that gets a copy, and may die."""


def typed_tables(crashes: int = 1, statements: tuple[Statement, ...] = (), swap: Swap | None = None) -> Scenario:
    """A driver and two raylets write all tables; one of the raylets may crash."""
    kinds: Any = swap or {}
    store, writer = kinds.get(TypedStore, TypedStore), kinds.get(TableWriter, TableWriter)

    def made(todo: tuple[WriteColumns | AddCopy, ...]) -> Any:
        return lambda: writer(todo)

    return Scenario(
        f"tables-{crashes}",
        "gcs",
        {"gcs": store, "driver": made(DRIVER), "raylet0": made(RAYLET0), "raylet1": made(RAYLET1)},
        statements,
        links=(LinkRule(unreachable=False),),
        crashable=("raylet1",),
        watchers={"raylet1": ("gcs",)},
        faults={FaultKind.CRASH: crashes},
        max_incarnations=1,
        constants={"writes": len(DRIVER) + len(RAYLET0) + len(RAYLET1), "crashes": crashes},
    )
