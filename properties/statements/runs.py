"""What must happen some day: the `eventually` twins of the audits, and no activity without end.

An audit judges runs that have come to rest. A twin judges every fair run, also one that never rests; together they
see the hangs that stop and the hangs that spin.
"""

from __future__ import annotations

from rayproof.model.cluster.worker import Driver
from rayproof.model.gcs.chain import Replica
from rayproof.model.gcs.clients import ChainClient
from rayproof.model.kernel import StateView, eventually, leads_to, progress
from rayproof.model.kernel.steps import Step
from rayproof.model.scheduler.global_scheduler import GlobalScheduler
from rayproof.model.scheduler.raylet import Raylet
from rayproof.properties.statements.cluster import eventual_scheduling, no_lost_objects


@eventually(ChainClient, Replica, source="van Renesse and Schneider 2004, §3.1; bug benchmark L2")
def writes_get_answers(view: StateView) -> bool:
    """Every request is answered some day, or no replica lives."""
    clients = view.of(ChainClient).values()
    return not view.of(Replica) or not any(client.pending or client.todo for client in clients)


@eventually(Driver, source="OSDI 2018 §3.1: a get returns; bug benchmark L2")
def the_program_ends(view: StateView) -> bool:
    """The driver has all that it waits for, and ends."""
    driver = view.one(Driver)
    return driver is None or driver.done


def _nothing_is_lost(view: StateView) -> bool:
    return bool(no_lost_objects.check(view))


@leads_to(Raylet, GlobalScheduler, then=_nothing_is_lost, source="OSDI 2018 §4.2.3; bug benchmark L2")
def lost_objects_come_back(view: StateView) -> bool:
    """An object that somebody waits for and nobody is making comes, or is being made again."""
    return not no_lost_objects.check(view)


def _nothing_waits_for_room(view: StateView) -> bool:
    return bool(eventual_scheduling.check(view))


@leads_to(Raylet, GlobalScheduler, then=_nothing_waits_for_room, source="OSDI 2018 §4.2.2; bug benchmark L1")
def tasks_find_room(view: StateView) -> bool:
    """A task that a live node could run finds a place and a worker."""
    return not eventual_scheduling.check(view)


@progress(source="bug benchmark L4: no livelock")
def comes_to_rest(step: Step) -> bool:
    """A finite program leaves nothing that goes on for ever."""
    return False


CHAIN_RUNS = (writes_get_answers,)
"""Everything that must happen some day in a chain."""

CLUSTER_RUNS = (the_program_ends, lost_objects_come_back, tasks_find_room, comes_to_rest)
"""Everything that must happen some day in a cluster."""
