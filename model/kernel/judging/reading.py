"""How statements read packed states: by the columns they look at, each combination of whose values is judged once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from operator import itemgetter
from typing import Any

from rayproof.model.kernel.language.links import connects
from rayproof.model.kernel.language.process import Message, Name
from rayproof.model.kernel.language.scenario import Scenario
from rayproof.model.kernel.language.statements import Statement, StateView
from rayproof.model.kernel.relation.outcomes import BITS, MASK, Column, Outcome
from rayproof.model.kernel.relation.transitions import Transitions


class Judged(Transitions):
    """Transitions that judge every process state once, when a step first leads to it."""

    def __init__(self, scenario: Scenario, monitors: tuple[Any, ...], each: list[Statement]) -> None:
        self._judges = each
        self._breaches: dict[tuple[int, int], str] = {}
        super().__init__(scenario, monitors)

    def broken_by(self, column: int, local: int) -> str:
        """Name of a statement about single processes that a process state breaks; empty when there is none."""
        key = (column, local)
        found = self._breaches.get(key)
        if found is None:
            made = self.interner.locals[column][local]
            judges = [s for s in self._judges if isinstance(made.process, s.reads)] if made.alive else []
            found = self._breaches[key] = next((s.name for s in judges if not s.ask(made.shown())), "")
        return found


class Reader:
    """A statement with the columns it reads; each combination of their values is judged once."""

    def __init__(self, statement: Statement, transitions: Transitions) -> None:
        self.statement = statement
        self._transitions = transitions
        initial = transitions.scenario.initial()
        self._columns = tuple(i for i, process in enumerate(initial.values()) if isinstance(process, statement.reads))
        self.mask = sum(1 << i for i in self._columns)
        first_monitor = transitions.width + 2
        self._monitor_columns = tuple(
            first_monitor + transitions.monitor_kinds.index(kind) for kind in statement.monitors
        )
        self._declared = transitions.scenario.declared(statement)
        columns = self._columns + self._monitor_columns
        self._key: Callable[[tuple[int, ...]], Hashable] = itemgetter(*columns) if columns else lambda fields: None
        self._answers: dict[Any, bool] = {}
        self._by_outcome: dict[Outcome, dict[int, bool]] = {}
        self._parts: dict[int, bool] = {}
        self._bits = sum(MASK << (BITS * column) for column in columns)
        self._columns_known = 0 if statement.links is not None else -1
        self._links: list[Column] = []
        self._links_known = 0

    def columns(self) -> tuple[int, ...]:
        """The columns on which the answer depends, links among those known by now."""
        links = () if self.statement.links is None else tuple(link.position for link in self._read_links())
        return (*self._columns, *self._monitor_columns, *links)

    def unpack(self, state: int) -> tuple[int, ...]:
        """The fields of a packed state."""
        return self._transitions.unpack(state)

    def concerns(self, outcome: Outcome) -> bool:
        """Whether a step can change the answer."""
        return bool(
            self.mask & outcome.mask
            or self.statement.links is not None
            or (self._monitor_columns and outcome.observations)
        )

    def key(self, fields: tuple[int, ...]) -> Hashable:
        """What the statement reads of a state: two states with equal keys look the same to it."""
        key = self._key(fields)
        if self.statement.links is not None:
            key = (key, tuple([fields[link.position] for link in self._read_links()]))
        return key

    def holds(self, fields: tuple[int, ...]) -> bool:
        """The answer in a state."""
        key = self.key(fields)
        answer = self._answers.get(key)
        if answer is None:
            answer = self._answers[key] = self._check(fields)
        return answer

    def part(self, state: int) -> int:
        """What the statement reads of a packed state, left in its place: equal parts look the same to it.

        A link that is used for the first time later is empty till then, and its field zero.
        """
        if self._columns_known >= 0 and self._columns_known != len(self._transitions.columns):
            self._columns_known = len(self._transitions.columns)
            self._bits = sum(MASK << (BITS * column) for column in self.columns())
        return state & self._bits

    def holds_in(self, state: int) -> bool:
        """The answer in a packed state."""
        part = self.part(state)
        answer = self._parts.get(part)
        if answer is None:
            answer = self._parts[part] = self.holds(self.unpack(state))
        return answer

    def holds_step(self, state: int, outcome: Outcome, new: int) -> bool:
        """The answer about a step."""
        key: Any
        answers: dict[Any, bool]
        if outcome.remembered and self.statement.links is None:
            # What is read after the step follows from what was read before it, and from the outcome.
            key = state & self._bits
            answers = self._by_outcome.get(outcome) or self._by_outcome.setdefault(outcome, {})
        else:
            key, answers = (self.part(state), outcome.taken, self.part(new)), self._answers
        answer = answers.get(key)
        if answer is None:
            before, after = self.view(self.unpack(state)), self.view(self.unpack(new))
            answer = answers[key] = bool(self.statement.ask(before, outcome.taken, after))
        return answer

    def _read_links(self) -> list[Column]:
        """The links that the statement reads, among those known by now."""
        columns = self._transitions.columns
        assert self.statement.links is not None
        senders, receivers = self.statement.links
        for link in columns[self._links_known :]:
            if connects(link.step.sender, link.step.receiver, senders, receivers):
                self._links.append(link)
        self._links_known = len(columns)
        return self._links

    def _check(self, fields: tuple[int, ...]) -> bool:
        if self.statement.each:
            interner = self._transitions.interner
            seats = [interner.locals[i][fields[i]] for i in self._columns]
            return all(self.statement.ask(seat.shown()) for seat in seats if seat.alive)
        return bool(self.statement.ask(self.view(fields)))

    def view(self, fields: tuple[int, ...]) -> StateView:
        """What the statement sees of a state."""
        transitions = self._transitions
        seats = [transitions.interner.locals[i][fields[i]] for i in self._columns]
        first_monitor = transitions.width + 2
        return StateView(
            {seat.name: seat.seen or seat.shown() for seat in seats if seat.alive},
            frozenset(seat.name for seat in seats if not seat.alive),
            lambda: messages_in(transitions, fields),
            {
                kind: transitions.monitors[i][fields[first_monitor + i]]
                for i, kind in enumerate(transitions.monitor_kinds)
            },
            self._declared,
        )


def messages_in(transitions: Transitions, fields: tuple[int, ...]) -> dict[tuple[Name, Name, str], tuple[Message, ...]]:
    """Messages in flight by link."""
    interner = transitions.interner
    found = {}
    for link, content in zip(transitions.columns, fields[transitions.first_link :], strict=False):
        if content:
            key = (link.step.sender, link.step.receiver, link.step.channel)
            found[key] = tuple(interner.messages[m] for m in interner.queues[content])
    return found
