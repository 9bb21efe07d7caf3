"""The placement group manager and scheduler of the control plane: two phases, one group at a time.

Source: Ray 2.60, `gcs_placement_group_manager.cc::SchedulePendingPlacementGroups`, `OnPlacementGroupCreationFailed`,
`OnPlacementGroupCreationSuccess`, `OnNodeDead`, `RemovePlacementGroup`, and
`gcs_placement_group_scheduler.cc::ScheduleUnplacedBundles`, `OnAllBundlePrepareRequestReturned`,
`OnAllBundleCommitRequestReturned`; `Initialize` of both, and `ReleaseUnusedBundles`. A group that has lost bundles goes
first and keeps the others; a group for which there is no room now backs off; one that could never fit is parked until a
node joins.

Ray looks again after each back-off, whether anything has changed or not. Here the back-off begins with the next change,
so that a state in which nothing can happen any more is one in which nothing happens.

A group is on record when it is asked for, again when all of its round is reserved (PREPARED), and again when it is
placed; a record and what is sent because of it are one step. After a restart a reserved round is committed, all else
starts over, and each node is told which bundles are on record there; it gives the others back.

Left out: topology, detached groups, the death of a group's owner, and nodes that die while nobody manages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from rayproof.model.graph import BundleStrategy, GroupId, GroupSpec, Resources
from rayproof.model.kernel import Context, Down, Message, Name, Process, Unhandled, constant, durable
from rayproof.model.scheduler.ray import BundleOutcome, NodeResources, Request, Status, schedule_bundles
from rayproof.model.wire.ray2.groups import (
    Commit,
    Committed,
    CreateGroup,
    GroupReady,
    ManagerBack,
    Prepare,
    Prepared,
    ReleaseUnused,
    RemoveGroup,
    ReturnBundles,
    Usage,
)

BACKOFF = "retry:"
"""Prefix of the timers of groups for which there was no room; 100 ms * 1.5^n, at most 1 s."""

BACKOFF_US, MOST_BACKOFF_US = 100_000, 1_000_000


class GroupState(StrEnum):
    """Ray's states, without the one that only a restart tells apart."""

    PENDING = "pending"
    CREATED = "created"
    RESCHEDULING = "rescheduling"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Round:
    """The group that is being scheduled."""

    group: GroupId
    number: int
    targets: tuple[tuple[int, Name], ...]
    """(bundle, node) of this round."""
    waiting: frozenset[Name]
    """Nodes that have not answered."""
    ready: frozenset[Name] = frozenset()
    """Nodes that have prepared."""
    committing: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A group on record."""

    state: GroupState
    user: Name
    placed: tuple[tuple[int, Name], ...] = ()
    prepared: tuple[tuple[int, Name], ...] = ()
    """The round that is reserved and is to be committed."""


@dataclass(slots=True)
class GroupManager(Process):
    """The control plane, as far as groups are concerned."""

    groups: Mapping[GroupId, GroupSpec] = constant()
    totals: tuple[tuple[Name, Resources], ...] = constant()
    """The nodes that are there from the beginning."""
    clients: tuple[Name, ...] = constant(())
    """Who may have asked for something, and is told after a restart."""
    reserved: tuple[tuple[GroupId, tuple[Name, ...]], ...] = constant(())
    """Nodes where bundles go while there is room for them there, as somewhere else they went; empty: anywhere."""
    table: dict[GroupId, Row] = durable(default_factory=dict)
    """What outlives a restart."""
    users: dict[GroupId, Name] = field(default_factory=dict)
    """Who asked for each group."""
    nodes: dict[Name, tuple[Resources, Resources]] = field(default_factory=dict)
    """Living nodes -> (total, held by their own tasks)."""
    dead: set[Name] = field(default_factory=set)
    state: dict[GroupId, GroupState] = field(default_factory=dict)
    placed: dict[GroupId, dict[int, Name]] = field(default_factory=dict)
    """Bundles that are committed -> their node."""
    queue: list[GroupId] = field(default_factory=list)
    """Groups to schedule, those that have lost bundles first."""
    parked: list[GroupId] = field(default_factory=list)
    """Groups that do not fit the present nodes even when empty."""
    stuck: list[GroupId] = field(default_factory=list)
    """Groups for which there is no room now; they back off as soon as the view has changed."""
    failures: dict[GroupId, int] = field(default_factory=dict)
    round: Round | None = None
    rounds: int = 0

    def start(self, ctx: Context) -> None:
        """The first nodes are known; what is on record is taken up."""
        self.nodes = {name: (total, Resources()) for name, total in self.totals}
        if restarts := ctx.me.partition("#")[2]:
            # Rounds of this life are told apart from those before, whose answers may still come.
            self.rounds = 1_000 * int(restarts)
            self.take_up(ctx)

    def take_up(self, ctx: Context) -> None:
        """Go on with what is on record (`Initialize`)."""
        for group, row in sorted(self.table.items()):
            self.state[group], self.users[group] = row.state, row.user
            self.placed[group] = dict(row.placed)
        self.release_unused(ctx)
        for client in self.clients:
            ctx.send(client, ManagerBack())
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
        """Tell each node what is on record there (`ReleaseUnusedBundles`)."""
        for node in self.nodes:
            used = {
                (group, bundle)
                for group, row in self.table.items()
                for bundle, where in (*row.placed, *row.prepared)
                if where == node
            }
            ctx.send(node, ReleaseUnused(tuple(sorted(used))))

    def write(self) -> None:
        """Bring the record up to date."""
        now = self.round
        for group, state in self.state.items():
            reserved = now.targets if now is not None and now.group == group and now.committing else ()
            self.table[group] = Row(state, self.users[group], tuple(sorted(self.placed[group].items())), reserved)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The protocol of the manager."""
        match message:
            case CreateGroup(group):
                self.create(ctx, sender, group)
            case RemoveGroup(group):
                self.remove(ctx, group)
            case Prepared(group, number, ok):
                self.prepared(ctx, sender, number, ok)
            case Committed(group, number):
                self.committed(ctx, sender, number)
            case Usage(total, busy):
                if sender not in self.dead:
                    self.heard(ctx, sender, total, busy)
            case Down(node):
                self.node_died(ctx, node)
            case _:
                raise Unhandled(message)
        self.schedule(ctx)
        self.write()

    def fire(self, ctx: Context, timer: str) -> None:
        """A back-off has ended."""
        group = timer.removeprefix(BACKOFF)
        if self.state[group] is not GroupState.REMOVED:
            self.enqueue(group)
        self.schedule(ctx)
        self.write()

    def create(self, ctx: Context, user: Name, group: GroupId) -> None:
        """Queue a new group; one that is asked for once more is answered once more."""
        if group not in self.state:
            self.state[group], self.users[group], self.placed[group] = GroupState.PENDING, user, {}
            self.queue.append(group)
        elif self.state[group] is GroupState.CREATED:
            ctx.send(user, GroupReady(group))

    def enqueue(self, group: GroupId) -> None:
        """Queue a group, before all others when it has lost bundles (rank 0)."""
        if group not in self.queue:
            self.queue.insert(0 if self.state[group] is GroupState.RESCHEDULING else len(self.queue), group)

    # ---- one round ---------------------------------------------------------------------------------------------------

    def schedule(self, ctx: Context) -> None:
        """Start a round for the next group that has a placement (`SchedulePendingPlacementGroups`)."""
        while self.round is None and self.queue:
            group = self.queue.pop(0)
            missing = self.missing(group)
            outcome = self.choose(group, missing)
            if outcome.status is Status.INFEASIBLE:
                self.parked.append(group)
            elif outcome.status is Status.FAILED:
                self.stuck.append(group)
            else:
                self.rounds += 1
                targets = tuple(zip(missing, outcome.nodes, strict=True))
                nodes = sorted(set(outcome.nodes))
                self.round = Round(group, self.rounds, targets, frozenset(nodes))
                for node in nodes:
                    ctx.send(node, Prepare(group, self.rounds, bundles_on(self.round, node)))

    def missing(self, group: GroupId) -> list[int]:
        """Bundles without a place."""
        return [i for i in range(len(self.groups[group].bundles)) if i not in self.placed[group]]

    def choose(self, group: GroupId, missing: list[int]) -> BundleOutcome:
        """Ask the bundle policy about the bundles that have no place."""
        wanted = self.groups[group]
        used = frozenset(self.placed[group].values())
        target = min(used, default=None) if wanted.strategy is BundleStrategy.STRICT_PACK else None
        requests = [Request(wanted.bundles[bundle]) for bundle in missing]
        view = self.view()
        for places in (tuple(where[bundle] for bundle in missing) for of, where in self.reserved if of == group):
            if has_room(view, requests, places):
                return BundleOutcome(Status.SUCCESS, places)
        return next(schedule_bundles(view, requests, wanted.strategy, used_by_group=used, soft_target=target))

    def view(self) -> list[NodeResources]:
        """Each node less its own tasks and what groups have there, as far as the manager knows."""
        found = []
        for name, (total, busy) in sorted(self.nodes.items()):
            left = total - busy
            for group, places in sorted(self.placed.items()):
                for bundle, node in places.items():
                    if node == name:
                        left = left - self.groups[group].bundles[bundle]
            found.append(NodeResources(name, total, {r: max(0, amount) for r, amount in left.units}))
        return found

    def view_changed(self, ctx: Context) -> None:
        """Those for which there was no room look again after their back-off."""
        stuck, self.stuck = self.stuck, []
        for group in stuck:
            self.back_off(ctx, group)

    def back_off(self, ctx: Context, group: GroupId) -> None:
        """Try again later (`OnPlacementGroupCreationFailed`)."""
        # Untimed, the length does not matter; the exponent is kept small so that states stay few.
        exponent = min(self.failures.get(group, 0), 6)
        self.failures[group] = exponent + 1
        ctx.set_timer(f"{BACKOFF}{group}", min(MOST_BACKOFF_US, BACKOFF_US * 3**exponent // 2**exponent))

    def prepared(self, ctx: Context, node: Name, number: int, ok: bool) -> None:
        """All answers in: commit, or give everything of this round back and back off."""
        now = self.round
        if now is None or now.number != number or now.committing or node not in now.waiting:
            return
        self.round = Round(
            now.group, number, now.targets, now.waiting - {node}, now.ready | ({node} if ok else frozenset())
        )
        self.answered(ctx)

    def answered(self, ctx: Context) -> None:
        """Go on when nobody is waited for (`OnAllBundlePrepareRequestReturned`)."""
        now = self.round
        if now is None or now.waiting:
            return
        if now.committing:
            self.finish(ctx, now)
            return
        if any(node not in now.ready for _, node in now.targets):
            self.round = None
            self.cancel(ctx, now)
            self.back_off(ctx, now.group)
            return
        self.round = Round(now.group, now.number, now.targets, now.ready, now.ready, True)
        for node in sorted(now.ready):
            ctx.send(node, Commit(now.group, now.number, bundles_on(now, node)))

    def cancel(self, ctx: Context, now: Round) -> None:
        """Give back what this round has reserved, and nothing else."""
        for node in sorted(now.ready):
            ctx.send(node, ReturnBundles(now.group, bundles_on(now, node)))
        self.view_changed(ctx)

    def committed(self, ctx: Context, node: Name, number: int) -> None:
        """A node has put its bundles to use."""
        now = self.round
        if now is not None and now.number == number and now.committing and node in now.waiting:
            self.round = Round(now.group, number, now.targets, now.waiting - {node}, now.ready, True)
            self.answered(ctx)

    def finish(self, ctx: Context, now: Round) -> None:
        """The round is over: created, unless a node died meanwhile (`OnAllBundleCommitRequestReturned`)."""
        self.round = None
        self.failures.pop(now.group, None)
        self.placed[now.group].update({bundle: node for bundle, node in now.targets if node not in self.dead})
        if self.missing(now.group):
            self.state[now.group] = GroupState.RESCHEDULING
            self.enqueue(now.group)
            return
        self.state[now.group] = GroupState.CREATED
        ctx.send(self.users[now.group], GroupReady(now.group))

    # ---- what happens meanwhile --------------------------------------------------------------------------------------

    def remove(self, ctx: Context, group: GroupId) -> None:
        """Give everything back, also what a round in flight may have reserved (`RemovePlacementGroup`)."""
        if group not in self.state:
            return
        self.state[group] = GroupState.REMOVED
        self.queue = [other for other in self.queue if other != group]
        self.parked = [other for other in self.parked if other != group]
        self.stuck = [other for other in self.stuck if other != group]
        ctx.cancel_timer(f"{BACKOFF}{group}")
        held: dict[Name, set[int]] = {}
        for bundle, node in self.placed[group].items():
            held.setdefault(node, set()).add(bundle)
        if self.round is not None and self.round.group == group:
            for bundle, node in self.round.targets:
                held.setdefault(node, set()).add(bundle)
            self.round = None
        self.placed[group] = {}
        for node, bundles in sorted(held.items()):
            ctx.send(node, ReturnBundles(group, tuple(sorted(bundles))))
        self.view_changed(ctx)

    def heard(self, ctx: Context, node: Name, total: Resources, busy: Resources) -> None:
        """A report; a node that is new gives the parked groups another chance."""
        joined = node not in self.nodes
        self.nodes[node] = (total, busy)
        self.view_changed(ctx)
        if joined:
            parked, self.parked = self.parked, []
            for group in parked:
                self.enqueue(group)

    def node_died(self, ctx: Context, node: Name) -> None:
        """Bundles there are lost, and only they are placed again (`OnNodeDead`)."""
        self.dead.add(node)
        self.nodes.pop(node, None)
        for group in sorted(self.placed):
            lost = [bundle for bundle, where in self.placed[group].items() if where == node]
            for bundle in lost:
                del self.placed[group][bundle]
            if lost and self.state[group] is GroupState.CREATED:
                self.state[group] = GroupState.RESCHEDULING
                self.enqueue(group)
        self.view_changed(ctx)
        now = self.round
        if now is not None and node in now.waiting | now.ready:
            ready = now.ready - {node} if not now.committing else now.ready
            self.round = Round(now.group, now.number, now.targets, now.waiting - {node}, ready, now.committing)
            self.answered(ctx)


def bundles_on(now: Round, node: Name) -> tuple[int, ...]:
    """The bundles of a round that go to a node."""
    return tuple(bundle for bundle, where in now.targets if where == node)


def has_room(view: Sequence[NodeResources], requests: Sequence[Request], places: Sequence[Name]) -> bool:
    """Whether each request fits its own place beside those before it."""
    free = {node.name: Resources.from_units(node.free) for node in view}
    for request, place in zip(requests, places, strict=True):
        if place not in free or not request.resources.fits(free[place]):
            return False
        free[place] = free[place] - request.resources
    return True
