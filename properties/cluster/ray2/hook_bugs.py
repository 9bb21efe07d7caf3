"""Planted bugs around the hooks `retry` and `preempt` on today's Ray."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import Resources, TaskId
from rayproof.model.graph.contract import ErrorKind
from rayproof.model.kernel import Context
from rayproof.model.scheduler.ray2.lease_manager import LeaseManager
from rayproof.model.scheduler.ray2.patience import Patience
from rayproof.model.scheduler.ray2.submitter import LeaseSubmitter
from rayproof.model.wire.ray2.leases import INSIDE, LeaseCancelled, LeaseSpec
from rayproof.model.wire.ray2.workers import AttemptFailed
from rayproof.model.workers.ray2.task_manager import TaskManager
from rayproof.properties.bug import Bug


@dataclass(slots=True, kw_only=True)
class GivesUpInSilence(LeaseSubmitter):
    """A task that is given up leaves the queue, and nobody is told."""

    def withdraw(self, ctx: Context, task: TaskId, given_up: bool) -> None:
        for key in sorted(self.queues):
            if given_up and task in self.queues[key]:
                self.queues[key].remove(task)
                self.taken(ctx, task)
                self.trim(ctx, key)
                return
        LeaseSubmitter.withdraw(self, ctx, task, given_up)


@dataclass(slots=True, kw_only=True)
class BacksOffForEver(Patience):
    """A back-off after a failure has no end."""

    def after_failure(self, ctx: Context, task: TaskId, attempt: int) -> None:
        self.asked(ctx, task, attempt, again=True)
        self.failed[task] = attempt


@dataclass(slots=True, kw_only=True)
class TriesForEver(TaskManager):
    """Where a policy is asked when to try again, the budget of retries is forgotten."""

    def attempt_failed(self, ctx: Context, task: TaskId, attempt: int, error: ErrorKind) -> None:
        state = self.pending.get(task)
        if state is not None and state.attempt == attempt and error is ErrorKind.WORKER_DIED and self.patience:
            ctx.send(self.patience, AttemptFailed(task, attempt, error), INSIDE)
        else:
            TaskManager.attempt_failed(self, ctx, task, attempt, error)


@dataclass(slots=True, kw_only=True)
class FreesTwice(LeaseManager):
    """What a task that makes room had is free twice: at its end, and once more."""

    def makes_room(self, ctx: Context, spec: LeaseSpec) -> bool:
        made = LeaseManager.makes_room(self, ctx, spec)
        if made:
            self.free = self.free + spec.demand
        return made


@dataclass(slots=True, kw_only=True)
class GivesUpWhatIsBusy(LeaseManager):
    """A request for which there is no room now is given up, whatever policy decides."""

    def by_ray(self, ctx: Context, spec: LeaseSpec) -> None:
        if any(spec.demand.fits(Resources.from_units(node.free)) for node in self.nodes(ctx.me)):
            LeaseManager.by_ray(self, ctx, spec)
        else:
            ctx.send(spec.lease[0], LeaseCancelled(spec.lease, given_up=True))


HOOK_BUGS = (
    Bug(
        "gives_up_what_is_busy",
        "A task that waits for room is given up.",
        {LeaseManager: GivesUpWhatIsBusy},
        "nothing_is_given_up",
        "today-plain",
    ),
    Bug(
        "gives_up_in_silence",
        "A task is given up, and whoever waits for its result waits for ever.",
        {LeaseSubmitter: GivesUpInSilence},
        "no_body_waits_for_ever",
        "today-patience",
        also=("every_task_that_fits_ends",),
    ),
    Bug(
        "backs_off_for_ever",
        "A task backs off after a failure for ever.",
        {Patience: BacksOffForEver},
        "no_body_waits_for_ever",
        "today-backs-off",
        also=("every_task_that_fits_ends",),
    ),
    Bug(
        "tries_for_ever",
        "A task is tried again beyond its retries.",
        {TaskManager: TriesForEver},
        "refines_the_task_graph",
        "today-preempts-again",
    ),
    Bug(
        "frees_twice",
        "A node gives away what a preempted task had twice.",
        {LeaseManager: FreesTwice},
        "free_and_leased_add_up",
        "today-preempts",
        "bug benchmark S2",
    ),
)
"""The planted bugs of these hooks."""
