"""The paper's global policy: the node with the lowest estimated waiting time.

Source: OSDI 2018, section 4.2.2: (i) the time the task will be queued at a node, task queue size times average task
execution time, plus (ii) the total size of its remote inputs divided by average bandwidth.
"""

from __future__ import annotations

from dataclasses import dataclass

from model.kernel import Name
from model.scheduler.hooks import WAIT, Choices, ClusterView, NodeView, TaskView


@dataclass(frozen=True)
class LowestEstimatedWait:
    """Queues at the best node even when that is busy; ties go to the first node."""

    name: str = "lowest_estimated_wait"

    def place(self, task: TaskView, view: ClusterView, memory: object, ctx: Choices) -> Name | None:
        """The node where the task is expected to start first."""
        if not view.options:
            return WAIT
        best = min(view.options, key=lambda node: (self.estimate_us(node, view), node.index))
        return best.name

    def estimate_us(self, node: NodeView, view: ClusterView) -> float:
        """Expected microseconds until the task could start there."""
        queued = node.queue_length * node.task_us
        if not view.bandwidth_bytes_per_s:
            return queued
        return queued + view.remote_bytes(node.name) * 1_000_000 / view.bandwidth_bytes_per_s
