"""Locality first: the node that holds most input bytes, among those that have room.

Source: Ray 2.60 `lease_policy.cc`, `LocalityAwareLeasePolicy`: the owner asks the raylet that holds most argument
bytes; a full raylet spills the lease on, here to the hybrid policy.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from model.kernel import Name
from model.scheduler.hooks import Choices, ClusterView, TaskView, with_room
from model.scheduler.policies.default import Default


@dataclass(frozen=True)
class LocalityFirst:
    """Most local bytes wins; nothing local, or no room there, falls to DEFAULT."""

    name: str = "locality_first"
    memory: int = 0
    otherwise: Default = field(default_factory=Default)

    def place(self, task: TaskView, view: ClusterView, memory: int, ctx: Choices) -> tuple[Name | None, int]:
        """The holder of most input bytes when it has room."""
        holders = [node for node in with_room(view.options, task.demand) if view.local_bytes.get(node.name, 0)]
        if holders:
            best = max(holders, key=lambda node: (view.local_bytes[node.name], -node.index))
            return best.name, memory
        return self.otherwise.place(task, view, memory, ctx)
