"""Ray's draft interface for task priorities as a policy: what is written for it says which waiting task goes next.

Source: the draft proposal "priority based task scheduling" (ray-project/enhancements, pull request 59, January 2025). A
`Prioritizer` is made with a provider of runtime information, and gives each task a number, from what the task's labels
say among other things; the queue is sorted by it, the higher number first, among equals what came first. A number is
kept until the prioritizer says that it is to be calculated again.

A prioritizer may keep what it likes in its attributes, as in the draft's example: they are carried over from call to
call in the memory of the hook `order`, so that a raylet has its own, and have to be hashable. Left out: preemption,
which the draft does not have; one queue for the whole cluster, which it leaves open: each raylet sorts its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, fields
from inspect import signature
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
    """Those that the task was given, and its hints by their names in a recording; times in seconds."""


@dataclass
class RuntimeInfo:
    """The draft's RuntimeInfoProvider: what is known of the node on which a prioritizer is asked."""

    object_store_memory_utilization: float = 0.0
    """Between 0 and 1."""


class Prioritizer(Protocol):
    """The draft's interface."""

    def name(self) -> str:
        """Its name."""
        ...

    def calculate_priority(self, task: PrioritizedTask) -> float:
        """Higher goes first."""
        ...

    def should_recalculate_priority(self) -> bool:
        """Whether numbers that were calculated before have to be calculated again."""
        ...


@dataclass(frozen=True)
class Prioritized(DefaultPolicy):
    """Ray's default places; the prioritizer orders."""

    prioritizer: Any = None
    runtime: RuntimeInfo = field(default_factory=RuntimeInfo, compare=False)
    name: str = ""

    def order(self, queue: Sequence[WaitingTask], view: LocalView, memory: Any, ctx: Any) -> tuple[TaskId, Any]:
        """The task with the highest number; of those that left the queue nothing is remembered."""
        attributes, numbers = memory or ((), ())
        self.runtime.object_store_memory_utilization = view.store_used
        asked = copy(self.prioritizer)
        vars(asked).update(attributes)
        known = {} if numbers and asked.should_recalculate_priority() else dict(numbers)
        now = {task.id: known[task.id] if task.id in known else asked.calculate_priority(shown(task)) for task in queue}
        first = max(queue, key=lambda task: now[task.id]).id
        kept = tuple((name, value) for name, value in sorted(vars(asked).items()) if value is not self.runtime)
        return first, (kept, tuple(sorted(now.items())))


def is_prioritizer(found: object) -> bool:
    """Whether an object or a class is written for the draft, and is no policy by itself."""
    return callable(getattr(found, "calculate_priority", None)) and not hasattr(found, "order")


def prioritized(prioritizer: Any) -> Prioritized:
    """The policy that a prioritizer makes: `policy = prioritized(MyPrioritizer)` is all that a file needs.

    A class is made with the runtime information, or without if it takes none.
    """
    runtime = RuntimeInfo()
    if isinstance(prioritizer, type):
        prioritizer = prioritizer(runtime) if signature(prioritizer).parameters else prioritizer()
    return Prioritized(prioritizer=prioritizer, runtime=runtime, name=prioritizer.name())


def shown(task: WaitingTask) -> PrioritizedTask:
    """A waiting task in the words of the draft."""
    return PrioritizedTask(task.id, task.name, task.demand, MappingProxyType(labels(task.hints)))


def labels(hints: Hints) -> dict[str, str]:
    """The labels of a task, hints among them."""
    told = {}
    for each in fields(hints):
        value = getattr(hints, each.name)
        if each.name != "labels" and value not in (None, "", 0):
            in_seconds = each.name.endswith("_us")
            told[each.name.removesuffix("_us")] = f"{value / 1e6:g}" if in_seconds else str(value)
    return told | dict(hints.labels)
