"""What an owner knows and keeps: places of its objects, references, specifications (the state of `lineage.ownership`).

Source: Ray 2.60 `core_worker/reference_counter.cc` and `task_manager.cc`. A value that nobody needs is freed; a
specification is kept as long as its result is referenced, or is needed to make again what is, within a limit in bytes.

Left out: borrowers' counts (`objects.references`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.graph import ObjectId, TaskId
from rayproof.model.kernel import Context, Name, Process, constant
from rayproof.model.lineage.ray2.execution import Free
from rayproof.model.lineage.ray2.programs import Action, Failure, Stage, Task


@dataclass(slots=True)
class Keeper(Process):
    """State of an owner, and what follows from it."""

    tasks: tuple[Task, ...] = constant()
    program: tuple[Action, ...] = constant()
    nodes: tuple[Name, ...] = constant()
    fetches: bool = constant(False)
    """Whether the driver's reads fetch the value, or end as soon as it is known to be somewhere."""
    max_lineage_bytes: int = constant(0)
    """Of kept specifications; 0 for no limit."""
    at: int = 0
    """The driver's next action."""
    reading: ObjectId = ""
    """What the driver waits for."""
    waiting: tuple[ObjectId, ...] = ()
    """Objects of which the driver waits for some."""
    fetching: Name = ""
    """The node that was asked for it."""
    references: set[ObjectId] = field(default_factory=set)
    """The driver's variables."""
    stage: dict[TaskId, Stage] = field(default_factory=dict)
    placed: dict[TaskId, Name] = field(default_factory=dict)
    """Node of the attempt that was submitted last."""
    attempts: dict[TaskId, int] = field(default_factory=dict)
    primary: dict[ObjectId, Name] = field(default_factory=dict)
    """Node with the pinned copy."""
    small: set[ObjectId] = field(default_factory=set)
    """Values that came with the reply, and that this process keeps itself."""
    copies: dict[ObjectId, set[Name]] = field(default_factory=dict)
    """Nodes with another copy."""
    spilled: dict[ObjectId, Name] = field(default_factory=dict)
    """Node with the object on its disk."""
    pinning: dict[ObjectId, Name] = field(default_factory=dict)
    """Copies that were asked to become primary."""
    failures: dict[ObjectId, Failure] = field(default_factory=dict)
    freed: set[ObjectId] = field(default_factory=set)
    """Values that nobody needed any longer."""
    asked: dict[ObjectId, tuple[Name, ...]] = field(default_factory=dict)
    """Who is to be told where an object is, as soon as it is somewhere."""
    evicted: set[TaskId] = field(default_factory=set)
    """Tasks whose specifications were given up for lack of room."""
    dead: set[Name] = field(default_factory=set)
    got: dict[ObjectId, str] = field(default_factory=dict)
    """What the driver's reads gave."""

    def accepts(self, node: Name) -> bool:
        """Whether a node's report counts: not any longer once it is declared dead, however late it comes."""
        return node not in self.dead

    def task(self, name: TaskId) -> Task:
        """A task's specification."""
        return next(task for task in self.tasks if task.name == name)

    def maker(self, there: ObjectId) -> Task | None:
        """The task that makes an object; None for the value of a put."""
        return next((task for task in self.tasks if task.result == there), None)

    def places(self, there: ObjectId) -> tuple[Name, ...]:
        """Who has the object, the pinned copy first; a small value is with its owner."""
        if there in self.small:
            return ("owner",)
        pinned = [where[there] for where in (self.primary, self.spilled) if there in where]
        return (*pinned, *sorted(self.copies.get(there, ())))

    def retries_left(self, task: Task) -> int:
        """Executions that may still be added to the first."""
        return task.max_retries + 1 - self.attempts.get(task.name, 0)

    def can_run_again(self, task: Task) -> bool:
        """Whether the budget allows it and the specification is still there."""
        return self.retries_left(task) > 0 and task.name not in self.evicted

    def known_objects(self) -> tuple[ObjectId, ...]:
        """All objects of this owner that are somewhere."""
        return tuple(sorted({*self.primary, *self.spilled, *self.copies, *self.small}))

    def forget_places(self, node: Name) -> None:
        """A dead node has nothing any longer, in memory or on disk."""
        self.primary = {there: at for there, at in self.primary.items() if at != node}
        self.spilled = {there: at for there, at in self.spilled.items() if at != node}
        for nodes in self.copies.values():
            nodes.discard(node)

    def is_needed(self, there: ObjectId) -> bool:
        """Whether the value is needed: by the driver, by a task that is not done, or by somebody who has asked."""
        waiting = (Stage.PENDING, Stage.SUBMITTED)
        return (
            there in self.references
            or there in self.asked
            or any(there in task.arguments for task in self.tasks if self.stage.get(task.name) in waiting)
        )

    def keeps_lineage(self, task: Task) -> bool:
        """Whether the specification is kept: its result is referenced, or needed to make again what is."""
        needed = task.result in self.references or self.held_by_lineage(task.result)
        return self.can_run_again(task) and needed and not task.small

    def held_by_lineage(self, there: ObjectId) -> bool:
        """Whether some kept task has it as an argument."""
        return any(there in task.arguments and self.keeps_lineage(task) for task in self.tasks)

    def may_free(self, there: ObjectId) -> bool:
        """A value that only lineage holds is freed if it can be made again; a put's, or a small one, is not."""
        task = self.maker(there)
        can_be_made = task is not None and self.can_run_again(task) and there not in self.small
        return not self.is_needed(there) and (can_be_made or not self.held_by_lineage(there))

    def kept_bytes(self) -> int:
        """Size of the specifications that are kept for finished tasks."""
        return sum(
            task.bytes for task in self.tasks if self.stage.get(task.name) is Stage.DONE and self.keeps_lineage(task)
        )

    def bound_lineage(self) -> None:
        """Beyond the limit give up the oldest, down to half of it. `ReferenceCounter::EvictLineage`."""
        if not self.max_lineage_bytes or self.kept_bytes() <= self.max_lineage_bytes:
            return
        for task in self.tasks:
            if self.kept_bytes() <= self.max_lineage_bytes // 2:
                return
            if self.stage.get(task.name) is Stage.DONE and self.keeps_lineage(task):
                self.evicted.add(task.name)

    def free_unneeded(self, ctx: Context) -> None:
        """Delete values that nobody needs."""
        for there in self.known_objects():
            places = self.places(there)
            if places and there not in self.pinning and self.may_free(there):
                if there not in self.small:
                    for node in places:
                        ctx.send(node, Free(there))
                self.small.discard(there)
                self.primary.pop(there, None)
                self.spilled.pop(there, None)
                self.copies.pop(there, None)
                if there not in self.failures:
                    # Otherwise the error is the value, and what is deleted a copy that was reported too late to help.
                    self.freed.add(there)
