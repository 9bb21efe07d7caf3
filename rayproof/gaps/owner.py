"""The driver of an instance: it submits each task once its inputs exist.

Source: Ray 2.60 `dependency_resolver.cc`, `LocalDependencyResolver::ResolveDependencies`: an owner asks for a lease
only when the arguments of a task exist somewhere, so that the scheduler knows where they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.graph import Compute, ObjectId, Submit, TaskId
from rayproof.model.graph.program import DRIVER
from rayproof.model.kernel import Context, Message, Name, TimerKind, Unhandled
from rayproof.model.scheduler.paper.protocol import ObjectReady, SubmitTask, WantObjects
from rayproof.model.scheduler.paper.worker import BODY, Driver


@dataclass(slots=True)
class Owner(Driver):
    """Goes through its body, which submits and computes; a submitted task is held back until its inputs exist."""

    unmade: set[ObjectId] = field(default_factory=set)
    """Inputs that no node holds yet."""
    held: list[TaskId] = field(default_factory=list)
    """Tasks that the body has submitted and whose inputs do not all exist, in that order."""

    def start(self, ctx: Context) -> None:
        """Ask to be told of every input."""
        self.task = DRIVER
        self.unmade = {needed for task in self.program.tasks.values() for needed in task.inputs}
        if self.unmade:
            ctx.send(self.raylet, WantObjects(tuple(sorted(self.unmade)), fetch=False))
        self.go_on(ctx)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """An object exists; submit the tasks that lacked nothing else."""
        match message:
            case ObjectReady(there):
                self.unmade.discard(there)
                self.submit_ready(ctx)
            case _:
                raise Unhandled(message)

    def go_on(self, ctx: Context) -> None:
        """Hold what is submitted, and compute in between: that is when the next task is released."""
        actions = self.program.driver
        while self.at < len(actions):
            match actions[self.at]:
                case Submit(task):
                    self.held.append(task)
                case Compute(duration_us):
                    self.submit_ready(ctx)
                    ctx.set_timer(BODY, duration_us, TimerKind.PROGRAM)
                    return
            self.at += 1
        self.submit_ready(ctx)
        self.end(ctx)

    def submit_ready(self, ctx: Context) -> None:
        """Submit the held tasks that lack nothing."""
        for task in self.held[:]:
            if self.unmade.isdisjoint(self.program.tasks[task].inputs):
                self.held.remove(task)
                ctx.send(self.raylet, SubmitTask(task))
