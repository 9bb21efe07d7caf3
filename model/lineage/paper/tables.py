"""The task table and the object table, and what they say about losses.

Source: OSDI 2018, sections 4.2.1 and 4.2.3: lineage is kept per task, an object that is lost is made again by executing
the task that made it, and so on through its inputs.

Left out: bounded retries, actors and their stateful edges, flushing of old lineage.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rayproof.model.graph import ObjectId, Program, TaskId
from rayproof.model.kernel import Name


class TaskStatus(StrEnum):
    """Where the table believes a task to be."""

    QUEUED = "queued"
    """Queued or running on a node, or on its way there."""
    PLACING = "placing"
    """With the global scheduler, to be executed again."""
    DONE = "done"
    """Its outputs were made on that node."""


@dataclass(frozen=True, slots=True)
class TaskEntry:
    """One row of the task table."""

    status: TaskStatus
    node: Name = ""


def lost_tasks(
    program: Program, tasks: dict[TaskId, TaskEntry], copies: dict[ObjectId, set[Name]], node: Name
) -> list[TaskId]:
    """Tasks that the death of a node has undone, in the order of their names: queued there, or made only there."""
    lost = []
    for task, entry in sorted(tasks.items()):
        if entry.node != node:
            continue
        outputs = program.tasks[task].outputs
        unfinished = entry.status is TaskStatus.QUEUED
        if unfinished or (outputs and not all(copies.get(made) for made in outputs)):
            lost.append(task)
    return lost
