"""What the object plane tells monitors; the model never reads it back."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import ObjectId


@dataclass(frozen=True, slots=True)
class SealedWith:
    """An object became readable somewhere, with this content."""

    object: ObjectId
    content: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RoomGiven:
    """A store gave room to a request; `passed` had asked for room before it."""

    node: int
    object: ObjectId
    passed: tuple[ObjectId, ...]


@dataclass(frozen=True, slots=True)
class Aborted:
    """A half-written object was given up."""

    node: int
    object: ObjectId


@dataclass(frozen=True, slots=True)
class ChunkSent:
    """A chunk left for a receiver; `waiting` are other objects of which it has been sent a part."""

    object: ObjectId
    waiting: tuple[ObjectId, ...]
