"""Programs that pass references around, and the messages of their counting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from rayproof.model.graph import ObjectId
from rayproof.model.kernel import Message, Name

VALUE = "value"
"""What a read of an object gives when it is not an error."""

FREED = "ReferenceCountingAssertionError"
"""Ray's error for an object that was deleted although there was a reference to it."""

OWNER_DIED = "OwnerDiedError"
WORKER_CRASHED = "WorkerCrashedError"


@dataclass(frozen=True, slots=True)
class Put:
    """Make an object."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class Call:
    """Have another process run a function; its result is an object that the caller owns."""

    to: Name
    function: str
    arguments: tuple[ObjectId, ...]
    result: ObjectId


@dataclass(frozen=True, slots=True)
class Read:
    """Get an object's value and, with it, the references inside."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class Drop:
    """Forget the local reference."""

    object: ObjectId


Action: TypeAlias = Put | Call | Read | Drop


@dataclass(frozen=True, slots=True)
class Function:
    """A body. What it does not drop it keeps (an actor's state)."""

    body: tuple[Action, ...]
    returns: tuple[ObjectId, ...] = ()
    """References inside the result."""


def references_inside(functions: tuple[tuple[str, Function], ...]) -> dict[ObjectId, tuple[ObjectId, ...]]:
    """What each result of the program's calls has inside."""
    known = dict(functions)
    calls = [action for function in known.values() for action in function.body if isinstance(action, Call)]
    return {call.result: known[call.function].returns for call in calls}


@dataclass(frozen=True, slots=True)
class Invoke(Message):
    """Caller to callee."""

    function: str
    arguments: tuple[ObjectId, ...]
    result: ObjectId


@dataclass(frozen=True, slots=True)
class Reply(Message):
    """Callee to caller: the result, the references in it, and who still borrows the arguments."""

    result: ObjectId
    arguments: tuple[ObjectId, ...]
    inside: tuple[ObjectId, ...]
    borrowers: tuple[tuple[ObjectId, Name], ...]


@dataclass(frozen=True, slots=True)
class WatchReference(Message):
    """Owner to borrower: say when you no longer refer to it. `inside`: the object through which you came by it."""

    object: ObjectId
    inside: ObjectId = ""


@dataclass(frozen=True, slots=True)
class ReferenceGone(Message):
    """Borrower to owner: I no longer do; these do, they have it from me."""

    object: ObjectId
    borrowers: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class GetValue(Message):
    """Borrower to owner."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class GotValue(Message):
    """The value, or the name of the error."""

    object: ObjectId
    outcome: str
