"""Messages of the object plane: between a worker and its store, between nodes, and with the owner's directory."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import ObjectId
from rayproof.model.kernel import Message, Name
from rayproof.model.objects.ray2.admission import PullClass

RAYLET = "raylet"
"""Channel of a worker's requests to the raylet; those to the store go by another connection and reorder freely."""

Content = tuple[int, ...]
"""An object's value: the numbers of its chunks. A whole object of n units is (0, 1, ..., n - 1)."""


@dataclass(frozen=True, slots=True)
class CreateObject(Message):
    """Client to store: room for an object, please; answered by `Created` when its turn has come."""

    object: ObjectId
    size: int


@dataclass(frozen=True, slots=True)
class Created(Message):
    """The room is there and can be written."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class Exists(Message):
    """No room is needed: this node has the object, or somebody else writes it here just now."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class Seal(Message):
    """The object is written; immutable from now on. The client still holds it."""

    object: ObjectId
    content: Content


@dataclass(frozen=True, slots=True)
class Sealed(Message):
    """Answer to a worker's seal: only now can the raylet find the object to pin it."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class Abort(Message):
    """The client gives up an object that it has asked room for or half written."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class Hold(Message):
    """The client wants to read an object of this node; `Held`, or `Absent` when it is neither in memory nor on disk."""

    object: ObjectId
    to: Name = ""
    """The node's object manager that it is to be sent to, if any; comes back in the answer."""


@dataclass(frozen=True, slots=True)
class Held(Message):
    """The object is in memory and stays until it is released."""

    object: ObjectId
    content: Content
    to: Name = ""


@dataclass(frozen=True, slots=True)
class Absent(Message):
    """This node does not have the object."""

    object: ObjectId
    to: Name = ""


@dataclass(frozen=True, slots=True)
class Release(Message):
    """The client no longer uses the object."""

    object: ObjectId
    to: Name = ""


@dataclass(frozen=True, slots=True)
class PinObject(Message):
    """Worker to raylet: keep this primary copy until the owner frees it."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class Pinned(Message):
    """The primary copy is pinned."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class MemoryChanged(Message):
    """Store to its node's object manager: units that pulls may take, those already taken by pulls included."""

    available: int


@dataclass(frozen=True, slots=True)
class CopyAdded(Message):
    """Store to owner: a copy is in memory here."""

    object: ObjectId
    node: int


@dataclass(frozen=True, slots=True)
class CopyRemoved(Message):
    """Store to owner: the copy in memory is gone."""

    object: ObjectId
    node: int


@dataclass(frozen=True, slots=True)
class SpilledTo(Message):
    """Store to owner: the object is on this node's disk."""

    object: ObjectId
    node: int


@dataclass(frozen=True, slots=True)
class FreeObject(Message):
    """Owner to stores: nobody refers to the object any longer."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class ObjectMade(Message):
    """Worker to owner (with the task's reply): the object exists, its primary copy is on that node."""

    object: ObjectId
    node: int


@dataclass(frozen=True, slots=True)
class ObjectFailed(Message):
    """Worker to owner: the task that should have made the object has failed, and the error is its value."""

    object: ObjectId
    error: str


@dataclass(frozen=True, slots=True)
class MakeAgain(Message):
    """Owner to worker: execute again what makes the object."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class Pull(Message):
    """Worker to object manager: have these objects here, all of them."""

    kind: PullClass
    objects: tuple[ObjectId, ...]


@dataclass(frozen=True, slots=True)
class PullReady(Message):
    """All objects of the request are here and kept until `PullDone`."""

    objects: tuple[ObjectId, ...]


@dataclass(frozen=True, slots=True)
class PullFailed(Message):
    """An object of the request will never come."""

    objects: tuple[ObjectId, ...]
    error: str


@dataclass(frozen=True, slots=True)
class PullDone(Message):
    """The worker holds the objects itself now, or has given up."""


@dataclass(frozen=True, slots=True)
class Subscribe(Message):
    """Object manager to owner: tell where the object is, now and whenever that changes."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class Unsubscribe(Message):
    """Object manager to owner: no longer."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class Places(Message):
    """Owner to object manager: the nodes that have the object; none while it is being made."""

    object: ObjectId
    size: int
    nodes: tuple[int, ...]
    error: str = ""
    """Ray's name of the error when the object can never be had again."""


@dataclass(frozen=True, slots=True)
class RequestPush(Message):
    """Object manager to object manager: send this object here."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class Chunk(Message):
    """One unit of an object on its way."""

    object: ObjectId
    index: int
    value: int


@dataclass(frozen=True, slots=True)
class WorkerDone(Message):
    """Worker to owner: its jobs are done, so many of them after a `MakeAgain`."""

    again: int
