"""The messages and events of placement groups.

Source: Ray 2.60, `node_manager.proto`: PrepareBundleResources, CommitBundleResources, CancelResourceReserve,
ReleaseUnusedBundles.
"""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import Resources
from rayproof.model.kernel import Message, Name
from rayproof.model.scheduler.ray import BundleStrategy

GroupId = int


@dataclass(frozen=True, slots=True)
class Group:
    """A group as its user asks for it."""

    id: GroupId
    bundles: tuple[Resources, ...]
    strategy: BundleStrategy


@dataclass(frozen=True, slots=True)
class CreateGroup(Message):
    """A user asks for a group."""

    group: GroupId


@dataclass(frozen=True, slots=True)
class RemoveGroup(Message):
    """A user gives a group up, at any moment."""

    group: GroupId


@dataclass(frozen=True, slots=True)
class GroupReady(Message):
    """Every bundle is committed."""

    group: GroupId


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
    """A manager that has come back names the bundles (group, number) on record for a node; the others are free."""

    used: tuple[tuple[GroupId, int], ...]


@dataclass(frozen=True, slots=True)
class ManagerBack(Message):
    """A manager has come back: users ask again for what they have had no answer to."""


@dataclass(frozen=True, slots=True)
class Usage(Message):
    """What a node's own tasks hold; a newer report replaces it. The first makes the node a member."""

    total: Resources
    busy: Resources


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


@dataclass(frozen=True, slots=True)
class GroupRemoved:
    """A user has given a group up."""

    group: GroupId
