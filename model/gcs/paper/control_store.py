"""The control store as one atomic process: object, task and node tables, subscriptions, death notices.

Source: OSDI 2018, section 4.2.1 and figure 7. All control state is here; every other component keeps none that it could
not lose. Links to it may be immediate (one atomic operation per request) or ordinary.

`gcs.chained` carries out the same requests on rows that lie on chains.

Left out: storage; reference counts; flushing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.gcs.paper.events import HeardOfDeath
from rayproof.model.gcs.paper.protocol import (
    CopyAdded,
    ExecuteAgain,
    InputLocations,
    LocateInputs,
    LocateObject,
    NodeDead,
    ObjectFailed,
    ObjectLocated,
    TaskAssigned,
    TaskDone,
    TaskQueued,
    TaskRejected,
)
from rayproof.model.graph import ObjectId, Program, TaskId
from rayproof.model.graph.program import DRIVER
from rayproof.model.kernel import Context, Down, Message, Name, Process, Unhandled, constant
from rayproof.model.lineage.paper.tables import TaskEntry, TaskStatus, lost_tasks


@dataclass(slots=True)
class ControlStore(Process):
    """The GCS of a cluster."""

    program: Program = constant()
    raylets: tuple[Name, ...] = constant()
    copies: dict[ObjectId, set[Name]] = field(default_factory=dict)
    """Object table: live nodes that hold a copy."""
    tasks: dict[TaskId, TaskEntry] = field(default_factory=dict)
    """Task table."""
    subscribers: dict[ObjectId, list[Name]] = field(default_factory=dict)
    """Raylets to be told as soon as a copy exists."""
    dead: set[Name] = field(default_factory=set)
    """Node table: nodes declared dead; dead is final."""
    failed: set[ObjectId] = field(default_factory=set)
    """Objects that will never be made."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Requests of raylets and of the global scheduler, and the failure detector's word."""
        match message:
            case TaskQueued(task):
                self.placed(ctx, task, sender, answers=False)
            case TaskAssigned(task, node, again):
                self.placed(ctx, task, node, answers=again)
            case TaskDone(task):
                self.done(ctx, task, sender)
            case CopyAdded(there):
                if sender not in self.dead:
                    self.add_copy(ctx, there, sender)
            case LocateObject(needed):
                if sender not in self.dead:
                    self.locate(ctx, needed, sender)
            case LocateInputs(task):
                inputs = self.program.tasks[task].inputs
                places = tuple((needed, self.holders(needed)) for needed in inputs)
                self.tell(ctx, sender, InputLocations(task, places))
            case TaskRejected(task):
                self.rejected(ctx, task)
            case Down(node):
                self.node_died(ctx, node)
            case _:
                raise Unhandled(message)

    def tell(self, ctx: Context, to: Name, message: Message) -> None:
        """Answer, or notify: what is told has taken effect."""
        ctx.send(to, message)

    def holders(self, there: ObjectId) -> tuple[Name, ...]:
        """Live nodes with a copy, in a fixed order."""
        return tuple(sorted(self.copies.get(there, ())))

    def placed(self, ctx: Context, task: TaskId, node: Name, *, answers: bool) -> None:
        """A task is on a node; when that node is dead already, the word of it came late, and the task is lost.

        `answers`: whether this is the scheduler's answer to `ExecuteAgain`.
        """
        entry = self.tasks.get(task)
        if entry is not None and entry.status is TaskStatus.DONE and (entry.node == node or self.has_outputs(task)):
            return
        if node in self.dead:
            asked_for = entry is not None and entry.status is TaskStatus.PLACING and answers
            if entry is None or entry.node == node or asked_for:
                self.execute_again(ctx, task)
        else:
            self.tasks[task] = TaskEntry(TaskStatus.QUEUED, node)

    def done(self, ctx: Context, task: TaskId, node: Name) -> None:
        """A task has ended; its outputs count only while their node lives."""
        if node in self.dead:
            entry = self.tasks.get(task)
            if entry is None or entry.node == node:
                self.execute_again(ctx, task)
            return
        self.tasks[task] = TaskEntry(TaskStatus.DONE, node)
        for made in self.program.tasks[task].outputs:
            self.add_copy(ctx, made, node)

    def has_outputs(self, task: TaskId) -> bool:
        """Whether every output of a task has a copy."""
        return all(self.copies.get(made) for made in self.program.tasks[task].outputs)

    def add_copy(self, ctx: Context, there: ObjectId, node: Name) -> None:
        """A node holds a copy: tell those who wait for one."""
        self.copies.setdefault(there, set()).add(node)
        for raylet in self.subscribers.pop(there, ()):
            if raylet != node:
                self.tell(ctx, raylet, ObjectLocated(there, self.holders(there)))

    def locate(self, ctx: Context, needed: ObjectId, raylet: Name) -> None:
        """Answer at once, or subscribe the asker and have a lost object made again."""
        holders = self.holders(needed)
        if holders:
            self.tell(ctx, raylet, ObjectLocated(needed, holders))
            return
        if needed in self.failed:
            self.tell(ctx, raylet, ObjectFailed(needed))
            return
        waiting = self.subscribers.setdefault(needed, [])
        if raylet not in waiting:
            waiting.append(raylet)
        producer = self.program.producer(needed)
        entry = self.tasks.get(producer)
        if producer != DRIVER and entry is not None and entry.status is TaskStatus.DONE:
            self.execute_again(ctx, producer)

    def rejected(self, ctx: Context, task: TaskId) -> None:
        """A task was given up: tell those who wait for what it would have made."""
        self.tasks.pop(task, None)
        for made in self.program.tasks[task].outputs:
            self.failed.add(made)
            for raylet in self.subscribers.pop(made, ()):
                self.tell(ctx, raylet, ObjectFailed(made))

    def execute_again(self, ctx: Context, task: TaskId) -> None:
        """Have the global scheduler place a task once more."""
        self.tasks[task] = TaskEntry(TaskStatus.PLACING)
        self.tell(ctx, "scheduler", ExecuteAgain(task))

    def node_died(self, ctx: Context, node: Name) -> None:
        """Declare a node dead, forget what it held, tell everybody, and repair what somebody still needs."""
        if node in self.dead:
            return
        self.dead.add(node)
        ctx.observe(HeardOfDeath(ctx.me, node))
        for raylet in self.raylets:
            if raylet not in self.dead:
                self.tell(ctx, raylet, NodeDead(node))
        self.tell(ctx, "scheduler", NodeDead(node))
        for needed in sorted(self.subscribers):
            waiting = [raylet for raylet in self.subscribers[needed] if raylet != node]
            if waiting:
                self.subscribers[needed] = waiting
            else:
                del self.subscribers[needed]
        for there in sorted(self.copies):
            self.copies[there].discard(node)
            if not self.copies[there]:
                del self.copies[there]
        for task in lost_tasks(self.program, self.tasks, self.copies, node):
            unfinished = self.tasks[task].status is TaskStatus.QUEUED
            if unfinished or any(made in self.subscribers for made in self.program.tasks[task].outputs):
                self.execute_again(ctx, task)
