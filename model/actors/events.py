"""What actors and their callers tell monitors; the model never reads it back."""

from __future__ import annotations

from dataclasses import dataclass

from model.kernel import Name


@dataclass(frozen=True, slots=True)
class Started:
    """A method began to run in an incarnation."""

    actor: Name
    caller: Name
    call: str
    number: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """A caller took a result for its call's; `sent_to` is the incarnation that the call was last sent to."""

    call: str
    sender: Name
    sent_to: Name
