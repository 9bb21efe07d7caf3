"""An instance as a program and a cluster that the model runs.

The model's times are at least the instance's: its links carry one object after the other, and it knows no task before
its inputs exist. Predecessors without data become objects of size 0; the driver submits a task at its release.
Nodes that a task may use become a resource that only they have: Ray has no other way to name several nodes. On links of
known bandwidth sizes become microseconds of travel, rounded up as in the instance, and a byte takes one.

Left out: occupants and groups, which schedules do not know either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rayproof.model.graph import (
    Action,
    ClusterSpec,
    Compute,
    NodeId,
    NodeSpec,
    ObjectSpec,
    Program,
    Put,
    Resources,
    Submit,
    TaskId,
    TaskSpec,
)
from rayproof.solver.instances import MICROSECONDS, Instance, Task


@dataclass(frozen=True)
class Runnable:
    """What the model needs of an instance."""

    program: Program
    cluster: ClusterSpec
    task_us: int
    """The mean duration, which stands for an estimate that has long settled."""


def runnable(instance: Instance, gates: dict[TaskId, int] | None = None) -> Runnable:
    """The program of an instance and its cluster.

    With `gates` all tasks are submitted at once, and one with a gate also needs an object that the driver makes at that
    time, in us: it may be placed before and starts no sooner.
    """
    permits = _permits(instance)
    objects, tasks = _objects(instance), {}
    clocks = {task: at for task, at in (gates or {}).items() if at}
    for at in clocks.values():
        objects[_clock(at)] = ObjectSpec(_clock(at))
    for task in instance.tasks:
        inputs = [needed for needed in task.inputs if needed in instance.producer]
        inputs += [_token(before) for before in task.after]
        inputs += [_clock(clocks[task.id])] if task.id in clocks else []
        demand = task.demand + Resources.from_units(dict.fromkeys(_permit_of(task, instance, permits), 1))
        tasks[task.id] = TaskSpec(
            task.id,
            tuple(dict.fromkeys(inputs)),
            (*task.outputs, *((_token(task.id),) if _token(task.id) in objects else ())),
            demand,
            (Compute(task.duration),),
        )
    nodes = tuple(
        NodeSpec(
            node.id,
            node.capacity
            + Resources.from_units(
                {name: len(tasks) for allowed, name in permits.items() if node.id in allowed},
            ),
            node.labels,
        )
        for node in instance.nodes
    )
    bandwidth = None if instance.bandwidth_bytes_per_s is None else MICROSECONDS
    mean = sum(task.duration for task in instance.tasks) // max(1, len(instance.tasks))
    return Runnable(
        Program(
            tasks, objects, tuple(_at_release(instance) if gates is None else _at_once(instance, clocks)), instance.name
        ),
        ClusterSpec(nodes, instance.name, bandwidth),
        max(1, mean),
    )


def _at_release(instance: Instance) -> Iterator[Action]:
    now = 0
    for task in sorted(instance.tasks, key=lambda task: task.release):
        if task.release > now:
            yield Compute(task.release - now)
            now = task.release
        yield Submit(task.id)


def _at_once(instance: Instance, clocks: dict[TaskId, int]) -> Iterator[Action]:
    yield from (Submit(task.id) for task in instance.tasks)
    now = 0
    for at in sorted(set(clocks.values())):
        yield Compute(at - now)
        yield Put(_clock(at))
        now = at


def _objects(instance: Instance) -> dict[str, ObjectSpec]:
    sizes = {item.id: item.size_bytes for item in instance.objects}
    timed = instance.bandwidth_bytes_per_s is not None
    objects = {
        made: ObjectSpec(made, instance.transfer_us(made) if timed else sizes.get(made, 0))
        for made in instance.producer
    }
    for task in instance.tasks:
        for before in task.after:
            objects[_token(before)] = ObjectSpec(_token(before))
    return objects


def _permits(instance: Instance) -> dict[tuple[NodeId, ...], str]:
    """Sets of nodes that some task is confined to by more than its demand -> the resource that stands for the set."""
    confined = {_allowed(task, instance) for task in instance.tasks if task.allowed_nodes is not None or task.labels}
    return {allowed: f"permit {at}" for at, allowed in enumerate(sorted(confined))}


def _permit_of(task: Task, instance: Instance, permits: dict[tuple[NodeId, ...], str]) -> tuple[str, ...]:
    confined = task.allowed_nodes is not None or task.labels
    return (permits[_allowed(task, instance)],) if confined else ()


def _allowed(task: Task, instance: Instance) -> tuple[NodeId, ...]:
    return instance.eligible(task)


def _token(before: TaskId) -> str:
    return f"after {before}"


def _clock(at: int) -> str:
    return f"at {at}"
