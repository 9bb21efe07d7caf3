"""An owner that keeps lineage and makes lost objects again (edition `ray2`).

Source: Ray 2.60 `core_worker/task_manager.cc`, `object_recovery_manager.cc` and `reference_counter.cc`. The process
that submits a task owns its results and keeps its specification as long as one of them is referenced and retries are
left. When a node dies, an object that is still referenced is pinned at another copy or its task is executed again, and
so on through the arguments; every execution after the first spends the task's retries.

Left out: capacity of stores (`objects`), resources and placement (any live node may be chosen), and delays. An actor is
a task whose result is its life on a node: it is referenced as long as its handle is.
"""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import ObjectId, Submit, Wait
from rayproof.model.kernel import Context, Down, Message, Name, TimerKind, Unhandled, Unreachable
from rayproof.model.lineage.ray2.events import ActionBegan, ReadEnded
from rayproof.model.lineage.ray2.execution import (
    CopyMade,
    Execute,
    ExecutionReply,
    Fetch,
    Fetched,
    Locate,
    Located,
    PinCopy,
    PinnedCopy,
    PutValue,
    WroteToDisk,
)
from rayproof.model.lineage.ray2.keeping import Keeper
from rayproof.model.lineage.ray2.programs import Drop, Failure, GetOne, PutAt, Stage, Task

GO_ON = "go on"
"""Timer of the driver's program."""


