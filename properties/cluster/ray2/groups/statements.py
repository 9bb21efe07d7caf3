"""What must hold of placement groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from rayproof.model.graph import GroupId, ObjectId, Program, Resources, TaskId
from rayproof.model.graph.contract import ErrorKind, Failed, GroupRemoved
from rayproof.model.kernel import Name, StateView, always, audit, sometimes
from rayproof.model.scheduler.ray import NodeResources, Request, Status, schedule_bundles
from rayproof.model.scheduler.ray2.bundle_manager import BundleManager
from rayproof.model.scheduler.ray2.group_manager import GroupManager, GroupState
from rayproof.model.scheduler.ray2.lease_manager import LeaseManager, group_of
from rayproof.model.scheduler.ray2.submitter import class_of
from rayproof.model.wire.ray2.groups import BundleCommitted, BundlePrepared, BundleReturned
from rayproof.model.wire.ray2.leases import LeaseSpec
from rayproof.model.workers.ray2.body import Body
from rayproof.model.workers.ray2.task_manager import TaskManager

Key = tuple[GroupId, int, Name]


@dataclass(frozen=True, slots=True)
class BundleLives:
    """Monitor: where each bundle stands, and the first two things that should not have happened."""

    prepared: tuple[Key, ...] = ()
    committed: tuple[Key, ...] = ()
    removed: tuple[GroupId, ...] = ()
    unprepared: bool = False
    """A bundle was committed that was not prepared there."""
    robbed: bool = False
    """A committed bundle was given back although nobody had given its group up."""

    def observe(self, event: object) -> BundleLives:
        """Fold one event."""
        match event:
            case BundlePrepared(group, bundle, node):
                return replace(self, prepared=tuple(sorted({*self.prepared, (group, bundle, node)})))
            case BundleCommitted(group, bundle, node):
                key = (group, bundle, node)
                return replace(
                    self,
                    prepared=tuple(k for k in self.prepared if k != key),
                    committed=tuple(sorted({*self.committed, key})),
                    unprepared=self.unprepared or key not in self.prepared,
                )
            case BundleReturned(group, bundle, node):
                key = (group, bundle, node)
                return replace(
                    self,
                    prepared=tuple(k for k in self.prepared if k != key),
                    committed=tuple(k for k in self.committed if k != key),
                    robbed=self.robbed or (key in self.committed and group not in self.removed),
                )
            case GroupRemoved(group):
                return replace(self, removed=tuple(sorted({*self.removed, group})))
            case _:
                return self


@always(GroupManager, BundleManager, source="Ray documentation, Placement Groups: all or nothing; bug benchmark S7")
def gang_atomicity(view: StateView) -> bool:
    """A group that is called created has every bundle committed, on nodes that live or whose death is on its way."""
    nodes = view.of(BundleManager)
    for manager in view.of(GroupManager).values():
        for group, state in manager.state.items():
            if state is not GroupState.CREATED:
                continue
            if manager.missing(group):
                return False
            for bundle, node in manager.placed[group].items():
                if node in nodes and (group, bundle) not in nodes[node].committed:
                    return False
    return True


@audit(GroupManager, BundleManager, source="Ray #12003, #42942; bug benchmark D55, D56, S2")
def no_bundle_leaks(view: StateView) -> bool:
    """When nothing more can happen, a node holds exactly the bundles that the manager has placed there."""
    for manager in view.of(GroupManager).values():
        for name, node in view.of(BundleManager).items():
            placed = {(g, b) for g, places in manager.placed.items() for b, where in places.items() if where == name}
            if node.prepared or node.committed != placed:
                return False
    return True


@always(source="Ray 2.60 placement_group_resource_manager.cc, CommitBundles", monitors=(BundleLives,))
def commit_matches_prepare(view: StateView) -> bool:
    """A node puts no bundle to use that it has not reserved before."""
    return not view.monitor(BundleLives).unprepared


@always(source="Ray #12336; bug benchmark D54, S7", monitors=(BundleLives,))
def committed_bundles_stay(view: StateView) -> bool:
    """A committed bundle is given back only when its group was given up."""
    return not view.monitor(BundleLives).robbed


@always(BundleManager, each=True, source="Ray 2.60 NodeResourceInstanceSet; bug benchmark S2")
def bundles_fit_their_node(node: BundleManager) -> bool:
    """Bundles and the leases outside them never hold more than the node has."""
    return all(amount >= 0 for _, amount in node.free.units)


@audit(GroupManager, BundleManager, source="Ray #24875; bug benchmark D53, L1")
def every_group_that_fits_is_created(view: StateView) -> bool:
    """When nothing more can happen, a group that is not created has no placement on what is free."""
    nodes = view.of(BundleManager)
    free = [NodeResources(name, node.total, dict(node.free.units)) for name, node in nodes.items()]
    for manager in view.of(GroupManager).values():
        for group, state in manager.state.items():
            if state in (GroupState.CREATED, GroupState.REMOVED):
                continue
            wanted = manager.groups[group]
            places = manager.placed[group]
            used = frozenset(places.values())
            missing = [Request(wanted.bundles[bundle]) for bundle in manager.missing(group)]
            outcomes = schedule_bundles(free, missing, wanted.strategy, used_by_group=used)
            if next(outcomes).status is Status.SUCCESS:
                return False
    return True


@audit(GroupManager, BundleManager, source="Ray #65147; bug benchmark D57", known="65147")
def groups_do_not_wait_for_each_other(view: StateView) -> bool:
    """Of the groups that wait, one at least would fit if the others gave back what they hold."""
    nodes = view.of(BundleManager)
    for manager in view.of(GroupManager).values():
        waiting = [g for g, state in manager.state.items() if state is GroupState.RESCHEDULING]
        for group in waiting:
            others = [g for g in waiting if g != group]
            free = []
            for name, node in nodes.items():
                left = dict(node.free.units)
                for bundle in node.committed:
                    if bundle[0] in others:
                        left = dict((Resources.from_units(left) + node.amounts(bundle)).units)
                free.append(NodeResources(name, node.total, left))
            wanted = manager.groups[group]
            used = frozenset(manager.placed[group].values())
            missing = [Request(wanted.bundles[bundle]) for bundle in manager.missing(group)]
            outcomes = schedule_bundles(free, missing, wanted.strategy, used_by_group=used)
            if others and next(outcomes).status is Status.SUCCESS:
                return False
    return True


@sometimes(GroupManager, source="Ray 2.60 gcs_placement_group_manager.cc")
def a_group_is_rescheduled(view: StateView) -> bool:
    """Some group loses a bundle after it was created."""
    return any(
        state is GroupState.RESCHEDULING
        for manager in view.of(GroupManager).values()
        for state in manager.state.values()
    )


# ---- what becomes of who runs in a group -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RemovedGroups:
    """Monitor: groups that were given up, and the tasks that failed for it."""

    groups: frozenset[GroupId] = frozenset()
    refused: frozenset[TaskId] = frozenset()

    def observe(self, event: object) -> RemovedGroups:
        """Fold one event."""
        match event:
            case GroupRemoved(group):
                return replace(self, groups=self.groups | {group})
            case Failed(task, ErrorKind.GROUP_REMOVED):
                return replace(self, refused=self.refused | {task})
            case _:
                return self


def _hopeless(view: StateView) -> Iterator[tuple[Program, LeaseSpec]]:
    """Requests in groups that were given up, which no node can serve any more."""
    groups = view.monitor(RemovedGroups).groups
    for raylet in view.of(LeaseManager).values():
        for queue in raylet.infeasible.values():
            yield from ((raylet.program, spec) for spec in queue if group_of(spec) in groups)


@audit(
    TaskManager,
    LeaseManager,
    source="Ray #18572, seen on 2.60: attempt 1 stays PENDING_NODE_ASSIGNMENT, and a get of its result hangs",
    monitors=(RemovedGroups,),
    known="18572",
)
def tasks_end_with_their_group(view: StateView) -> bool:
    """When nothing more can happen, no task or actor of a group that was given up waits for a worker."""
    groups = view.monitor(RemovedGroups).groups
    left = (m.program.tasks[task].strategy for m in view.of(TaskManager).values() for task in m.pending)
    return not any(_hopeless(view)) and not any(getattr(strategy, "group", None) in groups for strategy in left)


@audit(Body, LeaseManager, source="bug benchmark L1, L2; Ray #18572", monitors=(RemovedGroups,))
def who_waits_waits_for_a_removed_group(view: StateView) -> bool:
    """When nothing more can happen, a body waits only for tasks of removed groups whose requests no node can serve."""
    late: set[ObjectId] = set()
    for program, spec in _hopeless(view):
        actor = program.tasks[spec.task].actor
        for task in program.tasks.values():
            alike = class_of(task.name, task.demand, spec.strategy) == spec.of
            if spec.actor:
                # Calls wait for their actor; for one that restarts, those that may be made again.
                alike = task.actor == actor and (not spec.again or bool(task.max_retries))
            # Tasks wait for the results that they need.
            if alike or late.intersection(task.inputs):
                late.update(task.outputs)
    return all(late >= frame.missing for body in view.of(Body).values() for frame in body.frames.values())


@sometimes(source="Ray 2.60 node_manager.cc, HandleCancelResourceReserve", monitors=(RemovedGroups,))
def a_task_fails_with_its_group(view: StateView) -> bool:
    """Some task that waits for a worker fails, as its group was given up."""
    return bool(view.monitor(RemovedGroups).refused)


@sometimes(Body, source="Ray 2.60 node_manager.cc, HandleCancelResourceReserve")
def a_worker_is_killed(view: StateView) -> bool:
    """Some worker process is ended, and another takes its place."""
    return any(body.life for body in view.of(Body).values())


@sometimes(Body, source="Ray 2.60 node_manager.cc, HandleCancelResourceReserve")
def a_worker_is_killed_before_its_task_comes(view: StateView) -> bool:
    """Some worker process is ended while a task is on its way to it."""
    return any(body.ended for body in view.of(Body).values())


GROUPS = (
    gang_atomicity,
    no_bundle_leaks,
    commit_matches_prepare,
    committed_bundles_stay,
    bundles_fit_their_node,
    every_group_that_fits_is_created,
)
"""Checked in every scope of placement groups."""
