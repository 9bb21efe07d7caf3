"""What runs in a core worker: the driver's body, a task's, or those of an actor's constructor and methods.

Source: Ray 2.60, `core_worker.cc::ExecuteTask`, `HandlePushTask`, `Get`, `Wait` (there `NotifyWorkerBlocked`), and
`actor_scheduling_queue.cc` for the order of an actor's methods: the queue of a serial actor is served first come, first
served; with a concurrency above one as many bodies run at once.

A body is a list of actions (`graph.Program`). The value of an object is the number of the attempt that made it, so that
executions of one task can be told apart. Results above the inline limit stay in the node's object store.

Left out: what bodies compute, and errors that they raise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rayproof.model.graph import (
    Action,
    ActorId,
    AwaitGroup,
    Cancel,
    Compute,
    Get,
    GiveUpGroup,
    GroupId,
    MakeGroup,
    ObjectId,
    Program,
    Put,
    Submit,
    TaskId,
    TaskKind,
    Wait,
)
from rayproof.model.graph.contract import Began, DriverEnded, Ended, Got, GotError, Made, PlaceDied, TaskSubmitted
from rayproof.model.graph.program import DRIVER
from rayproof.model.kernel import Context, Message, Name, Process, TimerKind, Unhandled, constant
from rayproof.model.wire.ray2.groups import GroupReady, LeaveGroup, WaitForGroup, WantGroup
from rayproof.model.wire.ray2.leases import INSIDE, EndWorker, LeaseId, WorkerBlocked, WorkerUnblocked
from rayproof.model.wire.ray2.objects import ObjectLocal, PullObject, Seal
from rayproof.model.wire.ray2.workers import (
    FAILED,
    BodyTold,
    CancelTask,
    ObjectsReady,
    PushTask,
    PutObject,
    SubmitTask,
    TaskReply,
    Want,
    WorkerDied,
)
from rayproof.model.workers.ray2.events import BodyGoesOn, BodyWaits, TaskPushed

LOADING, COMPUTING = "load:", "body:"
"""Prefixes of timers: a worker readies itself for a body, and a body uses the processor."""

MOST_AT_ONCE = 500
"""Actions of a body in one step."""

INLINE_BYTES = 100 * 1024
"""Larger results go to the object store (`max_direct_call_object_size`)."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A body that runs."""

    attempt: int
    caller: Name
    """Who is told of its end."""
    at: int = 0
    """The action that runs now; -1 while the worker readies itself."""
    missing: frozenset[ObjectId | GroupId] = frozenset()
    """What the present get or wait still lacks."""


