"""What must hold of a cluster, whatever its policy decides."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.gcs.chain.replica import Replica
from rayproof.model.gcs.paper.chained import ChainedStore, RowClient
from rayproof.model.gcs.paper.control_store import ControlStore
from rayproof.model.gcs.paper.events import HeardOfDeath
from rayproof.model.graph import ObjectId, TaskId
from rayproof.model.graph.resources import UNIT
from rayproof.model.kernel import Name, StateView, always, audit, eventually, first, leads_to, sometimes
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
    granted: str = ""

    def observe(self, event: object) -> GrantsToTheDead:
        """Fold one event."""
        if isinstance(event, HeardOfDeath) and event.by.startswith("scheduler"):
            return replace(self, dead=tuple(sorted({*self.dead, (event.by, event.node)})))
        if isinstance(event, Granted) and (event.by, event.node) in self.dead and not self.granted:
            return replace(self, granted=f"{event.by} gives {event.task} to {event.node}, which it knows to be dead")
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
def no_lost_objects(view: StateView) -> str | None:
    """At rest, every object that somebody waits for is there, or the task that makes it is queued or running."""
    pending = _pending_tasks(view)
    for name, raylet in view.of(Raylet).items():
        awaited = {*raylet.wanted, *raylet.watched}
        for task in raylet.queue:
            awaited |= {needed for needed in raylet.program.tasks[task].inputs if needed not in raylet.store}
        for needed in sorted(awaited):
            maker = raylet.program.producer(needed)
            if maker not in pending:
                return f"{needed}: no copy, {maker} is neither queued nor running, {name} waits"
    return None


@audit(Raylet, GlobalScheduler, source="OSDI 2018 §4.2.2; Ray documentation, Scheduling")
def eventual_scheduling(view: StateView) -> str | None:
    """No task that a live node could run is left waiting for a place or for a worker."""
    raylets = view.of(Raylet)
    for name, raylet in raylets.items():
        for task in raylet.queue:
            if raylet.has_inputs(task):
                return f"{task} waits for a worker of {name}"
    for by, scheduler in view.of(GlobalScheduler).items():
        waiting = [*scheduler.asked, *(task for tasks in scheduler.deferred.values() for task, _, _ in tasks)]
        for task in waiting:
            demand = scheduler.program.tasks[task].demand
            for name, raylet in raylets.items():
                if demand.fits(raylet.total):
                    return f"{task} waits at {by} and asks for {demand}, {name} has {raylet.total}"
    return None


@always(Raylet, each=True, source="Ray 2.60 NodeResourceInstanceSet; bug benchmark S2")
def capacity_conserved(raylet: Raylet) -> str | None:
    """On every node free and held resources add up, tasks that never waited fit, each worker is idle or running."""
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
    for name, amount in raylet.total.units:
        if raylet.free[name] + held[name] != amount:
            return f"{name}: {raylet.free[name] / UNIT:g} free and {held[name] / UNIT:g} held of {amount / UNIT:g}"
        if fresh[name] > amount:
            return f"{name}: {fresh[name] / UNIT:g} held by tasks that never waited, of {amount / UNIT:g}"
    places = sorted([*raylet.idle, *raylet.running])
    if places != sorted(raylet.workers if raylet.free else ()):
        return f"idle or running are the workers {', '.join(places)}, not each once"
    return None


@always(Raylet, each=True, source="OSDI 2018 §3.2, §4.2.3: inputs are copied to the local store before execution")
def runs_after_its_inputs(raylet: Raylet) -> str | None:
    """A task runs only where and when all its inputs are in the local store."""
    return first(
        f"{task} runs without {needed}"
        for task in raylet.running.values()
        for needed in raylet.program.tasks[task].inputs
        if needed not in raylet.store
    )


@always(source="OSDI 2018 §3.1: objects are immutable", monitors=(FirstValues,))
def one_value_per_object(view: StateView) -> str | None:
    """An object has one value, however often and wherever the task that makes it is executed."""
    contradicted = view.monitor(FirstValues).contradicted
    return f"{contradicted} was made with another value than before" if contradicted else None


@always(source="Ray 2.60 cluster_resource_scheduler.cc, NodeAvailable; bug benchmark S6", monitors=(GrantsToTheDead,))
def no_grant_to_the_dead(view: StateView) -> str | None:
    """A scheduler gives no task to a node that it has been told is dead."""
    return view.monitor(GrantsToTheDead).granted or None


@always(GlobalScheduler, links=("scheduler*", "raylet*"), source="bug benchmark D01: fresh decisions forgotten")
def assignments_remembered(view: StateView) -> str | None:
    """A task that was assigned to a node and has not arrived yet counts as load there, even after an older report."""
    schedulers = view.of(GlobalScheduler)
    for sender, node, _, message in view.messages():
        if isinstance(message, AssignTask):
            state = schedulers[sender].nodes.get(node)
            if state is not None and message.task not in state.pending:
                return f"{message.task} is on its way to {node}, {sender} does not count it"
    return None


@sometimes(ControlStore, source="OSDI 2018 §4.2.3")
def a_lost_task_is_placed_again(view: StateView) -> str | None:
    """Some task has to be executed again."""
    return first(
        f"{task} is placed again"
        for store in view.of(ControlStore).values()
        for task, entry in store.tasks.items()
        if entry.status is TaskStatus.PLACING
    )


@sometimes(GlobalScheduler, source="OSDI 2018 §4.2.2")
def a_task_is_assigned(view: StateView) -> str | None:
    """Some task leaves the node where it was submitted."""
    return first(
        f"{name} has assigned a task to {node}"
        for name, scheduler in view.of(GlobalScheduler).items()
        for node, state in scheduler.nodes.items()
        if state.pending
    )


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
def at_rest(view: StateView) -> str | None:
    """At rest, the program has ended, and no task, worker, CPU, pull or wait is left over."""
    for name, driver in view.of(Driver).items():
        if not driver.done:
            return f"{name} has not ended"
    for name, worker in view.of(Worker).items():
        if worker.task or worker.missing:
            return f"{name} is left with {worker.task or 'a missing object'}"
    for name, raylet in view.of(Raylet).items():
        resident = dict.fromkeys(raylet.free, 0)
        for task in raylet.resident:
            for kind, amount in raylet.program.tasks[task].demand.units:
                resident[kind] += amount
        for kind, free in raylet.free.items():
            if free + resident[kind] != raylet.total.fixed(kind):
                return f"{name}: {kind} free is {free / UNIT:g} of {raylet.total[kind]:g}"
        for left in ("queue", "running", "waiting", "pulls", "wanted", "watched"):
            if getattr(raylet, left):
                return f"{name}: something is left in `{left}`"
    for name, scheduler in view.of(GlobalScheduler).items():
        if scheduler.asked or scheduler.deferred or scheduler.backing_off:
            return f"{name}: tasks are left over"
    return None


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
def actors_are_replayed(view: StateView) -> str | None:
    """A method runs on the node where the constructor and the caller's previous method ran, even after a crash."""
    found = view.monitor(Travels).found
    return f"{found} has come to another node" if found else None


