"""What owners, nodes and borrowers tell monitors and the check of recordings; the model never reads it back."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import ObjectId, TaskId
from rayproof.model.kernel import Name


@dataclass(frozen=True, slots=True)
class BodyBegan:
    """The body of an attempt began to run on a node."""

    task: TaskId
    attempt: int
    node: Name


@dataclass(frozen=True, slots=True)
class BodyEnded:
    """It returned."""

    task: TaskId
    attempt: int
    node: Name


@dataclass(frozen=True, slots=True)
class ActionBegan:
    """A driver, or a borrower, has come to an action of its program."""

    by: Name
    number: int


@dataclass(frozen=True, slots=True)
class ReadEnded:
    """A read gave `outcome`: a value, or the name of an error. `number`: which action of the reader's program it is."""

    by: Name
    number: int
    object: ObjectId
    outcome: str
