"""Planted bugs of placement groups (numbers of the bug benchmark where a real defect stands behind one)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rayproof.model.actors.ray2.actor_calls import ActorCalls
from rayproof.model.graph import GroupId, Resources
from rayproof.model.kernel import Context, Message, Name
from rayproof.model.scheduler.ray2.bundle_manager import BundleManager
from rayproof.model.scheduler.ray2.group_manager import GroupManager, GroupState, Round
from rayproof.model.scheduler.ray2.lease_manager import LeaseManager, group_of
from rayproof.model.scheduler.ray2.submitter import LeaseSubmitter
from rayproof.model.wire.ray2.actors import ActorAt
from rayproof.model.wire.ray2.groups import Commit, ReleaseUnused, ReturnBundles
from rayproof.model.wire.ray2.leases import LeaseCancelled, LeaseId
from rayproof.model.wire.ray2.workers import PushTask
from rayproof.model.workers.ray2.body import Body
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


@dataclass(slots=True, kw_only=True)
class CommitsWhatIsNotReserved(BundleManager):
    """A commit takes what it needs, reserved or not, as soon as that is free."""

    told: list[tuple[Name, Commit]] = field(default_factory=list)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        if isinstance(message, Commit):
            self.told.append((sender, message))
        else:
            BundleManager.receive(self, ctx, sender, message)
        for who, commit in list(self.told):
            bundles = {(commit.group, bundle) for bundle in commit.bundles} - self.prepared
            if sum(map(self.amounts, sorted(bundles)), Resources()).fits(self.free):
                self.told.remove((who, commit))
                self.prepared |= bundles
                BundleManager.receive(self, ctx, who, commit)


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


@dataclass(slots=True, kw_only=True)
class PreparesWithoutALook(BundleManager):
    """A node reserves whatever it is asked for."""

    def prepare(self, ctx: Context, group: GroupId, bundles: tuple[int, ...]) -> bool:
        busy, self.busy = self.busy, Resources()
        done = BundleManager.prepare(self, ctx, group, bundles)
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
class ReleasesNothing(GroupManager):
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


@dataclass(slots=True, kw_only=True)
class KillsNobody(LeaseManager):
    """Bundles go under those who run in them."""

    def kill(self, ctx: Context, lease: LeaseId) -> None:
        pass


@dataclass(slots=True, kw_only=True)
class OverlooksWhatStarts(LeaseManager):
    """A group's workers are killed, but not those whose process is only starting (D55)."""

    def group_returned(self, ctx: Context, group: GroupId) -> None:
        starting = {lease: held for lease, held in self.granted.items() if group_of(held.spec) == group}
        starting = {lease: held for lease, held in starting.items() if not held.worker}
        for lease in starting:
            del self.granted[lease]
        LeaseManager.group_returned(self, ctx, group)
        self.granted.update(starting)


@dataclass(slots=True, kw_only=True)
class RunsForTheDead(Body):
    """A task that comes for a process that was killed runs in the next one."""

    def meets_nobody(self, push: PushTask) -> bool:
        return False


@dataclass(slots=True, kw_only=True)
class ForgetsWhoWaited(LeaseSubmitter):
    """The tasks of a removed group leave the queue, and nobody is told."""

    def cancelled(self, ctx: Context, number: int, answer: LeaseCancelled) -> None:
        asked = self.requests.get(number)
        if answer.group_removed and asked is not None:
            for task in self.queues.pop(asked.key, []):
                del self.ready[task]
        LeaseSubmitter.cancelled(self, ctx, number, answer)


@dataclass(slots=True, kw_only=True)
class BlamesTheGroup(LeaseSubmitter):
    """A task that gets a worker in a group fails as if that group had been removed."""

    def granted(self, ctx: Context, node: Name, number: int, worker: Name) -> None:
        asked = self.requests.get(number)
        if asked is not None and group_of(asked.spec) is not None:
            self.cancelled(ctx, number, LeaseCancelled((ctx.me, number), group_removed=True))
        LeaseSubmitter.granted(self, ctx, node, number, worker)


@dataclass(slots=True, kw_only=True)
class KeepsCallsOfTheRestarting(ActorCalls):
    """A call that is never made again waits while its actor restarts."""

    def moved(self, ctx: Context, home: ActorAt) -> None:
        ActorCalls.moved(self, ctx, replace(home, restarting=False))


