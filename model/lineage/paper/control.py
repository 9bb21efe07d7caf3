"""Recovery through the control store: lineage in the GCS, and anybody makes a lost object again (edition `paper`).

Source: OSDI 2018, sections 4.2.1 and 4.2.3; flushing of old lineage is in section 5.1. A node that waits for an object
without a copy asks the store to have its task executed again; the store sees to it that a task that is under way is
not. Entries of the task table that nothing depends on may be flushed.

Left out: retries (the paper sets no budget), scheduling (any live node), the store's own failures (`gcs.chain`). The
owner's death changes nothing here: nobody owns an object. `cluster` has the same recovery with schedulers and queues.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.graph import ObjectId, TaskId
from rayproof.model.kernel import Context, Down, Message, Name, Process, TimerKind, Unhandled, Unreachable, constant

BODY = "body "
WAIT = "wait "
"""Prefix of the timers after which a waiting node asks for a reconstruction; they may be too short."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the task table."""

    arguments: tuple[ObjectId, ...]
    node: Name
    """Where it was sent last; empty when it has ended."""


@dataclass(frozen=True, slots=True)
class RunTask(Message):
    """Store to node."""

    task: TaskId
    arguments: tuple[ObjectId, ...]


@dataclass(frozen=True, slots=True)
class TaskEnded(Message):
    """Node to store: the task's object, of the same name, is here."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class FindObject(Message):
    """Node to store: where is it, now or as soon as it is somewhere?"""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class ObjectFound(Message):
    """Store to node; no place and an error when it can never be made again."""

    object: ObjectId
    node: Name
    error: str = ""


@dataclass(frozen=True, slots=True)
class Reconstruct(Message):
    """Node to store: I have waited for long."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class FetchCopy(Message):
    """Node to node."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class HereIsCopy(Message):
    """Node to node."""

    object: ObjectId


@dataclass(slots=True)
class LineageStore(Process):
    """Object table, task table and subscriptions."""

    program: tuple[tuple[TaskId, tuple[ObjectId, ...]], ...] = constant()
    """Tasks in the order of submission; a task makes the object of its own name."""
    nodes: tuple[Name, ...] = constant()
    rows: int = constant(10)
    """Rows of the task table above which flushing begins."""
    referenced: frozenset[ObjectId] = constant(frozenset())
    """Objects that the program refers to till its end."""
    table: dict[TaskId, Entry] = field(default_factory=dict)
    submitted: int = 0
    places: dict[ObjectId, set[Name]] = field(default_factory=dict)
    asked: dict[ObjectId, tuple[Name, ...]] = field(default_factory=dict)
    dead: set[Name] = field(default_factory=set)

    def start(self, ctx: Context) -> None:
        """The program submits its tasks, one after the other."""
        ctx.set_timer("submit", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """The next task."""
        task, arguments = self.program[self.submitted]
        self.submitted += 1
        self.table[task] = Entry(arguments, "")
        self.execute(ctx, task)
        if self.submitted < len(self.program):
            ctx.set_timer("submit", kind=TimerKind.PROGRAM)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Results, questions, wishes for reconstruction, deaths."""
        match message:
            case TaskEnded(task):
                if sender not in self.dead:
                    self.ended(ctx, task, sender)
            case FindObject(there):
                if sender not in self.dead:
                    self.find(ctx, there, sender)
            case Reconstruct(there):
                self.reconstruct(ctx, there)
            case Down(node):
                self.node_died(ctx, node)
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)

    def execute(self, ctx: Context, task: TaskId) -> None:
        """Send a task to any live node."""
        entry = self.table[task]
        node = ctx.choose([name for name in self.nodes if name not in self.dead])
        self.table[task] = Entry(entry.arguments, node)
        ctx.send(node, RunTask(task, entry.arguments))

    def ended(self, ctx: Context, task: TaskId, node: Name) -> None:
        """The object table has a place more; who waits is told; old rows may go."""
        self.places.setdefault(task, set()).add(node)
        if task in self.table:
            self.table[task] = Entry(self.table[task].arguments, "")
        for name in self.asked.pop(task, ()):
            ctx.send(name, ObjectFound(task, node))
        self.flush()

    def find(self, ctx: Context, there: ObjectId, node: Name) -> None:
        """Answer, or subscribe."""
        places = sorted(self.places.get(there, ()))
        if places:
            ctx.send(node, ObjectFound(there, places[0]))
        else:
            self.asked[there] = tuple(sorted({*self.asked.get(there, ()), node}))

    def reconstruct(self, ctx: Context, there: ObjectId) -> None:
        """Execute the task again unless it is under way; without its row the object is lost for good."""
        if self.places.get(there):
            return
        if there not in self.table:
            for name in self.asked.pop(there, ()):
                ctx.send(name, ObjectFound(there, "", "ObjectLostError"))
        elif not self.under_way(there):
            self.execute(ctx, there)

    def under_way(self, task: TaskId) -> bool:
        """Whether a live node has it."""
        return self.table[task].node != ""

    def node_died(self, ctx: Context, node: Name) -> None:
        """What was there is lost; what ran there is executed again."""
        self.dead.add(node)
        for places in self.places.values():
            places.discard(node)
        self.asked = {there: tuple(n for n in names if n != node) for there, names in sorted(self.asked.items())}
        for task in sorted(self.table):
            if self.table[task].node == node:
                self.execute(ctx, task)

    def flush(self) -> None:
        """Drop the oldest rows that may go while there are too many. Section 5.1."""
        for task, _ in self.program:
            if len(self.table) > self.rows and task in self.table and self.may_flush(task):
                del self.table[task]

    def may_flush(self, task: TaskId) -> bool:
        """Only what has ended and nothing in scope can need again."""
        needed = set(self.referenced)
        for later, arguments in reversed(self.program):
            if later in needed or (later in self.table and self.table[later].node):
                needed |= {later, *arguments}
        return task not in needed and not self.under_way(task) and self.submitted == len(self.program)


