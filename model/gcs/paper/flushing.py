"""Flushing: the task table keeps its lineage within a memory budget, by moving old entries to disk.

Source: OSDI 2018, section 5.1 (figure 10b: the GCS flushes lineage to disk, or its memory grows without bound); what
must be kept follows Ray #3529. An entry is needed while its object is referenced, or while a needed entry has it as
input: the object may have to be made again, and its inputs before it. What is not needed is forgotten.

An entry leaves memory only when it is on disk. A write may fail; it is tried again.

Left out: replication (what is in memory is on a chain); reading back into memory; disks that fill up.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.kernel import Context, FaultKind, Message, Name, Process, TimerKind, Unhandled, constant, durable

Task = int
"""A task, and the object that it makes."""


@dataclass(frozen=True, slots=True)
class AddTask(Message):
    """A task was submitted; its object is referenced by the submitter."""

    task: Task
    inputs: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Release(Message):
    """The last reference to an object is gone."""

    task: Task


@dataclass(frozen=True, slots=True)
class GetLineage(Message):
    """What has to be executed to make this object again?"""

    task: Task


@dataclass(frozen=True, slots=True)
class Lineage(Message):
    """The tasks found, and whether one was missing."""

    task: Task
    tasks: tuple[Task, ...]
    is_complete: bool


@dataclass(slots=True)
class TaskTable(Process):
    """The lineage of one shard."""

    memory: dict[Task, tuple[Task, ...]] = field(default_factory=dict)
    """Task -> inputs, of entries in memory."""
    disk: dict[Task, tuple[Task, ...]] = durable(default_factory=dict)
    """The same of flushed entries."""
    referenced: set[Task] = field(default_factory=set)
    """Objects that the program can still ask for."""
    budget: int = constant(1)
    """Entries that memory may hold."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """New tasks, released objects, and questions of those who reconstruct."""
        match message:
            case AddTask(task, inputs):
                self.memory[task] = inputs
                self.referenced.add(task)
                self.flush(ctx)
            case Release(task):
                self.referenced.discard(task)
                self.forget()
            case GetLineage(task):
                found, missing = self.lineage((task,))
                ctx.send(sender, Lineage(task, tuple(sorted(found)), not missing))
            case _:
                raise Unhandled(message)

    def fire(self, ctx: Context, timer: str) -> None:
        """Try again what could not be written."""
        self.flush(ctx)

    def flush(self, ctx: Context) -> None:
        """Move the oldest entries to disk until memory is within its budget."""
        for task in sorted(self.memory)[: max(0, len(self.memory) - self.budget)]:
            if ctx.may_fail(FaultKind.FAIL_WRITE):
                ctx.set_timer("flush", kind=TimerKind.PATIENT)
                return
            self.disk[task] = self.memory[task]
            self.evict(task)

    def evict(self, task: Task) -> None:
        """Free the memory of an entry."""
        del self.memory[task]

    def forget(self) -> None:
        """Drop what nobody can need any more."""
        needed, _ = self.lineage(tuple(sorted(self.referenced)))
        for table in (self.memory, self.disk):
            for task in sorted(set(table) - needed):
                del table[task]

    def lineage(self, roots: tuple[Task, ...]) -> tuple[set[Task], set[Task]]:
        """The entries from which these objects can be made, and those that are missing."""
        found: set[Task] = set()
        missing: set[Task] = set()
        pending = list(roots)
        while pending:
            task = pending.pop()
            inputs = self.memory.get(task, self.disk.get(task))
            if inputs is None:
                missing.add(task)
            elif task not in found:
                found.add(task)
                pending += inputs
        return found, missing


@dataclass(slots=True)
class LineageUser(Process):
    """A program: submits tasks, drops references, and asks for lineage as one who has lost an object would."""

    todo: tuple[AddTask | Release | GetLineage, ...]
    answers: dict[Task, bool] = field(default_factory=dict)
    """Objects asked about, and whether their lineage was complete."""
    table: Name = constant("tasks")

    def start(self, ctx: Context) -> None:
        """Going on is the program's own progress."""
        ctx.set_timer("next", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """The next request."""
        request, *rest = self.todo
        self.todo = tuple(rest)
        ctx.send(self.table, request)
        if self.todo:
            ctx.set_timer("next", kind=TimerKind.PROGRAM)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Answers."""
        match message:
            case Lineage(task, _, is_complete):
                self.answers[task] = is_complete
            case _:
                raise Unhandled(message)
