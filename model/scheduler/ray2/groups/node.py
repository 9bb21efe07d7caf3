"""A node's side of placement groups: reserve, commit, give back.

Source: Ray 2.60, `placement_group_resource_manager.cc::PrepareBundles`, `CommitBundles`, `ReturnBundle`. Its own tasks
take and leave resources as they like; they are why a prepare can fail.

Left out: tasks inside bundles and the rewritten names of their resources; here a committed bundle is only held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rayproof.model.graph import Resources
from rayproof.model.kernel import Context, Message, Name, Process, TimerKind, Unhandled, constant
from rayproof.model.scheduler.ray2.groups.protocol import (
    BundleCommitted,
    BundlePrepared,
    BundleReturned,
    Commit,
    Committed,
    Group,
    GroupId,
    Prepare,
    Prepared,
    ReturnBundles,
    Usage,
)

ARRIVE, LEAVE, BOOT = "arrive", "leave", "boot"
"""The node's own tasks come and go, and a late node boots: the program's own progress."""

USAGE = "usage"
"""Channel of the reports; a newer one replaces the one that waits."""


@dataclass(slots=True)
class BundleNode(Process):
    """One node."""

    groups: Mapping[GroupId, Group] = constant()
    total: Resources = constant()
    tasks: Resources = constant(Resources())
    """What the node's own tasks need; empty means that it has none."""
    late: bool = constant(False)
    """Whether it joins some time after the start."""
    busy: Resources = Resources()
    prepared: dict[tuple[GroupId, int], Resources] = field(default_factory=dict)
    committed: dict[tuple[GroupId, int], Resources] = field(default_factory=dict)

    def start(self, ctx: Context) -> None:
        """A node makes itself known; its own tasks come some time."""
        if self.late:
            ctx.set_timer(BOOT, kind=TimerKind.PROGRAM)
        if self.tasks:
            ctx.set_timer(ARRIVE, kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """Own tasks take what they need if it is there, and leave again."""
        if timer == ARRIVE:
            if not self.tasks.fits(self.free):
                return
            self.busy = self.tasks
            ctx.set_timer(LEAVE, kind=TimerKind.PROGRAM)
        elif timer == LEAVE:
            self.busy = Resources()
        ctx.send("manager", Usage(self.total, self.busy), USAGE)

    @property
    def free(self) -> Resources:
        """What neither bundles nor tasks hold."""
        left = self.total - self.busy
        for held in (*self.prepared.values(), *self.committed.values()):
            left = left - held
        return left

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The protocol of a node."""
        match message:
            case Prepare(group, number, bundles):
                ctx.send(sender, Prepared(group, number, self.prepare(ctx, group, bundles)))
            case Commit(group, number, bundles):
                self.commit(ctx, group, bundles)
                ctx.send(sender, Committed(group, number))
            case ReturnBundles(group, bundles):
                self.give_back(ctx, group, bundles)
            case _:
                raise Unhandled(message)

    def prepare(self, ctx: Context, group: GroupId, bundles: tuple[int, ...]) -> bool:
        """Reserve all or none (`PrepareBundles`); what is reserved already is reserved anew."""
        self.give_back(ctx, group, tuple(bundle for bundle in bundles if (group, bundle) in self.prepared))
        needed = Resources()
        for bundle in bundles:
            needed = needed + self.groups[group].bundles[bundle]
        if not needed.fits(self.free):
            return False
        for bundle in bundles:
            self.prepared[group, bundle] = self.groups[group].bundles[bundle]
            ctx.observe(BundlePrepared(group, bundle, ctx.me))
        return True

    def commit(self, ctx: Context, group: GroupId, bundles: tuple[int, ...]) -> None:
        """Put to use what is reserved; a bundle that was given back meanwhile stays so (`CommitBundles`)."""
        for bundle in bundles:
            if (group, bundle) in self.prepared:
                self.committed[group, bundle] = self.prepared.pop((group, bundle))
                ctx.observe(BundleCommitted(group, bundle, ctx.me))

    def give_back(self, ctx: Context, group: GroupId, bundles: tuple[int, ...]) -> None:
        """Free bundles (`ReturnBundle`)."""
        for bundle in bundles:
            there = self.prepared.pop((group, bundle), None) or self.committed.pop((group, bundle), None)
            if there:
                ctx.observe(BundleReturned(group, bundle, ctx.me))
