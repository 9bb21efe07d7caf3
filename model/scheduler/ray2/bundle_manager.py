"""A node's bundles of placement groups: reserved, put to use, given back.

Source: Ray 2.60, `placement_group_resource_manager.cc::PrepareBundles`, `CommitBundles`, `ReturnBundle`;
`node_manager.cc::HandleCancelResourceReserve`, `HandleReleaseUnusedBundles`. Bundles are reserved from what leases have
left of the node, which is why a prepare can fail; what is committed is offered to leases under the names of `bundles`.

What comes from a manager that is gone is ignored once the next one was heard, as when an old connection ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rayproof.model.graph import GroupId, GroupSpec, Resources
from rayproof.model.kernel import Context, Message, Name, Process, TimerKind, Unhandled, constant, slot_of
from rayproof.model.scheduler.ray2.bundles import offered
from rayproof.model.wire.ray2.groups import (
    USAGE,
    Bundle,
    BundleCommitted,
    BundlePrepared,
    BundleReturned,
    BundlesChanged,
    Busy,
    Commit,
    Committed,
    Prepare,
    Prepared,
    ReleaseUnused,
    ReturnBundles,
    Usage,
)
from rayproof.model.wire.ray2.leases import INSIDE

JOIN = "join"
"""Timer after which the control plane hears of a late node: the program's own progress."""


@dataclass(slots=True, kw_only=True)
class BundleManager(Process):
    """One node's bundles."""

    groups: Mapping[GroupId, GroupSpec] = constant()
    total: Resources = constant()
    raylet: Name = constant()
    manager: Name = constant("manager")
    late: bool = constant(False)
    """Whether it joins some time after the start."""
    busy: Resources = Resources()
    """What leases outside bundles hold."""
    prepared: set[Bundle] = field(default_factory=set)
    committed: set[Bundle] = field(default_factory=set)
    serves: Name = ""
    """The newest manager that was heard."""

    def start(self, ctx: Context) -> None:
        """A late node makes itself known."""
        self.serves = self.manager
        if self.late:
            ctx.set_timer(JOIN, kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """It joins."""
        self.tell(ctx)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The manager's wishes, and what leases leave."""
        if isinstance(message, Busy):
            self.busy = message.amounts
            self.tell(ctx)
            return
        # Names of later incarnations sort behind those of earlier ones.
        if slot_of(sender) == self.manager and sender < self.serves:
            return
        self.serves = sender
        before, kept = self.offered, self.reserved
        returned: tuple[GroupId, ...] = ()
        match message:
            case Prepare(group, number, bundles):
                ctx.send(sender, Prepared(group, number, self.prepare(ctx, group, bundles)))
            case Commit(group, number, bundles):
                self.commit(ctx, group, bundles)
                ctx.send(sender, Committed(group, number))
            case ReturnBundles(group, bundles):
                if self.give_back(ctx, group, bundles):
                    returned = (group,)
            case ReleaseUnused(used):
                unused = sorted((self.prepared | self.committed) - set(used))
                returned = tuple(sorted({group for group, bundle in unused if self.give_back(ctx, group, (bundle,))}))
                self.tell(ctx)
            case _:
                raise Unhandled(message)
        if returned or (kept, before) != (self.reserved, self.offered):
            ctx.send(self.raylet, BundlesChanged(self.reserved, self.offered, returned), INSIDE)

    def tell(self, ctx: Context) -> None:
        """Report to the manager."""
        ctx.send(self.manager, Usage(self.total, self.busy), USAGE)

    def amounts(self, bundle: Bundle) -> Resources:
        """What a bundle is made of."""
        return self.groups[bundle[0]].bundles[bundle[1]]

    @property
    def reserved(self) -> Resources:
        """What bundles keep of the node."""
        kept = Resources()
        for bundle in sorted(self.prepared | self.committed):
            kept = kept + self.amounts(bundle)
        return kept

    @property
    def offered(self) -> Resources:
        """What those that are committed offer in its place."""
        return offered((*bundle, self.amounts(bundle)) for bundle in sorted(self.committed))

    @property
    def free(self) -> Resources:
        """What neither bundles nor leases hold; below zero where a body came out of a get."""
        return self.total - self.busy - self.reserved

    def prepare(self, ctx: Context, group: GroupId, bundles: tuple[int, ...]) -> bool:
        """Reserve all or none (`PrepareBundles`); what is reserved already is reserved anew."""
        self.give_back(ctx, group, tuple(bundle for bundle in bundles if (group, bundle) in self.prepared))
        needed = Resources()
        for bundle in bundles:
            needed = needed + self.amounts((group, bundle))
        if not needed.fits(self.free):
            return False
        for bundle in bundles:
            self.prepared.add((group, bundle))
            ctx.observe(BundlePrepared(group, bundle, ctx.me))
        return True

    def commit(self, ctx: Context, group: GroupId, bundles: tuple[int, ...]) -> None:
        """Put to use what is reserved; a bundle that was given back meanwhile stays so (`CommitBundles`)."""
        for bundle in bundles:
            if (group, bundle) in self.prepared:
                self.prepared.remove((group, bundle))
                self.committed.add((group, bundle))
                ctx.observe(BundleCommitted(group, bundle, ctx.me))

    def give_back(self, ctx: Context, group: GroupId, bundles: tuple[int, ...]) -> bool:
        """Free bundles (`ReturnBundle`); False where there were none."""
        found = False
        for bundle in bundles:
            if (group, bundle) in self.prepared | self.committed:
                self.prepared.discard((group, bundle))
                self.committed.discard((group, bundle))
                ctx.observe(BundleReturned(group, bundle, ctx.me))
                found = True
        return found
