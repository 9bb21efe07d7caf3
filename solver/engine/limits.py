"""How much effort a question may cost. Resource units make an answer repeatable; seconds only make it undetermined."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """Effort for a whole answer, all its solver calls together."""

    seconds: float | None = 20.0
    resource_units: int | None = None
    """Z3's rlimit: the same number gives the same answer on any machine, whatever else runs there."""


DEFAULT_LIMITS = Limits()


@dataclass(slots=True)
class Budget:
    """What is left of the limits; solver calls draw from it."""

    limits: Limits
    started: float = field(default_factory=time.monotonic)
    resource_units: int = 0
    """Spent so far."""

    @property
    def seconds_left(self) -> float | None:
        """None: unlimited; 0 when used up."""
        if self.limits.seconds is None:
            return None
        return max(0.0, self.limits.seconds - (time.monotonic() - self.started))

    @property
    def resource_units_left(self) -> int | None:
        """None: unlimited; 0 when used up."""
        if self.limits.resource_units is None:
            return None
        return max(0, self.limits.resource_units - self.resource_units)

    def half(self) -> Budget:
        """A budget of half of what is left; whoever uses it reports what it spent here."""
        seconds, units = self.seconds_left, self.resource_units_left
        return Budget(Limits(None if seconds is None else seconds / 2, None if units is None else units // 2))

    @property
    def exhausted(self) -> bool:
        """Whether no further call may be made."""
        return self.seconds_left == 0 or self.resource_units_left == 0
