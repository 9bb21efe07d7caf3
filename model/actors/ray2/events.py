"""What actors and their callers tell monitors; the model never reads it back."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.kernel import Name


@dataclass(frozen=True, slots=True)
class Started:
    """A method began to run in an incarnation."""

    actor: Name
    caller: Name
    call: str
    number: int
    attempt: int


@dataclass(frozen=True, slots=True)
class CallSubmitted:
    """A caller has made a call."""

    call: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """A caller took a result for its call's; `sent_to` is the incarnation that the call was last sent to."""

    call: str
    sender: Name
    sent_to: Name


@dataclass(frozen=True, slots=True)
class ReplyLost:
    """The connection broke under the reply of a call."""

    call: str


@dataclass(frozen=True, slots=True)
class Returned:
    """A method has ended; `value` is the counter after it."""

    actor: Name
    call: str
    attempt: int
    value: int


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A call has its outcome: the value that its method gave, or the name of an error."""

    call: str
    outcome: str
