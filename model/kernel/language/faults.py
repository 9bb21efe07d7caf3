"""What the environment may break, and how often."""

from __future__ import annotations

from enum import StrEnum


class FaultKind(StrEnum):
    """Kinds of faults; a scenario gives a budget per kind, and none without."""

    CRASH = "crash"
    """A crash unit (a node or a process) loses its private state and what travels to it."""
    RESTART = "restart"
    """A unit that the scenario does not call recoverable comes back."""
    CUT = "cut"
    """The links between two processes break; what travels on them is lost."""
    LOSE = "lose"
    """The first message of a lossy link vanishes."""
    DUPLICATE = "duplicate"
    """The first message of a duplicating link is delivered and stays."""
    TRUNCATE = "truncate"
    """The last message still in flight from a dead process vanishes."""
    LOSE_REPLY = "lose_reply"
    """The first message of a reply link vanishes after its effect; the requester is told `Unreachable`."""
    EARLY_TIMEOUT = "early_timeout"
    """An eager timer fires although something else could still happen."""
    SUSPECT = "suspect"
    """A failure detector calls a live process dead."""
    FAIL_WRITE = "fail_write"
    """A storage write fails and has no effect."""
    HALF_WRITE = "half_write"
    """A storage write stops half-way."""
