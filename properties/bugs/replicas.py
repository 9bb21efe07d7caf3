"""Planted bugs of several global schedulers."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.cluster.protocol import ForwardTask
from rayproof.model.gcs.chained import ChainedStore
from rayproof.model.graph import TaskId
from rayproof.model.kernel import Context, Message, Name
from rayproof.model.scheduler.global_scheduler import Locations
from rayproof.model.scheduler.replicas import SharingChainedStore, SharingScheduler
from rayproof.properties.bugs.base import Bug


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


@dataclass(slots=True)
class KeepsItToItself(SharingChainedStore):
    """The store on chains tells nobody of assignments: each replica knows its own."""

    def apply(self, ctx: Context, sender: Name, request: Message) -> None:
        ChainedStore.apply(self, ctx, sender, request)


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
    Bug(
        "keeps_it_to_itself",
        "The store on chains does not tell the other replicas of an assignment.",
        {SharingChainedStore: KeepsItToItself},
        "replicas_count_what_others_assign",
        "cluster-chain-schedulers",
        "OSDI 2018 §4.2.2: replicas share their information through the GCS",
    ),
)
"""The planted bugs of several global schedulers."""
