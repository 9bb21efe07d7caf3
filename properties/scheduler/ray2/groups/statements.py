"""What must hold of placement groups."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.graph import Resources
from rayproof.model.kernel import Name, StateView, always, audit, first, sometimes
from rayproof.model.scheduler.ray import NodeResources, Request, Status, schedule_bundles
from rayproof.model.scheduler.ray2.groups.manager import GroupManager, GroupState
from rayproof.model.scheduler.ray2.groups.node import BundleNode
from rayproof.model.scheduler.ray2.groups.protocol import (
    BundleCommitted,
    BundlePrepared,
    BundleReturned,
    GroupId,
    GroupRemoved,
)
from rayproof.model.scheduler.ray2.groups.user import GroupUser

Key = tuple[GroupId, int, Name]


@dataclass(frozen=True, slots=True)
class BundleLives:
    """Monitor: where each bundle stands, and the first two things that should not have happened."""

    prepared: tuple[Key, ...] = ()
    committed: tuple[Key, ...] = ()
    removed: tuple[GroupId, ...] = ()
    unprepared: str = ""
    """A bundle that was committed and had not been prepared there."""
    robbed: str = ""
    """A committed bundle that was given back although nobody had given its group up."""

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
                    unprepared=self.unprepared or ("" if key in self.prepared else _told(key)),
                )
            case BundleReturned(group, bundle, node):
                key = (group, bundle, node)
                return replace(
                    self,
                    prepared=tuple(k for k in self.prepared if k != key),
                    committed=tuple(k for k in self.committed if k != key),
                    robbed=self.robbed or (_told(key) if self._is_robbery(key) else ""),
                )
            case GroupRemoved(group):
                return replace(self, removed=tuple(sorted({*self.removed, group})))
            case _:
                return self

    def _is_robbery(self, key: Key) -> bool:
        return key in self.committed and key[0] not in self.removed


def _told(key: Key) -> str:
    group, bundle, node = key
    return f"bundle {bundle} of {group} on {node}"


@always(GroupManager, BundleNode, source="Ray documentation, Placement Groups: all or nothing; bug benchmark S7")
def gang_atomicity(view: StateView) -> str | None:
    """A group that is called created has every bundle committed, on nodes that live or whose death is on its way."""
    nodes = view.of(BundleNode)
    for manager in view.of(GroupManager).values():
        for group, state in manager.state.items():
            if state is not GroupState.CREATED:
                continue
            missing = manager.missing(group)
            if missing:
                return f"{group} is called created, bundle {min(missing)} has no node"
            for bundle, node in manager.placed[group].items():
                if node in nodes and (group, bundle) not in nodes[node].committed:
                    return f"{group} is called created, bundle {bundle} is not committed on {node}"
    return None


@audit(GroupManager, BundleNode, source="Ray #12003, #42942; bug benchmark D55, D56, S2")
def no_bundle_leaks(view: StateView) -> str | None:
    """When nothing more can happen, a node holds exactly the bundles that the manager has placed there."""
    for manager in view.of(GroupManager).values():
        for name, node in view.of(BundleNode).items():
            placed = {(g, b) for g, places in manager.placed.items() for b, where in places.items() if where == name}
            for group, bundle in sorted(node.prepared):
                return f"bundle {bundle} of {group} is left reserved on {name}"
            for group, bundle in sorted(set(node.committed) ^ placed):
                how = "not placed there" if (group, bundle) in node.committed else "not committed there"
                return f"bundle {bundle} of {group} on {name}: {how}"
    return None


@always(source="Ray 2.60 placement_group_resource_manager.cc, CommitBundles", monitors=(BundleLives,))
def commit_matches_prepare(view: StateView) -> str | None:
    """A node puts no bundle to use that it has not reserved before."""
    return view.monitor(BundleLives).unprepared or None


@always(source="Ray #12336; bug benchmark D54, S7", monitors=(BundleLives,))
def committed_bundles_stay(view: StateView) -> str | None:
    """A committed bundle is given back only when its group was given up."""
    return view.monitor(BundleLives).robbed or None


@always(BundleNode, each=True, source="Ray 2.60 NodeResourceInstanceSet; bug benchmark S2")
def bundles_fit_their_node(node: BundleNode) -> str | None:
    """Bundles and the node's own tasks never hold more than the node has."""
    return f"free is {node.free}" if any(amount < 0 for _, amount in node.free.units) else None


@audit(GroupManager, BundleNode, GroupUser, source="Ray #24875; bug benchmark D53, L1")
def every_group_that_fits_is_created(view: StateView) -> str | None:
    """When nothing more can happen, a group that is not created has no placement on what is free."""
    nodes = view.of(BundleNode)
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
                return f"{group} is {state} and would fit on what is free"
    return None


@audit(GroupManager, BundleNode, source="Ray #65147; bug benchmark D57", known="65147")
def groups_do_not_wait_for_each_other(view: StateView) -> str | None:
    """Of the groups that wait, one at least would fit if the others gave back what they hold."""
    nodes = view.of(BundleNode)
    for manager in view.of(GroupManager).values():
        waiting = [g for g, state in manager.state.items() if state is GroupState.RESCHEDULING]
        for group in waiting:
            others = [g for g in waiting if g != group]
            free = []
            for name, node in nodes.items():
                left = dict(node.free.units)
                for (each, _), amounts in node.committed.items():
                    if each in others:
                        left = dict((Resources.from_units(left) + amounts).units)
                free.append(NodeResources(name, node.total, left))
            wanted = manager.groups[group]
            used = frozenset(manager.placed[group].values())
            missing = [Request(wanted.bundles[bundle]) for bundle in manager.missing(group)]
            outcomes = schedule_bundles(free, missing, wanted.strategy, used_by_group=used)
            if others and next(outcomes).status is Status.SUCCESS:
                return f"{group} waits and would fit if {', '.join(map(str, others))} gave back what they hold"
    return None


@sometimes(GroupManager, source="Ray 2.60 gcs_placement_group_manager.cc")
def a_group_is_rescheduled(view: StateView) -> str | None:
    """Some group loses a bundle after it was created."""
    return first(
        f"{group} is rescheduled"
        for manager in view.of(GroupManager).values()
        for group, state in manager.state.items()
        if state is GroupState.RESCHEDULING
    )


GROUPS = (
    gang_atomicity,
    no_bundle_leaks,
    commit_matches_prepare,
    committed_bundles_stay,
    bundles_fit_their_node,
    every_group_that_fits_is_created,
)
"""Checked in every scope of placement groups."""
