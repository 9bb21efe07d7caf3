"""The hooks beside `place`: `order`, which waiting task of a node goes next, `preempt`, which running one makes room
for it, and `retry`, how long a task may wait.

`order(queue, view, memory, ctx)` gets the tasks of one node that could start now, oldest first, and returns the id of
one of them; it cannot break safety. `retry(task, attempt, view, memory, ctx)` is asked each time that no place was
found for a task, and returns `WAIT` (until something changes), `Backoff(us)` (look again only then) or `GIVE_UP` (the
task fails, and all that need its results); it can break liveness and is checked for it. On today's Ray the owner asks
it, after a failure, too (`scheduler.ray2.patience`). Memory as for `place`, one for each hook.

`preempt(task, running, free, memory, ctx)` gets a waiting task for which there is no room on its node now, the tasks
that run there, of each owner the oldest first, and what is free; it returns `None`, or the id of one that is ended to
make room. Its worker is killed: its work is lost, and a retry is counted.

The hooks `migrate` and `transfer` are in `move_hooks`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rayproof.model.graph import Resources, TaskId
from rayproof.model.graph.hints import Hints
from rayproof.model.kernel import Context, Name, PolicyError
from rayproof.model.scheduler.policy.hooks import (
    WAIT,
    ClusterView,
    Policy,
    TaskView,
    policy_name,
    raised_by,
    read_only,
    remembers,
    whole,
)


@dataclass(frozen=True, slots=True)
class WaitingTask:
    """A task that could start on its node now; to `preempt`, one for which there is no room now."""

    id: TaskId
    demand: Resources
    hints: Hints
    input_bytes: int
    """Size of its inputs, which are all here."""
    name: str = ""
    """Its function's."""


@dataclass(frozen=True, slots=True)
class RunningTask:
    """A task that holds resources of its node; actors are not among those that may make room."""

    id: TaskId
    name: str
    demand: Resources
    hints: Hints
    retriable: bool
    """Whether it may be tried again at all."""


@dataclass(frozen=True, slots=True)
class LocalView:
    """What a node's local scheduler knows."""

    node: Name
    free: Mapping[str, int]
    """Free resources in fixed-point units."""
    running: int
    holding: tuple[RunningTask, ...] = ()
    """The tasks that hold its resources, of each owner the oldest first, no actors; empty in the paper's edition."""

    @property
    def available(self) -> Mapping[str, float]:
        """Free resources as Ray counts them: 1.0 for one CPU."""
        return whole(self.free)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Look again after so many microseconds, and not before."""

    after_us: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Reject the task."""


GIVE_UP: Final = GiveUp()

LONGEST_US = 10**15
"""The longest a proposal may back off: some thirty years."""


def has_order(policy: Policy) -> bool:
    """Whether a proposal decides the order of a node's queue."""
    return callable(getattr(policy, "order", None))


def has_retry(policy: Policy) -> bool:
    """Whether a proposal decides how long a task waits for a place."""
    return callable(getattr(policy, "retry", None))


def has_preempt(policy: Policy) -> bool:
    """Whether a proposal ends running tasks to make room."""
    return callable(getattr(policy, "preempt", None))


def ask_preempt(
    policy: Policy,
    task: WaitingTask,
    running: Sequence[RunningTask],
    free: Resources,
    memory: Hashable,
    ctx: Context,
) -> tuple[TaskId | None, Hashable]:
    """The running task that makes room, if one does, and the hook's new memory; raises `PolicyError`."""
    chosen, after = call_hook(policy, "preempt", memory, (task, tuple(running), free), ctx)
    if chosen is not None and chosen not in [each.id for each in running]:
        raise PolicyError(
            "legal_answer", f"policy {policy_name(policy)} preempts {chosen!r}, which does not run on the node"
        )
    return chosen, after


def ask_order(
    policy: Policy, queue: Sequence[WaitingTask], view: LocalView, memory: Hashable, ctx: Context
) -> tuple[TaskId, Hashable]:
    """The task that starts next, and the hook's new memory; raises `PolicyError`."""
    chosen, after = call_hook(policy, "order", memory, (queue, view), ctx)
    if chosen not in [task.id for task in queue]:
        raise PolicyError("legal_answer", f"policy {policy_name(policy)} ordered {chosen!r}, which cannot start now")
    return chosen, after


def ask_retry(
    policy: Policy, task: TaskView, attempt: int, view: ClusterView, memory: Hashable, ctx: Context
) -> tuple[Backoff | GiveUp | None, Hashable]:
    """How a task without a place goes on, and the hook's new memory; raises `PolicyError`."""
    answer, after = call_hook(
        policy, "retry", memory, (task, attempt, view if remembers(policy) else read_only(view)), ctx
    )
    if answer is not WAIT and not isinstance(answer, Backoff | GiveUp):
        raise PolicyError(
            "answer_type",
            f"policy {policy_name(policy)} answered retry with a {type(answer).__name__}; "
            "expected WAIT, Backoff or GIVE_UP",
        )
    if isinstance(answer, Backoff) and not (type(answer.after_us) is int and 0 <= answer.after_us <= LONGEST_US):
        raise PolicyError(
            "legal_answer", f"policy {policy_name(policy)} backs off for a time that is no number of microseconds"
        )
    return answer, after


def call_hook(
    policy: object, hook: str, memory: Hashable, arguments: tuple[Any, ...], ctx: Context
) -> tuple[Any, Hashable]:
    """The answer of a hook and its new memory; raises `PolicyError` when it raises or its memory has no hash."""
    try:
        answer = getattr(policy, hook)(*arguments, memory, ctx)
    except PolicyError:
        raise
    except (Exception, SystemExit) as error:
        raise raised_by(policy, error, f"in {hook}") from error
    chosen, after = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, memory)
    try:
        hash(after)
    except TypeError:
        raise PolicyError(
            "memory", f"policy {policy_name(policy)} returned a memory of type {type(after).__name__}, not hashable"
        ) from None
    return chosen, after
