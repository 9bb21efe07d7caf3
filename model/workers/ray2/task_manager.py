"""A core worker as an owner: its tasks, their attempts and arguments, and where its objects are.

Source: Ray 2.60, `core_worker/task_manager.cc` (AddPendingTask, CompletePendingTask, RetryTaskIfPossible,
ResubmitTask), `dependency_resolver.cc`, `reference_counter.cc` for locations and borrowed references,
`object_recovery_manager.cc`. A task is sent as soon as each of its arguments exists; small values travel with it, large
ones are named with their nodes. An object whose copies are gone is made again when somebody needs it.

Left out: counting references (nothing is freed), borrowers of borrowers beyond the owner's address, generators.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace

from rayproof.model.graph import NodeAffinity, NodeId, ObjectId, Program, Strategy, TaskId, TaskKind
from rayproof.model.graph.contract import CancelAsked, CopiesLost, ErrorKind, Failed, GivenUp, PlaceDied
from rayproof.model.kernel import Context, Message, Name, Process, Unhandled, constant
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.scheduler.ray2.driver_policy import DriverPolicy
from rayproof.model.wire.ray2.actors import CallGone, CallMade
from rayproof.model.wire.ray2.leases import INSIDE, Deferred, Located
from rayproof.model.wire.ray2.objects import ObjectLocal, PullObject
from rayproof.model.wire.ray2.workers import (
    FAILED,
    AttemptFailed,
    BodyTold,
    CancelTask,
    CopyAt,
    GiveUpTask,
    Known,
    Locate,
    NodeLost,
    ObjectAt,
    ObjectsReady,
    PutObject,
    SendTask,
    SubmitTask,
    TaskReply,
    TaskWaits,
    TryAgain,
    Want,
    WithdrawTask,
)


@dataclass(frozen=True, slots=True)
class Pending:
    """A task that has not ended."""

    attempt: int
    by: TaskId
    strategy: Strategy
    missing: tuple[ObjectId, ...] = ()
    """Arguments that do not exist yet."""
    sent: bool = False


@dataclass(slots=True, kw_only=True)
class TaskManager(Process):
    """One core worker's tasks and objects."""

    program: Program = constant()
    body: Name = constant()
    submitter: Name = constant()
    caller: Name = constant("")
    """The part that calls actors."""
    patience: Name = constant("")
    """The part that asks a policy when to try again; empty without such a policy."""
    raylet: Name = constant()
    store: Name = constant()
    node_of: Mapping[Name, Name] = constant()
    """Raylet of each task manager's node."""
    raylets: Mapping[NodeId, Name] = constant()
    """Raylet of each node that a strategy may name."""
    mentions: Mapping[TaskId, tuple[ObjectId, ...]] = constant()
    """Objects of others of which bodies at or below a task speak."""
    exports: Mapping[TaskId, tuple[ObjectId, ...]] = constant()
    inline_bytes: int = constant()
    policy: Policy | None = constant(None)
    """Decides in the driver, at the submit, through a soft affinity; None: the raylets decide."""
    nodes: DriverPolicy | None = constant(None)
    """What such a policy is shown."""
    pending: dict[TaskId, Pending] = field(default_factory=dict)
    attempts: dict[TaskId, int] = field(default_factory=dict)
    """Attempts of the tasks that have ended."""
    known: dict[ObjectId, Known] = field(default_factory=dict)
    borrowed: dict[ObjectId, Name] = field(default_factory=dict)
    """Objects of other owners -> their task managers."""
    locating: set[ObjectId] = field(default_factory=set)
    """Borrowed objects that their owners were asked for."""
    asking: dict[ObjectId, tuple[Name, ...]] = field(default_factory=dict)
    """Processes that wait for an object to exist."""
    wants: dict[ObjectId, bool] = field(default_factory=dict)
    """What the body waits for, and whether it must be on this node."""
    dead: set[Name] = field(default_factory=set)
    chosen: dict[TaskId, Name] = field(default_factory=dict)
    """Tasks that the driver's policy has placed and that have not ended -> raylet."""
    deferred: list[TaskId] = field(default_factory=list)
    """Tasks that the driver's policy lets wait, and those submitted since."""
    memory: Hashable = ()

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The body's acts, what became of attempts, what owners know, deaths."""
        match message:
            case SubmitTask(task, by):
                self.submit(ctx, task, by)
            case CancelTask(task):
                self.cancel(ctx, task)
            case PutObject(made, value):
                stored = self.program.objects[made].size_bytes > self.inline_bytes
                self.exists(ctx, made, Known(value, (self.raylet,) if stored else (), stored))
            case Want(objects, fetch):
                there = [each for each in (self.want(ctx, wanted, fetch) for wanted in objects) if each is not None]
                if there:
                    ctx.send(self.body, ObjectsReady(tuple(there)), INSIDE)
            case BodyTold(references):
                self.learn(references)
            case TaskReply() if sender == self.body:
                exported = self.exports[message.task]
                ctx.send(message.caller, replace(message, references=self.references(exported)))
            case TaskReply():
                self.completed(ctx, message)
            case GiveUpTask(task):
                self.give_up(ctx, task)
            case TryAgain(task, attempt, given_up):
                self.try_again(ctx, task, attempt, given_up)
            case AttemptFailed(task, attempt, error):
                self.attempt_failed(ctx, task, attempt, error)
            case Locate(wanted, dead):
                self.locate(ctx, sender, wanted, dead)
            case ObjectAt(wanted, known):
                self.locating.discard(wanted)
                if wanted in self.borrowed:
                    self.exists(ctx, wanted, known)
            case CopyAt(made, node):
                self.copied(made, node)
            case ObjectLocal(made, value):
                if self.wants.pop(made, None) is not None:
                    ctx.send(self.body, ObjectsReady(((made, value),)), INSIDE)
            case NodeLost(node):
                self.node_died(ctx, node)
            case _:
                raise Unhandled(message)

    # ---- tasks ------------------------------------------------------------------------------------------------------

    def submit(self, ctx: Context, task: TaskId, by: TaskId) -> None:
        """A body submits a task; a body that runs again submits anew."""
        spec = self.program.tasks[task]
        if task in self.attempts or task in self.pending:
            return
        for made in spec.outputs:
            self.borrowed.pop(made, None)
            self.known.pop(made, None)
        self.pending[task] = Pending(1, by, self.strategy(task))
        if spec.kind is TaskKind.ACTOR_METHOD:
            ctx.send(self.caller, CallMade(task), INSIDE)
        if self.policy is not None and spec.goes_anywhere:
            self.deferred.append(task)
            self.place_deferred(ctx)
        else:
            self.resolve(ctx, task)

    def strategy(self, task: TaskId) -> Strategy:
        """A task's strategy in the names of this cluster."""
        strategy = self.program.tasks[task].strategy
        if isinstance(strategy, NodeAffinity):
            return replace(strategy, node=self.raylets.get(strategy.node, strategy.node))
        return strategy

    def resolve(self, ctx: Context, task: TaskId) -> None:
        """Send a task, or wait for its arguments."""
        missing = tuple(needed for needed in self.program.tasks[task].inputs if not self.is_there(needed))
        self.pending[task] = replace(self.pending[task], missing=missing)
        for needed in missing:
            self.need(ctx, needed)
        if not missing:
            self.send(ctx, task)

    def is_there(self, made: ObjectId) -> bool:
        """Whether an object exists, as far as is known here, or has failed."""
        known = self.known.get(made)
        return known is not None and (not known.stored or bool(known.nodes))

    def send(self, ctx: Context, task: TaskId) -> None:
        """Every argument exists; an error among them is the task's own."""
        spec, state = self.program.tasks[task], self.pending[task]
        if any(self.known[needed].value == FAILED for needed in spec.inputs):
            if spec.actor is not None:
                ctx.send(self.caller, CallGone(task), INSIDE)
            self.fail(ctx, task, ErrorKind.DEPENDENCY)
            return
        self.pending[task] = replace(state, sent=True)
        args = tuple(self.located(needed) for needed in spec.inputs if self.known[needed].stored)
        told = self.references(self.mentions.get(task, ()))
        message = SendTask(task, state.attempt, state.strategy, args, told)
        ctx.send(self.caller if spec.actor is not None else self.submitter, message, INSIDE)
        if self.patience and spec.actor is None:
            ctx.send(self.patience, TaskWaits(task, state.attempt), INSIDE)

    def located(self, made: ObjectId) -> Located:
        """An object in stores, as a lease request names it."""
        owner = self.borrowed.get(made, "")
        size = self.program.objects[made].size_bytes
        return Located(made, size, owner or self.name, self.known[made].nodes)

    @property
    def name(self) -> Name:
        """This task manager's own name."""
        return f"{self.body}.tasks"

    def references(self, objects: tuple[ObjectId, ...]) -> tuple[tuple[ObjectId, Name], ...]:
        """Who owns each of some objects."""
        return tuple((made, self.borrowed.get(made, self.name)) for made in objects)

    def learn(self, references: tuple[tuple[ObjectId, Name], ...]) -> None:
        """References to objects of others have come in."""
        for made, owner in references:
            if owner != self.name and self.borrowed.get(made) != owner:
                self.borrowed[made] = owner
                self.known.pop(made, None)
                self.locating.discard(made)

    def completed(self, ctx: Context, reply: TaskReply) -> None:
        """An attempt has ended; a late reply of an earlier one changes nothing."""
        state = self.pending.get(reply.task)
        if state is None or state.attempt != reply.attempt:
            return
        self.learn(reply.references)
        self.over(ctx, reply.task)
        for made in self.program.tasks[reply.task].outputs:
            stored = made in reply.stored
            if stored and reply.node in self.dead:
                ctx.observe(CopiesLost(made))
            nodes = (reply.node,) if stored and reply.node not in self.dead else ()
            self.exists(ctx, made, Known(reply.attempt, nodes, stored))
        self.place_deferred(ctx)

    def over(self, ctx: Context, task: TaskId) -> None:
        """A task has ended, one way or the other."""
        self.attempts[task] = self.pending.pop(task).attempt
        self.chosen.pop(task, None)

    def attempt_failed(self, ctx: Context, task: TaskId, attempt: int, error: ErrorKind) -> None:
        """Try again while the budget allows it (`RetryTaskIfPossible`)."""
        state = self.pending.get(task)
        if state is None or state.attempt != attempt:
            return
        retries = self.program.tasks[task].max_retries
        if error is not ErrorKind.WORKER_DIED or 0 <= retries < attempt:
            self.fail(ctx, task, error)
        elif self.patience and self.program.tasks[task].actor is None:
            ctx.send(self.patience, AttemptFailed(task, attempt, error), INSIDE)
        else:
            self.try_again(ctx, task, attempt, False)

    def give_up(self, ctx: Context, task: TaskId) -> None:
        """The policy lets a task wait no longer: for a worker, or for the driver's own decision."""
        state = self.pending.get(task)
        if state is not None and state.sent:
            ctx.send(self.submitter, WithdrawTask(task, given_up=True), INSIDE)
        elif state is not None:
            self.deferred = [each for each in self.deferred if each != task]
            ctx.observe(GivenUp(task))
            self.fail(ctx, task, ErrorKind.REJECTED)

    def try_again(self, ctx: Context, task: TaskId, attempt: int, given_up: bool) -> None:
        """The next attempt, unless the policy gives the task up or it has ended meanwhile."""
        state = self.pending.get(task)
        if state is None or state.attempt != attempt:
            return
        if given_up:
            ctx.observe(GivenUp(task))
            self.fail(ctx, task, ErrorKind.REJECTED)
        else:
            self.pending[task] = replace(state, attempt=attempt + 1, sent=False)
            self.resolve(ctx, task)

    def cancel(self, ctx: Context, task: TaskId) -> None:
        """A task that waits for arguments ends at once; one that waits for a worker, when that is known."""
        ctx.observe(CancelAsked(task))
        state = self.pending.get(task)
        if state is not None and state.sent:
            ctx.send(self.submitter, WithdrawTask(task), INSIDE)
        elif state is not None:
            self.fail(ctx, task, ErrorKind.CANCELLED)

    def fail(self, ctx: Context, task: TaskId, error: ErrorKind) -> None:
        """Give a task up; whoever waits for what it would have made hears of it."""
        ctx.observe(Failed(task, error))
        self.over(ctx, task)
        for made in self.program.tasks[task].outputs:
            self.exists(ctx, made, Known(FAILED))
        self.place_deferred(ctx)

    # ---- objects ----------------------------------------------------------------------------------------------------

    def exists(self, ctx: Context, made: ObjectId, known: Known) -> None:
        """An object exists, or has failed: tell whoever waits, and send what has waited for it alone."""
        self.known[made] = known
        if not self.is_there(made):
            if made in self.asking or made in self.wants or self.is_argument(made):
                self.need(ctx, made)
            return
        if made in self.wants and (ready := self.want(ctx, made, self.wants[made])) is not None:
            ctx.send(self.body, ObjectsReady((ready,)), INSIDE)
        for who in self.asking.pop(made, ()):
            ctx.send(who, ObjectAt(made, known))
        for task in self.program.consumers(made):
            state = self.pending.get(task)
            if state is not None and made in state.missing:
                missing = tuple(needed for needed in state.missing if needed != made)
                self.pending[task] = replace(state, missing=missing)
                if not missing:
                    # What was there when the task came may have been lost since.
                    self.resolve(ctx, task)

    def is_argument(self, made: ObjectId) -> bool:
        """Whether a task waits for an object."""
        waiting = (self.pending.get(task) for task in self.program.consumers(made))
        return any(state is not None and made in state.missing for state in waiting)

    def want(self, ctx: Context, wanted: ObjectId, fetch: bool) -> tuple[ObjectId, int] | None:
        """The body waits for an object; its value if it is there."""
        self.wants[wanted] = fetch
        if not self.is_there(wanted):
            self.need(ctx, wanted)
        elif fetch and self.known[wanted].stored:
            ctx.send(self.store, PullObject(self.located(wanted), True), INSIDE)
        else:
            del self.wants[wanted]
            return wanted, self.known[wanted].value
        return None

    def need(self, ctx: Context, wanted: ObjectId) -> None:
        """Something that is not there is needed: ask its owner, or make it again."""
        owner = self.borrowed.get(wanted)
        if owner is not None:
            if wanted not in self.locating:
                self.locating.add(wanted)
                ctx.send(owner, Locate(wanted, tuple(sorted(self.dead))))
        elif wanted in self.known:
            self.recover(ctx, wanted)

    def recover(self, ctx: Context, lost: ObjectId) -> None:
        """Execute the task of an object again, within its budget of retries (`RecoverObject`, `ResubmitTask`)."""
        maker = self.program.producer(lost)
        if maker in self.pending:
            return
        retries = self.program.tasks[maker].max_retries if maker in self.attempts else 0
        if retries >= 0 and self.attempts.get(maker, 0) > retries:
            self.exists(ctx, lost, Known(FAILED))
            return
        self.pending[maker] = Pending(self.attempts.pop(maker) + 1, "", self.strategy(maker))
        for made in self.program.tasks[maker].outputs:
            if made in self.known and not self.is_there(made):
                del self.known[made]
        self.resolve(ctx, maker)

    def locate(self, ctx: Context, who: Name, wanted: ObjectId, dead: tuple[Name, ...]) -> None:
        """Somebody asks where an object is; what the asker knows of deaths is true."""
        for node in dead:
            if node not in self.dead:
                self.node_died(ctx, node)
        if self.is_there(wanted):
            ctx.send(who, ObjectAt(wanted, self.known[wanted]))
            return
        waiting = self.asking.get(wanted, ())
        self.asking[wanted] = waiting if who in waiting else (*waiting, who)
        self.need(ctx, wanted)

    def copied(self, made: ObjectId, node: Name) -> None:
        """Another node holds a copy."""
        known = self.known.get(made)
        if known is not None and known.stored and node not in known.nodes and node not in self.dead:
            self.known[made] = replace(known, nodes=(*known.nodes, node))

    def node_died(self, ctx: Context, node: Name) -> None:
        """Copies there are gone, and so are the owners there."""
        if node in self.dead:
            return
        self.dead.add(node)
        ctx.observe(PlaceDied(node))
        gone = []
        for made, known in sorted(self.known.items()):
            if node in known.nodes:
                self.known[made] = replace(known, nodes=tuple(each for each in known.nodes if each != node))
                if len(known.nodes) == 1:
                    gone.append(made)
        for made in gone:
            if made not in self.borrowed:
                ctx.observe(CopiesLost(made))
        for made, owner in sorted(self.borrowed.items()):
            if self.node_of.get(owner) == node and not self.is_there(made):
                self.locating.discard(made)
                self.exists(ctx, made, Known(FAILED))
        for made in gone:
            if made in self.asking or made in self.wants or self.is_argument(made):
                self.need(ctx, made)
        self.place_deferred(ctx)

    # ---- a policy that decides in the driver -------------------------------------------------------------------------

    def place_deferred(self, ctx: Context) -> None:
        """Ask the driver's policy about what was submitted, in order, until it lets one wait (`.remote()` blocks)."""
        while self.deferred and self.nodes is not None and self.policy is not None:
            task = self.deferred[0]
            spec = self.program.tasks[task]
            args = [
                self.located(needed) for needed in spec.inputs if needed in self.known and self.known[needed].stored
            ]
            node, self.memory = self.nodes.ask(self.policy, spec, args, self.chosen, self.memory, self.raylet, ctx)
            if node is None:
                ctx.observe(Deferred(task))
                if self.patience:
                    ctx.send(self.patience, TaskWaits(task, self.pending[task].attempt), INSIDE)
                return
            self.deferred.pop(0)
            self.chosen[task] = node
            self.pending[task] = replace(self.pending[task], strategy=self.nodes.affinity(node))
            self.resolve(ctx, task)
