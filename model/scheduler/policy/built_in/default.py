"""DEFAULT: Ray's hybrid policy. Pack below the threshold, balance above it, the submitting node first.

Source: Ray 2.60 `hybrid_scheduling_policy.cc`, `HybridSchedulingPolicy::ScheduleImpl`, and
`composite_scheduling_policy.cc` for the choice by strategy. The answer is that of `ray.hybrid`, found without a look at
every node: a preferred node below the threshold is never beaten, and the view keeps the nodes sorted by load.

Left out: placement on busy nodes, for the reason given in `spread`; label selectors; the tie-break by hashed node id
(the cluster's order stands for it).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import chain, islice

from rayproof.model.graph import strategies
from rayproof.model.kernel import Name
from rayproof.model.scheduler.policy.built_in.spread import Spread
from rayproof.model.scheduler.policy.hooks import WAIT, Choices, ClusterView, NodeView, TaskView
from rayproof.model.scheduler.ray import HybridOptions
from rayproof.model.scheduler.ray.hybrid import candidates_drawn
from rayproof.model.scheduler.ray.view import float32


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
        if self.avoid_gpu_nodes and not task.demand["GPU"]:
            chosen = self.best(task, view, ctx, without_gpu=True)
            if chosen is not WAIT:
                return chosen, memory
        return self.best(task, view, ctx, without_gpu=False), memory

    def best(self, task: TaskView, view: ClusterView, ctx: Choices, *, without_gpu: bool) -> Name | None:
        """The hybrid choice among the options with room."""
        threshold = float32(self.spread_threshold)
        preferred = view.option(view.origin)
        if preferred is not None and ((without_gpu and preferred.gpu) or not preferred.fits_now(task.demand)):
            preferred = None
        if preferred is not None and preferred.utilization < threshold:
            return preferred.name
        options = HybridOptions(top_k_absolute=self.top_k_absolute, top_k_fraction=self.top_k_fraction)
        first = self.first(task, view, threshold, without_gpu, candidates_drawn(len(view.nodes), options))
        if not first:
            return WAIT
        if preferred is not None and preferred.utilization <= first[0].utilization:
            return preferred.name
        return ctx.choose([node.name for node in first], random=True)

    def first(
        self, task: TaskView, view: ClusterView, threshold: float, without_gpu: bool, count: int
    ) -> list[NodeView]:
        """The best options with room: those below the threshold in their order, then by load."""
        allowed = view.allowed()
        below = bisect_left(view.by_load, (threshold,))
        low = sorted(index for _, index in view.by_load[:below])
        found: list[NodeView] = []
        for index in chain(low, (index for _, index in islice(view.by_load, below, None))):
            node = view.nodes[index]
            if (allowed is None or index in allowed) and not (without_gpu and node.gpu) and node.fits_now(task.demand):
                found.append(node)
                if len(found) == count:
                    break
        return found
