"""What must hold of a cluster, whatever its policy decides."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.gcs.chain.replica import Replica
from rayproof.model.gcs.paper.chained import ChainedStore, RowClient
from rayproof.model.gcs.paper.control_store import ControlStore
from rayproof.model.gcs.paper.events import HeardOfDeath
from rayproof.model.graph import ObjectId, TaskId
from rayproof.model.kernel import Name, StateView, always, audit, eventually, leads_to, sometimes
from rayproof.model.lineage.paper.tables import TaskStatus
from rayproof.model.scheduler.paper.events import Granted, Moved, Sealed
from rayproof.model.scheduler.paper.global_scheduler import GlobalScheduler
from rayproof.model.scheduler.paper.lowering import AFTER, HOME
from rayproof.model.scheduler.paper.protocol import AssignTask
from rayproof.model.scheduler.paper.raylet import Raylet
from rayproof.model.scheduler.paper.worker import Driver, Worker
from rayproof.properties.twins import comes_to_rest


@dataclass(frozen=True, slots=True)
class FirstValues:
    """Monitor: the value that each object was first given, and an object that was given another one."""

    values: tuple[tuple[ObjectId, int], ...] = ()
    contradicted: ObjectId = ""

    def observe(self, event: object) -> FirstValues:
        """Fold one event."""
        if not isinstance(event, Sealed) or self.contradicted:
            return self
        known = dict(self.values)
        if event.object not in known:
            return replace(self, values=tuple(sorted({**known, event.object: event.value}.items())))
        return self if known[event.object] == event.value else replace(self, contradicted=event.object)


@dataclass(frozen=True, slots=True)
class GrantsToTheDead:
    """Monitor: nodes that each scheduler was told are dead, and a task that it has given to one of them since."""

    dead: tuple[tuple[Name, Name], ...] = ()
    """(scheduler, node)."""
    granted: TaskId = ""

    def observe(self, event: object) -> GrantsToTheDead:
        """Fold one event."""
        if isinstance(event, HeardOfDeath) and event.by.startswith("scheduler"):
            return replace(self, dead=tuple(sorted({*self.dead, (event.by, event.node)})))
        if isinstance(event, Granted) and (event.by, event.node) in self.dead and not self.granted:
            return replace(self, granted=event.task)
        return self


def _pending_tasks(view: StateView) -> set[TaskId]:
    """Tasks that are queued or running on a live node, or with the global scheduler."""
    pending: set[TaskId] = set()
    for raylet in view.of(Raylet).values():
        pending |= {*raylet.queue, *raylet.running.values()}
    for scheduler in view.of(GlobalScheduler).values():
        pending |= {*scheduler.asked, *(task for waiting in scheduler.deferred.values() for task, _, _ in waiting)}
    return pending


@audit(Raylet, GlobalScheduler, source="OSDI 2018 §4.2.3; Ray #7063 and others of its kind")
def no_lost_objects(view: StateView) -> bool:
    """Every object that somebody waits for has come, or the task that makes it is still on its way."""
    pending = _pending_tasks(view)
    for raylet in view.of(Raylet).values():
        awaited = {*raylet.wanted, *raylet.watched}
        for task in raylet.queue:
            awaited |= {needed for needed in raylet.program.tasks[task].inputs if needed not in raylet.store}
        if any(raylet.program.producer(needed) not in pending for needed in awaited):
            return False
    return True


@audit(Raylet, GlobalScheduler, source="OSDI 2018 §4.2.2; Ray documentation, Scheduling")
def eventual_scheduling(view: StateView) -> bool:
    """No task that a live node could run is left waiting for a place or for a worker."""
    raylets = view.of(Raylet)
    for raylet in raylets.values():
        if any(raylet.has_inputs(task) for task in raylet.queue):
            return False
    for scheduler in view.of(GlobalScheduler).values():
        waiting = [*scheduler.asked, *(task for tasks in scheduler.deferred.values() for task, _, _ in tasks)]
        for task in waiting:
            demand = scheduler.program.tasks[task].demand
            if any(demand.fits(raylet.total) for raylet in raylets.values()):
                return False
    return True


@always(Raylet, each=True, source="Ray 2.60 NodeResourceInstanceSet; bug benchmark S2")
def capacity_conserved(raylet: Raylet) -> bool:
    """On every node held and free resources add up, tasks that never waited fit, and each worker has one place."""
    held = dict.fromkeys(raylet.free, 0)
    fresh = dict.fromkeys(raylet.free, 0)
    for worker, task in raylet.running.items():
        for name, amount in raylet.program.tasks[task].demand.units:
            if worker not in raylet.waiting:
                held[name] += amount
                if worker not in raylet.resumed:
                    fresh[name] += amount
    for task in raylet.resident:
        for name, amount in raylet.program.tasks[task].demand.units:
            held[name] += amount
            fresh[name] += amount
    places = sorted([*raylet.idle, *raylet.running])
    return (
        all(raylet.free[name] + held[name] == amount for name, amount in raylet.total.units)
        and all(fresh[name] <= amount for name, amount in raylet.total.units)
        and places == sorted(raylet.workers if raylet.free else ())
    )


@always(Raylet, each=True, source="OSDI 2018 §3.2, §4.2.3: inputs are copied to the local store before execution")
def runs_after_its_inputs(raylet: Raylet) -> bool:
    """A task runs only where and when all its inputs are in the local store."""
    return all(
        needed in raylet.store for task in raylet.running.values() for needed in raylet.program.tasks[task].inputs
    )


@always(source="OSDI 2018 §3.1: objects are immutable", monitors=(FirstValues,))
def one_value_per_object(view: StateView) -> bool:
    """An object has one value, however often and wherever the task that makes it is executed."""
    return not view.monitor(FirstValues).contradicted


@always(source="Ray 2.60 cluster_resource_scheduler.cc, NodeAvailable; bug benchmark S6", monitors=(GrantsToTheDead,))
def no_grant_to_the_dead(view: StateView) -> bool:
    """A scheduler gives no task to a node that it has been told is dead."""
    return not view.monitor(GrantsToTheDead).granted


@always(GlobalScheduler, links=("scheduler*", "raylet*"), source="bug benchmark D01: fresh decisions forgotten")
def assignments_remembered(view: StateView) -> bool:
    """What was assigned to a node and has not arrived there counts as load, whatever older report comes in."""
    schedulers = view.of(GlobalScheduler)
    for sender, node, _, message in view.messages():
        if isinstance(message, AssignTask):
            state = schedulers[sender].nodes.get(node)
            if state is not None and message.task not in state.pending:
                return False
    return True


@sometimes(ControlStore, source="OSDI 2018 §4.2.3")
def a_lost_task_is_placed_again(view: StateView) -> bool:
    """Some task has to be executed again."""
    return any(
        entry.status is TaskStatus.PLACING for store in view.of(ControlStore).values() for entry in store.tasks.values()
    )


@sometimes(GlobalScheduler, source="OSDI 2018 §4.2.2")
def a_task_is_assigned(view: StateView) -> bool:
    """Some task leaves the node where it was submitted."""
    return any(state.pending for scheduler in view.of(GlobalScheduler).values() for state in scheduler.nodes.values())


CLUSTER = (
    no_lost_objects,
    eventual_scheduling,
    capacity_conserved,
    runs_after_its_inputs,
    one_value_per_object,
    no_grant_to_the_dead,
    assignments_remembered,
    a_lost_task_is_placed_again,
    a_task_is_assigned,
)
"""Everything that is checked of a cluster."""


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


@sometimes(ChainedStore, RowClient, Replica, source="OSDI 2018 §4.2.1: the store goes on when a replica fails")
def a_request_meets_a_failed_replica(view: StateView) -> bool:
    """A replica is gone and the front end, which does not know it, waits for an answer."""
    clients = view.of(RowClient).values()
    return any(
        client.pending and any(name in view.dead for name in configuration.chain)
        for client in clients
        for configuration in (client.configuration, *client.others)
    )


@sometimes(ChainedStore, source="OSDI 2018 §4.2.1: shards are independent")
def a_request_waits_for_another(view: StateView) -> bool:
    """A request comes while another one is being carried out."""
    return any(len(store.requests) > 1 for store in view.of(ChainedStore).values())


CHAINED = (a_request_meets_a_failed_replica, a_request_waits_for_another)
"""What is checked of a cluster on chains, beside all that is checked of a cluster."""


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


CLUSTER_RUNS = (the_program_ends, lost_objects_come_back, tasks_find_room, comes_to_rest)
"""Everything that must happen some day in a cluster."""
