"""What must hold of attempts, cancellation, kills for memory and streams."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.graph import TaskId
from rayproof.model.kernel import StateView, always, audit, sometimes
from rayproof.model.lineage.ray2.attempts import AttemptNode, AttemptSent, CancelAccepted, Ending, Submitter
from rayproof.model.lineage.ray2.streams import Item, StreamOwner


@dataclass(frozen=True, slots=True)
class AfterCancel:
    """Monitor: cancelled tasks, and one of which an attempt was sent after that."""

    cancelled: tuple[TaskId, ...] = ()
    sent: TaskId = ""

    def observe(self, event: object) -> AfterCancel:
        """Fold one event."""
        if isinstance(event, CancelAccepted):
            return replace(self, cancelled=tuple(sorted({*self.cancelled, event.task})))
        if isinstance(event, AttemptSent) and event.task in self.cancelled and not self.sent:
            return replace(self, sent=event.task)
        return self


@always(source="Ray #54260; bug benchmark S3'", monitors=(AfterCancel,))
def cancelled_never_starts_again(view: StateView) -> bool:
    """No attempt of a task is sent after its cancellation was accepted."""
    return not view.monitor(AfterCancel).sent


@audit(Submitter, source="bug benchmark L2")
def every_task_ends(view: StateView) -> bool:
    """Every task has a value or an error."""
    return all(len(owner.endings) == len(owner.shapes) for owner in view.of(Submitter).values())


@audit(Submitter, AttemptNode, source="Ray #30533; bug benchmark L2'")
def what_fits_alone_gets_done(view: StateView) -> bool:
    """No task that fits the node's memory when it is alone ends for lack of memory."""
    for node in view.of(AttemptNode).values():
        for owner in view.of(Submitter).values():
            for shape in owner.shapes:
                fits = shape.memory <= node.memory and shape.max_retries != 0
                if fits and owner.endings.get(shape.name) is Ending.OUT_OF_MEMORY:
                    return False
    return True


@always(Submitter, each=True, source="Ray 2.60 task_manager.cc, max_retries; bug benchmark L4")
def retries_bounded(owner: Submitter) -> bool:
    """No task has more attempts than one, its retries and the kills for memory allow."""
    return all(
        owner.attempts.get(shape.name, 0) <= 1 + shape.max_retries + owner.kills.get(shape.name, 0)
        for shape in owner.shapes
    )


@sometimes(Submitter, source="Ray 2.60 task_manager.cc")
def an_attempt_is_repeated(view: StateView) -> bool:
    """Some task has a second attempt."""
    return any(count > 1 for owner in view.of(Submitter).values() for count in owner.attempts.values())


ATTEMPTS = (
    cancelled_never_starts_again,
    retries_bounded,
    every_task_ends,
    what_fits_alone_gets_done,
    an_attempt_is_repeated,
)
"""What is checked of attempts."""


@always(StreamOwner, each=True, source="Ray #39109")
def the_end_lies_behind_what_was_taken(owner: StreamOwner) -> bool:
    """The end of a stream never comes to lie before an item that was handed out."""
    return owner.end < 0 or owner.end >= owner.taken


@always(StreamOwner, each=True, source="Ray #38232; bug benchmark S8")
def no_item_is_dropped_unread(owner: StreamOwner) -> bool:
    """No item is deleted before it was read."""
    return all(index < owner.read for index, item in owner.items.items() if item is Item.DROPPED)


@audit(StreamOwner, source="Ray #39109; bug benchmark L2")
def every_wish_is_fulfilled(view: StateView) -> bool:
    """The consumer is never left waiting."""
    return not any(owner.wishes for owner in view.of(StreamOwner).values())


@sometimes(StreamOwner, source="Ray 2.60 task_manager.cc")
def a_generator_runs_again(view: StateView) -> bool:
    """Some generator has a second attempt."""
    return any(owner.attempt > 1 for owner in view.of(StreamOwner).values())


STREAMS = (
    the_end_lies_behind_what_was_taken,
    no_item_is_dropped_unread,
    every_wish_is_fulfilled,
    a_generator_runs_again,
)
"""What is checked of streams."""
