"""What a handler may do to the world: send, set timers, choose, observe."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Any, TypeVar

from rayproof.model.kernel.language.errors import ModelError
from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.process import Message, Name, TimerKind

T = TypeVar("T")

Armed = dict[str, tuple[TimerKind, int]]
"""Armed timers of one process: name -> (kind, ticks left or rounds fired)."""

Decide = Callable[[int, bool], int]
"""Resolves one decision: (number of options, whether it is a fair draw) -> index."""


class Context:
    """Handed to every handler; a driver resolves the choices and carries out the rest.

    One object serves many calls: `begin` readies it for the next.
    """

    __slots__ = (
        "_budgeted",
        "_decide",
        "_may_fail",
        "choices",
        "me",
        "observations",
        "sends",
        "spent",
        "timers",
        "timers_set",
    )

    def __init__(
        self, decide: Decide, may_fail: Callable[[FaultKind], bool], budgeted: Container[FaultKind] = ()
    ) -> None:
        self._decide = decide
        self._may_fail = may_fail
        self._budgeted = budgeted
        self.choices: list[int] = []
        self.sends: list[tuple[Name, Message, str]] = []
        self.observations: list[Any] = []
        self.spent: list[FaultKind] = []
        self.me: Name = ""
        self.timers: Armed = {}
        self.timers_set: list[tuple[Name, str]] = []
        """(process, timer) that handlers have set, also those that ran already: liveness asks who is put off."""

    def begin(self, me: Name, timers: Armed) -> None:
        """Ready the context for a handler of `me`; what was sent and chosen before is kept until it is taken."""
        self.me = me
        self.timers = timers

    def send(self, to: Name, message: Message, channel: str = "") -> None:
        """Put a message on the link from this process to `to`; two channels to one receiver reorder freely."""
        self.sends.append((to, message, channel))

    def set_timer(self, name: str, after: int = 0, kind: TimerKind = TimerKind.PATIENT) -> None:
        """Arm a timer, again if it is armed.

        `after`: microseconds in timed runs; for kind TICKS the number of ticks. Untimed runs ignore microseconds.
        """
        self.timers[name] = (kind, after if kind is TimerKind.TICKS else 0)
        self.timers_set.append((self.me, name))

    def cancel_timer(self, name: str) -> None:
        """Disarm a timer; nothing happens when it is not armed."""
        self.timers.pop(name, None)

    def choose(self, options: Sequence[T], *, random: bool = False) -> T:
        """One of the options; every nondeterministic decision goes through here.

        `random` marks a fair draw, which cannot starve an option for ever; otherwise the choice is the environment's.
        """
        if not options:
            raise ModelError(f"{self.me} chooses among no options")
        if len(options) == 1:
            return options[0]
        index = self._decide(len(options), random)
        self.choices.append(index)
        return options[index]

    def may_fail(self, fault: FaultKind) -> bool:
        """Whether the environment strikes here (a storage write that fails, a reply that is lost after the effect).

        Costs one unit of that fault's budget when it does; never happens in a scenario without budget for it.
        """
        if fault not in self._budgeted:
            return False
        struck = self._may_fail(fault)
        self.choices.append(int(struck))
        if struck:
            self.spent.append(fault)
        return struck

    def observe(self, event: Any) -> None:
        """Tell the monitors; the model never reads it back. Events are immutable."""
        self.observations.append(event)
