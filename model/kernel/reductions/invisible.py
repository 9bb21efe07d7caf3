"""Invisible steps are taken at once, and alone: no state is kept in which one of them is still to be done.

A delivery is invisible when no statement sees it, and it commutes with whatever could come before it (`commuting`).
Among them is every delivery whose receiver ignores the message: a notice that matters to nobody, a repeated answer. The
state after a step is moved on along invisible deliveries, link by link in the order in which the links were first used,
until there is none, or a state is met again: a cycle ends in a state that is followed by all its steps.

Source: Godefroid, "Partial-Order Methods for the Verification of Concurrent Systems", 1996 (invisible transitions);
the way from one kept state to the next is the "transition compression" of Kurshan, Levin, Yenigün, "Compressing
Transitions for Model Checking", CAV 2002.

Left out: timers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.kernel.language.process import Message
from rayproof.model.kernel.language.steps import Taken
from rayproof.model.kernel.reductions.commuting import Apart, Commuting, Watch
from rayproof.model.kernel.reductions.reduction import Objection, Reducer
from rayproof.model.kernel.relation.outcomes import Outcome
from rayproof.model.kernel.relation.transitions import Found, Transitions


@dataclass(frozen=True)
class Invisible:
    """Deliveries of some classes of messages are done at once where no statement sees them."""

    name: str
    messages: tuple[type[Message], ...] = (Message,)
    apart: frozenset[Apart] = frozenset()
    """Which of them are not."""

    def applied(self, transitions: Transitions, watch: Watch) -> Reducer:
        """The reduction, ready for the states of one exploration."""
        return _Compressed(self, transitions, watch)


class _Compressed:
    def __init__(self, reduction: Invisible, transitions: Transitions, watch: Watch) -> None:
        self._reduction = reduction
        self._messages = reduction.messages
        self._transitions = transitions
        self._commuting = Commuting(transitions, watch, reduction.apart)

    def chosen(self, state: int, found: Found) -> Found:
        return [(self.representative(new), outcome) for new, outcome in found]

    def objection(self) -> Objection | None:
        conflicts = self._commuting.conflicts()
        if not conflicts:
            return None
        return Objection(
            next(iter(conflicts.values())), replace(self._reduction, apart=self._reduction.apart | {*conflicts})
        )

    def representative(self, state: int) -> int:
        return self.onward(state)[0]

    def represented(self, state: int) -> list[int]:
        return [state]

    def onward(self, state: int) -> tuple[int, tuple[Taken, ...]]:
        met = {state}
        steps: list[Taken] = []
        while (following := self._step(state)) is not None:
            state, outcome = following
            steps.append(outcome.taken)
            if state in met:
                break
            met.add(state)
        return state, tuple(steps)

    def _step(self, state: int) -> tuple[int, Outcome] | None:
        transitions = self._transitions
        here = transitions.unpack(state)
        interner = transitions.interner
        for link, content in transitions.packing.in_flight(here):
            is_meant = isinstance(interner.messages[interner.heads[content]], self._messages)
            if is_meant and self._commuting.admits(here, link):
                ((new, outcome),) = transitions.delivered(state, here, link)
                return new, outcome
        return None
