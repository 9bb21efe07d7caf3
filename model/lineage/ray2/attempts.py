"""Attempts of a task: retries, cancellation, and kills for lack of memory (edition `ray2`).

Source: Ray 2.60 `core_worker/task_manager.cc` (retry decision), `normal_task_submitter.cc` (cancel) and
`common/memory_monitor` with `raylet/worker_killing_policy.cc` (kills, newest first). A retry is sent some time after it
has been decided; a task that was cancelled in between is not sent. Kills for memory have their own budget, without an
end by default, and each is followed by a longer wait.

Left out: arguments and results (`lineage.ownership`), placement, forced cancellation of children.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from rayproof.model.graph import TaskId
from rayproof.model.kernel import Context, Message, Name, Process, TimerKind, Unhandled, constant

CANCEL = "cancel"
"""Timer of the driver's wish to cancel."""

RETRY = "retry "
BODY = "body "


class Ending(StrEnum):
    """How an attempt, or a task, ends; errors by Ray's names."""

    VALUE = "value"
    CRASHED = "WorkerCrashedError"
    OUT_OF_MEMORY = "OutOfMemoryError"
    CANCELLED = "TaskCancelledError"


@dataclass(frozen=True, slots=True)
class TaskShape:
    """What a task needs. `ticks`: how long it runs; 0 for any time."""

    name: TaskId
    memory: int = 1
    ticks: int = 0
    max_retries: int = 1


@dataclass(frozen=True, slots=True)
class AttemptSent:
    """Event: the owner has sent an attempt."""

    task: TaskId
    attempt: int


@dataclass(frozen=True, slots=True)
class CancelAccepted:
    """Event: the owner has taken note of a cancellation."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class RunAttempt(Message):
    """Owner to node."""

    task: TaskId
    attempt: int


@dataclass(frozen=True, slots=True)
class CancelAttempt(Message):
    """Owner to node."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class AttemptEnded(Message):
    """Node to owner."""

    task: TaskId
    attempt: int
    ending: Ending