@dataclass(slots=True, kw_only=True)
class Body(Process):
    """The part of a core worker in which user code runs."""

    program: Program = constant()
    raylet: Name = constant()
    store: Name = constant()
    groups: Name = constant("")
    """The group client of this core worker; empty where no group is made."""
    manager: Name = constant("")
    """The task manager of this core worker; empty where bodies submit, put and get nothing."""
    exports: Mapping[TaskId, tuple[ObjectId, ...]] = constant()
    """Objects made below a task of which others speak."""
    driver: bool = constant(False)
    starts_later: bool = constant(False)
    """Whether a driver's first action is a step of its own, in which calls may fail."""
    first_us: int = constant(0)
    """Time before the first body in this process begins: its code is loaded."""
    later_us: int = constant(0)
    """Time before each later one begins."""
    at_once: frozenset[TaskId] = constant(frozenset())
    """Tasks that begin without these delays: they stand for what was there before."""
    inline_bytes: int = constant(INLINE_BYTES)
    frames: dict[TaskId, Frame] = field(default_factory=dict)
    queue: list[tuple[PushTask, Name]] = field(default_factory=list)
    """Calls of an actor that wait for one that runs, or for their arguments."""
    fetching: dict[TaskId, tuple[ObjectId, ...]] = field(default_factory=dict)
    """Arguments of calls that are not on this node yet."""
    actor: ActorId = ""
    """The actor that lives here: its constructor has ended."""
    ended: set[LeaseId] = field(default_factory=set)
    """Leases of processes that were killed here before anything came for them: what comes meets nobody."""
    warm: bool = False
    life: int = 0
    """How many processes have held this place before."""

    def start(self, ctx: Context) -> None:
        """A driver begins by itself."""
        if self.driver:
            self.frames[DRIVER] = Frame(1, "", -1)
            if self.starts_later:
                ctx.set_timer(COMPUTING + DRIVER, 0, TimerKind.PROGRAM)
            else:
                self.step(DRIVER)
                self.go_on(ctx, DRIVER)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """What to run, what has arrived, and the end."""
        match message:
            case PushTask(task, attempt) if self.meets_nobody(message):
                ctx.send(sender, WorkerDied(task, attempt))
            case PushTask(task, args=args):
                self.queue.append((message, sender))
                if args:
                    self.fetching[task] = tuple(argument.object for argument in args)
                    for argument in args:
                        ctx.send(self.store, PullObject(argument, True), INSIDE)
                self.next(ctx)
            case ObjectLocal(made):
                self.fetched(ctx, made)
            case ObjectsReady(objects):
                for made, value in objects:
                    for task in sorted(self.frames):
                        self.ready(ctx, task, made, value)
            case GroupReady(group):
                for task in sorted(self.frames):
                    self.group_ready(ctx, task, group)
            case EndWorker(lease):
                if lease is not None and not (self.frames or self.queue):
                    self.ended.add(lease)
                self.end_process(ctx)
            case _:
                raise Unhandled(message)

    def fire(self, ctx: Context, timer: str) -> None:
        """A body may begin, or its computation has ended."""
        kind, _, task = timer.partition(":")
        if f"{kind}:" == LOADING:
            self.began(ctx, task)
        else:
            self.step(task)
            self.go_on(ctx, task)

    def meets_nobody(self, push: PushTask) -> bool:
        """Whether a task comes for a process that has ended: the lease was of another one, or the actor is not here."""
        spec = self.program.tasks[push.task]
        gone = spec.kind is TaskKind.ACTOR_METHOD and spec.actor != self.actor
        return gone or (push.lease is not None and push.lease in self.ended)

    def fetched(self, ctx: Context, made: ObjectId) -> None:
        """An argument of a call is on this node."""
        for task, missing in sorted(self.fetching.items()):
            left = tuple(each for each in missing if each != made)
            if left:
                self.fetching[task] = left
            else:
                del self.fetching[task]
        self.next(ctx)

    def next(self, ctx: Context) -> None:
        """Begin what may begin: of a serial actor the first, of a concurrent one whatever has its arguments."""
        for waiting in list(self.queue):
            push, caller = waiting
            most = self.program.tasks[push.task].max_concurrency
            if self.frames and len(self.frames) >= most:
                return
            if push.task not in self.fetching:
                self.queue.remove(waiting)
                self.begin(ctx, push, caller)
            elif most == 1:
                return

    # ---- one body ----------------------------------------------------------------------------------------------------

    def begin(self, ctx: Context, push: PushTask, caller: Name) -> None:
        """Ready this process for a body."""
        ctx.observe(TaskPushed(push.task, self.raylet))
        self.frames[push.task] = Frame(push.attempt, caller, -1)
        if push.references and self.manager:
            ctx.send(self.manager, BodyTold(push.references), INSIDE)
        delay = self.later_us if self.warm else self.first_us
        if delay and push.task not in self.at_once:
            ctx.set_timer(LOADING + push.task, delay, TimerKind.PROGRAM)
        else:
            self.began(ctx, push.task)

    def began(self, ctx: Context, task: TaskId) -> None:
        """The body begins."""
        self.warm = self.warm or bool(self.first_us and task not in self.at_once)
        self.step(task)
        ctx.observe(Began(task, self.place(ctx)))
        self.go_on(ctx, task)

    def step(self, task: TaskId) -> None:
        """Come to the next action."""
        self.frames[task] = replace(self.frames[task], at=self.frames[task].at + 1)

    def place(self, ctx: Context) -> str:
        """This process, as the contract knows it."""
        return f"{self.raylet}/{ctx.me}/{self.life}"

    def actions(self, task: TaskId) -> tuple[Action, ...]:
        """A body."""
        return self.program.driver if task == DRIVER else self.program.tasks[task].body

    def go_on(self, ctx: Context, task: TaskId) -> None:
        """Act until the body computes, waits or ends."""
        actions = self.actions(task)
        first = self.frames[task].at
        while (at := self.frames[task].at) < len(actions):
            if at - first >= MOST_AT_ONCE and not isinstance(actions[at], Compute):
                # A long row of submits is many steps, as each of them is a call of its own.
                self.frames[task] = replace(self.frames[task], at=at - 1)
                ctx.set_timer(COMPUTING + task, 0, TimerKind.PROGRAM)
                return
            match actions[at]:
                case Compute(duration_us):
                    ctx.set_timer(COMPUTING + task, duration_us, TimerKind.PROGRAM)
                    return
                case Submit(child):
                    ctx.observe(TaskSubmitted(child, task))
                    ctx.send(self.manager, SubmitTask(child, task), INSIDE)
                case Cancel(child):
                    ctx.send(self.manager, CancelTask(child), INSIDE)
                case Put(made):
                    attempt = self.frames[task].attempt
                    ctx.observe(Made(made, attempt, self.place(ctx)))
                    if self.program.objects[made].size_bytes > self.inline_bytes:
                        ctx.send(self.store, Seal(made, attempt), INSIDE)
                    ctx.send(self.manager, PutObject(made, attempt), INSIDE)
                case MakeGroup(group):
                    ctx.send(self.groups, WantGroup(group), INSIDE)
                case GiveUpGroup(group):
                    ctx.send(self.groups, LeaveGroup(group), INSIDE)
                case AwaitGroup(group):
                    self.wait(ctx, task, (group,), WaitForGroup(group))
                    return
                case Get(objects) | Wait(objects) if objects:
                    self.wait(ctx, task, objects, Want(objects, isinstance(actions[at], Get)))
                    return
            self.step(task)
        self.end(ctx, task)

    def wait(self, ctx: Context, task: TaskId, missing: tuple[ObjectId | GroupId, ...], want: Message) -> None:
        """Enter a get or wait; a task's CPUs are given back meanwhile, an actor's are not."""
        ctx.observe(BodyWaits(task))
        self.frames[task] = replace(self.frames[task], missing=frozenset(missing))
        if self.gives_back(task):
            ctx.send(self.raylet, WorkerBlocked(), INSIDE)
        ctx.send(self.manager if isinstance(want, Want) else self.groups, want, INSIDE)

    def gives_back(self, task: TaskId) -> bool:
        """Whether a body's resources are free while it waits."""
        return task != DRIVER and self.program.tasks[task].kind is TaskKind.NORMAL

    def ready(self, ctx: Context, task: TaskId, made: ObjectId, value: int) -> None:
        """An object has come; go on when it was the last one needed."""
        frame = self.frames[task]
        if made not in frame.missing:
            return
        action = self.actions(task)[frame.at]
        if not isinstance(action, Get | Wait):
            return
        if isinstance(action, Get):
            ctx.observe(Got(task, made, value) if value != FAILED else GotError(task, made))
        missing = frame.missing - {made}
        needed = len(set(action.objects)) - action.count if isinstance(action, Wait) else 0
        if len(missing) > needed:
            self.frames[task] = replace(frame, missing=missing)
        else:
            self.waited(ctx, task)

    def group_ready(self, ctx: Context, task: TaskId, group: GroupId) -> None:
        """A group is there."""
        frame = self.frames[task]
        if frame.missing and self.actions(task)[frame.at] == AwaitGroup(group):
            self.waited(ctx, task)

    def waited(self, ctx: Context, task: TaskId) -> None:
        """Leave a get or wait."""
        self.frames[task] = replace(self.frames[task], missing=frozenset(), at=self.frames[task].at + 1)
        ctx.observe(BodyGoesOn(task))
        if self.gives_back(task):
            ctx.send(self.raylet, WorkerUnblocked(), INSIDE)
        self.go_on(ctx, task)

    def end(self, ctx: Context, task: TaskId) -> None:
        """Hand over the results, and forget the rest."""
        frame = self.frames.pop(task)
        if task == DRIVER:
            ctx.observe(DriverEnded())
            return
        if self.program.tasks[task].kind is TaskKind.ACTOR_CREATION:
            self.actor = self.program.tasks[task].actor or ""
        stored = []
        for made in self.program.tasks[task].outputs:
            ctx.observe(Made(made, frame.attempt, self.place(ctx)))
            if self.program.objects[made].size_bytes > self.inline_bytes:
                stored.append(made)
                ctx.send(self.store, Seal(made, frame.attempt), INSIDE)
        ctx.observe(Ended(task, self.place(ctx)))
        reply = TaskReply(task, frame.attempt, self.raylet, tuple(stored), frame.caller)
        if self.exports.get(task):
            # Whoever hears of the result may speak of what is owned here: the task manager says so.
            ctx.send(self.manager, reply, INSIDE)
        else:
            ctx.send(frame.caller, reply)
        self.next(ctx)

    def end_process(self, ctx: Context) -> None:
        """Whoever waits for a body here learns that the connection broke."""
        waiting = [(task, frame.attempt, frame.caller) for task, frame in sorted(self.frames.items())]
        waiting += [(push.task, push.attempt, caller) for push, caller in self.queue]
        ctx.observe(PlaceDied(self.place(ctx)))
        for task, attempt, caller in waiting:
            ctx.cancel_timer(LOADING + task)
            ctx.cancel_timer(COMPUTING + task)
            ctx.send(caller, WorkerDied(task, attempt))
        self.frames, self.queue, self.fetching, self.actor, self.warm = {}, [], {}, "", False
        self.life += 1
