"""What must be left when a cluster has come to rest: nothing; and what crashes must leave of actors: their order."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.cluster.events import Moved
from rayproof.model.cluster.lowering import AFTER, HOME
from rayproof.model.cluster.worker import Driver, Worker
from rayproof.model.graph import ObjectId
from rayproof.model.kernel import StateView, always, audit
from rayproof.model.scheduler.global_scheduler import GlobalScheduler
from rayproof.model.scheduler.raylet import Raylet


@audit(Driver, Worker, Raylet, GlobalScheduler, source="bug benchmark S2: at quiescence nothing is held")
def at_rest(view: StateView) -> bool:
    """Once nothing can happen any more the program has ended, and no task, worker, CPU, pull or wait is left over."""
    if not all(driver.done for driver in view.of(Driver).values()):
        return False
    if any(worker.task or worker.missing for worker in view.of(Worker).values()):
        return False
    for raylet in view.of(Raylet).values():
        resident = dict.fromkeys(raylet.free, 0)
        for task in raylet.resident:
            for name, amount in raylet.program.tasks[task].demand.units:
                resident[name] += amount
        if any(raylet.free[name] + resident[name] != raylet.total[name] for name in raylet.free):
            return False
        if raylet.queue or raylet.running or raylet.waiting or raylet.pulls or raylet.wanted or raylet.watched:
            return False
    return not any(
        scheduler.asked or scheduler.deferred or scheduler.backing_off
        for scheduler in view.of(GlobalScheduler).values()
    )


@dataclass(frozen=True, slots=True)
class Travels:
    """Monitor: an actor, or the mark that one of its methods has run, that came to another node."""

    found: ObjectId = ""

    def observe(self, event: object) -> Travels:
        """Fold one event."""
        if isinstance(event, Moved) and event.object.startswith((HOME, AFTER)) and not self.found:
            return Travels(event.object)
        return self


@always(source="OSDI 2018 §3.2, §5.1: a stateful edge; methods are replayed after a failure", monitors=(Travels,))
def actors_are_replayed(view: StateView) -> bool:
    """A method runs where its constructor and the method before it by the same caller have run, also after a crash."""
    return not view.monitor(Travels).found
