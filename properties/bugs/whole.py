"""Planted bugs that take a whole program to notice."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.cluster.worker import Driver
from rayproof.model.graph import ObjectId, TaskId, TaskKind
from rayproof.model.kernel import Context
from rayproof.model.scheduler.global_scheduler import GlobalScheduler
from rayproof.model.scheduler.raylet import Raylet
from rayproof.properties.bugs.base import Bug


@dataclass(slots=True)
class ResultsStandForPuts(Raylet):
    """Takes a task for done when its results are here, whatever else it has made."""

    def knows(self, ctx: Context, task: TaskId, again: bool = False) -> bool:
        """Never looks at what the body puts."""
        return Raylet.knows(self, ctx, task)


@dataclass(slots=True)
class MissesTheSecond(Driver):
    """Hears of one object only."""

    heard: bool = False

    def ready(self, ctx: Context, there: ObjectId) -> None:
        """What comes after the first is overheard."""
        if not self.heard:
            self.heard = True
            Driver.ready(self, ctx, there)


@dataclass(slots=True)
class KeepsMethods(Raylet):
    """Runs a method where it is called."""

    def submitted(self, ctx: Context, task: TaskId) -> None:
        """Whether the actor lives here is not asked."""
        if self.program.tasks[task].kind is TaskKind.ACTOR_METHOD and not self.knows(ctx, task):
            self.enqueue(ctx, task)
        else:
            Raylet.submitted(self, ctx, task)


@dataclass(slots=True)
class WaitsForADeadNode(GlobalScheduler):
    """A task may wait for a node that never comes back."""

    def is_hopeless(self, task: TaskId) -> bool:
        """Nothing is."""
        return False


@dataclass(slots=True)
class KeepsCallsOfTheHopeless(GlobalScheduler):
    """Does not hear that an actor will never live."""

    def no_home(self, ctx: Context, home: ObjectId) -> None:
        """Its methods wait on."""


WHOLE_BUGS = (
    Bug(
        "results_stand_for_puts",
        "A task is not executed again where its results are, although what it put is lost.",
        {Raylet: ResultsStandForPuts},
        "no_lost_objects",
        "cluster-put-is-lost",
        "the first form of this model's raylet",
        ("at_rest",),
    ),
    Bug(
        "misses_the_second",
        "The driver overhears that an object has come, and waits for ever.",
        {Driver: MissesTheSecond},
        "at_rest",
        "cluster-waits",
        "bug benchmark L2",
    ),
    Bug(
        "keeps_methods",
        "A method runs on the node of its caller, on a copy of the actor.",
        {Raylet: KeepsMethods},
        "actors_are_replayed",
        "cluster-actor",
        "OSDI 2018 §3.2: methods of an actor run where its state is",
    ),
    Bug(
        "waits_for_a_dead_node",
        "A task that only a dead node might run is kept waiting.",
        {GlobalScheduler: WaitsForADeadNode},
        "eventual_scheduling",
        "cluster-actor-hopeless",
        "Ray 2.60 node_affinity_scheduling_policy.cc: with hard affinity the request fails at once",
        ("at_rest",),
    ),
    Bug(
        "keeps_calls_of_the_hopeless",
        "The methods of an actor that can never live wait for it.",
        {GlobalScheduler: KeepsCallsOfTheHopeless},
        "eventual_scheduling",
        "cluster-actor-hopeless",
        "bug benchmark L2",
        ("at_rest",),
    ),
)
"""The planted bugs of the whole cluster."""
