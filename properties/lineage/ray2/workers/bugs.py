"""Planted bugs of attempts and of streams."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import TaskId
from rayproof.model.kernel import Context
from rayproof.model.lineage.ray2.attempts import Ending, Submitter, TaskShape
from rayproof.model.lineage.ray2.streams import Item, StreamOwner
from rayproof.properties.bug import Bug


@dataclass(slots=True)
class RetriesTheCancelled(Submitter):
    """Ray #54260: a retry that was decided is sent although the task was cancelled meanwhile."""

    def retry(self, ctx: Context, task: TaskId) -> None:
        self.send(ctx, task)


@dataclass(slots=True)
class RetriesAtOnce(Submitter):
    """Ray #30533: kills for memory spend the task's retries and are followed by no wait."""

    def survives_kill(self, task: TaskId, shape: TaskShape) -> bool:
        self.kills[task] = self.kills.get(task, 0) + 1
        return self.kills[task] <= shape.max_retries

    def delay(self, task: TaskId) -> int:
        return 0


@dataclass(slots=True)
class CountsNoRetries(Submitter):
    """Crashes never spend the budget."""

    def attempt_ended(self, ctx: Context, task: TaskId, ending: Ending) -> None:
        self.retries.pop(task, None)
        Submitter.attempt_ended(self, ctx, task, ending)


@dataclass(slots=True)
class ForgetsCancelledRetries(Submitter):
    """A retry that is not sent since the task was cancelled leaves it without an end."""

    def retry(self, ctx: Context, task: TaskId) -> None:
        if task not in self.cancelled:
            self.send(ctx, task)


@dataclass(slots=True)
class PeeksDelete(StreamOwner):
    """Ray #38232: the temporary reference of a peek takes the item with it."""

    def peeked(self, index: int) -> None:
        self.items[index] = Item.DROPPED


@dataclass(slots=True)
class EndsWithTheLastAttempt(StreamOwner):
    """Ray #39109: after the last failure the stream ends with what the last attempt has reported."""

    def end_after_failure(self) -> int:
        return self.seen


@dataclass(slots=True)
class LeavesTheLost(StreamOwner):
    """Items that cannot be made again have no error."""

    def fail_missing(self) -> None:
        pass


ATTEMPT_BUGS = (
    Bug(
        "retries_the_cancelled",
        "A cancelled task is retried (D44).",
        {Submitter: RetriesTheCancelled},
        "cancelled_never_starts_again",
        "attempts-cancel",
    ),
    Bug(
        "retries_at_once",
        "A task is killed for memory again and again until its retries are spent (D13).",
        {Submitter: RetriesAtOnce},
        "what_fits_alone_gets_done",
        "attempts-memory",
    ),
    Bug(
        "counts_no_retries",
        "Crashes do not spend the budget of retries.",
        {Submitter: CountsNoRetries},
        "retries_bounded",
        "attempts-cancel",
    ),
    Bug(
        "forgets_cancelled_retries",
        "A task that was cancelled between two attempts never ends.",
        {Submitter: ForgetsCancelledRetries},
        "every_task_ends",
        "attempts-cancel",
    ),
)
"""The planted bugs of attempts."""

STREAM_BUGS = (
    Bug(
        "peeks_delete",
        "Waiting for the next item deletes it (D45).",
        {StreamOwner: PeeksDelete},
        "no_item_is_dropped_unread",
        "stream",
    ),
    Bug(
        "ends_with_the_last_attempt",
        "A failed retry shrinks the stream below what was handed out (D46).",
        {StreamOwner: EndsWithTheLastAttempt},
        "the_end_lies_behind_what_was_taken",
        "stream-read-late",
        also=("every_wish_is_fulfilled",),
    ),
    Bug(
        "leaves_the_lost",
        "A lost item that cannot be made again has no error.",
        {StreamOwner: LeavesTheLost},
        "every_wish_is_fulfilled",
        "stream-read-late",
    ),
)
"""The planted bugs of streams."""

WORKER_BUGS = (*ATTEMPT_BUGS, *STREAM_BUGS)
"""The planted bugs of workers."""
