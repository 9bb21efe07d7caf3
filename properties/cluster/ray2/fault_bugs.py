"""Planted bugs that only a fault of the switch shows: calls that fail, streams that break, nodes that are suspected."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.actors.ray2.actor_table import ActorTable
from rayproof.model.kernel import Context, Down, Message, Name, Unreachable
from rayproof.model.scheduler.ray2.lease_manager import LeaseManager
from rayproof.model.scheduler.ray2.submitter import LeaseSubmitter
from rayproof.model.scheduler.ray2.syncer import SyncHub
from rayproof.model.wire.ray2.actors import CreateActor
from rayproof.model.wire.ray2.leases import ActorWorkerDied, LeaseSpec
from rayproof.model.wire.ray2.rpc import AGAIN
from rayproof.properties.bug import Bug


@dataclass(slots=True, kw_only=True)
class CallsOnce(LeaseSubmitter):
    """A call that fails is not made again."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        before = len(ctx.sends)
        LeaseSubmitter.receive(self, ctx, sender, message)
        ctx.sends[before:] = [sent for sent in ctx.sends[before:] if sent[2] != AGAIN]


@dataclass(slots=True, kw_only=True)
class RepeatsNoGrant(LeaseManager):
    """Who asks again for what was granted gets no answer."""

    def knows(self, ctx: Context, spec: LeaseSpec) -> bool:
        return spec.lease in self.granted or LeaseManager.knows(self, ctx, spec)


@dataclass(slots=True, kw_only=True)
class AnswersTheFirstCall(LeaseManager):
    """A request that waits is answered to the call that brought it, which nobody hears any more."""

    def knows(self, ctx: Context, spec: LeaseSpec) -> bool:
        return LeaseManager.knows(self, ctx, replace(spec, call=0))


@dataclass(slots=True, kw_only=True)
class KnowsWhatWaits(LeaseManager):
    """A request that has a worker is a new one when it is made again."""

    def knows(self, ctx: Context, spec: LeaseSpec) -> bool:
        return spec.lease not in self.granted and LeaseManager.knows(self, ctx, spec)


@dataclass(slots=True, kw_only=True)
class KnowsNoFetch(LeaseManager):
    """A request whose arguments are on their way is a new one when it is made again."""

    def knows(self, ctx: Context, spec: LeaseSpec) -> bool:
        fetching = any(each.lease == spec.lease for each in self.waiting)
        return not fetching and LeaseManager.knows(self, ctx, spec)


@dataclass(slots=True, kw_only=True)
class CreatesAgain(ActorTable):
    """A creation that is asked for again is another one."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        if isinstance(message, CreateActor):
            self.actors.pop(message.actor, None)
        ActorTable.receive(self, ctx, sender, message)


@dataclass(slots=True, kw_only=True)
class OpensNoStream(SyncHub):
    """What was lost with a stream to a raylet is not told again."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        if not isinstance(message, Unreachable):
            SyncHub.receive(self, ctx, sender, message)


@dataclass(slots=True, kw_only=True)
class TellsOnce(LeaseManager):
    """What was lost with the stream from a raylet is not told again."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        if not isinstance(message, Unreachable):
            LeaseManager.receive(self, ctx, sender, message)


@dataclass(slots=True, kw_only=True)
class OutlivesItsDeath(LeaseManager):
    """A raylet that was declared dead goes on."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        if message != Down(ctx.me):
            LeaseManager.receive(self, ctx, sender, message)


@dataclass(slots=True, kw_only=True)
class HearsEarlierStarts(ActorTable):
    """The end of an actor's earlier process is taken for that of the present one."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        if isinstance(message, ActorWorkerDied) and (actor := self.of_lease(message.lease[1])):
            self.worker_died(ctx, actor)
        else:
            ActorTable.receive(self, ctx, sender, message)


FAULT_BUGS = (
    Bug(
        "calls_once",
        "A request is lost, and its owner waits for the answer.",
        {LeaseSubmitter: CallsOnce},
        "no_request_is_forgotten",
        "today-lost-request",
        "Ray 2.60 retryable_grpc_client.cc",
        also=("no_body_waits_for_ever", "every_task_that_fits_ends", "every_worker_comes_back"),
    ),
    Bug(
        "repeats_no_grant",
        "The answer that a worker was granted is lost, and not repeated.",
        {LeaseManager: RepeatsNoGrant},
        "no_body_waits_for_ever",
        "today-lost-reply",
        "Ray 2.60 node_manager.cc, HandleRequestWorkerLease",
        also=("every_task_that_fits_ends", "every_worker_comes_back"),
    ),
    Bug(
        "answers_the_first_call",
        "A request that waits is made again, and answered to the call that has failed.",
        {LeaseManager: AnswersTheFirstCall},
        "no_body_waits_for_ever",
        "today-in-flight",
        "Ray 2.60 local_lease_manager.cc, StoreReplyCallback",
        also=("every_task_that_fits_ends", "every_worker_comes_back"),
    ),
    Bug(
        "knows_what_waits",
        "A request that is made again after its worker was granted gets another one.",
        {LeaseManager: KnowsWhatWaits},
        "a_request_is_known_once",
        "today-lost-reply",
        "Ray 2.60 node_manager.cc, HandleRequestWorkerLease",
        also=("no_body_waits_for_ever", "every_task_that_fits_ends", "every_worker_comes_back"),
    ),
    Bug(
        "knows_no_fetch",
        "A request that is made again while its arguments come waits twice.",
        {LeaseManager: KnowsNoFetch},
        "a_request_is_known_once",
        "today-in-flight",
        "Ray 2.60 local_lease_manager.cc, IsLeaseQueued",
        also=("no_body_waits_for_ever", "every_task_that_fits_ends", "every_worker_comes_back"),
    ),
    Bug(
        "creates_again",
        "An actor whose creation is asked for twice is created twice.",
        {ActorTable: CreatesAgain},
        "refines_the_task_graph",
        "today-actor-in-flight",
        "Ray 2.60 gcs_actor_manager.cc, HandleCreateActor",
        also=("no_body_waits_for_ever", "every_task_that_fits_ends", "nothing_fails_by_itself"),
    ),
    Bug(
        "opens_no_stream",
        "A raylet never hears what was lost with its stream of views.",
        {SyncHub: OpensNoStream},
        "no_body_waits_for_ever",
        "today-break",
        "Ray 2.60 ray_syncer.cc",
        also=("every_task_that_fits_ends", "views_agree_at_rest"),
    ),
    Bug(
        "tells_once",
        "Nobody hears what a raylet said when its stream broke.",
        {LeaseManager: TellsOnce},
        "no_body_waits_for_ever",
        "today-break",
        "Ray 2.60 ray_syncer.cc",
        also=("every_task_that_fits_ends", "views_agree_at_rest"),
    ),
    Bug(
        "outlives_its_death",
        "A raylet that was declared dead keeps its workers, whom nobody will return.",
        {LeaseManager: OutlivesItsDeath},
        "every_worker_comes_back",
        "today-suspected",
        "Ray 2.60 node_manager.cc, NodeRemoved",
    ),
    Bug(
        "hears_earlier_starts",
        "An actor that was started again dies of the late word that its first process has ended.",
        {ActorTable: HearsEarlierStarts},
        "no_body_waits_for_ever",
        "today-actor-suspected",
        "the first form of this model's actor table; Ray 2.60 gcs_actor_manager.cc, OnWorkerDead",
    ),
)
"""The planted bugs of the fault switch."""
