"""What an object manager is told and says.

Source: Ray 2.60, `object_manager.proto` (Push, Pull), `pull_manager.cc`, and `core_worker.proto` for locations, which
the owner of an object knows.
"""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import ObjectId
from rayproof.model.kernel import Message, Name
from rayproof.model.wire.ray2.leases import Located

# ---- within a node ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seal(Message):
    """Worker to its node's object manager: a result or a put is complete."""

    object: ObjectId
    value: int


@dataclass(frozen=True, slots=True)
class PullObject(Message):
    """Bring an object here; a core worker is told `ObjectLocal` then, its raylet hears of every object anyway."""

    what: Located
    tell: bool


@dataclass(frozen=True, slots=True)
class ObjectLocal(Message):
    """Object manager to whoever waits for it: it is here, or will never be (`FAILED`)."""

    object: ObjectId
    value: int


# ---- between nodes ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FetchObject(Message):
    """Send me a copy."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class ObjectCopy(Message):
    """A copy; what it weighs is what a timed link carries."""

    object: ObjectId
    value: int
    bytes: int
    carried: bool = False
    """Whether its sender has waited for its bytes already."""

    @property
    def size_bytes(self) -> int:
        """What the link still has to carry."""
        return 0 if self.carried else self.bytes


# ---- what monitors see ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Moved:
    """A copy has arrived."""

    object: ObjectId
    node: Name
    bytes: int


@dataclass(frozen=True, slots=True)
class SendBegins:
    """A policy has chosen what leaves next for another node, and over which connection."""

    object: ObjectId
    to: Name
    among: int
    """Objects that waited for that node or were on their way there."""
    urgent: bool
