"""Whether a scenario has a run that follows a script: a depth-first search of the model beside the script.

The states searched are pairs (state of the model, place in the script). The search is exhaustive, so that a refusal
says that no run within the scenario's bounds shows what was recorded; beyond a cap it is undetermined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from rayproof.conformance.answers import Answer, Decided
from rayproof.conformance.outcomes.script import Heard, Place, Script
from rayproof.model.kernel import Fault, FaultKind, Message, ModelError, Name, Scenario, Slot, Step
from rayproof.model.kernel.relation.interning import Local
from rayproof.model.kernel.relation.outcomes import Outcome
from rayproof.model.kernel.relation.transitions import Transitions

ALL = 1_000_000
"""Pairs for all searches of a recording together."""

FEW = 100
"""Pairs that every search may use although all are used up."""

LIMIT = 100_000
"""Pairs after which one search gives up, fewer for a long script or many tasks."""

LONG = 500
"""Entries of a script for which a search has as many pairs again."""


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
    sensible: Callable[[Name, Message], bool] = lambda receiver, message: True
    """Whether a message may lead to what was recorded; where it cannot, the step that sends it is not tried."""
    excuse: str = ""
    """What the recording leaves open that may explain a refusal: then it is undetermined."""
    beside: str = ""
    """What was recorded beside and no model is asked about: what is allowed is undetermined then."""

    tasks: int = 1
    """Tasks that a step may be about."""

    @property
    def weight(self) -> int:
        """How much longer a state takes than one of a small question: more is under way, more steps are possible."""
        return max(1, len(self.script.entries) // LONG, self.tasks // 2)


@dataclass(frozen=True)
class Several:
    """Questions with one answer: all of them have to be allowed, or (`some`) one of them."""

    about: str
    questions: tuple[Question | Decided | Several, ...]
    some: bool = False
    line: int | None = None
    why: str = ""
    """Of `some`: what is refused when all of them are."""


@dataclass(frozen=True, slots=True)
class _Listener:
    """Monitor without a state: steps keep what they show only if somebody listens."""

    def observe(self, event: object) -> _Listener:
        return self


def decide(asked: Question | Decided | Several, limit: int = LIMIT, budget: int = ALL) -> Decided:
    """Search for a run that follows the script; what is decided already stays so.

    `limit`: pairs of one search; `budget`: of all of them.
    """
    match asked:
        case Decided():
            return asked
        case Several():
            return _several(asked, limit, budget)
    try:
        found = _search(asked, max(min(limit, budget) // asked.weight, FEW))
    except ModelError as error:
        return Decided(asked.about, Answer.UNDETERMINED, why=f"beyond the model's bounds: {error}")
    if found.answer is Answer.REFUSED and asked.excuse:
        return replace(found, answer=Answer.UNDETERMINED, why=f"{found.why}; but {asked.excuse}")
    if found.answer is Answer.ALLOWED and asked.beside:
        return replace(found, answer=Answer.UNDETERMINED, why=asked.beside)
    return found


def cost(asked: Question | Decided | Several, found: Decided) -> int:
    """What an answer took of a budget of pairs."""
    return found.pairs * asked.weight if isinstance(asked, Question) else found.pairs


def _several(asked: Several, limit: int, budget: int) -> Decided:
    pairs = 0
    first: dict[Answer, Decided] = {}
    for question in asked.questions:
        found = decide(question, limit, budget - pairs)
        pairs += cost(question, found)
        first.setdefault(found.answer, found)
        if found.answer is (Answer.ALLOWED if asked.some else Answer.REFUSED):
            break
    best_first = (Answer.ALLOWED, Answer.UNDETERMINED, Answer.REFUSED)
    answer = next(one for one in (best_first if asked.some else reversed(best_first)) if one in first)
    if asked.some and answer is not Answer.ALLOWED:
        return Decided(asked.about, answer, pairs, asked.line, f"{asked.why}: {first[answer].why}")
    return replace(first[answer], about=asked.about, pairs=pairs)


def _search(question: Question, limit: int) -> Decided:
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
            if not all(
                question.sensible(column.step.receiver, transitions.interner.messages[message])
                for column, message in outcome.posts
            ):
                continue
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
    processes = transitions.packing.processes_in(transitions.unpack(state))
    return dict(zip(transitions.interner.slots, processes, strict=True))
