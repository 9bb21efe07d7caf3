"""Whether a scenario has a run that follows a script: a depth-first search of the model beside the script.

The states searched are pairs (state of the model, place in the script). The search is exhaustive, so that a refusal
says that no run within the scenario's bounds shows what was recorded; beyond a cap it is undetermined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from rayproof.conformance.outcomes.script import Heard, Place, Script
from rayproof.model.kernel import Scenario
from rayproof.model.kernel.faults import FaultKind
from rayproof.model.kernel.interning import Local
from rayproof.model.kernel.outcomes import Outcome
from rayproof.model.kernel.process import Slot
from rayproof.model.kernel.steps import Fault, Step
from rayproof.model.kernel.transitions import Transitions

LIMIT = 400_000
"""Pairs after which the search gives up."""


class Answer(StrEnum):
    """What the model says of a recorded outcome."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    UNDETERMINED = "undetermined"


Seats: TypeAlias = Mapping[Slot, Local]
"""The process in each slot at the end."""


@dataclass(frozen=True)
class Question:
    """Can `scenario` show what `script` says? `hear` tells what of a model's event is visible, `hear_step` of a step;
    `at_end` gives the reason why a state is not the recorded end, or nothing."""

    about: str
    scenario: Scenario
    script: Script
    hear: Callable[[object], Heard | None]
    at_end: Callable[[Seats], str]
    hear_step: Callable[[Step], Heard | None] = lambda step: None
    urgent: Callable[[Heard], bool] = lambda heard: False
    """What loses no run by happening as soon as it can: then no other step is tried."""


@dataclass(frozen=True, slots=True)
class Decided:
    """The answer to one question. `line`: of the recording, the first that could not be followed."""

    about: str
    answer: Answer
    pairs: int = 0
    """States of the search."""
    line: int | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Listener:
    """Monitor without a state: steps keep what they show only if somebody listens."""

    def observe(self, event: object) -> _Listener:
        return self


def decide(question: Question, limit: int = LIMIT) -> Decided:
    """Search for a run that follows the script."""
    transitions = Transitions(question.scenario, (_Listener,))
    script = question.script
    start = (transitions.initial, script.start())
    seen, stack = {start}, [start]
    furthest, ends, offered = 0, "", set[str]()
    while stack:
        state, place = stack.pop()
        if script.finished(place):
            ends = question.at_end(_seats(transitions, state))
            if not ends:
                return Decided(question.about, Answer.ALLOWED, len(seen))
        if place[0] > furthest:
            furthest, offered = place[0], set()
        following: list[tuple[int, Place]] = []
        for new, outcome in transitions.successors(state)[0]:
            reached = _follow(question, place, outcome, offered if place[0] == furthest else None)
            if reached is not None:
                if any(
                    heard is not None and question.urgent(heard) for heard in map(question.hear, outcome.observations)
                ):
                    following = [(new, reached)]
                    break
                following.append((new, reached))
        for pair in following:
            if pair not in seen:
                seen.add(pair)
                stack.append(pair)
        if len(seen) > limit:
            return Decided(question.about, Answer.UNDETERMINED, len(seen), why=f"more than {limit:,} states")
    if furthest == len(script.entries):
        return Decided(question.about, Answer.REFUSED, len(seen), None, ends)
    entry = script.entries[furthest]
    instead = ", ".join(sorted(offered)) or "nothing that is visible"
    return Decided(
        question.about, Answer.REFUSED, len(seen), entry.line, f"recorded: {entry}; the model allows: {instead}"
    )


def _follow(question: Question, place: Place, outcome: Outcome, offered: set[str] | None) -> Place | None:
    """Where a step leads; None if it shows what the recording does not have there."""
    shown = [_fault(outcome.taken.step) or question.hear_step(outcome.taken.step)]
    shown += [question.hear(event) for event in outcome.observations]
    for heard in shown:
        if heard is None:
            continue
        reached = question.script.after(place, heard)
        if reached is None:
            if offered is not None and heard.key[0] != "crash":
                offered.add(f"{' '.join(map(str, heard.key))}" + (f" = {heard.value}" if heard.value else ""))
            return None
        place = reached
    return place


def _fault(step: Step) -> Heard | None:
    return Heard(("crash", step.target)) if isinstance(step, Fault) and step.kind is FaultKind.CRASH else None


def _seats(transitions: Transitions, state: int) -> Seats:
    fields = transitions.unpack(state)
    interner = transitions.interner
    return {slot: interner.locals[i][fields[i]] for i, slot in enumerate(interner.slots)}