@dataclass(slots=True)
class PaperNode(Process):
    """A node: executes, copies, waits."""

    reads: tuple[ObjectId, ...] = constant(())
    """What the program reads here, besides the arguments of tasks."""
    store: set[ObjectId] = field(default_factory=set)
    waiting: dict[TaskId, tuple[ObjectId, ...]] = field(default_factory=dict)
    running: set[TaskId] = field(default_factory=set)
    awaited: set[ObjectId] = field(default_factory=set)
    errors: dict[ObjectId, str] = field(default_factory=dict)

    def start(self, ctx: Context) -> None:
        """Wait for what is read here."""
        for there in self.reads:
            self.want(ctx, there)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Tasks, places, copies."""
        match message:
            case RunTask(task, arguments):
                self.waiting[task] = arguments
                self.go_on(ctx)
            case ObjectFound(there, node, error):
                self.found(ctx, there, node, error)
            case FetchCopy(there):
                ctx.send(sender, HereIsCopy(there))
            case HereIsCopy(there):
                self.arrived(ctx, there)
            case Unreachable(_, FetchCopy(there)):
                self.awaited.discard(there)
                self.want(ctx, there)
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)

    def want(self, ctx: Context, there: ObjectId) -> None:
        """Ask where it is, and do not wait for ever."""
        if there not in self.awaited and there not in self.store:
            self.awaited.add(there)
            ctx.send("gcs", FindObject(there))
            ctx.set_timer(WAIT + there, kind=TimerKind.EAGER)

    def found(self, ctx: Context, there: ObjectId, node: Name, error: str) -> None:
        """Copy it from there; or it is lost for good."""
        if error:
            self.errors[there] = error
            self.awaited.discard(there)
            ctx.cancel_timer(WAIT + there)
        elif node == ctx.me:
            self.arrived(ctx, there)
        else:
            ctx.send(node, FetchCopy(there))

    def arrived(self, ctx: Context, there: ObjectId) -> None:
        """A copy is here."""
        self.store.add(there)
        self.awaited.discard(there)
        ctx.cancel_timer(WAIT + there)
        self.go_on(ctx)

    def go_on(self, ctx: Context) -> None:
        """Run what has its arguments, want the others."""
        for task, arguments in sorted(self.waiting.items()):
            for there in arguments:
                self.want(ctx, there)
            if self.store.issuperset(arguments) and task not in self.running:
                self.running.add(task)
                ctx.set_timer(BODY + task, kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """A body has ended, or waiting has lasted long."""
        if timer.startswith(WAIT):
            there = timer.removeprefix(WAIT)
            ctx.send("gcs", Reconstruct(there))
            return
        task = timer.removeprefix(BODY)
        self.running.discard(task)
        del self.waiting[task]
        ctx.send("gcs", TaskEnded(task))
        self.arrived(ctx, task)
