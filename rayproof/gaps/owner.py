"""The driver of an instance: it submits each task once its inputs exist.

Source: Ray 2.60 `dependency_resolver.cc`, `LocalDependencyResolver::ResolveDependencies`: an owner asks for a lease
only when the arguments of a task exist somewhere, so that the scheduler knows where they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from model.cluster.protocol import ObjectReady, SubmitTask, WantObjects
from model.cluster.worker import Driver
from model.graph import Action, ObjectId, Submit, TaskId
from model.kernel import Context, Message, Name, Unhandled


@dataclass(slots=True)
class Owner(Driver):
    """Submits in the order of the program's driver, each task as soon as it can be placed with knowledge."""

    unmade: set[ObjectId] = field(default_factory=set)
    """Inputs that no node holds yet."""

    def start(self, ctx: Context) -> None:
        """Tasks without inputs go at once."""
        self.unmade = {needed for task in self.program.tasks.values() for needed in task.inputs}
        for task in self.submitted():
            self.submit(ctx, task)
        if self.unmade:
            ctx.send(self.raylet, WantObjects(tuple(sorted(self.unmade)), fetch=False))
        Driver.start(self, ctx)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """An object exists; submit the tasks that lacked nothing else."""
        match message:
            case ObjectReady(there):
                if there in self.unmade:
                    self.unmade.remove(there)
                    consumers = self.program.consumers(there)
                    for task in self.submitted():
                        if task in consumers:
                            self.submit(ctx, task)
            case _:
                raise Unhandled(message)

    def submit(self, ctx: Context, task: TaskId) -> None:
        """Submit a task unless an input of it is missing."""
        if self.unmade.isdisjoint(self.program.tasks[task].inputs):
            ctx.send(self.raylet, SubmitTask(task))

    def submitted(self) -> list[TaskId]:
        """All tasks in the order of the driver's body."""
        return [action.task for action in self.program.driver if isinstance(action, Submit)]

    def actions(self) -> tuple[Action, ...]:
        """What is left of the driver's body: releases."""
        return tuple(action for action in self.program.driver if not isinstance(action, Submit))
