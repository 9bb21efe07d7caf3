"""Workers on a lease: they run what their owner pushes, and may own tasks themselves.

Source: Ray 2.60, `core_worker.cc::HandlePushTask`, `ExecuteTask`, `Get` (there `NotifyWorkerBlocked` and
`NotifyWorkerUnblocked`). A body is one step long; a nested one submits its child, waits for it, and ends in a third.

Left out: bodies that get more than one result, and objects that are not their children's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rayproof.model.graph import Resources, TaskId
from rayproof.model.kernel import Context, Message, Name, Process, TimerKind, Unhandled, constant
from rayproof.model.scheduler.ray2.leases.owner import Owner
from rayproof.model.scheduler.ray2.leases.protocol import (
    IPC,
    PushTask,
    ResultStored,
    TaskReply,
    WorkerBlocked,
    WorkerUnblocked,
)

BODY = "body"
"""Timer of a body: the program's own progress."""


@dataclass(slots=True)
class LeasedWorker(Process):
    """Runs what its owner pushes."""

    raylet: Name = constant()
    """Its own node's."""
    stays: frozenset[TaskId] = constant()
    """Tasks that never end."""
    results: Mapping[TaskId, Resources] = constant()
    """What the result of a task keeps of the node."""
    task: TaskId = ""
    owner: Name = ""
    overlap: bool = False
    """Whether it was ever given a task while it had one."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """One task at a time."""
        match message:
            case PushTask(task):
                self.overlap = self.overlap or bool(self.task)
                self.task, self.owner = task, sender
                if task not in self.stays:
                    ctx.set_timer(BODY, kind=TimerKind.PROGRAM)
            case _:
                raise Unhandled(message)

    def fire(self, ctx: Context, timer: str) -> None:
        """The body has ended."""
        if self.results.get(self.task):
            ctx.send(self.raylet, ResultStored(self.results[self.task]), IPC)
        ctx.send(self.owner, TaskReply(self.task))
        self.task = ""


@dataclass(slots=True)
class NestingWorker(Owner):
    """A worker whose bodies may submit a task and get its result: it owns that one."""

    stays: frozenset[TaskId] = constant(frozenset())
    task: TaskId = ""
    caller: Name = ""
    """The owner of its own task."""
    waits: bool = False
    """Whether the body is in a get."""
    overlap: bool = False
    """Whether it was ever given a task while it had one."""

    def start(self, ctx: Context) -> None:
        """Nothing is submitted before a body does."""
        self.queued = {of: [] for of in self.classes}

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """One task at a time; in a get, what an owner hears."""
        if isinstance(message, PushTask):
            self.overlap = self.overlap or bool(self.task)
            self.task, self.caller = message.task, sender
            if message.task not in self.stays:
                ctx.set_timer(BODY, kind=TimerKind.PROGRAM)
            return
        Owner.receive(self, ctx, sender, message)
        if self.waits and self.children[self.task] in self.finished:
            self.waits = False
            ctx.send(self.raylet, WorkerUnblocked(), IPC)
            ctx.set_timer(BODY, kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """The body comes to its get, or to its end."""
        child = self.children.get(self.task)
        if child is None or child in self.finished:
            ctx.send(self.caller, TaskReply(self.task))
            self.task = ""
            return
        of = next(name for name, each in sorted(self.classes.items()) if child in each.tasks)
        self.queued[of].append(child)
        self.waits = True
        ctx.send(self.raylet, WorkerBlocked(), IPC)
        self.request_leases(ctx)
