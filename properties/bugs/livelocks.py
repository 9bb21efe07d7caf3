"""Planted bugs that never stop: every audit passes, because no run with them comes to the point where one is held."""

from __future__ import annotations

from dataclasses import dataclass

from model.gcs.chain import Replica
from model.gcs.protocol import Resend
from model.kernel import Context, Message, Name
from model.objects.transfer import ObjectManager
from model.scheduler.groups.manager import GroupManager
from model.scheduler.leases.owner import Owner
from model.scheduler.leases.protocol import LeaseCancelled
from properties.bugs.base import Bug


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
)
"""Found by claims about runs alone."""
