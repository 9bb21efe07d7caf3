"""What is said of one recorded thing: allowed, refused, or undetermined."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Answer(StrEnum):
    """What the model says of something that was recorded."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class Decided:
    """The answer to one question."""

    about: str
    """An object, task or actor of the recording."""
    answer: Answer
    pairs: int = 0
    """States of the search."""
    line: int | None = None
    """Line of the recording at which it is refused, or which is asked about."""
    why: str = ""
    """Empty for what is allowed."""
