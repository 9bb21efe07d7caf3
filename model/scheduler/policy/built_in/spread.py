"""SPREAD: round-robin over the nodes that have room.

Source: Ray 2.60 `spread_scheduling_policy.cc`, `SpreadSchedulingPolicy::Schedule`; the choice itself is
`ray.round_robin`. The cursor moves past the node that was picked and stays where it was when none had room.

Left out: the second pass over busy nodes. Ray queues a lease that fits nowhere at a feasible node and may move it again
when another node frees up; here it waits with the scheduler, which is the same to the task.
"""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.kernel import Name
from rayproof.model.scheduler.policy.hooks import WAIT, Choices, ClusterView, TaskView
from rayproof.model.scheduler.ray import Request, round_robin


@dataclass(frozen=True)
class Spread:
    """Round-robin; memory is the index at which the next search begins."""

    name: str = "spread"
    memory: int = 0
    locality: bool = False

    def place(self, task: TaskView, view: ClusterView, memory: int, ctx: Choices) -> tuple[Name | None, int]:
        """The first node at or after the cursor that has room now."""
        answer, cursor = round_robin(
            view.nodes, Request(task.demand), memory, require_available=True, among=view.allowed()
        )
        return (answer.nodes[0] if answer else WAIT), cursor
