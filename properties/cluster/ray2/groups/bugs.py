"""Planted bugs of placement groups (numbers of the bug benchmark where a real defect stands behind one)."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.kernel import Context, Name
from rayproof.model.scheduler.ray2.groups.manager import GroupManager, GroupState, Round
from rayproof.model.scheduler.ray2.groups.node import BundleNode
from rayproof.model.scheduler.ray2.groups.protocol import GroupId, ReleaseUnused, ReturnBundles
from rayproof.model.scheduler.ray2.groups.restart import RestartableManager
from rayproof.properties.bug import Bug


@dataclass(slots=True)
class CallsHalfAGroupCreated(GroupManager):
    """A group is called created when its commits have been answered, or their node has died."""

    def finish(self, ctx: Context, now: Round) -> None:
        GroupManager.finish(self, ctx, now)
        self.queue = [group for group in self.queue if group != now.group]
        self.state[now.group] = GroupState.CREATED


@dataclass(slots=True)
class LeavesTheRoundBehind(GroupManager):
    """A removal gives back what is placed and forgets what a round in flight has reserved (D55's cousin)."""

    def remove(self, ctx: Context, group: GroupId) -> None:
        if self.round is not None and self.round.group == group:
            self.round = None
        GroupManager.remove(self, ctx, group)


@dataclass(slots=True)
class CommitsWhatIsNotReserved(BundleNode):
    """A commit takes what it needs if it is free, reserved or not."""

    def commit(self, ctx: Context, group: GroupId, bundles: tuple[int, ...]) -> None:
        for bundle in bundles:
            if self.groups[group].bundles[bundle].fits(self.free):
                self.prepared.setdefault((group, bundle), self.groups[group].bundles[bundle])
        BundleNode.commit(self, ctx, group, bundles)


@dataclass(slots=True)
class CommitsInSpiteOfARefusal(GroupManager):
    """A node that refused to prepare is told to commit all the same."""

    def prepared(self, ctx: Context, node: Name, number: int, ok: bool) -> None:
        GroupManager.prepared(self, ctx, node, number, True)


@dataclass(slots=True)
class CancelsTheWholeGroup(GroupManager):
    """A failed round gives back all bundles of its group, the healthy ones too (D54)."""

    def cancel(self, ctx: Context, now: Round) -> None:
        GroupManager.cancel(self, ctx, now)
        for bundle, node in sorted(self.placed[now.group].items()):
            ctx.send(node, ReturnBundles(now.group, (bundle,)))
        self.placed[now.group] = {}


@dataclass(slots=True)
class PreparesWithoutALook(BundleNode):
    """A node reserves whatever it is asked for."""

    def prepare(self, ctx: Context, group: GroupId, bundles: tuple[int, ...]) -> bool:
        busy, self.busy = self.busy, self.total - self.total
        done = BundleNode.prepare(self, ctx, group, bundles)
        self.busy = busy
        return done


@dataclass(slots=True)
class ForgetsTheSecondLoss(GroupManager):
    """A group that is rescheduled already is not looked at again when it loses another bundle (D53)."""

    def finish(self, ctx: Context, now: Round) -> None:
        before = self.state[now.group]
        GroupManager.finish(self, ctx, now)
        if before is GroupState.RESCHEDULING and self.missing(now.group):
            self.queue = [group for group in self.queue if group != now.group]


@dataclass(slots=True)
class ReleasesNothing(RestartableManager):
    """A manager that comes back does not ask nodes for what it has no record of (D56)."""

    def release_unused(self, ctx: Context) -> None:
        for node in self.nodes:
            every = tuple((group, bundle) for group, each in self.groups.items() for bundle in range(len(each.bundles)))
            ctx.send(node, ReleaseUnused(every))


@dataclass(slots=True)
class LooksAgainAtOnce(GroupManager):
    """A group that does not fit looks again after its back-off, whether anything has changed or not."""

    def schedule(self, ctx: Context) -> None:
        GroupManager.schedule(self, ctx)
        self.stuck, self.parked = [*self.stuck, *self.parked], []
        self.view_changed(ctx)


GROUP_BUGS = (
    Bug(
        "calls_half_a_group_created",
        "A group is called created although a node died during its commit.",
        {GroupManager: CallsHalfAGroupCreated},
        "gang_atomicity",
        "groups-crash",
    ),
    Bug(
        "leaves_the_round_behind",
        "Removing a group forgets what is being reserved for it.",
        {GroupManager: LeavesTheRoundBehind},
        "no_bundle_leaks",
        "groups-removed",
    ),
    Bug(
        "commits_in_spite_of_a_refusal",
        "A node that refused to reserve is told to commit, and does.",
        {GroupManager: CommitsInSpiteOfARefusal, BundleNode: CommitsWhatIsNotReserved},
        "commit_matches_prepare",
        "groups-removed",
        also=("gang_atomicity",),
    ),
    Bug(
        "cancels_the_whole_group",
        "A failed round gives the healthy bundles of its group back.",
        {GroupManager: CancelsTheWholeGroup},
        "committed_bundles_stay",
        "groups-crash",
    ),
    Bug(
        "prepares_without_a_look",
        "A node reserves bundles beside the tasks that fill it.",
        {BundleNode: PreparesWithoutALook},
        "bundles_fit_their_node",
        "groups-removed",
    ),
    Bug(
        "forgets_the_second_loss",
        "A group that loses another bundle while it is rescheduled is never whole again.",
        {GroupManager: ForgetsTheSecondLoss},
        "every_group_that_fits_is_created",
        "groups-two-crashes",
    ),
    Bug(
        "releases_nothing",
        "A manager that restarts between reserving and recording leaves the bundles reserved (D56).",
        {RestartableManager: ReleasesNothing},
        "no_bundle_leaks",
        "groups-restart",
        "Ray #12003",
    ),
    Bug(
        "looks_again_at_once",
        "A group that does not fit is looked at again although nothing has changed.",
        {GroupManager: LooksAgainAtOnce},
        "comes_to_rest",
        "groups-halves",
        "Ray 2.60 gcs_placement_group_manager.cc looks again after each back-off",
        spins=True,
    ),
)
"""The planted bugs of placement groups."""
