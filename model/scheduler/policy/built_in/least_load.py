"""Least load: the node with the shortest estimated queue, whatever the task reads.

Source: Graham, "Bounds for certain multiprocessing anomalies", 1966 (list scheduling), with the estimate of OSDI 2018,
section 4.2.2, in the place of the load: tasks queued times their average run time.

Left out: that a node with several CPUs works off its queue faster.
"""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.kernel import Name
from rayproof.model.scheduler.policy.hooks import WAIT, Choices, ClusterView, TaskView


@dataclass(frozen=True)
class LeastLoad:
    """The shortest estimated queue, also when the node is busy; ties go to the first node."""

    name: str = "least_load"
    locality: bool = False

    def place(self, task: TaskView, view: ClusterView, memory: object, ctx: Choices) -> Name | None:
        """The first of the shortest queues."""
        nearest = next(view.shortest_queues(), None)
        return WAIT if nearest is None else nearest.name
