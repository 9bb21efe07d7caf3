"""Nodes that execute tasks and keep objects, and borrowers that only read: the other side of `lineage.ownership`.

Source: Ray 2.60, raylet and executing worker as one: arguments are fetched before the body runs, the result stays here
as the primary copy, and everything that belongs to an owner ends with it (`raylet/node_manager.cc`, worker and node
failure handling).

Left out: capacity, admission and chunks (`objects`); a node executes any number of tasks at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.graph import ObjectId, TaskId
from rayproof.model.kernel import Context, Down, Message, Name, Process, TimerKind, Unhandled, Unreachable, constant
from rayproof.model.lineage.ray2.events import ActionBegan, BodyBegan, BodyEnded, ReadEnded
from rayproof.model.lineage.ray2.programs import Failure

BODY = "body "
"""Prefix of the timers of running tasks."""

DISK = "disk "
"""Prefix of the timers that write an object to disk."""

READ = "read"
"""Timer of a borrower that reads at a time of its own."""


@dataclass(frozen=True, slots=True)
class Execute(Message):
    """Owner to node."""

    task: TaskId
    attempt: int
    arguments: tuple[ObjectId, ...]
    """Those that have to be fetched; small ones are in the specification."""
    result: ObjectId
    small: bool = False


@dataclass(frozen=True, slots=True)
class TaskReply(Message):
    """Node to owner: the attempt has ended, its result is here, or the error of an argument in its place."""

    task: TaskId
    attempt: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class PutValue(Message):
    """Driver to its node: the value of a put."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class CopyMade(Message):
    """Node to owner: a copy is here."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class WroteToDisk(Message):
    """Node to owner: the object has been moved to this node's disk."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class PinCopy(Message):
    """Owner to node: let this copy be the primary one."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class PinnedCopy(Message):
    """Whether it is."""

    object: ObjectId
    pinned: bool


@dataclass(frozen=True, slots=True)
class Free(Message):
    """Owner to node: delete it."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class Locate(Message):
    """To the owner: where is the object? Answered once there is an answer."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class Located(Message):
    """A node that has it, or the name of its error."""

    object: ObjectId
    node: Name
    error: str


@dataclass(frozen=True, slots=True)
class Fetch(Message):
    """Node to node."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class Fetched(Message):
    """The copy, or word that it is not there."""

    object: ObjectId
    found: bool


