"""Attempts that fail by themselves: a body that raises, a worker that dies, a task that is cancelled.

What the recording has to show for them is a rule, not a search. An attempt follows one that raised only if exceptions
are retried; all but those after a kill for memory spend the budget; each begins when the one before has ended. An error
of the application comes from a body that raised, here or among the makers of the arguments; a cancellation from a call
of `cancel`, of the task, of one that it needs or of one that submitted it.

Source: Ray 2.60 `core_worker/task_manager.cc::RetryTaskIfPossible`, `FailOrRetryPendingTask`;
`normal_task_submitter.cc`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from rayproof.conformance.answers import Answer, Decided
from rayproof.conformance.outcomes.history import Body, History, Read
from rayproof.conformance.outcomes.names import APPLICATION, CANCELLED, CRASHED, NO_END
from rayproof.model.graph import TaskId, TaskKind
from rayproof.model.graph.program import DRIVER
from rayproof.recordings.lines import TaskLine

OUT_OF_MEMORY = "OUT_OF_MEMORY"

ITSELF = frozenset({"TASK_EXECUTION_EXCEPTION", "WORKER_DIED", OUT_OF_MEMORY})
"""Ray's names of ends of attempts that have to do with nobody else."""


def _failed(history: History, task: TaskId) -> Iterator[TaskLine]:
    """Attempts but the last that failed by themselves."""
    dead = {death.id for death in history.dead_nodes}
    for row in history.rows[task][:-1]:
        body = _body(history, task, row.attempt)
        raised = body is not None and body.end is not None and not body.ok
        if raised or (row.error in ITSELF and row.node not in dead):
            yield row


def _body(history: History, task: TaskId, attempt: int) -> Body | None:
    return next((body for body in history.bodies.get(task, ()) if body.attempt == attempt), None)


def gone(history: History, task: TaskId) -> int:
    """How many attempts failed by themselves and were followed by another."""
    return len(list(_failed(history, task)))


def spent(history: History, task: TaskId) -> int:
    """What they spent of the budget of retries: kills for memory have their own."""
    return sum(row.error != OUT_OF_MEMORY for row in _failed(history, task))


def kept(history: History, task: TaskId) -> list[tuple[int, Body]]:
    """The other bodies with their numbers, counted from 1."""
    without = {row.attempt for row in _failed(history, task)}
    numbers = [row.attempt for row in history.rows[task] if row.attempt not in without]
    return [
        (numbers.index(body.attempt) + 1 if body.attempt in numbers else body.attempt + 1, body)
        for body in history.bodies.get(task, ())
        if body.attempt not in without
    ]


def raised(history: History, task: TaskId) -> bool:
    """Whether the body of the last attempt raised."""
    body = _body(history, task, history.rows[task][-1].attempt)
    return body is not None and body.end is not None and not body.ok


def wrong(history: History, task: TaskId) -> tuple[int | None, str] | None:
    """What breaks the rule of retries: line and reason."""
    rows, spec = history.rows[task], history.spec(task)
    failed = {row.attempt for row in _failed(history, task)}
    budget = spec.max_retries
    if failed and 0 <= budget < spent(history, task):
        return rows[-1].at.line, f"recorded: {len(rows)} attempts of {task}, which has {budget} retries"
    for row, after in pairwise(rows):
        body, later = _body(history, task, row.attempt), _body(history, task, after.attempt)
        if body is None or row.attempt not in failed:
            continue
        # A recorder that tells of all faults tells of all options as well: one that is absent was not given.
        retried = row.options.data.get("retry_exceptions", not (history.complete and row.recorded))
        if body.end is not None and not body.ok and not retried:
            return later.begin_line if later else after.at.line, f"{task} raised, and its exceptions are not retried"
        if later is not None and body.end is not None and later.begin < body.end:
            return later.begin_line, f"attempt {after.attempt} of {task} begins before attempt {row.attempt} has ended"
    return None


def explained(history: History, task: TaskId, read: Read) -> Decided:
    """Whether the recording shows why a read of a task's result ended in an error that is no other's matter."""
    item = next(item for item in read.objects if item in history.spec(task).outputs)
    if read.outcome == CANCELLED:
        return _cancelled(history, task, item, read)
    if read.outcome == CRASHED:
        return _crashed(history, task, item, read)
    assert read.outcome == APPLICATION
    if any(_raises(history, maker, read) for maker in _ancestors(history, task)):
        return Decided(item, Answer.ALLOWED, line=read.line)
    why = f"recorded: {APPLICATION} that no recorded body raised"
    return Decided(item, Answer.UNDETERMINED, line=read.line, why=why)


def _raises(history: History, task: TaskId, read: Read) -> bool:
    """Whether a task's last attempt ended in an exception before a read did, or never came to its body."""
    bodies = history.bodies.get(task, ())
    if bodies:
        last = bodies[-1]
        return last.end is None or (not last.ok and last.end < read.end)
    return history.rows[task][-1].state == "FAILED"


def _ancestors(history: History, task: TaskId) -> Iterator[TaskId]:
    """The task, and, as long as no body ran, those that make its arguments: their errors are handed on."""
    todo, seen = [task], {task}
    while todo:
        here = todo.pop()
        yield here
        body = history.bodies.get(here, ())[-1:]
        if not body or not body[0].ok:
            makers = (history.maker(item) for item in history.spec(here).inputs)
            new = sorted({maker for maker in makers if maker is not None} - seen)
            seen.update(new)
            todo += new


def _cancelled(history: History, task: TaskId, item: str, read: Read) -> Decided:
    calls = history.cancelled
    from_above = [task, *_submitters(history, task)]
    causes = {"", *from_above, *(maker for one in from_above for maker in _ancestors(history, one))}
    if any(cause in calls and calls[cause].at < read.end for cause in causes):
        return Decided(item, Answer.ALLOWED, line=read.line)
    why = f"recorded: {CANCELLED}, but nobody cancelled {task}"
    untold = not calls and not history.complete
    return Decided(item, Answer.UNDETERMINED if untold else Answer.REFUSED, line=read.line, why=why)


def _submitters(history: History, task: TaskId) -> Iterator[TaskId]:
    submit = history.submits.get(task)
    while submit is not None and submit.by != DRIVER:
        yield submit.by
        submit = history.submits.get(submit.by)


def _crashed(history: History, task: TaskId, item: str, read: Read) -> Decided:
    """A worker that died takes its attempt with it, and no retry is left."""
    rows, spec = history.rows[task], history.spec(task)
    body = _body(history, task, rows[-1].attempt)
    line = read.line
    if spec.kind is not TaskKind.NORMAL or (body is not None and body.end is not None and body.ok):
        why = f"recorded: {CRASHED}, but the last body of {task} ended"
        return Decided(item, Answer.REFUSED, line=line, why=why)
    left = NO_END if spec.max_retries < 0 else spec.max_retries - spent(history, task)
    lost = any(row.error == "NODE_DIED" for row in rows)
    if left > 0 and not lost:
        why = f"recorded: {CRASHED}, but {task} has retries left"
        return Decided(item, Answer.REFUSED, line=line, why=why)
    if rows[-1].error != "WORKER_DIED" and body is None:
        why = f"recorded: {CRASHED}, but Ray's row of {task} does not say that its worker died"
        return Decided(item, Answer.UNDETERMINED, line=line, why=why)
    return Decided(item, Answer.ALLOWED, line=line)
