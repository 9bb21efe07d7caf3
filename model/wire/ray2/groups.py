"""The messages of placement groups, and what monitors see of them.

Source: Ray 2.60, `gcs_service.proto` (CreatePlacementGroup, RemovePlacementGroup, WaitPlacementGroupUntilReady) and
`node_manager.proto` (PrepareBundleResources, CommitBundleResources, CancelResourceReserve, ReleaseUnusedBundles). The
parts of a node call each other (`placement_group_resource_manager.cc`, `node_manager.cc`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from rayproof.model.graph import GroupId, Resources
from rayproof.model.kernel import Message, Name

Bundle: TypeAlias = tuple[GroupId, int]
"""(group, number of the bundle)."""

USAGE = "usage"
"""Channel of the reports to the control plane; a newer one replaces the one that waits."""


# ---- within a core worker --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WantGroup(Message):
    """Body to group client: a group is to be made."""

    group: GroupId


@dataclass(frozen=True, slots=True)
class LeaveGroup(Message):
    """Body to group client: a group is given up."""

    group: GroupId


@dataclass(frozen=True, slots=True)
class WaitForGroup(Message):
    """Body to group client: say when the group is there."""

    group: GroupId


# ---- with the control plane ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CreateGroup(Message):
    """A core worker asks for a group; asked again, it is the same request."""

    group: GroupId


@dataclass(frozen=True, slots=True)
class RemoveGroup(Message):
    """A core worker gives a group up."""

    group: GroupId


@dataclass(frozen=True, slots=True)
class GroupReady(Message):
    """Every bundle is committed. Passed on by the group client to its body."""

    group: GroupId


@dataclass(frozen=True, slots=True)
class ManagerBack(Message):
    """A manager has come back: clients ask again for what they have had no answer to."""


# ---- between the control plane and nodes -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prepare(Message):
    """Reserve these bundles, all or none."""

    group: GroupId
    round: int
    bundles: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Prepared(Message):
    """Whether they are reserved."""

    group: GroupId
    round: int
    ok: bool


@dataclass(frozen=True, slots=True)
class Commit(Message):
    """The reserved bundles may be used."""

    group: GroupId
    round: int
    bundles: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Committed(Message):
    """They are."""

    group: GroupId
    round: int


@dataclass(frozen=True, slots=True)
class ReturnBundles(Message):
    """Give these bundles back, reserved or committed; nothing happens to those that are not there."""

    group: GroupId
    bundles: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReleaseUnused(Message):
    """A manager that has come back names the bundles on record for a node; the others are free."""

    used: tuple[Bundle, ...]


@dataclass(frozen=True, slots=True)
class Usage(Message):
    """What leases outside bundles hold of a node; a newer report replaces it. The first makes the node a member."""

    total: Resources
    busy: Resources


# ---- within a node ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Busy(Message):
    """Raylet to its bundles: what leases hold of the node itself, bundles apart."""

    amounts: Resources


@dataclass(frozen=True, slots=True)
class BundlesChanged(Message):
    """Bundles to their raylet: what they keep of the node, what they offer in its place, whose were given back."""

    reserved: Resources
    offered: Resources
    returned: tuple[GroupId, ...]


# ---- what monitors see ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BundlePrepared:
    """A node has reserved a bundle."""

    group: GroupId
    bundle: int
    node: Name


@dataclass(frozen=True, slots=True)
class BundleCommitted:
    """A node has put a bundle to use."""

    group: GroupId
    bundle: int
    node: Name


@dataclass(frozen=True, slots=True)
class BundleReturned:
    """A node has given a bundle back."""

    group: GroupId
    bundle: int
    node: Name