@dataclass(slots=True)
class Submitter(Process):
    """The owner's view of its tasks' attempts."""

    shapes: tuple[TaskShape, ...] = constant()
    cancels: TaskId = constant("")
    """The task that the driver cancels, at any time."""
    attempts: dict[TaskId, int] = field(default_factory=dict)
    retries: dict[TaskId, int] = field(default_factory=dict)
    """Retries spent on crashes; kills for memory do not count."""
    kills: dict[TaskId, int] = field(default_factory=dict)
    cancelled: set[TaskId] = field(default_factory=set)
    endings: dict[TaskId, Ending] = field(default_factory=dict)

    def start(self, ctx: Context) -> None:
        """Submit everything."""
        for shape in self.shapes:
            self.send(ctx, shape.name)
        if self.cancels:
            ctx.set_timer(CANCEL, kind=TimerKind.PROGRAM)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Ends of attempts."""
        match message:
            case AttemptEnded(task, attempt, ending):
                if task not in self.endings and self.attempts[task] == attempt:
                    self.attempt_ended(ctx, task, ending)
            case _:
                raise Unhandled(message)

    def fire(self, ctx: Context, timer: str) -> None:
        """The driver cancels, or a retry is due."""
        if timer == CANCEL:
            self.cancel(ctx, self.cancels)
        else:
            self.retry(ctx, timer.removeprefix(RETRY))

    def send(self, ctx: Context, task: TaskId) -> None:
        """One more attempt."""
        self.attempts[task] = self.attempts.get(task, 0) + 1
        ctx.observe(AttemptSent(task, self.attempts[task]))
        ctx.send("node", RunAttempt(task, self.attempts[task]))

    def attempt_ended(self, ctx: Context, task: TaskId, ending: Ending) -> None:
        """A value ends the task; a failure does when it was cancelled or the budget is spent."""
        shape = next(shape for shape in self.shapes if shape.name == task)
        if ending is Ending.VALUE or task in self.cancelled:
            self.endings[task] = ending if ending is Ending.VALUE else Ending.CANCELLED
        elif ending is Ending.OUT_OF_MEMORY and self.survives_kill(task, shape):
            ctx.set_timer(RETRY + task, self.delay(task), TimerKind.TICKS)
        elif ending is Ending.CRASHED and self.retries.get(task, 0) < shape.max_retries:
            self.retries[task] = self.retries.get(task, 0) + 1
            ctx.set_timer(RETRY + task, kind=TimerKind.PROGRAM)
        else:
            self.endings[task] = ending

    def survives_kill(self, task: TaskId, shape: TaskShape) -> bool:
        """Kills have a budget of their own: none without retries, no end with them. `task_oom_retries`."""
        self.kills[task] = self.kills.get(task, 0) + 1
        return shape.max_retries != 0

    def delay(self, task: TaskId) -> int:
        """Ticks before the next attempt after a kill: twice as many each time. `ExponentialBackoff`."""
        return 1 << (self.kills[task] - 1)

    def retry(self, ctx: Context, task: TaskId) -> None:
        """Send the retry that was decided, unless the task was cancelled meanwhile."""
        if task in self.cancelled:
            self.endings[task] = Ending.CANCELLED
        else:
            self.send(ctx, task)

    def cancel(self, ctx: Context, task: TaskId) -> None:
        """No attempt is sent from now on; the one that is sent is stopped if it has not ended. `CancelTask`."""
        if task not in self.endings:
            self.cancelled.add(task)
            ctx.observe(CancelAccepted(task))
            ctx.send("node", CancelAttempt(task))


@dataclass(slots=True)
class AttemptNode(Process):
    """One node: a queue, workers, and the memory monitor."""

    shapes: tuple[TaskShape, ...] = constant()
    memory: int = constant(2)
    workers: int = constant(1)
    crashes: int = 0
    """Bodies that may still crash; part of the scope."""
    queue: tuple[tuple[TaskId, int], ...] = ()
    running: tuple[tuple[TaskId, int], ...] = ()
    """Attempts in the order of their start."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Attempts, and their cancellation before or during their run."""
        match message:
            case RunAttempt(task, attempt):
                self.queue += ((task, attempt),)
                self.start_waiting(ctx)
            case CancelAttempt(task):
                for item in (*self.queue, *self.running):
                    if item[0] == task:
                        self.stop(ctx, item, Ending.CANCELLED)
                self.start_waiting(ctx)
            case _:
                raise Unhandled(message)

    def shape(self, task: TaskId) -> TaskShape:
        """What a task needs."""
        return next(shape for shape in self.shapes if shape.name == task)

    def start_waiting(self, ctx: Context) -> None:
        """Start what a worker is free for; memory is looked at afterwards, as it is only known then."""
        while self.queue and len(self.running) < self.workers:
            first, *rest = self.queue
            self.queue = tuple(rest)
            self.running += (first,)
            ticks = self.shape(first[0]).ticks
            ctx.set_timer(BODY + first[0], ticks, TimerKind.TICKS if ticks else TimerKind.PROGRAM)
        while sum(self.shape(task).memory for task, _ in self.running) > self.memory:
            self.stop(ctx, self.running[-1], Ending.OUT_OF_MEMORY)

    def stop(self, ctx: Context, item: tuple[TaskId, int], ending: Ending) -> None:
        """An attempt is over."""
        self.queue = tuple(other for other in self.queue if other != item)
        self.running = tuple(other for other in self.running if other != item)
        ctx.cancel_timer(BODY + item[0])
        ctx.send("owner", AttemptEnded(*item, ending))

    def fire(self, ctx: Context, timer: str) -> None:
        """A body ends, or its worker crashes."""
        item = next(item for item in self.running if item[0] == timer.removeprefix(BODY))
        crashes = self.crashes > 0 and ctx.choose((False, True))
        self.crashes -= int(crashes)
        self.stop(ctx, item, Ending.CRASHED if crashes else Ending.VALUE)
        self.start_waiting(ctx)
