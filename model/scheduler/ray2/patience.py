"""An owner's patience: the `retry` hook of a proposal, asked of tasks that wait for a worker and of attempts that
failed.

Ray has no such part: an owner waits for ever, and tries again at once while it may. Here the hook is asked when a
task begins to wait for a worker, and again after each back-off during which none came; its number of the look counts
from 0. A task that is given up leaves the queue of its owner, which withdraws the request. After the death of a
worker the hook is asked with the number of the attempt that failed: to back off delays the next attempt, to give up
ends the task although it might be tried again, and to wait is Ray's own way.

Left out: actors, whose workers the control plane asks for; and a view of the cluster, which an owner does not have.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from rayproof.model.graph import Program, TaskId
from rayproof.model.kernel import Context, Message, Name, Process, TimerKind, Unhandled, constant
from rayproof.model.scheduler.policy.hooks import ClusterView, Policy, TaskView
from rayproof.model.scheduler.policy.queue_hooks import Backoff, GiveUp, ask_retry
from rayproof.model.wire.ray2.leases import INSIDE
from rayproof.model.wire.ray2.workers import AttemptFailed, GiveUpTask, TaskLeft, TaskWaits, TryAgain

LOOK, LOOK_AGAIN, RETRY = "look:", "look again:", "retry:"
"""Timers: look whether a task still waits, one that was tried before or not; try a task again."""


@dataclass(slots=True, kw_only=True)
class Patience(Process):
    """One core worker's."""

    program: Program = constant()
    policy: Policy = constant()
    raylet: Name = constant()
    manager: Name = constant()
    waiting: dict[TaskId, int] = field(default_factory=dict)
    """Tasks that wait for a worker -> how often the hook was asked about this wait."""
    failed: dict[TaskId, int] = field(default_factory=dict)
    """Tasks that back off after a failure -> the attempt that failed."""
    memory: Hashable = ()

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """What the owner's other parts tell."""
        match message:
            case TaskWaits(task, attempt):
                if task not in self.waiting:
                    self.waiting[task] = 0
                    self.look(ctx, task, again=attempt > 1)
            case TaskLeft(task):
                if self.waiting.pop(task, None) is not None:
                    ctx.cancel_timer(LOOK + task)
                    ctx.cancel_timer(LOOK_AGAIN + task)
            case AttemptFailed(task, attempt):
                self.after_failure(ctx, task, attempt)
            case _:
                raise Unhandled(message)

    def fire(self, ctx: Context, timer: str) -> None:
        """A back-off has ended."""
        kind, _, task = timer.partition(":")
        if f"{kind}:" in (LOOK, LOOK_AGAIN):
            self.look(ctx, task, again=f"{kind}:" == LOOK_AGAIN)
        else:
            ctx.send(self.manager, TryAgain(task, self.failed.pop(task), False), INSIDE)

    def look(self, ctx: Context, task: TaskId, *, again: bool) -> None:
        """A task still waits for a worker: how long may it?"""
        count = self.waiting[task]
        self.waiting[task] = count + 1
        match self.asked(ctx, task, count, again=again):
            case Backoff(after_us):
                ctx.set_timer((LOOK_AGAIN if again else LOOK) + task, after_us, TimerKind.EAGER)
            case GiveUp():
                del self.waiting[task]
                ctx.send(self.manager, GiveUpTask(task), INSIDE)
            case _:
                pass

    def after_failure(self, ctx: Context, task: TaskId, attempt: int) -> None:
        """An attempt has failed and may be followed by another one: when?"""
        match self.asked(ctx, task, attempt, again=True):
            case Backoff(after_us):
                self.failed[task] = attempt
                ctx.set_timer(RETRY + task, after_us, TimerKind.EAGER)
            case answer:
                ctx.send(self.manager, TryAgain(task, attempt, isinstance(answer, GiveUp)), INSIDE)

    def asked(self, ctx: Context, task: TaskId, count: int, *, again: bool) -> Backoff | GiveUp | None:
        """The hook's answer; raises `PolicyError`."""
        spec = self.program.tasks[task]
        question = TaskView(task, spec.name, spec.demand, spec.inputs, spec.strategy, again, spec.hints)
        answer, self.memory = ask_retry(
            self.policy, question, count, ClusterView((), (), self.raylet, 0, 0), self.memory, ctx
        )
        return answer
