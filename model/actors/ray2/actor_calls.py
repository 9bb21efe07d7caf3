"""A core worker's calls of actors: sent in order to where the actor lives, once their arguments exist.

Source: Ray 2.60, `actor_task_submitter.cc` (SubmitTask, SendPendingTasks, ConnectActor, DisconnectActor) and
`sequential_actor_submit_queue.cc`, `out_of_order_actor_submit_queue.cc`: the calls of one caller to a serial actor are
sent in the order in which they were made, and the first that lacks an argument holds up the rest; calls of a concurrent
actor are sent as soon as they can be. While the actor restarts, calls wait if they may be retried, and fail otherwise.

Left out: the limit of pending calls, and the numbers by which the actor's side restores the order.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.graph import ActorId, Program, TaskId, TaskKind
from rayproof.model.graph.contract import ErrorKind
from rayproof.model.kernel import Context, Message, Name, Process, Unhandled, constant
from rayproof.model.wire.ray2.actors import (
    ActorAt,
    CallGone,
    CallMade,
    CreateActor,
    CreationFailed,
    GiveUpActor,
    WatchActor,
)
from rayproof.model.wire.ray2.leases import INSIDE
from rayproof.model.wire.ray2.rpc import Client
from rayproof.model.wire.ray2.workers import AttemptFailed, PushTask, SendTask, TaskReply, WorkerDied


@dataclass(slots=True, kw_only=True)
class ActorCalls(Process):
    """One core worker's calls."""

    program: Program = constant()
    manager: Name = constant()
    raylet: Name = constant()
    client: Client = constant(Client())
    table: Name = constant()
    queues: dict[ActorId, list[TaskId]] = field(default_factory=dict)
    """Calls that were made and not sent, in order."""
    ready: dict[TaskId, SendTask] = field(default_factory=dict)
    flying: dict[TaskId, tuple[ActorId, int]] = field(default_factory=dict)
    """Calls that were sent -> (actor, attempt)."""
    homes: dict[ActorId, ActorAt] = field(default_factory=dict)
    """Where actors live, as told last."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Calls, their answers, and where actors live."""
        match message:
            case CallMade(task):
                self.queues.setdefault(self.actor(task), []).append(task)
                self.watch(ctx, self.actor(task))
            case CallGone(task) if self.program.tasks[task].kind is TaskKind.ACTOR_CREATION:
                ctx.send(self.table, GiveUpActor(self.actor(task)))
            case CallGone(task):
                self.leave(task)
                self.send_ready(ctx, self.actor(task))
            case SendTask(task):
                self.send(ctx, message)
            case TaskReply(task):
                self.flying.pop(task, None)
                ctx.send(self.manager, message, INSIDE)
            case CreationFailed(task, attempt, error):
                ctx.send(self.manager, AttemptFailed(task, attempt, error), INSIDE)
            case WorkerDied(task, attempt):
                if self.flying.get(task, ("", 0))[1] == attempt:
                    # The connection broke under every call: nothing is sent there any more.
                    self.moved(ctx, ActorAt(self.actor(task), "", ""))
            case ActorAt():
                self.moved(ctx, message)
            case _:
                raise Unhandled(message)

    def actor(self, task: TaskId) -> ActorId:
        """The actor of a call."""
        return self.program.tasks[task].actor or ""

    def watch(self, ctx: Context, actor: ActorId) -> None:
        """Ask once where an actor lives."""
        if actor not in self.homes:
            self.homes[actor] = ActorAt(actor, "", "")
            self.client.tell(ctx, self.table, WatchActor(actor))

    def send(self, ctx: Context, ready: SendTask) -> None:
        """The arguments of a call, or of a constructor, exist."""
        spec = self.program.tasks[ready.task]
        if spec.kind is TaskKind.ACTOR_CREATION:
            wanted = CreateActor(
                spec.actor or "",
                ready.task,
                ready.attempt,
                ready.strategy,
                ready.args,
                ready.references,
                self.raylet,
            )
            self.client.tell(ctx, self.table, wanted)
            return
        self.ready[ready.task] = ready
        if ready.task not in self.queues.get(self.actor(ready.task), ()):
            # A retry skips the queue, on this side and on the other, but no call that its body made before it.
            queue = self.queues.setdefault(self.actor(ready.task), [])
            earlier = [self.program.comes_before(call, ready.task) for call in queue]
            queue.insert((*earlier, False).index(False), ready.task)
        self.send_ready(ctx, self.actor(ready.task))

    def send_ready(self, ctx: Context, actor: ActorId) -> None:
        """Send what can be sent, or fail it when there will be no actor."""
        home = self.homes.get(actor)
        if home is None or not (home.worker or home.dead or home.restarting):
            return
        for task in list(self.queues.get(actor, ())):
            unreachable = home.restarting and not self.program.tasks[task].max_retries
            if (home.dead or unreachable) and task in self.ready:
                attempt = self.ready[task].attempt
                self.leave(task)
                error = ErrorKind.ACTOR_DIED if home.dead else ErrorKind.WORKER_DIED
                ctx.send(self.manager, AttemptFailed(task, attempt, error), INSIDE)
            elif task in self.ready and home.worker:
                call = self.ready[task]
                self.leave(task)
                self.flying[task] = (actor, call.attempt)
                ctx.send(home.worker, PushTask(task, call.attempt, None, call.references, call.args))
            elif self.program.tasks[task].max_concurrency == 1 and not home.dead:
                return

    def leave(self, task: TaskId) -> None:
        """A call does not wait any more."""
        self.ready.pop(task, None)
        queue = self.queues.get(self.actor(task), [])
        if task in queue:
            queue.remove(task)
            if not queue:
                del self.queues[self.actor(task)]

    def moved(self, ctx: Context, home: ActorAt) -> None:
        """An actor lives somewhere else, or nowhere: what was sent to the place before has failed."""
        before = self.homes.get(home.actor)
        self.homes[home.actor] = home
        if before is not None and before.worker and before.worker != home.worker:
            for task in [each for each, (actor, _) in sorted(self.flying.items()) if actor == home.actor]:
                self.failed(ctx, task)
        self.send_ready(ctx, home.actor)

    def failed(self, ctx: Context, task: TaskId) -> None:
        """The actor died under a call: it is retried within its own budget."""
        _, attempt = self.flying.pop(task)
        ctx.send(self.manager, AttemptFailed(task, attempt, ErrorKind.WORKER_DIED), INSIDE)
