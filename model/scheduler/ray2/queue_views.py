"""What a raylet shows to the hooks `order` and `preempt`: tasks that wait, and those that hold its resources."""

from __future__ import annotations

from collections.abc import Iterable

from rayproof.model.graph import Program
from rayproof.model.scheduler.policy.queue_hooks import RunningTask, WaitingTask
from rayproof.model.wire.ray2.leases import LeaseSpec


def waiting_task(program: Program, spec: LeaseSpec) -> WaitingTask:
    """A request, as the task at its head."""
    task = program.tasks[spec.task]
    size = sum(argument.size_bytes for argument in spec.args)
    return WaitingTask(spec.task, spec.demand, task.hints, size, task.name)


def running_tasks(program: Program, leases: Iterable[LeaseSpec]) -> tuple[RunningTask, ...]:
    """Leases as the tasks that they were asked for, though another of the class may run; actors are left out."""
    tasks = [program.tasks[spec.task] for spec in leases if not spec.actor]
    return tuple(RunningTask(task.id, task.name, task.demand, task.hints, task.max_retries != 0) for task in tasks)
