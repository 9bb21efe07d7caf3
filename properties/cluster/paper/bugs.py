"""Planted bugs of the cluster slice; each is one thought that the protocol must not forget."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rayproof.model.gcs.chain.protocol import Configuration
from rayproof.model.gcs.chain.replica import Replica
from rayproof.model.gcs.paper.chained import RowClient
from rayproof.model.gcs.paper.control_store import ControlStore
from rayproof.model.gcs.paper.events import HeardOfDeath
from rayproof.model.gcs.paper.protocol import LocateObject
from rayproof.model.graph import ObjectId, TaskId, TaskKind
from rayproof.model.kernel import Context, Name
from rayproof.model.scheduler.paper.global_scheduler import GlobalScheduler, Locations
from rayproof.model.scheduler.paper.protocol import Heartbeat, WantObjects
from rayproof.model.scheduler.paper.raylet import Raylet
from rayproof.model.scheduler.paper.worker import Driver, Worker, combine_values
from rayproof.properties.bug import Bug
from rayproof.properties.gcs.chain.bugs import AnswersEarly


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


@dataclass(slots=True)
class BeginsItsGetAnew(Driver):
    """A get that is woken by an object asks for all that it waits for once more."""

    def ready(self, ctx: Context, there: ObjectId) -> None:
        if there in self.missing:
            ctx.send(self.raylet, WantObjects(tuple(sorted(self.missing))))


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
    Bug(
        "begins_its_get_anew",
        "A get asks again for what has come instead of going on.",
        {Driver: BeginsItsGetAnew},
        "the_program_ends",
        "cluster-3-3-0",
        "bug benchmark L4",
        ("comes_to_rest",),
        spins=True,
    ),
)
"""The planted bugs of the cluster slice."""


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


@dataclass(slots=True)
class NeverAsksAgain(RowClient):
    """What was sent to a replica that failed is not sent to another."""

    def learn(self, ctx: Context, configuration: Configuration) -> None:
        pending, self.pending = self.pending, {}
        RowClient.learn(self, ctx, configuration)
        self.pending = pending


@dataclass(slots=True)
class WaitsForTheAnswer(RowClient):
    """The front end has no time-out: a repeat that met the new tail before it knew its role was the last."""

    def go_on(self, ctx: Context) -> None:
        RowClient.go_on(self, ctx)
        ctx.cancel_timer("retry")


CHAINED_BUGS = (
    Bug(
        "loses_rows_of_the_cluster",
        "The chain acknowledges a row before its tail has it; with the head goes the only word of where an object is.",
        {Replica: AnswersEarly},
        "no_lost_objects",
        "cluster-chain",
        "van Renesse and Schneider 2004, §2",
    ),
    Bug(
        "loses_rows_of_a_shard",
        "The same in one of two chains, while the other keeps what it has.",
        {Replica: AnswersEarly},
        "no_lost_objects",
        "cluster-two-chains",
        "van Renesse and Schneider 2004, §2",
    ),
    Bug(
        "asks_the_dead_only",
        "The front end does not turn to the next replica when one has failed.",
        {RowClient: NeverAsksAgain},
        "no_lost_objects",
        "cluster-chain-get",
        "van Renesse and Schneider 2004, §2",
        ("the_program_ends",),
    ),
    Bug(
        "waits_for_the_answer",
        "The tail's answer is lost with it, the repeat meets its successor too early, and nobody asks a third time.",
        {RowClient: WaitsForTheAnswer},
        "no_lost_objects",
        "cluster-chain-lost",
        "van Renesse and Schneider 2004, §2: a client that gets no reply asks again",
        also=(),
    ),
)
"""The planted bugs of clusters on chains."""
