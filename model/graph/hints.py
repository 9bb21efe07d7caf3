"""What a user may tell the scheduler about a task beyond its resources. Ray has none of these options today."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hints:
    """Wishes; only a policy looks at them."""

    priority: int = 0
    """Higher goes first."""
    deadline_us: int | None = None
    """A soft deadline, counted from the start of the program."""
    waiting_timeout_us: int | None = None
    """How long a task is willing to wait for a place."""
    duration_us: int | None = None
    """Expected run time."""
    job: str = ""
    """Of whom it is, where several share a cluster."""


NO_HINTS = Hints()
