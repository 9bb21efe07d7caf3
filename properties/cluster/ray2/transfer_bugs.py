"""Planted bugs around the two connections between nodes of today's Ray."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import ObjectId
from rayproof.model.kernel import Context, Name
from rayproof.model.objects.ray2.object_manager import URGENT, ObjectManager
from rayproof.properties.bug import Bug


@dataclass(slots=True, kw_only=True)
class SendsUrgentTwice(ObjectManager):
    """What goes over the urgent connection waits for the ordinary one, too."""

    def begin(self, ctx: Context, to: Name, chosen: ObjectId, kind: str) -> None:
        waiting = self.waiting[to]
        ObjectManager.begin(self, ctx, to, chosen, kind)
        if kind == URGENT and waiting:
            self.waiting[to] = waiting


@dataclass(slots=True, kw_only=True)
class AsksOnlyWhenIdle(ObjectManager):
    """The proposal is asked when nothing is on its way alone."""

    def send_next(self, ctx: Context, to: Name) -> None:
        if not self.on_their_way(to):
            ObjectManager.send_next(self, ctx, to)


TRANSFER_BUGS = (
    Bug(
        "sends_urgent_twice",
        "What has gone over the urgent connection goes over the ordinary one as well.",
        {ObjectManager: SendsUrgentTwice},
        "a_copy_is_sent_once",
        "today-urgent",
    ),
    Bug(
        "asks_only_when_idle",
        "An urgent object waits until the ordinary connection is free, although its own is.",
        {ObjectManager: AsksOnlyWhenIdle},
        "urgent_objects_do_not_wait",
        "today-urgent",
    ),
)
"""The planted bugs of connections."""
