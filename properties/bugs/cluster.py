"""Planted bugs of the cluster slice; each is one thought that the protocol must not forget."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rayproof.model.cluster.events import HeardOfDeath
from rayproof.model.cluster.protocol import Heartbeat, LocateObject
from rayproof.model.cluster.worker import Worker, combine_values
from rayproof.model.gcs.store import ControlStore
from rayproof.model.graph import ObjectId, TaskId
from rayproof.model.kernel import Context, Name
from rayproof.model.scheduler.global_scheduler import GlobalScheduler, Locations
from rayproof.model.scheduler.raylet import Raylet
from rayproof.properties.bugs.base import Bug


@dataclass(slots=True)
class ForgetsLostInputs(Raylet):
    """A task that is executed again is queued without asking for its inputs."""

    def assigned(self, ctx: Context, task: TaskId, again: bool) -> None:
        if again and not self.knows(ctx, task):
            self.queue.append(task)
            self.dispatch(ctx)
        else:
            Raylet.assigned(self, ctx, task, again)


@dataclass(slots=True)
class IgnoresDeathNotices(Raylet):
    """What was asked of a node that died is never asked of another."""

    def node_died(self, ctx: Context, node: Name) -> None:
        pass


@dataclass(slots=True)
class KeepsUsingTheDead(GlobalScheduler):
    """The scheduler hears of a death and goes on placing tasks there."""

    def node_died(self, ctx: Context, node: Name) -> None:
        ctx.observe(HeardOfDeath(ctx.me, node))


@dataclass(slots=True)
class UsesTheDeadOnceMore(GlobalScheduler):
    """A death that the scheduler hears of counts only after the next placement."""

    late: list[Name] = field(default_factory=list)

    def node_died(self, ctx: Context, node: Name) -> None:
        ctx.observe(HeardOfDeath(ctx.me, node))
        self.late.append(node)

    def place(self, ctx: Context, task: TaskId, origin: Name, again: bool, locations: Locations, retried: bool) -> bool:
        placed = GlobalScheduler.place(self, ctx, task, origin, again, locations, retried)
        late, self.late = self.late, []
        for node in late:
            GlobalScheduler.node_died(self, ctx, node)
        return placed


@dataclass(slots=True)
class BelievesTheDead(ControlStore):
    """The store accepts that a task is on a node which it has declared dead."""

    def placed(self, ctx: Context, task: TaskId, node: Name, *, answers: bool) -> None:
        if node not in self.dead:
            ControlStore.placed(self, ctx, task, node, answers=answers)


@dataclass(slots=True)
class IgnoresALateAnswer(ControlStore):
    """A task that is to run again, and is sent to a node that has died meanwhile, is forgotten."""

    def placed(self, ctx: Context, task: TaskId, node: Name, *, answers: bool) -> None:
        ControlStore.placed(self, ctx, task, node, answers=False)


@dataclass(slots=True)
class HeartbeatOverwrites(GlobalScheduler):
    """A heartbeat replaces all that the scheduler knows, also what it has just assigned."""

    def heard(self, ctx: Context, node: Name, beat: Heartbeat) -> None:
        GlobalScheduler.heard(self, ctx, node, beat)
        if node in self.nodes:
            self.update(node, replace(self.nodes[node], pending=()))


@dataclass(slots=True)
class NeverReconsiders(GlobalScheduler):
    """A task that had to wait is never looked at again."""

    def reconsider(self, ctx: Context) -> None:
        pass


@dataclass(slots=True)
class IgnoresFreeResources(Raylet):
    """A task starts whenever a worker is idle, whatever is free."""

    def dispatch(self, ctx: Context) -> None:
        free = self.free
        self.free = {name: amount * 1_000 for name, amount in self.total.units}
        before = dict(self.free)
        Raylet.dispatch(self, ctx)
        taken = {name: before[name] - self.free[name] for name in before}
        self.free = {name: free[name] - taken[name] for name in free}


@dataclass(slots=True)
class StartsWithoutInputs(Raylet):
    """A task starts before its inputs are here."""

    def has_inputs(self, task: TaskId) -> bool:
        return True

    def input_values(self, task: TaskId) -> tuple[int, ...]:
        # The value that will come is known to the bug, so that nothing but the order is wrong.
        def value(wanted: TaskId) -> int:
            spec = self.program.tasks[wanted]
            return combine_values(wanted, tuple(value(self.program.producer(needed)) for needed in spec.inputs))

        return tuple(value(self.program.producer(needed)) for needed in self.program.tasks[task].inputs)


@dataclass(slots=True)
class ValueDependsOnTheNode(Worker):
    """The value of a task depends on where it is executed."""

    def end(self, ctx: Context) -> None:
        self.inputs = (*self.inputs, sum(ctx.me.encode()))
        Worker.end(self, ctx)


@dataclass(slots=True)
class AsksForEver(Raylet):
    """Whoever has been told where an object is asks again (Ray #62512: a pull that is repeated without end)."""

    def located(self, ctx: Context, there: ObjectId, nodes: tuple[Name, ...]) -> None:
        Raylet.located(self, ctx, there, nodes)
        ctx.send("gcs", LocateObject(there))


CLUSTER_BUGS = (
    Bug(
        "forgets_lost_inputs",
        "A task executed again does not ask for its inputs.",
        {Raylet: ForgetsLostInputs},
        "no_lost_objects",
        "cluster-3-3-1",
        also=("lost_objects_come_back", "the_program_ends"),
    ),
    Bug(
        "ignores_death_notices",
        "A fetch from a node that died is never repeated elsewhere.",
        {Raylet: IgnoresDeathNotices},
        "no_lost_objects",
        "cluster-3-3-1",
        also=("lost_objects_come_back", "the_program_ends"),
    ),
    Bug(
        "keeps_using_the_dead",
        "The scheduler and the store go on using a node that they know to be dead.",
        {GlobalScheduler: KeepsUsingTheDead, ControlStore: BelievesTheDead},
        "no_grant_to_the_dead",
        "cluster-3-3-1",
        also=("lost_objects_come_back", "no_lost_objects", "the_program_ends"),
    ),
    Bug(
        "uses_the_dead_once_more",
        "The scheduler hears of a death and still makes one placement there; the store repairs it.",
        {GlobalScheduler: UsesTheDeadOnceMore},
        "no_grant_to_the_dead",
        "cluster-3-3-1",
    ),
    Bug(
        "ignores_a_late_answer",
        "A task placed again on a node that has just died is lost; it takes two crashes.",
        {ControlStore: IgnoresALateAnswer},
        "no_lost_objects",
        "cluster-3-3-2",
    ),
    Bug(
        "heartbeat_overwrites",
        "A heartbeat makes the scheduler forget what it has just assigned.",
        {GlobalScheduler: HeartbeatOverwrites},
        "assignments_remembered",
        "cluster-3-3-0",
    ),
    Bug(
        "never_reconsiders",
        "A task that found no room is never placed when room appears.",
        {GlobalScheduler: NeverReconsiders},
        "eventual_scheduling",
        "cluster-wide",
        also=("tasks_find_room", "the_program_ends"),
    ),
    Bug(
        "ignores_free_resources",
        "A node starts more tasks than it has resources for.",
        {Raylet: IgnoresFreeResources},
        "capacity_conserved",
        "cluster-nested",
    ),
    Bug(
        "starts_without_inputs",
        "A task starts before its inputs have been copied.",
        {Raylet: StartsWithoutInputs},
        "runs_after_its_inputs",
        "cluster-3-3-0",
    ),
    Bug(
        "value_depends_on_the_node",
        "Executing a task again elsewhere gives its object another value.",
        {Worker: ValueDependsOnTheNode},
        "one_value_per_object",
        "cluster-3-3-1",
    ),
    Bug(
        "asks_for_ever",
        "A node asks where an object is, again and again, although it has been told.",
        {Raylet: AsksForEver},
        "comes_to_rest",
        "cluster-3-3-0",
        "Ray #62512",
    ),
)
"""The planted bugs of the cluster slice."""
