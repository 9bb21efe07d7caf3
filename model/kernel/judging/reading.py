"""How statements read packed states: by the columns they look at, each combination of whose values is judged once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from operator import itemgetter
from typing import Any

from rayproof.model.kernel.language.links import connects
from rayproof.model.kernel.language.process import Name
from rayproof.model.kernel.language.statements import Breach, Statement, StateView
from rayproof.model.kernel.relation.interning import Local
from rayproof.model.kernel.relation.outcomes import BITS, MASK, Column, Outcome
from rayproof.model.kernel.relation.packing import Fields, Packing


class EachProcess:
    """Statements about single processes, asked once about every process state: the first one that it breaks."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        self._statements = tuple(statements)
        self._breaches: dict[Local, Breach | None] = {}

    def broken_by(self, made: Local) -> Breach | None:
        """The first statement that a process state breaks."""
        if made not in self._breaches:
            asked = [s for s in self._statements if isinstance(made.process, s.reads)] if made.alive else []
            answers = ((s, s.ask(made.shown())) for s in asked)
            found = (Breach(s, s.said_of(made.name, answer)) for s, answer in answers if answer is not None)
            self._breaches[made] = next(found, None)
        return self._breaches[made]


class Reader:
    """A statement with the columns it reads; each combination of their values is judged once."""

    def __init__(self, statement: Statement, packing: Packing) -> None:
        self.statement = statement
        self._packing = packing
        initial = packing.scenario.initial()
        self._columns = tuple(i for i, process in enumerate(initial.values()) if isinstance(process, statement.reads))
        self.mask = sum(1 << i for i in self._columns)
        self._monitor_columns = tuple(
            packing.first_monitor + packing.monitor_kinds.index(kind) for kind in statement.monitors
        )
        self._declared = packing.scenario.declared(statement)
        columns = self._columns + self._monitor_columns
        self._key: Callable[[Fields], Hashable] = itemgetter(*columns) if columns else lambda fields: None
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

    def unpack(self, state: int) -> Fields:
        """The fields of a packed state."""
        return self._packing.unpack(state)

    def concerns(self, outcome: Outcome) -> bool:
        """Whether a step can change the answer."""
        return bool(
            self.mask & outcome.mask
            or self.statement.links is not None
            or (self._monitor_columns and outcome.observations)
        )

    def key(self, fields: Fields) -> Hashable:
        """What the statement reads of a state: two states with equal keys look the same to it."""
        key = self._key(fields)
        if self.statement.links is not None:
            key = (key, tuple([fields[link.position] for link in self._read_links()]))
        return key

    def finds(self, fields: Fields) -> bool:
        """Whether the check finds anything in a state."""
        key = self.key(fields)
        answer = self._answers.get(key)
        if answer is None:
            answer = self._answers[key] = self._answer(fields)[1] is not None
        return answer

    def found(self, fields: tuple[int, ...]) -> str:
        """What the check finds in a state in which it finds something: culprit, witness, who waits."""
        return self.statement.said_of(*self._answer(fields))

    def found_in(self, state: int) -> str:
        """The same in a packed state."""
        return self.found(self.unpack(state))

    def part(self, state: int) -> int:
        """What the statement reads of a packed state, left in its place: equal parts look the same to it.

        A link that is used for the first time later is empty till then, and its field zero.
        """
        if self._columns_known >= 0 and self._columns_known != len(self._packing.columns):
            self._columns_known = len(self._packing.columns)
            self._bits = sum(MASK << (BITS * column) for column in self.columns())
        return state & self._bits

    def finds_in(self, state: int) -> bool:
        """Whether the check finds anything in a packed state."""
        part = self.part(state)
        answer = self._parts.get(part)
        if answer is None:
            answer = self._parts[part] = self.finds(self.unpack(state))
        return answer

    def finds_step(self, state: int, outcome: Outcome, new: int) -> bool:
        """Whether the check finds anything in a step."""
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
            answer = answers[key] = self._answer_about(state, outcome, new) is not None
        return answer

    def found_step(self, state: int, outcome: Outcome, new: int) -> str:
        """What the check finds in a step in which it finds something."""
        return self.statement.said(self._answer_about(state, outcome, new))

    def _answer_about(self, state: int, outcome: Outcome, new: int) -> Any:
        return self.statement.ask(self.view(self.unpack(state)), outcome.taken, self.view(self.unpack(new)))

    def _read_links(self) -> list[Column]:
        """The links that the statement reads, among those known by now."""
        columns = self._packing.columns
        assert self.statement.links is not None
        senders, receivers = self.statement.links
        for link in columns[self._links_known :]:
            if connects(link.step.sender, link.step.receiver, senders, receivers):
                self._links.append(link)
        self._links_known = len(columns)
        return self._links

    def _answer(self, fields: Fields) -> tuple[Name, Any]:
        """What the check returns; of a statement about single processes also whose it is."""
        if not self.statement.each:
            return "", self.statement.ask(self.view(fields))
        answers = ((seat.name, self.statement.ask(seat.shown())) for seat in self._seats(fields) if seat.alive)
        return next((answer for answer in answers if answer[1] is not None), ("", None))

    def view(self, fields: Fields) -> StateView:
        """What the statement sees of a state."""
        packing, seats = self._packing, self._seats(fields)
        return StateView(
            {seat.name: seat.seen or seat.shown() for seat in seats if seat.alive},
            frozenset(seat.name for seat in seats if not seat.alive),
            lambda: packing.messages_in(fields),
            packing.monitors_in(fields),
            self._declared,
        )

    def _seats(self, fields: Fields) -> list[Local]:
        """The processes that the statement reads, the dead among them."""
        locals_of = self._packing.interner.locals
        return [locals_of[i][fields[i]] for i in self._columns]
