"""Invisible steps are taken at once, and alone: no state is kept in which one of them is still to be done.

A delivery is invisible when it has one outcome, and this changes no field that a statement reads, no message that a
statement is shown, and no monitor. Among them is every delivery whose receiver ignores the message: a notice that
matters to nobody, a repeated answer. The state after a step is moved on along invisible deliveries, link by link in the
order in which the links were first used, until there is none.

Source: Godefroid, "Partial-Order Methods for the Verification of Concurrent Systems", 1996 (invisible transitions);
the way from one kept state to the next is the "transition compression" of Kurshan, Levin, Yenigün, "Compressing
Transitions for Model Checking", CAV 2002. That the delivery commutes with all that could happen instead (a crash of the
receiver too) is not proved: `gate` compares.

Left out: timers; deliveries on links that can lose, repeat or return messages.
"""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.kernel.language.links import connects
from rayproof.model.kernel.language.process import Message, state_fields
from rayproof.model.kernel.language.steps import Taken
from rayproof.model.kernel.reductions.commuting import race
from rayproof.model.kernel.reductions.reduction import Found, Reducer, Watch
from rayproof.model.kernel.relation.outcomes import Column, Outcome
from rayproof.model.kernel.relation.transitions import Transitions


@dataclass(frozen=True)
class Invisible:
    """Deliveries of some classes of messages are done at once where no statement sees them."""

    name: str
    messages: tuple[type[Message], ...] = (Message,)

    def applied(self, transitions: Transitions, watch: Watch) -> Reducer:
        """The reduction, ready for the states of one exploration."""
        return _Compressed(self.messages, transitions, watch)


class _Compressed:
    def __init__(self, messages: tuple[type[Message], ...], transitions: Transitions, watch: Watch) -> None:
        self._messages = messages
        self._transitions = transitions
        self._watch = watch
        self._fit: dict[int, bool] = {}
        """Link -> whether its deliveries may be hurried, and nobody is shown its messages."""
        self._unseen: dict[Outcome, bool] = {}
        self._hurried: set[tuple[int, int, int]] = set()
        """(link, state of its receiver, message) of what was taken at once."""
        self._beside: set[tuple[int, int, int]] = set()
        """The same of what lay on other links to that receiver."""

    def chosen(self, state: int, found: Found) -> Found:
        return [(self.representative(new), outcome) for new, outcome in found]

    def objection(self) -> str:
        """A delivery taken at once that does not commute with something else; empty when none was met."""
        return race(
            self._transitions, lambda link, local, head: (link.position, local, head) in self._hurried, self._beside
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
                # A cycle of invisible steps: the first state to be met twice stands for all of it.
                break
            met.add(state)
        return state, tuple(steps)

    def _step(self, state: int) -> tuple[int, Outcome] | None:
        transitions = self._transitions
        here = transitions.unpack(state)
        interner = transitions.interner
        for link, content in transitions.packing.in_flight(here):
            if isinstance(interner.messages[interner.heads[content]], self._messages) and self._fits(link):
                found = transitions.delivered(state, here, link)
                if len(found) == 1 and self._is_unseen(found[0][1], here, found[0][0]):
                    self._note(link, here)
                    return found[0]
        return None

    def _note(self, link: Column, here: tuple[int, ...]) -> None:
        """Keep what is hurried, and what could have come instead."""
        interner = self._transitions.interner
        local = here[link.receiver]
        hurried = (link.position, local, interner.heads[here[link.position]])
        self._hurried.add(hurried)
        for other in self._transitions.packing.links_to(link.receiver):
            content = here[other.position] if other.position < len(here) else 0
            if content and other is not link:
                self._beside.add((other.position, local, interner.heads[content]))

    def _fits(self, link: Column) -> bool:
        fit = self._fit.get(link.position)
        if fit is None:
            step, rule = link.step, link.rule
            shown = any(connects(step.sender, step.receiver, *ends) for ends in self._watch.links)
            fit = self._fit[link.position] = not (shown or rule.lossy or rule.duplicating or rule.reply)
        return fit

    def _is_unseen(self, outcome: Outcome, here: tuple[int, ...], new: int) -> bool:
        unseen = self._unseen.get(outcome)
        if unseen is None:
            unseen = self._unseen[outcome] = self._changes_nothing_seen(outcome, here, new)
        return unseen

    def _changes_nothing_seen(self, outcome: Outcome, here: tuple[int, ...], new: int) -> bool:
        if outcome.error or outcome.broken or outcome.spent or outcome.observations:
            return False
        if not all(self._fits(link) for link, _ in outcome.posts):
            return False
        transitions = self._transitions
        after = transitions.unpack(new)
        for i in range(transitions.packing.width):
            if outcome.mask >> i & 1:
                before, then = (transitions.interner.locals[i][local].process for local in (here[i], after[i]))
                fields = self._watch.fields.intersection(state_fields(type(before)))
                if any(getattr(before, name) != getattr(then, name) for name in fields):
                    return False
        return True
