"""Messages between callers, an actor and the registry, and what a call may end in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rayproof.model.kernel import Message, Name

OWN_ARGUMENT = "own"
"""Stands among a call's needs for an argument that its caller computes."""


class Outcome(StrEnum):
    """Ray's names of what a call may end in when it gives no value."""

    DIED = "ActorDiedError"
    UNAVAILABLE = "ActorUnavailableError"


@dataclass(frozen=True, slots=True)
class Push(Message):
    """Caller to actor: run a method."""

    call: str
    number: int
    attempt: int
    finished: tuple[int, ...]
    """Numbers of this caller that will not come, since they have a result already."""
    skip: bool
    """A retry: it does not wait for its turn."""


@dataclass(frozen=True, slots=True)
class Result(Message):
    """Actor to caller."""

    call: str
    attempt: int
    value: int


@dataclass(frozen=True, slots=True)
class ActorStarted(Message):
    """New incarnation to registry."""


@dataclass(frozen=True, slots=True)
class ActorState(Message):
    """Registry to callers: where the actor is; nowhere while it is restarted."""

    actor: Name
    dead: bool = False


@dataclass(frozen=True, slots=True)
class CallFinished(Message):
    """Caller to caller: a call that yours needs has a result."""

    call: str


@dataclass(frozen=True, slots=True)
class CallSpec:
    """One call of a program. `needs`: calls of other callers, or the caller's own computation."""

    name: str
    needs: tuple[str, ...] = ()
    tells: tuple[Name, ...] = ()
