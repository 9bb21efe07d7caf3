"""What a raylet shows to the hooks `order` and `preempt`: tasks that wait, and those that hold its resources."""

from __future__ import annotations

from rayproof.model.graph import Program
from rayproof.model.scheduler.policy.queue_hooks import RunningTask, WaitingTask
from rayproof.model.wire.ray2.leases import LeaseSpec


def waiting_task(program: Program, spec: LeaseSpec) -> WaitingTask:
    """A request, as the task at its head."""
    task = program.tasks[spec.task]
    size = sum(argument.size_bytes for argument in spec.args)
    return WaitingTask(spec.task, spec.demand, task.hints, size, task.name)


def running_task(program: Program, spec: LeaseSpec) -> RunningTask:
    """A lease, as the task that it was asked for; another of its class may run on it."""
    task = program.tasks[spec.task]
    return RunningTask(task.id, task.name, task.demand, task.hints, spec.retries_left)
