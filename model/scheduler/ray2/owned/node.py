"""A node beside its raylet: the bundles on it, and what executes tasks and keeps objects.

Source: Ray 2.60 `raylet/node_manager.cc` (HandleCancelResourceReserve, HandleUnexpectedWorkerFailure),
`placement_group_resource_manager.cc`. The three are parts of one node: they crash together and reach each other at
once.

Left out: start-up of workers; memory (`objects.store`); a second driver.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.graph import TaskId
from rayproof.model.kernel import Context, Message, Name, constant
from rayproof.model.lineage.ray2.execution import BODY, ExecutionReply, Executor
from rayproof.model.lineage.ray2.programs import Failure
from rayproof.model.scheduler.ray2.owned.protocol import (
    EndLease,
    ExecuteOn,
    LeaseBlocked,
    LeaseUnblocked,
    StopAttempt,
    WorkerGone,
)
from rayproof.model.wire.ray2.leases import LeaseId


@dataclass(slots=True, kw_only=True)
class LeasedExecutor(Executor):
    """What executes on a node, each attempt on the worker of a lease."""

    submitter: Name = constant("submitter")
    raylet: Name = constant()
    lease_of: dict[TaskId, LeaseId] = field(default_factory=dict)
    """The lease of each task's latest attempt."""
    ended: set[LeaseId] = field(default_factory=set)
    """Leases whose worker was killed: what comes for it meets nobody."""
    blocked: set[LeaseId] = field(default_factory=set)
    """Leases whose worker waits for arguments and has given its CPU back."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Attempts and their untimely ends; the rest is execution."""
        if self.ownerless:
            return
        match message:
            case ExecuteOn(lease, attempt):
                if lease in self.ended:
                    ctx.send(self.submitter, WorkerGone(lease, attempt.task, attempt.attempt))
                else:
                    self.lease_of[attempt.task] = lease
                    Executor.receive(self, ctx, sender, attempt)
            case StopAttempt(task, attempt):
                if task in self.attempts and self.attempts[task].attempt == attempt:
                    self.drop(ctx, task)
                    ctx.send(self.owner, ExecutionReply(task, attempt, Failure.CANCELLED))
            case EndLease(lease):
                self.ended.add(lease)
                for task in sorted(self.attempts):
                    if self.lease_of[task] == lease:
                        number = self.attempts[task].attempt
                        self.drop(ctx, task)
                        ctx.send(self.submitter, WorkerGone(lease, task, number))
            case _:
                Executor.receive(self, ctx, sender, message)
        self.tell_blocked(ctx)

    def fire(self, ctx: Context, timer: str) -> None:
        """A body has ended, or an object is on disk."""
        Executor.fire(self, ctx, timer)
        self.tell_blocked(ctx)

    def tell_blocked(self, ctx: Context) -> None:
        """A worker that waits for arguments gives its CPU back, and takes it again. `HandleNotifyWorkerBlocked`."""
        now = {self.lease_of[task] for task in self.attempts if task not in self.running}
        for lease in sorted(now - self.blocked):
            ctx.send(self.raylet, LeaseBlocked(lease))
        for lease in sorted(self.blocked - now):
            ctx.send(self.raylet, LeaseUnblocked(lease))
        self.blocked = now

    def drop(self, ctx: Context, task: TaskId) -> None:
        """An attempt ends without a result."""
        del self.attempts[task]
        self.running.discard(task)
        ctx.cancel_timer(BODY + task)
