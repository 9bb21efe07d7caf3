"""A schedule carried out in the model: each task on its node, no task before its start.

The model starts a task at its planned time when its node has room and its inputs have come. In the instance objects
travel side by side; in the model a path between two nodes carries one after the other, and requests and objects without
size keep their place behind those that travel. So a replay is never shorter than the schedule, and it is the schedule,
start by start, where nothing meets on a path.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rayproof.gaps.programs import runnable
from rayproof.gaps.running import Run, run_ready
from rayproof.model.graph import NodeId, TaskId
from rayproof.model.kernel import Name
from rayproof.model.scheduler.paper.worker import Driver
from rayproof.model.scheduler.policy.hooks import Choices, ClusterView, TaskView
from rayproof.solver.instances import Instance
from rayproof.solver.schedules import Schedule


@dataclass(frozen=True)
class Fixed:
    """Each task goes where a schedule has it."""

    nodes: Mapping[TaskId, NodeId]
    name: str = "fixed"
    memory: tuple[()] = field(default=(), init=False)
    locality: bool = False

    def place(self, task: TaskView, view: ClusterView, memory: object, ctx: Choices) -> Name:
        """The node of that identity."""
        return next(node.name for node in view.options if node.id == self.nodes[task.id])


def replay(instance: Instance, schedule: Schedule) -> Run:
    """Run a schedule of the instance in the model."""
    starts = {name: slot.start for name, slot in schedule.slots.items()}
    policy = Fixed({name: slot.node for name, slot in schedule.slots.items()})
    # Everything is placed at once, so that inputs travel as soon as they are made.
    return run_ready(instance, runnable(instance, starts), policy, 0, driver=Driver)
