"""Earliest completion: queue, plus transfer, plus the task's own run time on that node.

Source: minimum completion time, Maheswaran et al., "Dynamic matching and scheduling of independent tasks onto
heterogeneous computing systems", 1999. Where all nodes report the same average it chooses as lowest estimated wait
does; it differs where the same function runs longer on one node than on another.

Left out: run times by function; the node's average stands for the task's.
"""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.kernel import Name
from rayproof.model.scheduler.policy.hooks import WAIT, Choices, ClusterView, NodeView, TaskView


@dataclass(frozen=True)
class EarliestCompletion:
    """The node where the task is expected to end first; ties go to the first node."""

    name: str = "earliest_completion"

    def place(self, task: TaskView, view: ClusterView, memory: object, ctx: Choices) -> Name | None:
        """The least of the estimates."""
        if not view.options:
            return WAIT
        return min(view.options, key=lambda node: (self.estimate_us(node, view), node.index)).name

    def estimate_us(self, node: NodeView, view: ClusterView) -> float:
        """Expected microseconds until the task could have ended there."""
        estimate = node.queued_us + node.task_us
        if not view.bandwidth_bytes_per_s:
            return estimate
        return estimate + view.remote_bytes(node.name) * 1_000_000 / view.bandwidth_bytes_per_s
