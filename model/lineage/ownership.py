"""An owner that keeps lineage and makes lost objects again (edition `ray2`).

Source: Ray 2.60 `core_worker/task_manager.cc`, `object_recovery_manager.cc` and `reference_counter.cc`. The process
that submits a task owns its results and keeps its specification as long as one of them is referenced and retries are
left. When a node dies, an object that is still referenced is pinned at another copy or its task is executed again, and
so on through the arguments; every execution after the first spends the task's retries.

Left out: capacity of stores (`objects`), resources and placement (any live node may be chosen), the limit on bytes of
lineage, and delays. An actor is a task whose result is its life on a node: it is referenced as long as its handle is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from model.graph import ObjectId, TaskId
from model.kernel import Context, Down, Message, Name, Process, TimerKind, Unhandled, Unreachable, constant
from model.lineage.events import ActionBegan, ReadEnded
from model.lineage.execution import (
    CopyMade,
    Execute,
    Fetch,
    Fetched,
    Free,
    Locate,
    Located,
    PinCopy,
    PinnedCopy,
    PutValue,
    TaskReply,
    WroteToDisk,
)
from model.lineage.programs import Action, Drop, Failure, Get, PutAt, Stage, Submit, Task

GO_ON = "go on"
"""Timer of the driver's program."""