@sometimes(ChainedStore, RowClient, Replica, source="OSDI 2018 §4.2.1: the store goes on when a replica fails")
def a_request_meets_a_failed_replica(view: StateView) -> str | None:
    """The front end waits for the answer of a replica that has failed."""
    return first(
        f"{client} waits, {name} is gone"
        for client, asking in view.of(RowClient).items()
        if asking.pending
        for configuration in (asking.configuration, *asking.others)
        for name in configuration.chain
        if name in view.dead
    )


@sometimes(ChainedStore, source="OSDI 2018 §4.2.1: shards are independent")
def a_request_waits_for_another(view: StateView) -> str | None:
    """A request comes while another one is being carried out."""
    return first(
        f"{name} has {len(s.requests)} requests" for name, s in view.of(ChainedStore).items() if len(s.requests) > 1
    )


CHAINED = (a_request_meets_a_failed_replica, a_request_waits_for_another)
"""What is checked of a cluster on chains, beside all that is checked of a cluster."""


@eventually(Driver, source="OSDI 2018 §3.1: a get returns; bug benchmark L2")
def the_program_ends(view: StateView) -> str | None:
    """The driver gets everything that it waits for, and ends."""
    driver = view.one(Driver)
    return None if driver is None or driver.done else "the driver still waits"


@leads_to(Raylet, GlobalScheduler, then=no_lost_objects.check, source="OSDI 2018 §4.2.3; bug benchmark L2")
def lost_objects_come_back(view: StateView) -> object:
    """An object that somebody waits for and nobody is making comes, or is being made again."""
    return no_lost_objects.check(view)


@leads_to(Raylet, GlobalScheduler, then=eventual_scheduling.check, source="OSDI 2018 §4.2.2; bug benchmark L1")
def tasks_find_room(view: StateView) -> object:
    """A task that a live node could run finds a place and a worker."""
    return eventual_scheduling.check(view)


CLUSTER_RUNS = (the_program_ends, lost_objects_come_back, tasks_find_room, comes_to_rest)
"""Everything that must happen some day in a cluster."""
