"""What a statement sees: the fields that its check has read, found by watching it read them.

Two searches are compared by all that their statements ever see. A whole process would be too much: an acknowledgement
list that no statement looks at may differ. So checks are run once on processes that note which of their fields are
read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from rayproof.model.kernel.judging.reading import Reader
from rayproof.model.kernel.language.process import Process, state_fields
from rayproof.model.kernel.language.statements import Statement, StateView
from rayproof.model.kernel.language.values import freeze
from rayproof.model.kernel.relation.transitions import Transitions

Read = dict[str, frozenset[str]]
"""Statement -> names of the fields that its check has read, of processes of any class."""


def _watching(process: Process, read: set[str]) -> Process:
    """A copy that notes in `read` which of its attributes are asked for."""

    def asked(self: Process, name: str) -> Any:
        read.add(name)
        return object.__getattribute__(self, name)

    kind = type(process)
    watched = type(kind.__name__, (kind,), {"__slots__": (), "__getattribute__": asked})
    made: Process = object.__new__(watched)
    for field in fields(process):  # type: ignore[arg-type]
        object.__setattr__(made, field.name, getattr(process, field.name))
    return made


class Sights:
    """Reads what the statements see of the states of one exploration."""

    def __init__(self, transitions: Transitions, statements: Iterable[Statement]) -> None:
        self._packing = transitions.packing
        self._readers = {s.name: Reader(s, self._packing) for s in statements}

    def fields_read(self, states: Iterable[int]) -> Read:
        """The fields that each check reads in some of the states."""
        read: Read = {}
        done: set[tuple[str, tuple[int, ...]]] = set()
        for state in states:
            here = self._packing.unpack(state)
            for name, reader in self._readers.items():
                key = (name, tuple(here[column] for column in reader.columns()))
                if key not in done:
                    done.add(key)
                    asked: set[str] = set()
                    self._check(reader.statement, reader.columns(), here, asked)
                    read[name] = read.get(name, frozenset()) | asked
        return read

    def _check(self, statement: Statement, columns: tuple[int, ...], here: tuple[int, ...], asked: set[str]) -> None:
        packing = self._packing
        seats = [packing.interner.locals[i][here[i]] for i in columns if i < packing.width]
        watched = {seat.name: _watching(seat.process, asked) for seat in seats if seat.alive}
        if statement.each:
            for process in watched.values():
                statement.ask(process)
            return
        dead = frozenset(seat.name for seat in seats if not seat.alive)
        monitors, declared = packing.monitors_in(here), packing.scenario.declared(statement)
        statement.ask(StateView(watched, dead, lambda: packing.messages_in(here), monitors, declared))

    def all(self, states: Iterable[int], read: Read) -> dict[str, set[tuple[str, ...]]]:
        """For each statement, all that it sees in the states, as text."""
        sights: dict[str, set[tuple[str, ...]]] = {name: set() for name in self._readers}
        for state in states:
            here = self._packing.unpack(state)
            for name, reader in self._readers.items():
                # Links have their columns in the order of their first use, which is each search's own.
                columns = (c for c in reader.columns() if here[c] or c < self._packing.width)
                texts = {c: self._text(c, here[c], read.get(name, frozenset())) for c in columns}
                links = sorted(text for c, text in texts.items() if c >= self._packing.first_link)
                sights[name].add((*(text for c, text in texts.items() if c < self._packing.first_link), *links))
        return sights

    def _text(self, column: int, value: int, read: frozenset[str]) -> str:
        packing = self._packing
        if column < packing.width:
            made = packing.interner.locals[column][value]
            # Canonical forms: which of two equal mappings was met first is each search's own.
            names = [name for name in state_fields(type(made.process)) if name in read]
            seen = [f"{name}={freeze(getattr(made.process, name))!r}" for name in names]
            return f"{made.name} {made.alive} {' '.join(seen)}"
        if column < packing.first_link:
            return repr(freeze(packing.monitors[column - packing.first_monitor][value]))
        link = packing.columns[column - packing.first_link]
        return f"{link.step}: {[freeze(packing.interner.messages[m]) for m in packing.interner.queues[value]]}"
