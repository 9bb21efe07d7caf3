"""Planted bugs that take a whole program to notice."""

from __future__ import annotations

from dataclasses import dataclass

from model.cluster.worker import Driver
from model.graph import ObjectId, TaskId
from model.kernel import Context
from model.scheduler.raylet import Raylet
from properties.bugs.base import Bug


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
)
"""The planted bugs of the whole cluster."""
