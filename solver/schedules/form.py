"""A schedule: where and when each task runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from rayproof.model.graph import NodeId, TaskId
from rayproof.solver.instances import Instance


@dataclass(frozen=True, slots=True)
class Slot:
    """A task's node and its start in us."""

    node: NodeId
    start: int


@dataclass(frozen=True)
class Schedule:
    """One slot a task."""

    slots: Mapping[TaskId, Slot]

    def __post_init__(self) -> None:
        object.__setattr__(self, "slots", MappingProxyType(dict(self.slots)))

    def makespan(self, instance: Instance) -> int:
        """When the last task ends, in us."""
        return max((slot.start + instance.task[name].duration for name, slot in self.slots.items()), default=0)

    def to_json(self) -> dict[str, Any]:
        """The slots as plain JSON values."""
        return {name: {"node": slot.node, "start": slot.start} for name, slot in self.slots.items()}