@dataclass(slots=True)
class Owner(Process):
    """The driver as owner of all objects."""

    tasks: tuple[Task, ...] = constant()
    program: tuple[Action, ...] = constant()
    nodes: tuple[Name, ...] = constant()
    fetches: bool = constant(False)
    """Whether the driver's reads fetch the value, or end as soon as it is known to be somewhere."""
    at: int = 0
    """The driver's next action."""
    reading: ObjectId = ""
    """What the driver waits for."""
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
    asked: dict[ObjectId, tuple[Name, ...]] = field(default_factory=dict)
    """Who is to be told where an object is, as soon as it is somewhere."""
    dead: set[Name] = field(default_factory=set)
    got: dict[ObjectId, str] = field(default_factory=dict)
    """What the driver's reads gave."""

    def start(self, ctx: Context) -> None:
        """The driver begins."""
        ctx.set_timer(GO_ON, kind=TimerKind.PROGRAM)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Replies and reports of nodes, questions, deaths."""
        match message:
            case TaskReply(task, attempt, error):
                self.replied(ctx, self.task(task), attempt, sender, error)
            case CopyMade(there):
                if self.accepts(sender):
                    self.copies.setdefault(there, set()).add(sender)
            case WroteToDisk(there):
                if self.accepts(sender) and self.primary.get(there) == sender:
                    del self.primary[there]
                    self.spilled[there] = sender
            case PinnedCopy(there, pinned):
                self.pin_answered(ctx, there, sender, pinned)
            case Locate(there):
                if self.accepts(sender):
                    self.asked[there] = tuple(sorted({*self.asked.get(there, ()), sender}))
                    self.recover(ctx, there)
            case Fetch(there):
                ctx.send(sender, Fetched(there, there in self.small))
            case Fetched(there, found):
                self.fetching = ""
                if found and there == self.reading:
                    self.read_ends(ctx, "value")
            case Down(name):
                self.node_died(ctx, name)
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)
        self.settle(ctx)

    def accepts(self, node: Name) -> bool:
        """Whether a node's report counts: not any longer once it is declared dead, however late it comes."""
        return node not in self.dead

    # ---- the program ------------------------------------------------------------------------------------------------

    def fire(self, ctx: Context, timer: str) -> None:
        """The driver's next action."""
        action = self.program[self.at]
        ctx.observe(ActionBegan(ctx.me, self.at))
        match action:
            case Submit(name):
                task = self.task(name)
                self.references.add(task.result)
                self.stage[name] = Stage.PENDING
            case PutAt(there, node):
                self.references.add(there)
                if node in self.dead:
                    self.fail(ctx, there, Failure.LOST)
                else:
                    self.primary[there] = node
                    ctx.send(node, PutValue(there))
            case Drop(there):
                self.references.discard(there)
            case Get(there):
                self.reading = there
                self.recover(ctx, there)
                self.settle(ctx)
                return
        self.at += 1
        self.go_on(ctx)
        self.settle(ctx)

    def go_on(self, ctx: Context) -> None:
        """Arm the next action."""
        if self.at < len(self.program):
            ctx.set_timer(GO_ON, kind=TimerKind.PROGRAM)

    def settle(self, ctx: Context) -> None:
        """Submit what is ready, tell who has asked, wake the driver, free what nobody needs."""
        for task in self.tasks:
            if self.stage.get(task.name) is Stage.PENDING:
                self.try_submit(ctx, task)
        for there in sorted(self.asked):
            places = self.places(there)
            if places or there in self.failures:
                for name in self.asked.pop(there):
                    ctx.send(name, Located(there, places[0] if places else "", str(self.failures.get(there, ""))))
        self.read_on(ctx)
        self.free_unneeded(ctx)

    def read_on(self, ctx: Context) -> None:
        """The read ends in an error, with a value that is here, or goes to fetch it."""
        places = self.places(self.reading)
        if self.reading in self.failures:
            self.read_ends(ctx, str(self.failures[self.reading]))
        elif places and (self.reading in self.small or not self.fetches):
            self.read_ends(ctx, "value")
        elif places and self.fetching != places[0]:
            self.fetching = places[0]
            ctx.send(places[0], Fetch(self.reading))

    def read_ends(self, ctx: Context, outcome: str) -> None:
        """The driver goes on."""
        self.got[self.reading] = outcome
        ctx.observe(ReadEnded(ctx.me, self.at, self.reading, outcome))
        self.reading = ""
        self.at += 1
        self.go_on(ctx)

    # ---- tasks ------------------------------------------------------------------------------------------------------

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

    def try_submit(self, ctx: Context, task: Task) -> None:
        """Submit when every argument has a value; an argument's error becomes the result's."""
        for there in task.arguments:
            if there in self.failures:
                self.stage[task.name] = Stage.FAILED
                self.fail(ctx, task.result, self.failures[there])
                return
        if all(self.places(there) for there in task.arguments):
            self.attempts[task.name] = self.attempts.get(task.name, 0) + 1
            allowed = self.allowed_nodes(task)
            if not allowed:
                self.stage[task.name] = Stage.FAILED
                self.fail(ctx, task.result, Failure.UNSCHEDULABLE)
                return
            node = ctx.choose(allowed)
            self.stage[task.name] = Stage.SUBMITTED
            self.placed[task.name] = node
            fetched = tuple(there for there in task.arguments if there not in self.small)
            ctx.send(node, Execute(task.name, self.attempts[task.name], fetched, task.result, task.small))

    def allowed_nodes(self, task: Task) -> list[Name]:
        """Live nodes that may execute a task; a hard affinity to a dead one fails at once. `ClusterLeaseManager`."""
        return [node for node in self.nodes if node not in self.dead and task.only_on in ("", node)]

    def replied(self, ctx: Context, task: Task, attempt: int, node: Name, error: str) -> None:
        """The attempt has ended; a late word of an earlier one counts no longer. `CompletePendingTask`."""
        if self.stage[task.name] is not Stage.SUBMITTED or self.attempts[task.name] != attempt:
            return
        if error:
            self.stage[task.name] = Stage.FAILED
            self.fail(ctx, task.result, Failure(error))
            return
        self.stage[task.name] = Stage.DONE
        self.take(task, node)
        if self.is_needed(task.result):
            self.recover(ctx, task.result)

    def take(self, task: Task, node: Name) -> None:
        """The result's value, or its place. `max_direct_call_object_size`."""
        if task.small:
            self.small.add(task.result)
        else:
            self.record(task.result, node)

    def record(self, there: ObjectId, node: Name) -> None:
        """The result's primary copy, if that node still lives."""
        if self.accepts(node):
            self.primary[there] = node

    def retries_left(self, task: Task) -> int:
        """Executions that may still be added to the first."""
        return task.max_retries + 1 - self.attempts.get(task.name, 0)

    # ---- recovery ---------------------------------------------------------------------------------------------------

    def node_died(self, ctx: Context, node: Name) -> None:
        """Fail what ran there, forget what was there, and have it back if it is needed. `ResetObjectsOnRemovedNode`."""
        self.dead.add(node)
        lost = [there for there in self.known_objects() if node in self.places(there)]
        self.forget_places(node)
        for task in self.tasks:
            if self.stage.get(task.name) is Stage.SUBMITTED and self.placed[task.name] == node:
                self.attempt_failed(ctx, task)
        self.forget_pinning(node)
        for there in lost:
            if self.is_needed(there):
                self.recover(ctx, there)

    def known_objects(self) -> tuple[ObjectId, ...]:
        """All objects of this owner that are somewhere."""
        return tuple(sorted({*self.primary, *self.spilled, *self.copies, *self.small}))

    def forget_places(self, node: Name) -> None:
        """A dead node has nothing any longer, in memory or on disk."""
        self.primary = {there: at for there, at in self.primary.items() if at != node}
        self.spilled = {there: at for there, at in self.spilled.items() if at != node}
        for nodes in self.copies.values():
            nodes.discard(node)

    def forget_pinning(self, node: Name) -> None:
        """A dead node will not answer; its copies are recovered anew."""
        self.pinning = {there: at for there, at in self.pinning.items() if at != node}

    def attempt_failed(self, ctx: Context, task: Task) -> None:
        """Execute again within the budget. `FailOrRetryPendingTask`."""
        if self.retries_left(task) > 0:
            self.execute_again(ctx, task)
        else:
            self.stage[task.name] = Stage.FAILED
            self.fail(ctx, task.result, Failure.NODE_DIED)

    def execute_again(self, ctx: Context, task: Task) -> None:
        """Make the task pending, and have its arguments back."""
        self.stage[task.name] = Stage.PENDING
        self.recover_arguments(ctx, task)

    def recover_arguments(self, ctx: Context, task: Task) -> None:
        """Arguments may be lost as well, or freed since only lineage held them."""
        for there in task.arguments:
            self.recover(ctx, there)

    def recover(self, ctx: Context, there: ObjectId) -> None:
        """Have an object back: from a copy, or by executing its task again. `ObjectRecoveryManager::RecoverObject`."""
        known = (self.primary, self.spilled, self.small, self.failures, self.pinning)
        if any(there in where for where in known):
            return
        copies = sorted(self.copies.get(there, ()))
        if copies:
            self.pinning[there] = copies[-1]
            ctx.send(copies[-1], PinCopy(there))
            return
        task = self.maker(there)
        if task is None:
            self.fail(ctx, there, Failure.LOST)
            return
        if self.under_way(task):
            return
        if self.retries_left(task) > 0:
            self.execute_again(ctx, task)
        else:
            self.fail(ctx, there, Failure.UNRECONSTRUCTABLE)

    def under_way(self, task: Task) -> bool:
        """Whether the object comes by itself: its task waits or runs, or has failed for good."""
        return self.stage.get(task.name) is not Stage.DONE

    def pin_answered(self, ctx: Context, there: ObjectId, node: Name, pinned: bool) -> None:
        """A copy has become the primary one, unless it is gone by now; then the next is tried."""
        if self.pinning.get(there) != node:
            return
        del self.pinning[there]
        if pinned and self.accepts(node):
            self.primary[there] = node
        else:
            self.copies[there].discard(node)
            self.recover(ctx, there)

    def fail(self, ctx: Context, there: ObjectId, failure: Failure) -> None:
        """The error is the object's value from now on; who waits for it is told."""
        self.failures[there] = failure

    # ---- references -------------------------------------------------------------------------------------------------

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
        return self.retries_left(task) > 0 and needed and not task.small

    def held_by_lineage(self, there: ObjectId) -> bool:
        """Whether some kept task has it as an argument."""
        return any(there in task.arguments and self.keeps_lineage(task) for task in self.tasks)

    def may_free(self, there: ObjectId) -> bool:
        """A value that only lineage holds is freed if it can be made again; a put's, or a small one, is not."""
        task = self.maker(there)
        can_be_made = task is not None and self.retries_left(task) > 0 and there not in self.small
        return not self.is_needed(there) and (can_be_made or not self.held_by_lineage(there))

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
                self.freed.add(there)
