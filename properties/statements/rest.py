"""What must be left when a cluster has come to rest: nothing."""

from __future__ import annotations

from model.cluster.worker import Driver, Worker
from model.kernel import StateView, audit
from model.scheduler.global_scheduler import GlobalScheduler
from model.scheduler.raylet import Raylet


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
