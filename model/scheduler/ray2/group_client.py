"""A core worker's requests about placement groups: asked again when the control plane has come back.

Source: Ray 2.60, `core_worker.cc::CreatePlacementGroup`, `RemovePlacementGroup`, `WaitPlacementGroupReady`;
`gcs_client/accessor.cc::PlacementGroupInfoAccessor`; `python/ray/util/placement_group.py`.

Here the body goes on while a request travels, where Ray's waits until the control plane has it on record: this allows
more. Left out: detached groups, and groups that end with who made them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.graph import GroupId
from rayproof.model.graph.contract import GroupRemoved
from rayproof.model.kernel import Context, Message, Name, Process, Unhandled, constant
from rayproof.model.wire.ray2.groups import (
    CreateGroup,
    GroupReady,
    LeaveGroup,
    ManagerBack,
    RemoveGroup,
    WaitForGroup,
    WantGroup,
)
from rayproof.model.wire.ray2.leases import INSIDE


@dataclass(slots=True, kw_only=True)
class GroupClient(Process):
    """One core worker's groups."""

    manager: Name = constant()
    body: Name = constant()
    wanted: list[GroupId] = field(default_factory=list)
    """Groups that were asked for and not given up."""
    ready: set[GroupId] = field(default_factory=set)
    waiting: set[GroupId] = field(default_factory=set)
    """Groups for which the body waits."""
    left: list[GroupId] = field(default_factory=list)
    """Groups that were given up."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The body's wishes; it is told when a group is there."""
        match message:
            case WantGroup(group):
                self.wanted.append(group)
                ctx.send(self.manager, CreateGroup(group))
            case LeaveGroup(group):
                self.wanted = [each for each in self.wanted if each != group]
                self.left.append(group)
                ctx.observe(GroupRemoved(group))
                ctx.send(self.manager, RemoveGroup(group))
            case WaitForGroup(group):
                self.waiting.add(group)
                self.tell(ctx)
            case GroupReady(group):
                self.ready.add(group)
                self.tell(ctx)
            case ManagerBack():
                for group in self.left:
                    ctx.send(self.manager, RemoveGroup(group))
                for group in self.wanted:
                    if group not in self.ready:
                        ctx.send(self.manager, CreateGroup(group))
            case _:
                raise Unhandled(message)

    def tell(self, ctx: Context) -> None:
        """Say what is there of that for which the body waits."""
        for group in sorted(self.waiting & self.ready):
            self.waiting.discard(group)
            ctx.send(self.body, GroupReady(group), INSIDE)
