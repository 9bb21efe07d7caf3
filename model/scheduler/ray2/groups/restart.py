"""A restart of the placement group manager: what is on record is taken up again, the rest is given back.

Source: Ray 2.60, `gcs_placement_group_manager.cc::Initialize`, `gcs_placement_group_scheduler.cc::Initialize`,
`ReleaseUnusedBundles`, and `node_manager.cc::HandleReleaseUnusedBundles`. A group is on record when it is asked for,
again when all of its round is reserved (PREPARED), and again when it is placed. After a restart a reserved round is
committed, all else starts over, and each node is told which bundles are on record there; it gives the others back.

What a node gets from a manager that is gone it ignores once it has heard from the next one, as it does when an old
connection ends. A record and what is sent because of it are one step. Left out: nodes that die while nobody manages.
"""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.kernel import Context, Message, Name, durable, slot_of
from rayproof.model.scheduler.ray2.groups.manager import GroupManager, GroupState, Round, bundles_on
from rayproof.model.scheduler.ray2.groups.node import USAGE, BundleNode
from rayproof.model.scheduler.ray2.groups.protocol import (
    Commit,
    CreateGroup,
    GroupId,
    GroupReady,
    ManagerBack,
    ReleaseUnused,
    Usage,
)


@dataclass(frozen=True, slots=True)
class Row:
    """A group on record."""

    state: GroupState
    placed: tuple[tuple[int, Name], ...] = ()
    prepared: tuple[tuple[int, Name], ...] = ()
    """The round that is reserved and is to be committed."""


@dataclass(slots=True)
class RestartableManager(GroupManager):
    """The GCS with a table of groups that outlives it."""

    table: dict[GroupId, Row] = durable(default_factory=dict)

    def start(self, ctx: Context) -> None:
        """Take up what is on record; at the first start there is nothing."""
        GroupManager.start(self, ctx)
        restarts = ctx.me.partition("#")[2]
        if not restarts:
            return
        # Rounds of this life are told apart from those before, whose answers may still come.
        self.rounds = 1_000 * int(restarts)
        for group, row in sorted(self.table.items()):
            self.state[group] = row.state
            self.placed[group] = dict(row.placed)
        self.release_unused(ctx)
        for user in self.users.values():
            ctx.send(user, ManagerBack())
        for group, row in sorted(self.table.items()):
            if row.prepared:
                nodes = frozenset(node for _, node in row.prepared)
                self.rounds += 1
                self.round = Round(group, self.rounds, row.prepared, nodes, nodes, True)
                for node in sorted(nodes):
                    ctx.send(node, Commit(group, self.rounds, bundles_on(self.round, node)))
            elif row.state in (GroupState.PENDING, GroupState.RESCHEDULING):
                self.enqueue(group)
        self.schedule(ctx)

    def release_unused(self, ctx: Context) -> None:
        """Tell each node what is on record there."""
        for node in self.nodes:
            used = {
                (group, bundle)
                for group, row in self.table.items()
                for bundle, where in (*row.placed, *row.prepared)
                if where == node
            }
            ctx.send(node, ReleaseUnused(tuple(sorted(used))))

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The protocol of the manager; a group that is asked for once more is answered once more."""
        if isinstance(message, CreateGroup) and message.group in self.state:
            if self.state[message.group] is GroupState.CREATED:
                ctx.send(sender, GroupReady(message.group))
            return
        GroupManager.receive(self, ctx, sender, message)
        self.write()

    def fire(self, ctx: Context, timer: str) -> None:
        """A back-off has ended."""
        GroupManager.fire(self, ctx, timer)
        self.write()

    def write(self) -> None:
        """Bring the record up to date."""
        now = self.round
        for group, state in self.state.items():
            reserved = now.targets if now is not None and now.group == group and now.committing else ()
            self.table[group] = Row(state, tuple(sorted(self.placed[group].items())), reserved)


@dataclass(slots=True)
class LoyalNode(BundleNode):
    """A node that serves one manager at a time."""

    serves: Name = "manager"

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The protocol of a node; the newest manager is the one to serve."""
        if slot_of(sender) == "manager":
            # Names of later incarnations sort behind those of earlier ones.
            if sender < self.serves:
                return
            self.serves = sender
        if isinstance(message, ReleaseUnused):
            for group, bundle in sorted({*self.prepared, *self.committed} - set(message.used)):
                self.give_back(ctx, group, (bundle,))
            ctx.send("manager", Usage(self.total, self.busy), USAGE)
            return
        BundleNode.receive(self, ctx, sender, message)
