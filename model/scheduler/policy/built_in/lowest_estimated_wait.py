"""The paper's global policy: the node with the lowest estimated waiting time.

Source: OSDI 2018, section 4.2.2: (i) the time the task will be queued at a node, task queue size times average task
execution time, plus (ii) the total size of its remote inputs divided by average bandwidth.
"""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.kernel import Name
from rayproof.model.scheduler.policy.hooks import WAIT, Choices, ClusterView, NodeView, TaskView


@dataclass(frozen=True)
class LowestEstimatedWait:
    """Queues at the best node even when that is busy; ties go to the first node."""

    name: str = "lowest_estimated_wait"

    def place(self, task: TaskView, view: ClusterView, memory: object, ctx: Choices) -> Name | None:
        """The node where the task is expected to start first."""
        if not view.options:
            return WAIT
        # Nodes that hold no input differ only in their queues: the shortest queue and the holders are all that counts.
        candidates = [next(view.shortest_queues())]
        candidates += [node for node in view.options if node.name in view.local_bytes] if view.local_bytes else []
        return min(candidates, key=lambda node: (self.estimate_us(node, view), node.index)).name

    def estimate_us(self, node: NodeView, view: ClusterView) -> float:
        """Expected microseconds until the task could start there."""
        if not view.bandwidth_bytes_per_s:
            return node.queued_us
        return node.queued_us + view.remote_bytes(node.name) * 1_000_000 / view.bandwidth_bytes_per_s