@dataclass(slots=True)
class LineageOwner(Keeper):
    """The driver as owner of all objects."""

    def start(self, ctx: Context) -> None:
        """The driver begins."""
        ctx.set_timer(GO_ON, kind=TimerKind.PROGRAM)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Replies and reports of nodes, questions, deaths."""
        match message:
            case ExecutionReply(task, attempt, error):
                self.replied(ctx, self.task(task), attempt, sender, error)
            case CopyMade(object_id):
                if self.accepts(sender):
                    self.copies.setdefault(object_id, set()).add(sender)
            case WroteToDisk(object_id):
                if self.accepts(sender) and self.primary.get(object_id) == sender:
                    del self.primary[object_id]
                    self.spilled[object_id] = sender
            case PinnedCopy(object_id, pinned):
                self.pin_answered(ctx, object_id, sender, pinned)
            case Locate(object_id):
                if self.accepts(sender):
                    self.asked[object_id] = tuple(sorted({*self.asked.get(object_id, ()), sender}))
                    self.recover(ctx, object_id)
            case Fetch(object_id):
                ctx.send(sender, Fetched(object_id, object_id in self.small))
            case Fetched(object_id, found):
                self.fetching = ""
                if found and object_id == self.reading:
                    self.read_ends(ctx, "value")
            case Down(name):
                self.node_died(ctx, name)
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)
        self.settle(ctx)

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
            case PutAt(object_id, node):
                self.references.add(object_id)
                if node in self.dead:
                    self.fail(ctx, object_id, Failure.LOST)
                else:
                    self.primary[object_id] = node
                    ctx.send(node, PutValue(object_id))
            case Drop(object_id):
                self.references.discard(object_id)
            case GetOne(object_id):
                self.reading = object_id
                self.recover(ctx, object_id)
                self.settle(ctx)
                return
            case Wait(objects, _):
                self.waiting = objects
                for object_id in objects:
                    self.recover(ctx, object_id)
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
        for object_id in sorted(self.asked):
            places = self.places(object_id)
            if places or object_id in self.failures:
                for name in self.asked.pop(object_id):
                    ctx.send(
                        name, Located(object_id, places[0] if places else "", str(self.failures.get(object_id, "")))
                    )
        self.read_on(ctx)
        self.wait_on(ctx)
        self.bound_lineage()
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

    def wait_on(self, ctx: Context) -> None:
        """The wait ends when enough of its objects are there; an error counts. `CoreWorker::Wait`."""
        if self.waiting:
            action = self.program[self.at]
            assert isinstance(action, Wait)
            if len(self.arrived(self.waiting)) >= action.count:
                self.waiting = ()
                self.at += 1
                self.go_on(ctx)

    def arrived(self, objects: tuple[ObjectId, ...]) -> list[ObjectId]:
        """Those that have a value or an error."""
        return [object_id for object_id in objects if self.places(object_id) or object_id in self.failures]

    def read_ends(self, ctx: Context, outcome: str) -> None:
        """The driver goes on."""
        self.got[self.reading] = outcome
        ctx.observe(ReadEnded(ctx.me, self.at, self.reading, outcome))
        self.reading = ""
        self.at += 1
        self.go_on(ctx)

    # ---- tasks ------------------------------------------------------------------------------------------------------

    def try_submit(self, ctx: Context, task: Task) -> None:
        """Submit when every argument has a value; an argument's error becomes the result's."""
        for object_id in task.arguments:
            if object_id in self.failures:
                self.stage[task.name] = Stage.FAILED
                self.fail(ctx, task.result, self.failures[object_id])
                return
        if all(self.places(object_id) for object_id in task.arguments):
            self.attempts[task.name] = self.attempts.get(task.name, 0) + 1
            self.send_attempt(ctx, task)

    def send_attempt(self, ctx: Context, task: Task) -> None:
        """Send the attempt to a node that may execute it."""
        allowed = self.allowed_nodes(task)
        if not allowed:
            self.stage[task.name] = Stage.FAILED
            self.fail(ctx, task.result, Failure.UNSCHEDULABLE)
            return
        node = ctx.choose(allowed)
        self.stage[task.name] = Stage.SUBMITTED
        self.placed[task.name] = node
        ctx.send(node, self.specification(task))

    def specification(self, task: Task) -> Execute:
        """The present attempt; what has to be fetched is what is not small."""
        fetched = tuple(object_id for object_id in task.arguments if object_id not in self.small)
        return Execute(task.name, self.attempts[task.name], fetched, task.result, task.small)

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

    def record(self, object_id: ObjectId, node: Name) -> None:
        """The result's primary copy, if that node still lives."""
        if self.accepts(node):
            self.primary[object_id] = node

    # ---- recovery ---------------------------------------------------------------------------------------------------

    def node_died(self, ctx: Context, node: Name) -> None:
        """Fail what ran there, forget what was there, and have it back if it is needed. `ResetObjectsOnRemovedNode`."""
        self.dead.add(node)
        lost = [object_id for object_id in self.known_objects() if node in self.places(object_id)]
        self.forget_places(node)
        for task in self.tasks:
            if self.stage.get(task.name) is Stage.SUBMITTED and self.placed[task.name] == node:
                self.attempt_failed(ctx, task)
        self.forget_pinning(node)
        for object_id in lost:
            if self.is_needed(object_id):
                self.recover(ctx, object_id)

    def forget_pinning(self, node: Name) -> None:
        """A dead node will not answer; its copies are recovered anew."""
        self.pinning = {object_id: at for object_id, at in self.pinning.items() if at != node}

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
        for object_id in task.arguments:
            self.recover(ctx, object_id)

    def recover(self, ctx: Context, object_id: ObjectId) -> None:
        """Have an object back: from a copy, or by executing its task again. `ObjectRecoveryManager::RecoverObject`."""
        known = (self.primary, self.spilled, self.small, self.failures, self.pinning)
        if any(object_id in where for where in known):
            return
        copies = sorted(self.copies.get(object_id, ()))
        if copies:
            self.pinning[object_id] = copies[-1]
            ctx.send(copies[-1], PinCopy(object_id))
            return
        task = self.maker(object_id)
        if task is None:
            self.fail(ctx, object_id, Failure.LOST)
            return
        if self.under_way(task):
            return
        if self.can_run_again(task):
            self.execute_again(ctx, task)
        else:
            self.fail(ctx, object_id, Failure.UNRECONSTRUCTABLE)

    def under_way(self, task: Task) -> bool:
        """Whether the object comes by itself: its task waits or runs, or has failed for good."""
        return self.stage.get(task.name) is not Stage.DONE

    def pin_answered(self, ctx: Context, object_id: ObjectId, node: Name, pinned: bool) -> None:
        """A copy has become the primary one, unless it is gone by now; then the next is tried."""
        if self.pinning.get(object_id) != node:
            return
        del self.pinning[object_id]
        if pinned and self.accepts(node):
            self.primary[object_id] = node
        else:
            self.copies[object_id].discard(node)
            self.recover(ctx, object_id)

    def fail(self, ctx: Context, object_id: ObjectId, failure: Failure) -> None:
        """The error is the object's value from now on; who waits for it is told."""
        self.failures[object_id] = failure
