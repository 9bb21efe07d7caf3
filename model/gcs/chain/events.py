"""What the processes of the control store tell the monitors; the model never reads it back."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from rayproof.model.kernel import Name


@dataclass(frozen=True, slots=True)
class Invoked:
    """A client has asked for an operation. `value`: what it writes; None for a read."""

    client: Name
    number: int
    key: str
    value: Hashable


@dataclass(frozen=True, slots=True)
class Answered:
    """A client has its answer. `value`: what was read; for a write, what was written."""

    client: Name
    number: int
    value: Hashable


@dataclass(frozen=True, slots=True)
class Accepted:
    """A head has taken a new update from a client of the given epoch."""

    replica: Name
    epoch: int


@dataclass(frozen=True, slots=True)
class Activated:
    """The master has put a configuration in force."""

    epoch: int
