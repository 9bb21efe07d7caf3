"""Planted bugs where the parts of a node and of a driver meet (edition `ray2`)."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.actors.ray2.calls import Caller
from rayproof.model.actors.ray2.lifecycle import Life
from rayproof.model.actors.ray2.protocol import CallOutcome
from rayproof.model.graph import TaskId
from rayproof.model.kernel import Context, Message, Name
from rayproof.model.lineage.ray2.programs import Task
from rayproof.model.scheduler.ray2.owned.actors import ActorTable
from rayproof.model.scheduler.ray2.owned.calls import ActorCalls
from rayproof.model.scheduler.ray2.owned.driver import TaskManager
from rayproof.model.scheduler.ray2.owned.node import LeasedExecutor
from rayproof.model.scheduler.ray2.owned.protocol import (
    AttemptWithdrawn,
    EndLease,
    WorkerEnded,
    WorkerGone,
)
from rayproof.model.scheduler.ray2.owned.raylet import ClusterRaylet
from rayproof.model.scheduler.ray2.owned.submitter import Submitter
from rayproof.model.wire.ray2.groups import BundlesChanged
from rayproof.model.wire.ray2.leases import ReturnWorker
from rayproof.properties.bug import Bug


@dataclass(slots=True, kw_only=True)
class LeavesWorkersInLostBundles(ClusterRaylet):
    """What runs in a bundle that is given back goes on."""

    def bundles_changed(self, ctx: Context, change: BundlesChanged) -> None:
        ClusterRaylet.bundles_changed(self, ctx, BundlesChanged(change.reserved, change.offered, ()))


@dataclass(slots=True, kw_only=True)
class LooksAgainTooLate(ClusterRaylet):
    """A bundle that comes does not make the raylet look at what waits."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        if isinstance(message, BundlesChanged):
            self.bundles_changed(ctx, message)
            self.report(ctx)
        else:
            ClusterRaylet.receive(self, ctx, sender, message)


@dataclass(slots=True, kw_only=True)
class GrantsToTheOrphaned(ClusterRaylet):
    """A request that comes after the death of its driver is granted."""

    def owner_died(self, ctx: Context, owner: Name) -> None:
        ClusterRaylet.owner_died(self, ctx, owner)
        self.without_owner = set()


@dataclass(slots=True, kw_only=True)
class DiesInSilence(LeasedExecutor):
    """Nobody hears that a worker was killed."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        before = len(ctx.sends)
        LeasedExecutor.receive(self, ctx, sender, message)
        ctx.sends[before:] = [sent for sent in ctx.sends[before:] if not isinstance(sent[1], WorkerGone)]


@dataclass(slots=True, kw_only=True)
class LosesObjectsWithAWorker(LeasedExecutor):
    """With a worker go the objects of its node."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        LeasedExecutor.receive(self, ctx, sender, message)
        if isinstance(message, EndLease):
            self.memory = set()


@dataclass(slots=True, kw_only=True)
class KeepsTheCpu(LeasedExecutor):
    """A worker that waits for arguments keeps its CPU."""

    def tell_blocked(self, ctx: Context) -> None:
        pass


@dataclass(slots=True, kw_only=True)
class ReturnsTheWorkerTooEarly(Submitter):
    """The worker of a task that is cancelled goes back before the task has ended."""

    def withdraw(self, ctx: Context, task: TaskId, stop: bool) -> None:
        Submitter.withdraw(self, ctx, task, stop)
        for lease, held in sorted(self.leased.items()):
            if held.task == task and stop:
                ctx.send(held.node, ReturnWorker(lease))


@dataclass(slots=True, kw_only=True)
class KeepsTheWorkerOfTheCancelled(TaskManager):
    """Only a value sets a worker free."""

    def replied(self, ctx: Context, task: Task, attempt: int, node: Name, error: str) -> None:
        before = len(ctx.sends)
        TaskManager.replied(self, ctx, task, attempt, node, error)
        if error:
            ctx.sends[before:] = ctx.sends[before:-1]


