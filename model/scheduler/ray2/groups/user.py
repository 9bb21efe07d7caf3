"""The users of groups: each creates one and may give it up at any moment.

Source: Ray 2.60, `core_worker.cc::CreatePlacementGroup`, `RemovePlacementGroup`; `python/ray/util/placement_group.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.kernel import Context, Message, Name, Process, TimerKind, Unhandled, constant
from rayproof.model.scheduler.ray2.groups.protocol import (
    CreateGroup,
    GroupId,
    GroupReady,
    GroupRemoved,
    ManagerBack,
    RemoveGroup,
)

REMOVE = "remove"
"""Timer of a user who gives its group up: the program's own progress."""


@dataclass(slots=True)
class GroupUser(Process):
    """One user."""

    group: GroupId = constant()
    removes: bool = constant(False)
    ready: bool = False
    removed: bool = False

    def start(self, ctx: Context) -> None:
        """Ask for the group."""
        ctx.send("manager", CreateGroup(self.group))
        if self.removes:
            ctx.set_timer(REMOVE, kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """Give it up."""
        self.removed = True
        ctx.observe(GroupRemoved(self.group))
        ctx.send("manager", RemoveGroup(self.group))

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The user is told when the group is there, and again when it is whole after a loss."""
        match message:
            case GroupReady(_):
                self.ready = True
            case ManagerBack():
                if self.removed:
                    ctx.send("manager", RemoveGroup(self.group))
                elif not self.ready:
                    ctx.send("manager", CreateGroup(self.group))
            case _:
                raise Unhandled(message)
