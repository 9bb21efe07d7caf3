"""When a delivery may be taken at once: when it commutes with everything that could come before it.

A search that takes a delivery before all else keeps every answer if (Peled, "All from One, One for All", CAV 1993;
Clarke, Grumberg, Peled, "Model Checking", 1999, chapter 10)

- C0: the delivery is possible and has one outcome;
- C1: it commutes with whatever can happen while it waits;
- C2: no statement sees it: no field that one reads changes, no monitor hears of it, and neither its link nor those it
  sends on are shown;
- C3: nothing is put off for ever: each state that is kept is followed by all of its steps.

`admits` decides C0, C2 and, of C1, what links and faults ask for. Budgets only shrink: what can no longer strike is no
obstacle.

| while the message waits | it is taken at once only if the delivery |
|---|---|
| it can be lost, repeated or truncated, or replaced on a `latest` link | does nothing at all |
| it can be lost in a cut | does nothing at all, and nothing comes back |
| its receiver can crash | sends nothing, leaves the disk as it is, and nothing comes back |
| it can come back as a lost reply; its link has a capacity below the default | never |
| a process that it writes to can be cut off, or can come to life under that address | never |
| ticks can pass | leaves tick timers as they are |

It writes to plain links only, asks for no fault, and pulls in nobody over an immediate link.

What else can come to the receiver first is asked when the search is done, of all that it has run (`conflicts`).
Whatever is possible while a delivery waits is possible after it as well, where the search has met it. So each stimulus
that was met after the delivery (a message of another link, a call over an immediate link), each timer and the tick are
compared with it in the state before, then in the states that these lead to, till nothing new is found. Both orders must
lead to one state of the receiver, with the same choices, errors, events and messages, in one order on each link.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count as count_from
from typing import Any

from rayproof.model.kernel.language.context import Armed
from rayproof.model.kernel.language.errors import ModelError
from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.links import CAPACITY, DOWN, UNREACHABLE, LinkKind, connects
from rayproof.model.kernel.language.process import (
    Message,
    Name,
    Process,
    TimerKind,
    durable_fields,
    incarnation_of,
    slot_of,
    state_fields,
)
from rayproof.model.kernel.language.values import freeze
from rayproof.model.kernel.relation.interning import BudgetAsked, Local, Raw, Stimulus
from rayproof.model.kernel.relation.outcomes import Column
from rayproof.model.kernel.relation.transitions import Transitions

NEVER, NOTHING, PRIVATE, ANYTHING = range(4)
"""What a delivery may do that is taken at once: not be taken; nothing; change what a crash forgets; also send."""

MOST = 1_000_000
"""Comparisons after which a reduction is given up."""

TICK: Stimulus = ("tick",)


@dataclass(frozen=True)
class Watch:
    """What the statements of an exploration look at."""

    fields: frozenset[str] = frozenset()
    """Names of the fields of processes of any class that some check has read."""
    links: tuple[tuple[str, str], ...] = ()
    """(senders, receivers) of the links whose messages some check is shown."""

    def shows(self, sender: Name, receiver: Name) -> bool:
        """Whether some check is shown what is on its way from one process to another."""
        return any(connects(sender, receiver, *ends) for ends in self.links)


@dataclass(frozen=True, slots=True)
class _Effect:
    """What a delivery does, where it has one outcome that no statement sees."""

    after: int
    sends: tuple[tuple[Name, int, str], ...]
    needs: int
    """The least of `NOTHING`, `PRIVATE` and `ANYTHING` that allows it."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A delivery that runs of the full model can put off, in one state of its receiver."""

    link: Column
    local: int
    head: int
    allowed: int

    @property
    def stimulus(self) -> Stimulus:
        return ("receive", self.link.step.sender, self.head)


Apart = tuple[type[Message], type[Process], int]
"""Deliveries that are not taken at once: classes of message and receiver, and what they need (see `NOTHING`)."""

_Possible = tuple[int, Stimulus]
"""A stimulus with the position of its link; -1 where it comes over none."""