@dataclass(slots=True, kw_only=True)
class HearsOfNoWithdrawal(TaskManager):
    """An attempt that was taken off its queue is waited for."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        if not isinstance(message, AttemptWithdrawn):
            TaskManager.receive(self, ctx, sender, message)


@dataclass(slots=True, kw_only=True)
class KeepsWhatWasDropped(TaskManager):
    """Nothing is freed."""

    def free_unneeded(self, ctx: Context) -> None:
        pass


@dataclass(slots=True)
class ForgetsActorsOfTheDead(ActorTable):
    """The death of a node is nothing to the table of actors."""

    def node_died(self, ctx: Context, node: Name) -> None:
        self.dead.add(node)


@dataclass(slots=True)
class TellsOfBeginningsOnly(ActorTable):
    """Nobody hears that an actor is dead."""

    def publish(self, ctx: Context, actor: str) -> None:
        if self.life.get(actor) is not Life.DEAD:
            ActorTable.publish(self, ctx, actor)


@dataclass(slots=True, kw_only=True)
class WaitsForValues(TaskManager):
    """A call whose argument is an error is not sent."""

    def try_call(self, ctx: Context, task: Task) -> None:
        if all(self.places(object_id) for object_id in task.arguments):
            TaskManager.try_call(self, ctx, task)


@dataclass(slots=True, kw_only=True)
class AsksTheDeadForArguments(ActorCalls):
    """A call of a dead actor waits for its arguments all the same."""

    def send_ready(self, ctx: Context) -> None:
        if self.created:
            Caller.send_ready(self, ctx)


@dataclass(slots=True, kw_only=True)
class LetsTheWorkerLive(ClusterRaylet):
    """An actor's CPU is given back, and its worker goes on."""

    def end_worker(self, ctx: Context, actor: str, incarnation: int) -> None:
        before = len(ctx.sends)
        ClusterRaylet.end_worker(self, ctx, actor, incarnation)
        ctx.sends[before:] = [sent for sent in ctx.sends[before:] if not isinstance(sent[1], WorkerEnded)]


@dataclass(slots=True, kw_only=True)
class NeverRetries(ActorCalls):
    """A call whose connection broke fails, whatever its retries."""

    def failed(self, ctx: Context, number: int) -> None:
        self.finish(ctx, number, CallOutcome.DIED if self.dead else CallOutcome.UNAVAILABLE)


@dataclass(slots=True, kw_only=True)
class RetriesOnceMore(ActorCalls):
    """The first attempt is not counted."""

    def failed(self, ctx: Context, number: int) -> None:
        self.attempts[number] -= 1
        ActorCalls.failed(self, ctx, number)
        self.attempts[number] += 1


@dataclass(slots=True, kw_only=True)
class WaitsForTheRestart(ActorCalls):
    """Also a call without retries waits until the actor is there again."""

    def send_ready(self, ctx: Context) -> None:
        if self.actor or self.dead:
            ActorCalls.send_ready(self, ctx)


@dataclass(slots=True, kw_only=True)
class SendsTwice(ActorCalls):
    """Every call is sent twice, to be on the safe side."""

    def push(self, ctx: Context, number: int, *, skip: bool) -> None:
        ActorCalls.push(self, ctx, number, skip=skip)
        ActorCalls.push(self, ctx, number, skip=True)


@dataclass(slots=True, kw_only=True)
class SendsWhatIsReady(ActorCalls):
    """A call whose arguments are there overtakes those before it."""

    def send_ready(self, ctx: Context) -> None:
        self.unsent = tuple(sorted(self.unsent, key=lambda number: (len(self.needs[number]), number)))
        ActorCalls.send_ready(self, ctx)

    def push(self, ctx: Context, number: int, *, skip: bool) -> None:
        ActorCalls.push(self, ctx, number, skip=True)


