"""What must hold of attempts, cancellation, kills for memory and streams."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.graph import TaskId
from rayproof.model.kernel import StateView, always, audit, first, sometimes
from rayproof.model.lineage.ray2.attempts import AttemptNode, AttemptSent, AttemptSubmitter, CancelAccepted, Ending
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
def cancelled_never_starts_again(view: StateView) -> str | None:
    """No attempt of a task is sent after its cancellation was accepted."""
    sent = view.monitor(AfterCancel).sent
    return f"{sent} was cancelled, and an attempt of it is sent" if sent else None


@audit(AttemptSubmitter, source="bug benchmark L2")
def every_task_ends(view: StateView) -> str | None:
    """Every task has a value or an error."""
    return first(
        f"{shape.name} of {name} has no ending"
        for name, owner in view.of(AttemptSubmitter).items()
        for shape in owner.shapes
        if shape.name not in owner.endings
    )


@audit(AttemptSubmitter, AttemptNode, source="Ray #30533; bug benchmark L2'")
def what_fits_alone_gets_done(view: StateView) -> str | None:
    """No task that fits the node's memory when it is alone ends for lack of memory."""
    for node in view.of(AttemptNode).values():
        for owner in view.of(AttemptSubmitter).values():
            for shape in owner.shapes:
                fits = shape.memory <= node.memory and shape.max_retries != 0
                if fits and owner.endings.get(shape.name) is Ending.OUT_OF_MEMORY:
                    return f"{shape.name} asks for {shape.memory} of {node.memory} and ends for lack of memory"
    return None


@always(AttemptSubmitter, each=True, source="Ray 2.60 task_manager.cc, max_retries; bug benchmark L4")
def retries_bounded(owner: AttemptSubmitter) -> str | None:
    """No task has more attempts than its retries and its kills for memory allow."""
    return first(
        f"{shape.name} has {owner.attempts[shape.name]} attempts, {shape.max_retries} retries and "
        f"{owner.kills.get(shape.name, 0)} kills"
        for shape in owner.shapes
        if owner.attempts.get(shape.name, 0) > 1 + shape.max_retries + owner.kills.get(shape.name, 0)
    )


@sometimes(AttemptSubmitter, source="Ray 2.60 task_manager.cc")
def an_attempt_is_repeated(view: StateView) -> str | None:
    """Some task has a second attempt."""
    return first(
        f"{task} has {count} attempts"
        for owner in view.of(AttemptSubmitter).values()
        for task, count in owner.attempts.items()
        if count > 1
    )


ATTEMPTS = (
    cancelled_never_starts_again,
    retries_bounded,
    every_task_ends,
    what_fits_alone_gets_done,
    an_attempt_is_repeated,
)
"""What is checked of attempts."""


@always(StreamOwner, each=True, source="Ray #39109")
def the_end_lies_behind_what_was_taken(owner: StreamOwner) -> str | None:
    """The end of a stream is never set before an item that was already handed out."""
    return (
        None if owner.end < 0 or owner.end >= owner.taken else f"its end is {owner.end}, {owner.taken} were handed out"
    )


@always(StreamOwner, each=True, source="Ray #38232; bug benchmark S8")
def no_item_is_dropped_unread(owner: StreamOwner) -> str | None:
    """No item is deleted before it was read."""
    return first(
        f"item {index} is deleted, {owner.read} are read"
        for index, item in owner.items.items()
        if item is Item.DROPPED and index >= owner.read
    )


@audit(StreamOwner, source="Ray #39109; bug benchmark L2")
def every_wish_is_fulfilled(view: StateView) -> str | None:
    """The consumer is never left waiting."""
    return first(f"{name} waits for an item" for name, owner in view.of(StreamOwner).items() if owner.wishes)


@sometimes(StreamOwner, source="Ray 2.60 task_manager.cc")
def a_generator_runs_again(view: StateView) -> str | None:
    """Some generator has a second attempt."""
    return first(
        f"attempt {owner.attempt} of {name}" for name, owner in view.of(StreamOwner).items() if owner.attempt > 1
    )


STREAMS = (
    the_end_lies_behind_what_was_taken,
    no_item_is_dropped_unread,
    every_wish_is_fulfilled,
    a_generator_runs_again,
)
"""What is checked of streams."""
