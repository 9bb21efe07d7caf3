"""A context for calling one handler at a time: what it sends and how long its timers run is kept."""

from __future__ import annotations

from rayproof.model.kernel import Context, Message, Name, TimerKind


class Recorded(Context):
    """No faults; every choice is the first option."""

    def __init__(self, me: Name) -> None:
        super().__init__(lambda count, fair: 0, lambda fault: False)
        self.begin(me, {})
        self.lengths: list[int] = []
        """Microseconds or ticks of each timer that was set."""

    def set_timer(self, name: str, after: int = 0, kind: TimerKind = TimerKind.PATIENT) -> None:
        self.lengths.append(after)
        super().set_timer(name, after, kind)

    def sent(self) -> list[tuple[Name, Message]]:
        """Receivers and messages so far."""
        return [(to, message) for to, message, _ in self.sends]