OWNED_BUGS = (
    Bug(
        "leaves_workers_in_lost_bundles",
        "A task goes on in a bundle that was given back; its CPU is given away twice.",
        {ClusterRaylet: LeavesWorkersInLostBundles},
        "leases_and_bundles_add_up",
        "ray2-bundle",
        "Ray 2.60 node_manager.cc, HandleCancelResourceReserve",
    ),
    Bug(
        "looks_again_too_late",
        "A request for a bundle came before the bundle, and is not looked at when that comes.",
        {ClusterRaylet: LooksAgainTooLate},
        "nothing_waits_where_there_is_room",
        "ray2-bundle-crash",
        "bug benchmark D03, between groups and leases",
    ),
    Bug(
        "dies_in_silence",
        "A worker is killed with its bundle, and its driver waits for the reply.",
        {LeasedExecutor: DiesInSilence},
        "who_waits_waits_for_room",
        "ray2-bundle",
        "bug benchmark L2",
        ("what_is_referred_to_is_somewhere",),
    ),
    Bug(
        "hears_of_no_withdrawal",
        "A task was cancelled before it was sent, and its owner waits for the reply.",
        {TaskManager: HearsOfNoWithdrawal},
        "who_waits_waits_for_room",
        "ray2-cancel",
        "Ray 2.60 normal_task_submitter.cc, CancelTask",
    ),
    Bug(
        "loses_objects_with_a_worker",
        "The objects of a node go with one of its workers.",
        {LeasedExecutor: LosesObjectsWithAWorker},
        "what_is_referred_to_is_somewhere",
        "ray2-bundle",
        "Ray 2.60 raylet: objects belong to the node's store, not to the worker that made them",
    ),
    Bug(
        "keeps_the_cpu_for_its_arguments",
        "A worker that waits for an argument keeps the CPU that the argument's task needs.",
        {LeasedExecutor: KeepsTheCpu},
        "no_lease_is_held_in_vain",
        "ray2-lost-argument",
        "the first form of this model's node; bug benchmark D10",
    ),
    Bug(
        "returns_the_worker_too_early",
        "The worker of a cancelled task goes back while the task still runs.",
        {Submitter: ReturnsTheWorkerTooEarly},
        "attempts_run_on_their_leases",
        "ray2-cancel",
        "Ray 2.60 normal_task_submitter.cc, CancelTask",
    ),
    Bug(
        "keeps_the_worker_of_the_cancelled",
        "A worker whose task ended in an error is not given back.",
        {TaskManager: KeepsTheWorkerOfTheCancelled},
        "no_lease_is_held_in_vain",
        "ray2-cancel",
        "bug benchmark D50's kind",
    ),
    Bug(
        "keeps_what_was_dropped",
        "Values stay that nobody refers to.",
        {TaskManager: KeepsWhatWasDropped},
        "what_nobody_needs_is_freed",
        "ray2-cancel",
        "bug benchmark S2",
    ),
    Bug(
        "grants_to_the_orphaned",
        "A raylet grants what a dead driver had asked for.",
        {ClusterRaylet: GrantsToTheOrphaned},
        "no_lease_is_held_in_vain",
        "ray2-driver-dies",
        "Ray 2.60 node_manager.cc, HandleUnexpectedWorkerFailure",
    ),
    Bug(
        "forgets_actors_of_the_dead",
        "An actor whose node has died is taken to live there.",
        {ActorTable: ForgetsActorsOfTheDead},
        "actors_live_where_their_table_says",
        "ray2-actor",
        "Ray 2.60 gcs_actor_manager.cc, OnNodeDead",
    ),
    Bug(
        "tells_of_beginnings_only",
        "A caller is not told that an actor was killed, and goes on calling it.",
        {ActorTable: TellsOfBeginningsOnly},
        "callers_know_where_actors_live",
        "ray2-calls-argument",
        "Ray 2.60 gcs_actor_manager.cc, DestroyActor",
    ),
    Bug(
        "waits_for_values",
        "A call whose argument is an error is never sent, and all calls behind it wait.",
        {TaskManager: WaitsForValues},
        "who_waits_waits_for_room",
        "ray2-calls-argument",
        "Ray 2.60 dependency_resolver.cc, InlineDependencies; Ray #52833's kind",
        ("what_is_referred_to_is_somewhere",),
    ),
    Bug(
        "asks_the_dead_for_arguments",
        "Calls of an actor that is dead wait for their arguments, and for those of calls before them.",
        {ActorCalls: AsksTheDeadForArguments},
        "who_waits_waits_for_room",
        "ray2-calls-dead",
        "the first form of this model's caller; Ray 2.60 actor_task_submitter.cc, SubmitTask and DisconnectActor",
        ("what_is_referred_to_is_somewhere",),
    ),
    Bug(
        "lets_the_worker_live",
        "The worker of an actor that was killed goes on executing its calls.",
        {ClusterRaylet: LetsTheWorkerLive},
        "only_living_actors_have_workers",
        "ray2-calls-argument",
        "Ray 2.60 gcs_actor_manager.cc, DestroyActor",
    ),
    Bug(
        "never_retries",
        "A call whose connection broke ends in an error although it is to be retried.",
        {ActorCalls: NeverRetries},
        "errors_of_calls_are_justified",
        "ray2-calls-lost-reply",
        "Ray 2.60 task_manager.cc, max_task_retries",
    ),
    Bug(
        "retries_once_more",
        "A call is sent once more than its retries allow.",
        {ActorCalls: RetriesOnceMore},
        "calls_are_retried_within_their_budget",
        "ray2-calls-once",
        "Ray 2.60 task_manager.cc, max_task_retries",
    ),
    Bug(
        "waits_for_the_restart",
        "A call without retries waits for the actor to be restarted.",
        {ActorCalls: WaitsForTheRestart},
        "nobody_waits_for_a_restart_without_retries",
        "ray2-calls-once",
        "Ray 2.60 actor_task_submitter.cc, fail_if_actor_unreachable",
    ),
    Bug(
        "sends_each_call_twice",
        "A call is sent twice and executed twice.",
        {ActorCalls: SendsTwice},
        "no_call_starts_twice",
        "ray2-calls-argument",
        "Ray documentation, Actors: at most once by default",
    ),
    Bug(
        "sends_what_is_ready",
        "A call overtakes one that waits for its arguments.",
        {ActorCalls: SendsWhatIsReady},
        "calls_start_in_order",
        "ray2-calls-argument",
        "Ray 2.60 out_of_order_actor_submit_queue.cc, where order is promised",
    ),
)
"""The planted bugs of whole clusters of today's Ray."""
