"""How much effort a question may cost. Resource units make an answer repeatable; seconds only make it undetermined."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

NO_LIMIT = 2**32 - 1
"""The largest number that Z3 takes for a limit."""

JUST_IN_TIME = 0.05
"""A call that is cancelled with less than this left (seconds) was cancelled by its limit rather than by the user."""


@dataclass(eq=False)
class Stop:
    """Whether the user wants an end: what is known by then is still the answer."""

    asked: bool = False

    @contextmanager
    def on_interrupt(self) -> Iterator[Stop]:
        """Ctrl-C asks for an end while this lasts; pressed again it is a `KeyboardInterrupt`."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return

        def ask(number: int, frame: object) -> None:
            if self.asked:
                raise KeyboardInterrupt
            self.asked = True
            with suppress(OSError):
                os.write(2, b"interrupted: ending with what is known; once more ends at once\n")

        before = signal.signal(signal.SIGINT, ask)
        try:
            yield self
        finally:
            signal.signal(signal.SIGINT, before)


@dataclass(frozen=True, slots=True)
class Limits:
    """Effort for a whole answer, all its solver calls together."""

    seconds: float | None = 20.0
    resource_units: int | None = None
    """Z3's rlimit: the same number gives the same answer on any machine, whatever else runs there."""
    stop: Stop | None = field(default=None, compare=False)
    """Without one, an interrupt is a `KeyboardInterrupt`."""

    @property
    def stopped(self) -> bool:
        """Whether the user wants an end."""
        return self.stop is not None and self.stop.asked


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

    @property
    def z3_milliseconds(self) -> int:
        """What is left as Z3's `timeout`; its largest number for no limit and for one beyond it."""
        left = self.seconds_left
        return NO_LIMIT if left is None or left * 1000 >= NO_LIMIT else max(1, int(left * 1000))

    @property
    def z3_units(self) -> int:
        """What is left as Z3's `rlimit`, where 0 is no limit."""
        left = self.resource_units_left
        return 0 if left is None else min(max(1, left), NO_LIMIT)

    @property
    def left(self) -> Limits:
        """What is left, as limits for others."""
        return Limits(self.seconds_left, self.resource_units_left, self.limits.stop)

    def half(self) -> Budget:
        """A budget of half of what is left; whoever uses it reports what it spent here."""
        seconds, units = self.seconds_left, self.resource_units_left
        half = Limits(None if seconds is None else seconds / 2, None if units is None else units // 2, self.limits.stop)
        return Budget(half)

    @property
    def exhausted(self) -> bool:
        """Whether no further call may be made."""
        return self.limits.stopped or self.seconds_left == 0 or self.resource_units_left == 0

    def cancelled(self, reason: str) -> None:
        """Z3 has given up for this reason: while it works Ctrl-C is its own, so an interrupt is passed on here.

        It says `canceled` for limits and for interrupts; with time and units left, it was the user.
        """
        seconds = self.seconds_left
        if "cancel" not in reason or self.resource_units_left == 0 or (seconds is not None and seconds < JUST_IN_TIME):
            return
        if self.limits.stop is None:
            raise KeyboardInterrupt
        self.limits.stop.asked = True
