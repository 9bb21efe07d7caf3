"""Locality first: the node that holds most input bytes, among those that have room.

Source: Ray 2.60 `lease_policy.cc`, `LocalityAwareLeasePolicy`: the owner asks the raylet that holds most argument
bytes, and that raylet keeps the lease whenever it has room; a full one spills it by the hybrid policy, preferring
itself. Small objects count here too, so that scopes without sizes say something; Ray sends those inside the request.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rayproof.model.graph import NodeAffinity, Spread
from rayproof.model.kernel import Name
from rayproof.model.scheduler.policy.built_in.default import Default
from rayproof.model.scheduler.policy.hooks import Choices, ClusterView, TaskView
from rayproof.model.scheduler.ray.locality import most_bytes


@dataclass(frozen=True)
class LocalityFirst:
    """Most local bytes wins; nothing local, or no room there, falls to DEFAULT."""

    name: str = "locality_first"
    memory: int = 0
    otherwise: Default = field(default_factory=Default)

    def place(self, task: TaskView, view: ClusterView, memory: int, ctx: Choices) -> tuple[Name | None, int]:
        """The holder of most input bytes when it has room."""
        holder = None if isinstance(task.strategy, Spread | NodeAffinity) else most_bytes(view.arguments)
        if holder is None:
            return self.otherwise.place(task, view, memory, ctx)
        node = view.option(holder)
        if node is not None and node.fits_now(task.demand):
            return holder, memory
        return self.otherwise.place(task, replace(view, origin=holder), memory, ctx)
