"""Planted bugs of scheduling, most of them defects that real schedulers had (numbers of the bug benchmark)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rayproof.model.gcs.paper.chained import ChainedStore
from rayproof.model.gcs.paper.protocol import TaskRejected
from rayproof.model.graph import Default, ObjectId, TaskId
from rayproof.model.kernel import Context, Message, Name
from rayproof.model.scheduler.paper.events import Rejected
from rayproof.model.scheduler.paper.global_scheduler import GlobalScheduler, Locations
from rayproof.model.scheduler.paper.protocol import ForwardTask
from rayproof.model.scheduler.paper.raylet import Raylet
from rayproof.model.scheduler.paper.replicas import SharingChainedStore, SharingScheduler
from rayproof.model.scheduler.paper.worker import Driver
from rayproof.model.scheduler.policy.hooks import NodeView, TaskView
from rayproof.properties.bug import Bug


@dataclass(slots=True)
class IgnoresAffinity(GlobalScheduler):
    """An affinity is no constraint."""

    def options(self, task: TaskId) -> Sequence[NodeView]:
        demand = self.program.tasks[task].demand
        return [view for view in self.all_views() if view.alive and demand.fits(view.total)]

    def is_option(self, task: TaskId, raylet: str) -> bool:
        return any(option.name == raylet for option in self.options(task))


@dataclass(slots=True)
class SpillsWhatItWasAssigned(Raylet):
    """A busy node sends an assigned task back to the global scheduler, once (D02)."""

    sent_back: set[TaskId] = field(default_factory=set)

    def assigned(self, ctx: Context, task: TaskId, again: bool) -> None:
        if self.running and not self.knows(ctx, task) and task not in self.sent_back:
            self.sent_back.add(task)
            ctx.send("scheduler", ForwardTask(task))
        else:
            Raylet.assigned(self, ctx, task, again)


@dataclass(slots=True)
class StopsAtTheFirst(Raylet):
    """Dispatch ends at the first task that cannot start (D14)."""

    def dispatch(self, ctx: Context) -> None:
        while self.idle and self.queue and self.can_start(self.queue[0]):
            self.begin(ctx, self.queue[0])


@dataclass(slots=True)
class LastComeFirstServed(Raylet):
    """The youngest task that can start is started."""

    def dispatch(self, ctx: Context) -> None:
        for task in reversed(self.queue[:]):
            if self.idle and self.can_start(task):
                self.begin(ctx, task)


@dataclass(slots=True)
class SpreadPacks(GlobalScheduler):
    """SPREAD is handed to the default policy (D05)."""

    def question(self, task: TaskId, again: bool) -> TaskView:
        return replace(GlobalScheduler.question(self, task, again), strategy=Default())


@dataclass(slots=True)
class SkipsLocality(GlobalScheduler):
    """A decision is made without a look at where the inputs are (D06)."""

    def needs_locations(self, task: TaskId) -> bool:
        return False


@dataclass(slots=True)
class StopsAtTheFirstClass(GlobalScheduler):
    """The first class that has to wait on makes all the others wait (D63)."""

    def reconsider(self, ctx: Context) -> None:
        for kind in sorted(self.deferred):
            self.retry(ctx, kind)
            if kind in self.deferred:
                return


@dataclass(slots=True)
class LosesTheLastResult(Driver):
    """A get of several objects misses the last of them (D09, on the way back)."""

    def ready(self, ctx: Context, there: ObjectId) -> None:
        if len(self.missing) != 1:
            Driver.ready(self, ctx, there)


@dataclass(slots=True)
class GivesUpTheAbsent(GlobalScheduler):
    """What no present node can run is rejected, also while one that could is booting."""

    def consider(self, ctx: Context, task: TaskId, origin: Name, again: bool) -> None:
        if self.options(task):
            GlobalScheduler.consider(self, ctx, task, origin, again)
        else:
            ctx.observe(Rejected(task))
            ctx.send("gcs", TaskRejected(task))


SCHEDULING_BUGS = (
    Bug(
        "ignores_affinity",
        "A task with an affinity is placed anywhere.",
        {GlobalScheduler: IgnoresAffinity},
        "legal_placement",
        "sched-affinity",
    ),
    Bug(
        "spills_what_it_was_assigned",
        "A busy node sends a task back that the global scheduler has assigned to it.",
        {Raylet: SpillsWhatItWasAssigned},
        "bounded_hops",
        "sched-spread",
    ),
    Bug(
        "stops_at_the_first",
        "A task that cannot start keeps those behind it from starting.",
        {Raylet: StopsAtTheFirst},
        "no_head_of_line_blocking_across_classes",
        "sched-classes",
    ),
    Bug(
        "last_come_first_served",
        "The youngest task of a queue starts first.",
        {Raylet: LastComeFirstServed},
        "starvation_bound",
        "sched-classes",
    ),
    Bug(
        "spread_packs",
        "SPREAD tasks are packed as all others are.",
        {GlobalScheduler: SpreadPacks},
        "spread_balance",
        "sched-spread",
    ),
    Bug(
        "skips_locality",
        "The scheduler does not ask where inputs are.",
        {GlobalScheduler: SkipsLocality},
        "locality_respected",
        "sched-locality",
    ),
    Bug(
        "stops_at_the_first_class",
        "A class of tasks that has to wait keeps all later classes from being placed.",
        {GlobalScheduler: StopsAtTheFirstClass},
        "infeasible_never_blocks_feasible",
        "sched-infeasible",
        also=("eventual_scheduling", "every_request_answered"),
    ),
    Bug(
        "loses_the_last_result",
        "The driver waits for results that have come.",
        {Driver: LosesTheLastResult},
        "every_request_answered",
        "sched-spread",
    ),
    Bug(
        "gives_up_the_absent",
        "A task is rejected because the node that can run it has not booted yet.",
        {GlobalScheduler: GivesUpTheAbsent},
        "no_feasible_work_rejected",
        "sched-booting",
    ),
)
"""The planted bugs of scheduling."""


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
