"""DEFAULT: Ray's hybrid policy. Pack below the threshold, balance above it, the submitting node first.

Source: Ray 2.60 `hybrid_scheduling_policy.cc`, `HybridSchedulingPolicy::ScheduleImpl`, and
`composite_scheduling_policy.cc` for the choice by strategy. Utilization below the threshold counts as 0; candidates are
sorted by (score, tie-break order); the preferred node wins when its score is no worse than the best; otherwise the draw
is fair among the first k = max(top_k_absolute, int(nodes * top_k_fraction)). CPU tasks try nodes without GPU first.

Left out: placement on busy nodes, for the reason given in `spread`; label selectors; the tie-break by hashed node id
(the cluster's order stands for it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model.graph import strategies
from model.kernel import Name
from model.scheduler.hooks import WAIT, Choices, ClusterView, NodeView, TaskView, with_room
from model.scheduler.policies.spread import Spread


@dataclass(frozen=True)
class Default:
    """Ray's scheduler as it is configured out of the box; memory is SPREAD's cursor."""

    name: str = "default"
    memory: int = 0
    locality: bool = False
    spread_threshold: float = 0.5
    top_k_absolute: int = 1
    top_k_fraction: float = 0.2
    avoid_gpu_nodes: bool = True

    def place(self, task: TaskView, view: ClusterView, memory: int, ctx: Choices) -> tuple[Name | None, int]:
        """SPREAD tasks go round-robin, all others by the hybrid policy."""
        if isinstance(task.strategy, strategies.Spread):
            return Spread().place(task, view, memory, ctx)
        available = with_room(view.options, task.demand)
        if self.avoid_gpu_nodes and not task.demand["GPU"]:
            without = [node for node in available if not node.total["GPU"]]
            chosen = self.best(without, view, ctx)
            if chosen is not WAIT:
                return chosen, memory
        return self.best(available, view, ctx), memory

    def best(self, candidates: Sequence[NodeView], view: ClusterView, ctx: Choices) -> Name | None:
        """The hybrid choice among nodes that have room."""
        if not candidates:
            return WAIT
        ranked = sorted((self.score(node), node.index, node) for node in candidates)
        for score, _, node in ranked:
            if node.name == view.origin and score <= ranked[0][0]:
                return node.name
        k = max(self.top_k_absolute, int(len(view.nodes) * self.top_k_fraction))
        return ctx.choose([node.name for _, _, node in ranked[:k]], random=True)

    def score(self, node: NodeView) -> float:
        """Utilization, truncated to 0 below the threshold."""
        return 0.0 if node.utilization < self.spread_threshold else node.utilization