GROUP_BUGS = (
    Bug(
        "calls_half_a_group_created",
        "A group is called created although a node died during its commit.",
        {GroupManager: CallsHalfAGroupCreated},
        "gang_atomicity",
        "today-group-crash",
    ),
    Bug(
        "leaves_the_round_behind",
        "Removing a group forgets what is being reserved for it.",
        {GroupManager: LeavesTheRoundBehind},
        "no_bundle_leaks",
        "today-group-removed",
    ),
    Bug(
        "commits_in_spite_of_a_refusal",
        "A node that refused to reserve is told to commit, and does.",
        {GroupManager: CommitsInSpiteOfARefusal, BundleManager: CommitsWhatIsNotReserved},
        "commit_matches_prepare",
        "today-group-removed",
        also=("no_bundle_leaks",),
    ),
    Bug(
        "cancels_the_whole_group",
        "A failed round gives the healthy bundles of its group back.",
        {GroupManager: CancelsTheWholeGroup},
        "committed_bundles_stay",
        "today-group-crash",
    ),
    Bug(
        "prepares_without_a_look",
        "A node reserves bundles beside the tasks that fill it.",
        {BundleManager: PreparesWithoutALook},
        "bundles_fit_their_node",
        "today-group-removed",
        also=("free_and_leased_add_up",),
    ),
    Bug(
        "forgets_the_second_loss",
        "A group that loses another bundle while it is rescheduled is never whole again.",
        {GroupManager: ForgetsTheSecondLoss},
        "every_group_that_fits_is_created",
        "today-group-two-crashes",
    ),
    Bug(
        "releases_nothing",
        "A manager that restarts between reserving and recording leaves the bundles reserved (D56).",
        {GroupManager: ReleasesNothing},
        "no_bundle_leaks",
        "today-group-restart",
        "Ray #12003",
    ),
    Bug(
        "looks_again_at_once",
        "A group that does not fit is looked at again although nothing has changed.",
        {GroupManager: LooksAgainAtOnce},
        "comes_to_rest",
        "today-group-halves",
        "Ray 2.60 gcs_placement_group_manager.cc looks again after each back-off",
        spins=True,
    ),
    Bug(
        "kills_nobody",
        "A bundle is given back under the tasks that run in it.",
        {LeaseManager: KillsNobody},
        "free_and_leased_add_up",
        "today-group-running",
        "Ray 2.60 node_manager.cc, HandleCancelResourceReserve",
    ),
    Bug(
        "overlooks_what_starts",
        "The removal of a group kills its workers, but not one that is only starting (D55).",
        {LeaseManager: OverlooksWhatStarts},
        "free_and_leased_add_up",
        "today-group-once",
        "Ray #42942",
    ),
    Bug(
        "runs_for_the_dead",
        "A task that comes for a killed worker runs in the process that takes its place.",
        {Body: RunsForTheDead},
        "bodies_run_on_leases",
        "today-group-running",
        "Ray 2.60 node_manager.cc, DestroyWorker: the connection is broken",
    ),
    Bug(
        "forgets_who_waited",
        "Tasks that wait for a worker in a removed group are forgotten, and a get of their results hangs.",
        {LeaseSubmitter: ForgetsWhoWaited},
        "who_waits_waits_for_a_removed_group",
        "today-group-running",
        "Ray 2.60 normal_task_submitter.cc, RequestNewWorkerIfNeeded",
    ),
    Bug(
        "keeps_calls_of_the_restarting",
        "A call without retries waits for an actor that restarts, whose group is gone.",
        {ActorCalls: KeepsCallsOfTheRestarting},
        "who_waits_waits_for_a_removed_group",
        "today-group-actor-restarts",
        "Ray 2.60 actor_task_submitter.cc, SendPendingTasks",
    ),
    Bug(
        "blames_the_group",
        "A task fails for the removal of its group, which nobody has given up.",
        {LeaseSubmitter: BlamesTheGroup},
        "refines_the_task_graph",
        "today-group-running",
        "Ray 2.60 normal_task_submitter.cc, RequestNewWorkerIfNeeded",
    ),
)
"""The planted bugs of placement groups."""
