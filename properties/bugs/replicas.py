"""Planted bugs of several global schedulers."""

from __future__ import annotations

from dataclasses import dataclass

from model.cluster.protocol import ForwardTask
from model.graph import TaskId
from model.kernel import Context, Name
from model.scheduler.global_scheduler import Locations
from model.scheduler.replicas import SharingScheduler
from properties.bugs.base import Bug


@dataclass(slots=True)
class ReportWipesOthers(SharingScheduler):
    """A report replaces what other replicas have just assigned (D01, between replicas)."""

    def cover(self, node: Name, received: dict[Name, int]) -> None:
        SharingScheduler.cover(self, node, received)
        self.others[node] = {}


@dataclass(slots=True)
class PassesItOn(SharingScheduler):
    """A replica that sees no room hands the task to the next one."""

    def place(self, ctx: Context, task: TaskId, origin: Name, again: bool, locations: Locations, retried: bool) -> bool:
        if any(view.fits_now(self.program.tasks[task].demand) for view in self.options(task)):
            return SharingScheduler.place(self, ctx, task, origin, again, locations, retried)
        ctx.send("scheduler" if ctx.me != "scheduler" else "scheduler1", ForwardTask(task))
        return True


REPLICA_BUGS = (
    Bug(
        "report_wipes_others",
        "A node's report makes a replica forget what another one has assigned there since (D01, between replicas).",
        {SharingScheduler: ReportWipesOthers},
        "replicas_count_what_others_assign",
        "sched-replicas",
        "Ray #1180",
    ),
    Bug(
        "passes_it_on",
        "Replicas that see no room hand a task to each other.",
        {SharingScheduler: PassesItOn},
        "one_replica_places_a_task",
        "sched-replicas",
        "Ray #16488, between schedulers",
    ),
)
"""The planted bugs of several global schedulers."""
