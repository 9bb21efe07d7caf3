"""The raylet: a node's local scheduler and its object store.

Source: OSDI 2018, section 4.2.2 (bottom-up scheduling) and figure 7 (execution of a task, steps 1 to 9). A task is kept
unless the node is overloaded or cannot run it; queued tasks start as soon as their inputs are here and resources are
free; a blocked worker's resources are given back (Ray 2.60 `LocalLeaseManager::ReleaseCpuResourcesFromBlockedWorker`).

An actor is its constructor's resources, held for life, and an object that stands for it (first input of each method,
see `cluster.lowering`); its methods run on its node, in the order of the objects that chain them.

Left out: eviction and spilling (the store has no bound), cancelled tasks, workers that die alone.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Hashable
from dataclasses import dataclass, field

from rayproof.model.gcs.paper.protocol import (
    CopyAdded,
    LocateObject,
    NodeDead,
    ObjectFailed,
    ObjectLocated,
    TaskDone,
    TaskQueued,
    TaskRejected,
)
from rayproof.model.graph import ObjectId, Program, Put, Resources, TaskId, TaskKind
from rayproof.model.kernel import Context, Message, Name, Process, TimerKind, Unhandled, constant
from rayproof.model.scheduler.paper.estimates import averaged
from rayproof.model.scheduler.paper.events import (
    InputsLocal,
    Moved,
    Queued,
    Rejected,
    Started,
    Submitted,
)
from rayproof.model.scheduler.paper.protocol import (
    AssignTask,
    FetchObject,
    ForwardTask,
    Heartbeat,
    ObjectData,
    ObjectReady,
    PutObject,
    RunTask,
    SubmitTask,
    TaskFinished,
    WantObjects,
    WorkerResumes,
    WorkerWaits,
)
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.scheduler.policy.queue_hooks import LocalView, WaitingTask, ask_order, has_order

BOOT = "boot"
"""Timer of a node that is still booting."""

FAILED = -1
"""In the place of a value: the object will never be made."""

HEARTBEAT = "heartbeat"
"""Channel of the resource reports; a newer one replaces the one that waits."""


@dataclass(slots=True)
class Raylet(Process):
    """One node. Resources are in fixed-point units."""

    program: Program = constant()
    number: int = constant()
    """Position in the cluster."""
    total: Resources = constant()
    workers: tuple[Name, ...] = constant()
    threshold: int = constant()
    """Tasks queued or running from which on submitted tasks are forwarded."""
    weight_per_mille: int = constant(0)
    """Weight of the newest run time in the average; 0 freezes it."""
    policy: Policy | None = constant(None)
    """Asked for the order of the queue when it has a hook for that."""
    boot_us: int | None = constant(None)
    """Time until a node that is still booting makes itself known; None: it is there."""
    scheduler: Name = constant("scheduler")
    """The global scheduler that serves this node."""
    task_us: int = 0
    queue: list[TaskId] = field(default_factory=list)
    """Tasks that wait for inputs or resources, oldest first."""
    running: dict[Name, TaskId] = field(default_factory=dict)
    """Worker -> its task."""
    waiting: set[Name] = field(default_factory=set)
    """Workers whose task is blocked in a get and holds no resources."""
    resumed: set[Name] = field(default_factory=set)
    """Workers that came out of a get with their present task; only they may push `free` below zero."""
    resident: list[TaskId] = field(default_factory=list)
    """Constructors of the actors that live here; their resources stay held."""
    idle: list[Name] = field(default_factory=list)
    free: dict[str, int] = field(default_factory=dict)
    store: dict[ObjectId, int] = field(default_factory=dict)
    """Objects that are here, with their values."""
    failed: set[ObjectId] = field(default_factory=set)
    """Objects that will never be made; their value here is `FAILED`."""
    pulls: dict[ObjectId, Name] = field(default_factory=dict)
    """Objects on their way -> the node asked for them, empty while it is not known."""
    wanted: dict[ObjectId, list[Name]] = field(default_factory=dict)
    """Objects that must come here -> who of this node waits for them."""
    watched: dict[ObjectId, list[Name]] = field(default_factory=dict)
    """Objects that must exist somewhere -> who of this node waits for that."""
    order_memory: Hashable = ()
    received: int = 0
    """Assignments received since the start."""
    reported: tuple[int, int, tuple[tuple[str, int], ...], int] | None = None
    """Content of the last heartbeat."""

    def start(self, ctx: Context) -> None:
        """A node starts with everything free."""
        self.free = dict(self.total.units)
        self.idle = list(self.workers)
        if self.boot_us is None:
            self.report(ctx)
        else:
            ctx.set_timer(BOOT, self.boot_us, TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """The node has booted: its first heartbeat makes it a member."""
        self.report(ctx)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The protocol of a node."""
        match message:
            case SubmitTask(task):
                self.submitted(ctx, task)
            case AssignTask(task, again):
                self.received += 1
                self.assigned(ctx, task, again)
            case TaskFinished(task, values, busy_us):
                self.finished(ctx, sender, task, values, busy_us)
            case WorkerWaits():
                self.waiting.add(sender)
                self.give_back(self.running[sender])
                self.dispatch(ctx)
            case WorkerResumes():
                self.waiting.discard(sender)
                self.resumed.add(sender)
                self.take(self.running[sender])
            case PutObject(made, value):
                self.seal(ctx, made, value)
            case WantObjects(objects, fetch):
                self.want(ctx, sender, objects, fetch)
            case ObjectLocated(object_id, nodes):
                self.located(ctx, object_id, nodes)
            case FetchObject(object_id):
                if object_id in self.store:
                    size = self.program.objects[object_id].size_bytes
                    ctx.send(sender, ObjectData(object_id, self.store[object_id], size))
            case ObjectData(object_id, value, size):
                self.arrived(ctx, object_id, value, size)
            case ObjectFailed(object_id):
                self.store[object_id] = FAILED
                self.failed.add(object_id)
                self.pulls.pop(object_id, None)
                self.announce(ctx, object_id)
                self.dispatch(ctx)
            case NodeDead(node):
                self.node_died(ctx, node)
            case _:
                raise Unhandled(message)
        self.report(ctx)

    # ---- tasks ------------------------------------------------------------------------------------------------------

    def submitted(self, ctx: Context, task: TaskId) -> None:
        """Keep a task, or forward it when this node is overloaded or can never run it."""
        ctx.observe(Submitted(task, ctx.me))
        if self.knows(ctx, task):
            return
        spec = self.program.tasks[task]
        overloaded = len(self.queue) + len(self.running) >= self.threshold
        elsewhere = spec.kind is TaskKind.ACTOR_METHOD and spec.inputs[0] not in self.store
        if overloaded or elsewhere or not spec.demand.fits(self.total):
            ctx.send(self.scheduler, ForwardTask(task))
        else:
            self.enqueue(ctx, task)

    def assigned(self, ctx: Context, task: TaskId, again: bool) -> None:
        """An assigned task is never forwarded again, so a task makes one hop at most."""
        if not self.knows(ctx, task, again):
            self.enqueue(ctx, task)

    def knows(self, ctx: Context, task: TaskId, again: bool = False) -> bool:
        """Whether a task is queued or running here, or has left its results here.

        A task that is executed again may have lost an object that its body put, while its results are here.
        """
        if task in self.queue or task in self.running.values():
            return True
        spec = self.program.tasks[task]
        made = (*spec.outputs, *(action.object for action in spec.body if again and isinstance(action, Put)))
        if made and all(object_id in self.store for object_id in made):
            ctx.send("gcs", TaskDone(task))
            return True
        return False

    def enqueue(self, ctx: Context, task: TaskId) -> None:
        """Queue a task and pull what it needs."""
        self.queue.append(task)
        ctx.observe(Queued(task, ctx.me))
        ctx.send("gcs", TaskQueued(task))
        self.pull_inputs(ctx, task)
        if self.has_inputs(task):
            ctx.observe(InputsLocal(task, ctx.me))
        self.dispatch(ctx)

    def pull_inputs(self, ctx: Context, task: TaskId) -> None:
        """Ask for the inputs that are not here."""
        for needed in self.program.tasks[task].inputs:
            self.pull(ctx, needed)

    def has_inputs(self, task: TaskId) -> bool:
        """Whether all inputs of a task are here."""
        store = self.store
        return all(needed in store for needed in self.program.tasks[task].inputs)

    def fits(self, task: TaskId) -> bool:
        """Whether a task's resources are free."""
        free = self.free
        return all(amount <= free[name] for name, amount in self.program.tasks[task].demand.units)

    def input_values(self, task: TaskId) -> tuple[int, ...]:
        """The values a body starts with."""
        return tuple(self.store[needed] for needed in self.program.tasks[task].inputs)

    def dispatch(self, ctx: Context) -> None:
        """Start what can start, in the order of the queue; what cannot start does not hold up the rest."""
        if self.failed:
            self.fail_dependents(ctx)
        if not self.queue or not self.idle:
            return
        if self.policy is not None and has_order(self.policy):
            self.dispatch_by_policy(ctx, self.policy)
            return
        for task in self.queue[:]:
            if self.can_start(task):
                self.begin(ctx, task)
                if not self.idle:
                    return

    def dispatch_by_policy(self, ctx: Context, policy: Policy) -> None:
        """Start what can start, in the order of the proposal."""
        while self.idle:
            ready = [self.waiting_task(task) for task in self.queue if self.can_start(task)]
            if not ready:
                return
            view = LocalView(ctx.me, dict(self.free), len(self.running))
            task, self.order_memory = ask_order(policy, ready, view, self.order_memory, ctx)
            self.begin(ctx, task)

    def waiting_task(self, task: TaskId) -> WaitingTask:
        """A queued task as a proposal sees it."""
        spec = self.program.tasks[task]
        size = sum(self.program.objects[needed].size_bytes for needed in spec.inputs)
        return WaitingTask(task, spec.demand, spec.hints, size, spec.name)

    def can_start(self, task: TaskId) -> bool:
        """Whether resources and inputs of a queued task are here."""
        return self.fits(task) and self.has_inputs(task)

    def begin(self, ctx: Context, task: TaskId) -> None:
        """Start a queued task on an idle worker."""
        self.queue.remove(task)
        worker = self.idle.pop(0)
        self.running[worker] = task
        self.take(task)
        ctx.observe(Started(task, ctx.me))
        ctx.send(worker, RunTask(task, self.input_values(task)))

    def fail_dependents(self, ctx: Context) -> None:
        """What needs an object that has failed fails with it."""
        for task in self.queue[:]:
            if not self.failed.isdisjoint(self.program.tasks[task].inputs):
                self.queue.remove(task)
                ctx.observe(Rejected(task))
                ctx.send("gcs", TaskRejected(task))

    def finished(
        self, ctx: Context, worker: Name, task: TaskId, values: tuple[tuple[ObjectId, int], ...], busy_us: int
    ) -> None:
        """Keep the results, free the worker, tell the store."""
        self.running.pop(worker)
        if self.program.tasks[task].kind is TaskKind.ACTOR_CREATION:
            self.resident.append(task)
        else:
            self.give_back(task)
        insort(self.idle, worker)
        self.resumed.discard(worker)
        self.task_us = averaged(self.task_us, busy_us, self.weight_per_mille)
        for made, value in values:
            self.store[made] = value
            self.pulls.pop(made, None)
        ctx.send("gcs", TaskDone(task))
        for made, _ in values:
            self.announce(ctx, made)
        self.dispatch(ctx)

    def take(self, task: TaskId) -> None:
        """Hold a task's resources; after a get they may go below zero for a while."""
        for name, amount in self.program.tasks[task].demand.units:
            self.free[name] -= amount

    def give_back(self, task: TaskId) -> None:
        """Free a task's resources."""
        for name, amount in self.program.tasks[task].demand.units:
            self.free[name] += amount

    # ---- objects ----------------------------------------------------------------------------------------------------

    def want(self, ctx: Context, who: Name, objects: tuple[ObjectId, ...], fetch: bool) -> None:
        """A driver or worker waits for objects."""
        for needed in objects:
            if needed in self.store:
                ctx.send(who, ObjectReady(needed))
            elif fetch:
                self.wanted.setdefault(needed, []).append(who)
                self.pull(ctx, needed)
            else:
                self.watched.setdefault(needed, []).append(who)
                ctx.send("gcs", LocateObject(needed))

    def pull(self, ctx: Context, needed: ObjectId) -> None:
        """Bring an object here, unless it is here or on its way."""
        if needed not in self.store and needed not in self.pulls:
            self.pulls[needed] = ""
            ctx.send("gcs", LocateObject(needed))

    def located(self, ctx: Context, object_id: ObjectId, nodes: tuple[Name, ...]) -> None:
        """An object exists; fetch it if it must come here. Several copies share the load by the asker's number."""
        for who in self.watched.pop(object_id, ()):
            ctx.send(who, ObjectReady(object_id))
        if self.pulls.get(object_id) == "":
            others = [node for node in nodes if node != ctx.me]
            if others:
                source = others[self.number % len(others)]
                self.pulls[object_id] = source
                ctx.send(source, FetchObject(object_id))

    def arrived(self, ctx: Context, object_id: ObjectId, value: int, size: int) -> None:
        """A copy is here."""
        self.pulls.pop(object_id, None)
        if object_id not in self.store:
            ctx.observe(Moved(object_id, ctx.me, size))
            self.seal(ctx, object_id, value)

    def seal(self, ctx: Context, made: ObjectId, value: int) -> None:
        """Keep an object, tell the store, go on with what waited for it."""
        self.store[made] = value
        self.pulls.pop(made, None)
        ctx.send("gcs", CopyAdded(made))
        self.announce(ctx, made)
        self.dispatch(ctx)

    def announce(self, ctx: Context, object_id: ObjectId) -> None:
        """Wake those of this node who waited for an object."""
        for who in (*self.wanted.pop(object_id, ()), *self.watched.pop(object_id, ())):
            ctx.send(who, ObjectReady(object_id))
        for task in self.program.consumers(object_id):
            if task in self.queue and self.has_inputs(task):
                ctx.observe(InputsLocal(task, ctx.me))

    def node_died(self, ctx: Context, node: Name) -> None:
        """What was asked of the dead must be asked of another."""
        for needed, source in sorted(self.pulls.items()):
            if source == node:
                self.pulls[needed] = ""
                ctx.send("gcs", LocateObject(needed))

    # ---- reports ----------------------------------------------------------------------------------------------------

    def report(self, ctx: Context) -> None:
        """Tell the global scheduler what has changed since the last heartbeat."""
        free = tuple(sorted(self.free.items()))
        state = (len(self.queue) + len(self.running), self.received, free, self.task_us)
        if state != self.reported:
            self.reported = state
            self.send_report(ctx, Heartbeat(*state))

    def send_report(self, ctx: Context, beat: Heartbeat) -> None:
        """A newer report replaces the one that waits."""
        ctx.send(self.scheduler, beat, HEARTBEAT)
