"""A driver as the owner of its tasks; beside it stands the one who leases workers for their attempts.

Source: Ray 2.60 `core_worker/task_manager.cc` (attempts, retries, cancellation) and `normal_task_submitter.cc` (leases,
`CancelTask`, `HandleWorkerLeaseReply`); `core_worker.cc::RemovePlacementGroup`. Both are one process in Ray: here they
crash together and reach each other at once. An attempt waits in the queue of its class for a leased worker; its reply
sets the worker free for the next. A task that was cancelled, or whose group was given up, is not sent again. A call of
an actor is a task that needs no lease: it goes to whoever calls that actor (`cluster.ray2.calls`).

Left out: bodies that submit tasks (`leases.worker`), groups that another process gives up, cancelled calls, and the
delay before a retry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rayproof.model.actors.ray2.lifecycle import CreateActor, KillActor
from rayproof.model.actors.ray2.protocol import CallOutcome
from rayproof.model.graph import GiveUpGroup, GroupId, MakeGroup, Submit, TaskId
from rayproof.model.graph.contract import GroupRemoved
from rayproof.model.kernel import Context, Message, Name, constant
from rayproof.model.lineage.ray2.attempts import AttemptSent, CancelAccepted
from rayproof.model.lineage.ray2.ownership import LineageOwner
from rayproof.model.lineage.ray2.programs import Failure, Stage, Task
from rayproof.model.scheduler.ray2.owned.calls import caller_of
from rayproof.model.scheduler.ray2.owned.protocol import (
    AttemptFailed,
    AttemptOver,
    AttemptPushed,
    AttemptWithdrawn,
    CallMade,
    CallOver,
    CallReady,
    Cancel,
    EndActor,
    MakeActor,
    NodeLost,
    Submission,
    Withdrawal,
)
from rayproof.model.wire.ray2.groups import CreateGroup, GroupReady, RemoveGroup
from rayproof.model.wire.ray2.leases import ClassId

SUBMITTER = "submitter"


@dataclass(slots=True, kw_only=True)
class TaskManager(LineageOwner):
    """The driver as owner of tasks and objects."""

    class_of: Mapping[TaskId, ClassId] = constant()
    group_of: Mapping[TaskId, GroupId] = constant()
    """Tasks that run in bundles -> their group."""
    actor_of: Mapping[TaskId, str] = constant()
    """Tasks that are calls -> their actor."""
    spoilt: dict[TaskId, Failure] = field(default_factory=dict)
    """Calls that were sent with an error for an argument."""
    cancelled: set[TaskId] = field(default_factory=set)
    removed: set[GroupId] = field(default_factory=set)
    """Groups that were given up."""
    ready: set[GroupId] = field(default_factory=set)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """What becomes of attempts, groups and nodes; the rest is an owner's."""
        match message:
            case AttemptPushed(task, attempt, node):
                if self.is_present(task, attempt):
                    self.placed[task] = node
            case AttemptWithdrawn(task, attempt) | AttemptFailed(task, attempt):
                if self.is_present(task, attempt):
                    self.attempt_failed(ctx, self.task(task))
            case NodeLost(node):
                self.node_died(ctx, node)
            case GroupReady(group):
                self.ready.add(group)
            case CallOver(call, outcome):
                self.call_over(ctx, self.task(call), outcome)
            case _:
                LineageOwner.receive(self, ctx, sender, message)
                return
        self.settle(ctx)

    def is_present(self, task: TaskId, attempt: int) -> bool:
        """Whether it is the attempt that the task is waiting for."""
        return self.stage.get(task) is Stage.SUBMITTED and self.attempts[task] == attempt

    def fire(self, ctx: Context, timer: str) -> None:
        """The driver's next action."""
        match self.program[self.at]:
            case Cancel(task):
                self.cancel(ctx, task)
            case MakeGroup(group):
                ctx.send("manager", CreateGroup(group))
            case GiveUpGroup(group):
                self.give_up(ctx, group)
            case MakeActor(actor):
                ctx.send("actors", CreateActor(actor))
            case EndActor(actor):
                ctx.send("actors", KillActor(actor))
            case Submit(call) if call in self.actor_of:
                ctx.send(caller_of(self.actor_of[call]), CallMade(call))
        LineageOwner.fire(self, ctx, timer)

    def cancel(self, ctx: Context, task: TaskId) -> None:
        """Nothing is sent from now on; what was sent ends, unless it has ended. A task that is over stays so."""
        stage = self.stage.get(task)
        if stage in (Stage.PENDING, Stage.SUBMITTED):
            self.cancelled.add(task)
            ctx.observe(CancelAccepted(task))
        if stage is Stage.SUBMITTED:
            ctx.send(SUBMITTER, Withdrawal(task, stop=True))

    def give_up(self, ctx: Context, group: GroupId) -> None:
        """The manager ends what runs in the bundles; what waits for them is withdrawn here."""
        self.removed.add(group)
        ctx.observe(GroupRemoved(group))
        ctx.send("manager", RemoveGroup(group))
        for task, its_group in self.group_of.items():
            if its_group == group and self.stage.get(task) is Stage.SUBMITTED:
                ctx.send(SUBMITTER, Withdrawal(task, stop=False))

    def refusal(self, task: Task) -> Failure | None:
        """Why a task is not to be sent (again)."""
        if task.name in self.cancelled:
            return Failure.CANCELLED
        return Failure.GROUP_REMOVED if self.group_of.get(task.name) in self.removed else None

    def can_run_again(self, task: Task) -> bool:
        """Within the budget, and as long as it is wanted and has a place; calls are retried by their caller."""
        return task.name not in self.actor_of and self.refusal(task) is None and LineageOwner.can_run_again(self, task)

    def try_submit(self, ctx: Context, task: Task) -> None:
        """A task that is refused ends, whether or not its arguments are there."""
        refusal = self.refusal(task)
        if task.name in self.actor_of:
            self.try_call(ctx, task)
        elif refusal is None:
            LineageOwner.try_submit(self, ctx, task)
        else:
            self.end(ctx, task, refusal)

    def try_call(self, ctx: Context, task: Task) -> None:
        """An argument's error is sent like a value, and is raised where the method would run. `InlineDependencies`."""
        if len(self.arrived(task.arguments)) == len(task.arguments):
            errors = [self.failures[object_id] for object_id in task.arguments if object_id in self.failures]
            if errors:
                self.spoilt[task.name] = errors[0]
            self.attempts[task.name] = 1
            self.send_attempt(ctx, task)

    def call_over(self, ctx: Context, task: Task, outcome: str) -> None:
        """A value or an error: an argument's, or the actor's, which also ends what still waits for arguments."""
        spoilt = self.spoilt.pop(task.name, "")
        if self.stage[task.name] is Stage.PENDING:
            self.end(ctx, task, Failure(outcome))
        else:
            error = outcome if outcome in set(CallOutcome) else spoilt
            self.replied(ctx, task, self.attempts[task.name], "", error)

    def end(self, ctx: Context, task: Task, failure: Failure) -> None:
        """The task has failed for good."""
        self.stage[task.name] = Stage.FAILED
        self.fail(ctx, task.result, failure)

    def send_attempt(self, ctx: Context, task: Task) -> None:
        """Where it runs is known when there is a worker for it."""
        self.stage[task.name] = Stage.SUBMITTED
        self.placed[task.name] = ""
        ctx.observe(AttemptSent(task.name, self.attempts[task.name]))
        if task.name in self.actor_of:
            ctx.send(caller_of(self.actor_of[task.name]), CallReady(task.name))
        else:
            ctx.send(SUBMITTER, Submission(self.specification(task), self.class_of[task.name]))

    def attempt_failed(self, ctx: Context, task: Task) -> None:
        """No retry of what is refused. `FailOrRetryPendingTask`."""
        refusal = self.refusal(task)
        if refusal is None:
            LineageOwner.attempt_failed(self, ctx, task)
        else:
            self.end(ctx, task, refusal)

    def replied(self, ctx: Context, task: Task, attempt: int, node: Name, error: str) -> None:
        """The worker is free for the next task of its class."""
        leased = self.is_present(task.name, attempt) and task.name not in self.actor_of
        LineageOwner.replied(self, ctx, task, attempt, node, error)
        if leased:
            ctx.send(SUBMITTER, AttemptOver(task.name))
