"""Balance against locality in one score: alpha * load + beta * locality, the node of least score.

Source: the proposal to combine SPREAD and locality-aware scheduling. Both terms are microseconds, so that the weights
compare like with like: load is the estimated queue, locality the time that the missing inputs would travel. With equal
weights this is lowest estimated wait (OSDI 2018, section 4.2.2); beta 0 is least load, alpha 0 is locality alone.

Left out: that a node with several CPUs works off its queue faster.
"""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.kernel import Name
from rayproof.model.scheduler.policy.hooks import WAIT, Choices, ClusterView, NodeView, TaskView


@dataclass(frozen=True)
class AlphaBeta:
    """The node of least score, also when it is busy; ties go to the first node."""

    alpha: float = 1
    beta: float = 1
    name: str = "alpha_beta"

    def place(self, task: TaskView, view: ClusterView, memory: object, ctx: Choices) -> Name | None:
        """The least of the scores."""
        if not view.options:
            return WAIT
        return min(view.options, key=lambda node: (self.score(node, view), node.index)).name

    def score(self, node: NodeView, view: ClusterView) -> float:
        """Weighted microseconds of queueing and of transfer."""
        load = self.alpha * node.queued_us
        if not view.bandwidth_bytes_per_s:
            return load
        return load + self.beta * (view.remote_bytes(node.name) * 1_000_000 / view.bandwidth_bytes_per_s)
