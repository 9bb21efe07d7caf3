"""SPREAD: round-robin over the nodes that have room.

Source: Ray 2.60 `spread_scheduling_policy.cc`, `SpreadSchedulingPolicy::Schedule`. The cursor moves past the node that
was picked and stays where it was when none had room.

Left out: the second pass over busy nodes. Ray queues a lease that fits nowhere at a feasible node and may move it again
when another node frees up; here it waits with the scheduler, which is the same to the task.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from model.kernel import Name
from model.scheduler.hooks import WAIT, Choices, ClusterView, TaskView, with_room


@dataclass(frozen=True)
class Spread:
    """Round-robin; memory is the index at which the next search begins."""

    name: str = "spread"
    memory: int = 0
    locality: bool = False

    def place(self, task: TaskView, view: ClusterView, memory: int, ctx: Choices) -> tuple[Name | None, int]:
        """The first node at or after the cursor that has room now."""
        available = with_room(view.options, task.demand)
        if not available:
            return WAIT, memory
        at = bisect_left(available, memory, key=lambda node: node.index)
        chosen = available[at % len(available)]
        return chosen.name, (chosen.index + 1) % len(view.nodes)