class Commuting:
    """Which deliveries of one exploration are taken at once, and whether that was right."""

    def __init__(self, transitions: Transitions, watch: Watch, apart: frozenset[Apart] = frozenset()) -> None:
        """`apart`: what is not taken at once."""
        self._transitions = transitions
        self._packing = transitions.packing
        self._apart = apart
        self._interner = transitions.interner
        self._scenario = transitions.scenario
        self._watch = watch
        scenario = self._scenario
        self._mortal = {slot for unit in scenario.crashable for slot in scenario.unit_slots(unit)}
        units = {*scenario.recoverable, *(scenario.crashable if scenario.budget(FaultKind.RESTART) else ())}
        self._returning = self._mortal & {slot for unit in units for slot in scenario.unit_slots(unit)}
        self._allowed: dict[tuple[int, int], int] = {}
        """(link, budget) -> what its deliveries may do."""
        self._effects: dict[tuple[int, int, int], _Effect | None] = {}
        self._taken: dict[_Waiting, None] = {}

    def admits(self, here: tuple[int, ...], link: Column) -> bool:
        """Whether the first message of a link, which there must be, may be delivered at once; it is then taken so."""
        budget = here[self._packing.budget_at]
        allowed = self._allowed.get((link.position, budget))
        if allowed is None:
            allowed = self._allowed[link.position, budget] = self._allows(link, budget)
        if allowed == NEVER:
            return False
        local, head = here[link.receiver], self._interner.heads[here[link.position]]
        effect = self._effect(link, local, head)
        if effect is None or effect.needs > allowed or any(self._may_rise(to, here) for to, _, _ in effect.sends):
            return False
        waiting = _Waiting(link, local, head, allowed)
        if waiting not in self._taken:
            if self._class_of(waiting) in self._apart:
                return False
            self._taken[waiting] = None
        return True

    def conflicts(self) -> dict[Apart, str]:
        """What was taken at once and does not commute with something that could come first, each with a sentence."""
        found: dict[Apart, str] = {}
        for waiting, why in _Closure(self._transitions, self._effect, self._is_told_apart).conflicts(self._taken):
            found.setdefault(self._class_of(waiting), why)
        return found

    def _class_of(self, waiting: _Waiting) -> Apart:
        effect = self._effect(waiting.link, waiting.local, waiting.head)
        assert effect is not None
        receiver = self._interner.locals[waiting.link.receiver][waiting.local].process
        return type(self._interner.messages[waiting.head]), type(receiver), effect.needs

    def _can_strike(self, kind: FaultKind, budget: int) -> bool:
        return kind in self._packing.affordable[budget]

    def _allows(self, link: Column, budget: int) -> int:
        step, rule = link.step, link.rule
        sender, receiver = slot_of(step.sender), slot_of(step.receiver)
        if self._watch.shows(step.sender, step.receiver) or rule.capacity < CAPACITY:
            return NEVER
        if rule.kind is LinkKind.IMMEDIATE or (rule.reply and self._can_strike(FaultKind.LOSE_REPLY, budget)):
            return NEVER
        cut = self._can_be_cut(step.sender, step.receiver, step.channel) and self._can_strike(FaultKind.CUT, budget)
        crash = receiver in self._mortal and self._can_strike(FaultKind.CRASH, budget)
        if (cut or crash) and rule.unreachable:
            return NEVER
        tampered = (
            (rule.lossy and self._can_strike(FaultKind.LOSE, budget))
            or (rule.duplicating and self._can_strike(FaultKind.DUPLICATE, budget))
            or (sender in self._mortal and self._can_strike(FaultKind.TRUNCATE, budget))
        )
        if cut or tampered or rule.kind is LinkKind.LATEST:
            return NOTHING
        return PRIVATE if crash else ANYTHING

    def _can_be_cut(self, one: Name, other: Name, channel: str) -> bool:
        pair = (slot_of(one), slot_of(other))
        return channel not in (UNREACHABLE, DOWN) and bool({pair, pair[::-1]} & {*self._scenario.cuttable})

    def _may_rise(self, to: Name, here: tuple[int, ...]) -> bool:
        """Whether a process may some day come to life under an address under which nobody lives now, or may fall."""
        slot = slot_of(to)
        if slot not in self._returning:
            return False
        column = self._interner.index[slot]
        seat = self._interner.locals[column][here[column]]
        if slot in self._scenario.services:
            return not seat.alive or self._can_strike(FaultKind.CRASH, here[self._packing.budget_at])
        return incarnation_of(to) > seat.incarnation

    def _effect(self, link: Column, local: int, head: int) -> _Effect | None:
        key = (link.position, local, head)
        if key not in self._effects:
            self._effects[key] = self._found_effect(link.receiver, local, ("receive", link.step.sender, head))
        return self._effects[key]

    def _found_effect(self, column: int, local: int, stimulus: Stimulus) -> _Effect | None:
        try:
            raw, *others = self._interner.results(column, local, stimulus)
        except BudgetAsked:
            return None
        if others or raw.error is not None or raw.spent or (raw.observations and self._packing.monitors):
            return None
        before, after = (self._interner.locals[column][at] for at in (local, raw.local))
        kind = type(before.process)
        if _differ(before, after, self._watch.fields.intersection(state_fields(kind))):
            return None
        if _ticks(before.timers) != _ticks(after.timers):
            return None
        if not all(self._may_be_told(before.name, to, channel) for to, _, channel in raw.sends):
            return None
        if raw.sends or _differ(before, after, durable_fields(kind)):
            needs = ANYTHING
        else:
            needs = NOTHING if raw.local == local else PRIVATE
        return _Effect(raw.local, raw.sends, needs)

    def _may_be_told(self, sender: Name, to: Name, channel: str) -> bool:
        """Whether it does not matter when a message is sent, but for other messages of the sender."""
        rule = self._scenario.rule(sender, to, channel)
        if rule.kind is not LinkKind.FIFO or self._watch.shows(sender, to) or self._can_be_cut(sender, to, channel):
            return False
        returns = rule.unreachable and slot_of(to) in self._mortal
        return not (returns and (self._watch.shows(to, sender) or self._scenario.budget(FaultKind.TRUNCATE)))

    def _is_told_apart(self, sender: Name, one: tuple[Name, int, str], other: tuple[Name, int, str]) -> bool:
        """Whether the order of two messages of one sender can matter."""
        if one[0] != other[0]:
            return False
        if one[2] == other[2]:
            return one[1] != other[1]
        return slot_of(one[0]) in self._mortal or self._can_be_cut(sender, one[0], "")


