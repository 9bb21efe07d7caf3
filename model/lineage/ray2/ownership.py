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

from rayproof.model.graph import ObjectId
from rayproof.model.kernel import Context, Down, Message, Name, TimerKind, Unhandled, Unreachable
from rayproof.model.lineage.ray2.events import ActionBegan, ReadEnded
from rayproof.model.lineage.ray2.execution import (
    CopyMade,
    Execute,
    Fetch,
    Fetched,
    Locate,
    Located,
    PinCopy,
    PinnedCopy,
    PutValue,
    TaskReply,
    WroteToDisk,
)
from rayproof.model.lineage.ray2.keeping import Keeper
from rayproof.model.lineage.ray2.programs import (
    Drop,
    Failure,
    Get,
    PutAt,
    Stage,
    Submit,
    Task,
    Wait,
)

GO_ON = "go on"
"""Timer of the driver's program."""


@dataclass(slots=True)
class Owner(Keeper):
    """The driver as owner of all objects."""

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
            case Wait(objects, _):
                self.waiting = objects
                for there in objects:
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
        return [there for there in objects if self.places(there) or there in self.failures]

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
        for there in task.arguments:
            if there in self.failures:
                self.stage[task.name] = Stage.FAILED
                self.fail(ctx, task.result, self.failures[there])
                return
        if all(self.places(there) for there in task.arguments):
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
        fetched = tuple(there for there in task.arguments if there not in self.small)
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

    def record(self, there: ObjectId, node: Name) -> None:
        """The result's primary copy, if that node still lives."""
        if self.accepts(node):
            self.primary[there] = node

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
        if self.can_run_again(task):
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