@dataclass(slots=True)
class Executor(Process):
    """A node."""

    owner: Name = constant("owner")
    spills: frozenset[ObjectId] = constant(frozenset())
    """Objects that this node moves to its disk once they are made."""
    memory: set[ObjectId] = field(default_factory=set)
    disk: set[ObjectId] = field(default_factory=set)
    attempts: dict[TaskId, Execute] = field(default_factory=dict)
    """Attempts that wait for arguments or run."""
    running: set[TaskId] = field(default_factory=set)
    wanted: set[ObjectId] = field(default_factory=set)
    """Arguments that are on their way."""
    ownerless: bool = False
    """The owner has died; whatever of its still comes is dropped."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Work, objects, and the owner's end."""
        if self.ownerless:
            return
        match message:
            case Execute(task):
                self.attempts[task] = message
                self.go_on(ctx)
            case PutValue(there):
                self.keep(ctx, there)
            case Located(there, node, error):
                self.located(ctx, there, node, error)
            case Fetch(there):
                ctx.send(sender, Fetched(there, self.has(there)))
            case Fetched(there, found):
                self.fetched(ctx, there, found)
            case PinCopy(there):
                ctx.send(self.owner, PinnedCopy(there, self.has(there)))
            case Free(there):
                self.memory.discard(there)
                self.disk.discard(there)
                ctx.cancel_timer(DISK + there)
            case Down():
                self.owner_died(ctx)
            case Unreachable(_, Fetch(there)):
                ctx.send(self.owner, Locate(there))
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)

    def has(self, there: ObjectId) -> bool:
        """In memory or on disk."""
        return there in self.memory or there in self.disk

    def go_on(self, ctx: Context) -> None:
        """Ask for missing arguments; run what has all of them."""
        for task, attempt in sorted(self.attempts.items()):
            missing = [there for there in attempt.arguments if not self.has(there)]
            for there in missing:
                if there not in self.wanted:
                    self.wanted.add(there)
                    ctx.send(self.owner, Locate(there))
            if not missing and task not in self.running:
                self.running.add(task)
                ctx.observe(BodyBegan(task, attempt.attempt, ctx.me))
                ctx.set_timer(BODY + task, kind=TimerKind.PROGRAM)

    def located(self, ctx: Context, there: ObjectId, node: Name, error: str) -> None:
        """Fetch it; with an error the attempts that need it fail."""
        if error:
            self.wanted.discard(there)
            for task, attempt in sorted(self.attempts.items()):
                if there in attempt.arguments:
                    del self.attempts[task]
                    ctx.send(self.owner, TaskReply(task, attempt.attempt, error))
        elif node == ctx.me:
            self.fetched(ctx, there, self.has(there))
        else:
            ctx.send(node, Fetch(there))

    def fetched(self, ctx: Context, there: ObjectId, found: bool) -> None:
        """A copy is here, or has to be looked for again."""
        if not found:
            ctx.send(self.owner, Locate(there))
            return
        self.wanted.discard(there)
        if any(there in attempt.arguments for attempt in self.attempts.values()):
            if not self.has(there):
                self.memory.add(there)
                ctx.send(self.owner, CopyMade(there))
            self.go_on(ctx)

    def keep(self, ctx: Context, there: ObjectId) -> None:
        """The primary copy is here, in memory for now."""
        self.memory.add(there)
        if there in self.spills:
            ctx.set_timer(DISK + there, kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """A body has ended, or an object is on disk."""
        if timer.startswith(DISK):
            there = timer.removeprefix(DISK)
            self.memory.discard(there)
            self.disk.add(there)
            ctx.send(self.owner, WroteToDisk(there))
            return
        task = timer.removeprefix(BODY)
        self.running.discard(task)
        attempt = self.attempts.pop(task)
        ctx.observe(BodyEnded(task, attempt.attempt, ctx.me))
        if not attempt.small:
            self.keep(ctx, attempt.result)
        ctx.send(self.owner, TaskReply(task, attempt.attempt))

    def owner_died(self, ctx: Context) -> None:
        """Everything that belonged to it ends here. `NodeManager::HandleUnexpectedWorkerFailure`."""
        for task in sorted(self.running):
            ctx.cancel_timer(BODY + task)
        for there in sorted(self.memory):
            ctx.cancel_timer(DISK + there)
        self.ownerless = True
        self.memory, self.disk, self.attempts, self.running, self.wanted = set(), set(), {}, set(), set()


@dataclass(slots=True)
class Borrower(Process):
    """A process that has been passed a reference and reads the object."""

    object: ObjectId = constant()
    owner: Name = constant("owner")
    waits: bool = False
    """It has not come to its read yet."""
    owner_dead: bool = False
    """The owner has died before that."""
    outcome: str = ""

    def start(self, ctx: Context) -> None:
        """Read at once, or at a time of its own."""
        if self.waits:
            ctx.set_timer(READ, kind=TimerKind.PROGRAM)
        else:
            ctx.send(self.owner, Locate(self.object))

    def fire(self, ctx: Context, timer: str) -> None:
        """The time to read has come."""
        self.waits = False
        ctx.observe(ActionBegan(ctx.me, 0))
        if self.owner_dead:
            self.owner_died(ctx)
        else:
            ctx.send(self.owner, Locate(self.object))

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The value, or an error; with the owner dead nobody can say where the object is."""
        match message:
            case Located(there, node, error):
                if error:
                    self.end(ctx, error)
                else:
                    ctx.send(node, Fetch(there))
            case Fetched(there, found):
                if found:
                    self.end(ctx, "value")
                else:
                    ctx.send(self.owner, Locate(there))
            case Unreachable(_, Fetch(there)):
                ctx.send(self.owner, Locate(there))
            case Down() | Unreachable():
                if self.waits:
                    self.owner_dead = True
                else:
                    self.owner_died(ctx)
            case _:
                raise Unhandled(message)

    def owner_died(self, ctx: Context) -> None:
        """The read ends in an error if it has not ended yet."""
        self.end(ctx, self.outcome or Failure.OWNER_DIED)

    def end(self, ctx: Context, outcome: str) -> None:
        """The read has ended."""
        if outcome != self.outcome:
            self.outcome = str(outcome)
            ctx.observe(ReadEnded(ctx.me, 0, self.object, self.outcome))
