"""SPREAD: round-robin over the nodes that have room.

Source: Ray 2.60 `spread_scheduling_policy.cc`, `SpreadSchedulingPolicy::Schedule`. The cursor moves past the node that
was picked and stays where it was when none had room.

Left out: the second pass over busy nodes. Ray queues a lease that fits nowhere at a feasible node and may move it again
when another node frees up; here it waits with the scheduler, which is the same to the task.
"""

from __future__ import annotations

from dataclasses import dataclass

from model.kernel import Name
from model.scheduler.hooks import WAIT, Choices, ClusterView, TaskView


@dataclass(frozen=True)
class Spread:
    """Round-robin; memory is the index at which the next search begins."""

    name: str = "spread"
    memory: int = 0
    locality: bool = False

    def place(self, task: TaskView, view: ClusterView, memory: int, ctx: Choices) -> tuple[Name | None, int]:
        """The first node at or after the cursor that has room now."""
        count = len(view.nodes)
        by_index = {node.index: node for node in view.options}
        for step in range(count):
            index = (memory + step) % count
            node = by_index.get(index)
            if node is not None and node.fits_now(task.demand):
                return node.name, (index + 1) % count
        return WAIT, memory
