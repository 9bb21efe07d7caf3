"""The driver and the workers: processes that run the bodies of a program.

Source: OSDI 2018, section 4.1 (driver, worker). A worker is serial and keeps nothing between two tasks.

Left out: what a body computes. A value is a number derived from the values that the body has read, so that two
executions of one task can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.graph import Action, Compute, Get, ObjectId, Program, Put, Submit, TaskId, Wait
from rayproof.model.graph.program import DRIVER
from rayproof.model.kernel import Context, Message, Name, Process, TimerKind, Unhandled, constant
from rayproof.model.scheduler.paper.events import (
    BodyBegan,
    BodyEnded,
    BodyGoesOn,
    BodyWaits,
    DriverDone,
    Sealed,
)
from rayproof.model.scheduler.paper.protocol import (
    ObjectReady,
    PutObject,
    RunTask,
    SubmitTask,
    TaskFinished,
    WantObjects,
    WorkerResumes,
    WorkerWaits,
)

BODY = "body"
"""Timer of a body's computation: the program's own progress."""

STARTUP = "startup"
"""Timer of a worker's first start."""


def combine_values(task: TaskId, inputs: tuple[int, ...]) -> int:
    """The value of a task's results: a pure function of the task and of what it has read."""
    value = sum(task.encode()) % 97
    for number in inputs:
        value = (value * 31 + number) % 997
    return value


@dataclass(slots=True)
class Body(Process):
    """Runs one sequence of actions; the part that driver and worker share."""

    raylet: Name = constant()
    program: Program = constant()
    task: TaskId = ""
    """The task whose body runs; empty when idle."""
    at: int = 0
    """Position of the action that runs now."""
    missing: set[ObjectId] = field(default_factory=set)
    """Objects that the present get or wait still lacks."""
    inputs: tuple[int, ...] = ()

    def actions(self) -> tuple[Action, ...]:
        """The body that runs."""
        return self.program.driver if self.task == DRIVER else self.program.tasks[self.task].body

    def go_on(self, ctx: Context) -> None:
        """Act until the body computes, waits or ends."""
        actions = self.actions()
        while self.at < len(actions):
            match actions[self.at]:
                case Compute(duration_us):
                    ctx.set_timer(BODY, duration_us, TimerKind.PROGRAM)
                    return
                case Submit(task):
                    ctx.send(self.raylet, SubmitTask(task))
                case Put(made):
                    value = combine_values(f"{self.task}/{made}", self.inputs)
                    ctx.observe(Sealed(made, value))
                    ctx.send(self.raylet, PutObject(made, value))
                case Get(objects):
                    if objects:
                        ctx.observe(BodyWaits(self.task))
                        self.missing = set(objects)
                        self.enter_wait(ctx)
                        ctx.send(self.raylet, WantObjects(objects))
                        return
                case Wait(objects):
                    if objects:
                        ctx.observe(BodyWaits(self.task))
                        self.missing = set(objects)
                        self.enter_wait(ctx)
                        ctx.send(self.raylet, WantObjects(objects, fetch=False))
                        return
            self.at += 1
        self.end(ctx)

    def fire(self, ctx: Context, timer: str) -> None:
        """The computation has ended."""
        self.at += 1
        self.go_on(ctx)

    def ready(self, ctx: Context, there: ObjectId) -> None:
        """An object has arrived; go on when it was the last one needed."""
        if there not in self.missing:
            return
        self.missing.discard(there)
        action = self.actions()[self.at]
        needed = len(action.objects) - action.count if isinstance(action, Wait) else 0
        if len(self.missing) <= needed:
            self.missing = set()
            ctx.observe(BodyGoesOn(self.task))
            self.leave_wait(ctx)
            self.at += 1
            self.go_on(ctx)

    def enter_wait(self, ctx: Context) -> None:
        """Called before the body starts to wait."""

    def leave_wait(self, ctx: Context) -> None:
        """Called when the body goes on after a wait."""

    def end(self, ctx: Context) -> None:
        """Called when the body has ended."""
        raise NotImplementedError


@dataclass(slots=True)
class Driver(Body):
    """Runs the user's program on the head node."""

    done: bool = False

    def start(self, ctx: Context) -> None:
        """The program begins by itself."""
        self.task = DRIVER
        self.go_on(ctx)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The driver hears of the objects that it waits for."""
        match message:
            case ObjectReady(there):
                self.ready(ctx, there)
            case _:
                raise Unhandled(message)

    def end(self, ctx: Context) -> None:
        """The program is over."""
        self.done = True
        ctx.observe(DriverDone())


@dataclass(slots=True)
class Worker(Body):
    """Runs one task at a time for its raylet."""

    startup_us: int = constant(0)
    """Time before the first body on this worker begins."""
    overhead_us: int = constant(0)
    """Time before any later body begins: arguments are read, the function is looked up."""
    at_once: frozenset[TaskId] = constant(frozenset())
    """Tasks that begin without any of these delays: they stand for what was there before."""
    warm: bool = False

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """A worker is told what to run and what has arrived."""
        match message:
            case RunTask(task, inputs):
                self.task, self.inputs, self.at = task, inputs, 0
                delay = self.overhead_us if self.warm else self.startup_us
                if delay and task not in self.at_once:
                    self.warm = True
                    ctx.set_timer(STARTUP, delay, TimerKind.PROGRAM)
                else:
                    self.go_on(ctx)
            case ObjectReady(there):
                self.ready(ctx, there)
            case _:
                raise Unhandled(message)

    def fire(self, ctx: Context, timer: str) -> None:
        """The start-up or the computation has ended."""
        if timer == BODY:
            self.at += 1
        else:
            ctx.observe(BodyBegan(self.task))
        self.go_on(ctx)

    def enter_wait(self, ctx: Context) -> None:
        """CPUs are given back while the body waits."""
        ctx.send(self.raylet, WorkerWaits())

    def leave_wait(self, ctx: Context) -> None:
        """And taken again."""
        ctx.send(self.raylet, WorkerResumes())

    def end(self, ctx: Context) -> None:
        """Hand over the results and forget everything."""
        spec = self.program.tasks[self.task]
        value = combine_values(self.task, self.inputs)
        values = tuple((made, value) for made in spec.outputs)
        for made, _ in values:
            ctx.observe(Sealed(made, value))
        ctx.observe(BodyEnded(self.task))
        busy = sum(action.duration_us for action in spec.body if isinstance(action, Compute))
        ctx.send(self.raylet, TaskFinished(self.task, values, busy))
        self.task, self.inputs, self.at = "", (), 0