class _Closure:
    """All states in which a delivery can wait, and what can come first there."""

    def __init__(
        self,
        transitions: Transitions,
        effect: Callable[[Column, int, int], _Effect | None],
        told_apart: Callable[[Name, tuple[Name, int, str], tuple[Name, int, str]], bool],
    ) -> None:
        self._transitions = transitions
        self._interner = transitions.interner
        self._scenario = transitions.scenario
        self._effect = effect
        self._told_apart = told_apart
        self._budget = {kind: self._scenario.budget(kind) for kind in transitions.packing.kinds}
        self._possible: dict[tuple[int, int], dict[_Possible, None]] = {}
        """(slot, state) -> what can come to the process there."""
        self._leading: dict[tuple[int, int], list[_Waiting]] = {}
        """(slot, state) -> deliveries that lead there."""
        self._waiting: dict[_Waiting, tuple[_Effect, _Waiting]] = {}
        """With what was taken at once, from which the state is reached."""
        self._todo: list[tuple[_Waiting, _Possible]] = []

    def conflicts(self, taken: Iterable[_Waiting]) -> Iterator[tuple[_Waiting, str]]:
        """What was taken at once and should not have been, and why."""
        self._meet_all()
        for waiting in taken:
            self._wait(waiting, waiting)
        for count in count_from(0):
            if not self._todo:
                return
            waiting, possible = self._todo.pop()
            taken_at_once = self._waiting[waiting][1]
            if count >= MOST:
                yield taken_at_once, f"more than {MOST:,} orders would have to be compared"
                continue
            try:
                commute = self._commute(waiting, possible)
            except ModelError as error:
                yield taken_at_once, f"where it waits, the model fails: {error}"
                continue
            if not commute:
                kind = type(self._interner.locals[waiting.link.receiver][waiting.local].process).__name__
                one, other = (self._interner.describe(each) for each in (waiting.stimulus, possible[1]))
                yield taken_at_once, f"{kind} tells which of {one} and {other} is first"

    def _meet_all(self) -> None:
        """Note what the search has delivered, by the state of the receiver."""
        for link in self._transitions.packing.columns:
            for local, head in link.entries:
                self._note(link.receiver, local, (link.position, ("receive", link.step.sender, head)))
        pulled = {(link.step.sender, link.receiver) for link in self._transitions.packing.immediate()}
        for column, local, stimulus, _ in self._interner.remembered():
            if stimulus[0] == "receive" and (stimulus[1], column) in pulled:
                self._note(column, local, (-1, stimulus))

    def _note(self, column: int, local: int, possible: _Possible) -> None:
        known = self._possible.setdefault((column, local), {})
        if possible not in known:
            known[possible] = None
            for waiting in self._leading.get((column, local), ()):
                self._compare(waiting, possible)

    def _compare(self, waiting: _Waiting, possible: _Possible) -> None:
        """Something may come before a delivery; of its own link the delivery is the first."""
        if possible[0] != waiting.link.position:
            self._todo.append((waiting, possible))

    def _wait(self, waiting: _Waiting, taken: _Waiting) -> _Effect | None:
        """Note that a delivery can wait in a state, and what it does there; None where it may not be taken at once."""
        effect = self._effect(waiting.link, waiting.local, waiting.head)
        if effect is None or effect.needs > waiting.allowed:
            return None
        if waiting not in self._waiting:
            self._waiting[waiting] = effect, taken
            column = waiting.link.receiver
            self._leading.setdefault((column, effect.after), []).append(waiting)
            for stimulus in self._of_itself(column, waiting.local):
                self._compare(waiting, (-1, stimulus))
            for possible in self._possible.get((column, effect.after), ()):
                self._compare(waiting, possible)
        return effect

    def _of_itself(self, column: int, local: int) -> Iterator[Stimulus]:
        """Timers and ticks that can come to a process while some message is in flight."""
        timers = self._interner.locals[column][local].timers
        for timer, (kind, count) in timers.items():
            match kind:
                case TimerKind.PERIODIC:
                    ready = count < self._scenario.rounds
                case TimerKind.TICKS:
                    ready = not count
                case TimerKind.EAGER:
                    ready = FaultKind.EARLY_TIMEOUT in self._budget
                case _:
                    ready = kind is TimerKind.PROGRAM
            if ready:
                yield ("fire", timer)
        if any(_ticks(timers).values()):
            yield TICK

    def _commute(self, waiting: _Waiting, possible: _Possible) -> bool:
        """Whether a delivery and something that can come first do the same in either order."""
        column, stimulus = waiting.link.receiver, possible[1]
        effect, taken = self._waiting[waiting]
        if stimulus[0] == "fire":
            before, after = (self._interner.locals[column][at].timers for at in (waiting.local, effect.after))
            if before[stimulus[1]] != after.get(stimulus[1]):
                return False
        first, second = (self._results(column, at, stimulus) for at in (waiting.local, effect.after))
        if [_deeds(one) for one in first] != [_deeds(other) for other in second]:
            return False
        sender = self._interner.locals[column][waiting.local].name
        for one, other in zip(first, second, strict=True):
            if one.error is not None:
                continue
            later = self._wait(_Waiting(waiting.link, one.local, waiting.head, waiting.allowed), taken)
            if later is None or (later.after, later.sends) != (other.local, effect.sends):
                return False
            if any(self._told_apart(sender, mine, its) for mine in effect.sends for its in one.sends):
                return False
        if stimulus[0] == "receive":
            self._note(column, waiting.local, possible)
        return True

    def _results(self, column: int, local: int, stimulus: Stimulus) -> tuple[Raw, ...]:
        if stimulus != TICK:
            return self._interner.results(column, local, stimulus, self._budget)
        return (Raw(self._transitions.ticked(column, local), (), (), (), ()),)


def _deeds(raw: Raw) -> tuple[Any, ...]:
    """What a handler does beside changing its process."""
    seen = tuple(map(freeze, raw.observations))
    return raw.choices, raw.draws, raw.sends, raw.spent, seen, raw.error and raw.error.rule


def _differ(before: Local, after: Local, names: Iterable[str]) -> bool:
    """Whether fields of a process differ; `True` is not 1."""
    return any(freeze(getattr(before.process, name)) != freeze(getattr(after.process, name)) for name in names)


def _ticks(timers: Armed) -> dict[str, int]:
    """The timers that wait for ticks, and how many."""
    return {timer: count for timer, (kind, count) in timers.items() if kind is TimerKind.TICKS}
