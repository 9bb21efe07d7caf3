"""Planted bugs that never stop: every audit passes, because no run with them comes to the point where one is held."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.actors.hosts import Checkpoint, Kind, Order
from rayproof.model.actors.migration import Coordinator
from rayproof.model.cluster.protocol import WantObjects
from rayproof.model.cluster.worker import Driver
from rayproof.model.gcs.chain import Replica
from rayproof.model.gcs.protocol import Resend
from rayproof.model.graph import ObjectId
from rayproof.model.kernel import Context, Message, Name
from rayproof.model.lineage.control import FindObject, PaperNode
from rayproof.model.objects.transfer import ObjectManager
from rayproof.model.scheduler.groups.manager import GroupManager
from rayproof.model.scheduler.leases.owner import Owner
from rayproof.model.scheduler.leases.protocol import LeaseCancelled
from rayproof.properties.bugs.base import Bug


@dataclass(slots=True)
class AsksForMore(Replica):
    """A replica that has caught up and waits for nothing asks its predecessor for more all the same."""

    def catch_up(self, ctx: Context, sender: Name, rest: Resend) -> None:
        Replica.catch_up(self, ctx, sender, rest)
        if sender == self.predecessor(ctx) and self.joined and not rest.entries and not self.sent:
            self.ask_for_the_rest(ctx, sender)


@dataclass(slots=True)
class AsksForTheImpossible(Owner):
    """A request that no node can ever fulfil is repeated."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        match message:
            case LeaseCancelled(lease, True) if lease in self.requests:
                self.ask(ctx, lease, self.requests[lease][0], self.raylet)
                self.request_leases(ctx)
            case _:
                Owner.receive(self, ctx, sender, message)


@dataclass(slots=True)
class LooksAgainAtOnce(GroupManager):
    """A group that does not fit looks again after its back-off, whether anything has changed or not."""

    def schedule(self, ctx: Context) -> None:
        GroupManager.schedule(self, ctx)
        self.stuck, self.parked = [*self.stuck, *self.parked], []
        self.view_changed(ctx)


@dataclass(slots=True)
class AsksAfterEachChunk(ObjectManager):
    """After each part that has come the object is asked for again, which begins its sending anew."""

    def chunk(self, ctx: Context, there: str, index: int, value: int) -> None:
        ObjectManager.chunk(self, ctx, there, index, value)
        if there in self.incoming:
            self.ask_source(ctx, there)


@dataclass(slots=True)
class ChecksTheRemoval(Coordinator):
    """A removal that has been confirmed is ordered once more, to be sure."""

    def obeyed(self, ctx: Context, kind: Kind, actor: str, checkpoint: Checkpoint) -> None:
        if kind is not Kind.REMOVE:
            Coordinator.obeyed(self, ctx, kind, actor, checkpoint)
            return
        for host in self.live_hosts():
            if host != self.places[actor]:
                order = self.orders[host, actor] = Order(kind, actor, dict(self.sizes)[actor], self.epoch)
                ctx.send(host, order)


@dataclass(slots=True)
class AsksTheStoreAgain(PaperNode):
    """A node that is told where a copy is asks the store once more instead of the node that has it."""

    def found(self, ctx: Context, there: ObjectId, node: Name, error: str) -> None:
        if error or node == ctx.me:
            PaperNode.found(self, ctx, there, node, error)
        else:
            ctx.send("gcs", FindObject(there))


@dataclass(slots=True)
class BeginsItsGetAnew(Driver):
    """A get that is woken by an object asks for all that it waits for once more."""

    def ready(self, ctx: Context, there: ObjectId) -> None:
        if there in self.missing:
            ctx.send(self.raylet, WantObjects(tuple(sorted(self.missing))))


LIVELOCK_BUGS = (
    Bug(
        "asks_for_more",
        "A replica that has caught up asks again and again for what it lacks.",
        {Replica: AsksForMore},
        "writes_get_answers",
        "chain-extension",
        "bug benchmark L4",
        ("comes_to_rest", "every_request_is_answered_some_day"),
    ),
    Bug(
        "asks_for_the_impossible",
        "A request for a worker that no node can ever grant is answered and made again.",
        {Owner: AsksForTheImpossible},
        "every_lease_request_answered_some_day",
        "leases-classes",
        "bug benchmark L4",
        ("comes_to_rest",),
    ),
    Bug(
        "looks_again_at_once",
        "A group that does not fit is looked at again although nothing has changed.",
        {GroupManager: LooksAgainAtOnce},
        "comes_to_rest",
        "groups-halves",
        "Ray 2.60 gcs_placement_group_manager.cc looks again after each back-off",
    ),
    Bug(
        "asks_after_each_chunk",
        "Each part that has come makes the sender begin anew.",
        {ObjectManager: AsksAfterEachChunk},
        "every_get_ends_in_value_or_error_some_day",
        "transfer-two-chunks",
        "bug benchmark L4",
        ("comes_to_rest",),
    ),
    Bug(
        "checks_the_removal",
        "The old copy of a moved actor is removed again and again, and its room never counts as free.",
        {Coordinator: ChecksTheRemoval},
        "the_new_actor_has_its_place_some_day",
        "migration",
        "bug benchmark L4",
        ("comes_to_rest",),
    ),
    Bug(
        "asks_the_store_again",
        "A node asks where a copy is, again and again, and never fetches it.",
        {PaperNode: AsksTheStoreAgain},
        "every_get_ends_in_value_or_error_some_day",
        "control-chain",
        "Ray #62512",
        ("comes_to_rest",),
    ),
    Bug(
        "begins_its_get_anew",
        "A get asks again for what has come instead of going on.",
        {Driver: BeginsItsGetAnew},
        "the_program_ends",
        "cluster-3-3-0",
        "bug benchmark L4",
        ("comes_to_rest",),
    ),
)
"""Found by claims about runs alone."""
