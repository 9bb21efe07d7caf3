"""Ray's draft interface for task priorities as a policy: an object with `name`, `calculate_priority` and
`should_recalculate_priority` decides which waiting task of a node goes next.

Source: the draft proposal "priority based task scheduling" (ray-project/enhancements, branch jjyao/priority, January
2025). There a `Prioritizer` gives every task a number, hints stand in the task's labels, and the queue is sorted by it.
A higher number goes first here; among equals, what came first. A task's number is kept in the hook's memory unless the
object says that it is to be calculated anew each time.

Left out: the runtime information that the draft leaves open; and preemption, which it does not have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Protocol

from rayproof.model.graph import Hints, Resources, TaskId
from rayproof.model.scheduler.policy.built_in import DefaultPolicy
from rayproof.model.scheduler.policy.queue_hooks import LocalView, WaitingTask


@dataclass(frozen=True, slots=True)
class PrioritizedTask:
    """What a prioritizer knows of a task."""

    task_id: TaskId
    function_name: str
    resources: Resources
    labels: Mapping[str, str]
    """Hints that were given, by their names in a recording; times in seconds."""


class Prioritizer(Protocol):
    """The draft's interface."""

    def name(self) -> str:
        """Its name."""
        ...

    def calculate_priority(self, task: PrioritizedTask) -> float:
        """Higher goes first."""
        ...

    def should_recalculate_priority(self) -> bool:
        """Whether a task's number may change while it waits."""
        ...


@dataclass(frozen=True)
class Prioritized(DefaultPolicy):
    """Ray's default places; the prioritizer orders."""

    prioritizer: Any = None
    name: str = ""

    def order(
        self, queue: Sequence[WaitingTask], view: LocalView, memory: Any, ctx: Any
    ) -> tuple[TaskId, tuple[tuple[TaskId, float], ...]]:
        """The task with the highest number; of those that left the queue nothing is remembered."""
        known = {} if self.prioritizer.should_recalculate_priority() else dict(memory)
        numbers = {
            task.id: known[task.id] if task.id in known else self.prioritizer.calculate_priority(shown(task))
            for task in queue
        }
        first = max(queue, key=lambda task: numbers[task.id]).id
        return first, tuple(sorted(numbers.items()))


def prioritized(prioritizer: Prioritizer) -> Prioritized:
    """The policy that a prioritizer makes: `policy = prioritized(MyPrioritizer())` is all that a file needs."""
    return Prioritized(prioritizer=prioritizer, name=prioritizer.name())


def shown(task: WaitingTask) -> PrioritizedTask:
    """A waiting task in the words of the draft."""
    return PrioritizedTask(task.id, task.name, task.demand, MappingProxyType(labels(task.hints)))


def labels(hints: Hints) -> dict[str, str]:
    """Hints as the labels that they are read from."""
    told = {}
    for field in fields(hints):
        value = getattr(hints, field.name)
        if value not in (None, "", 0):
            in_seconds = field.name.endswith("_us")
            told[field.name.removesuffix("_us")] = f"{value / 1e6:g}" if in_seconds else str(value)
    return told
