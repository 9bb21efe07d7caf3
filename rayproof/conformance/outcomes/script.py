"""What a run of the model has to show so that it is the recorded one.

A script is a list of entries in the order of the recording's clock. An *exact* entry is a thing that happens just
there: a body begins, a node is killed. A *by* entry says that something must have happened by then, and not before a
position of its own: the outcome of a read, which lies between the beginning and the end of the `get`. Everything that
the model shows and the script does not speak of is refused; messages, timers and notices are hidden and free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Key: TypeAlias = tuple[str | int, ...]
"""What happens to whom, e.g. `("begin", "T1", 1, "node0")`."""

Place: TypeAlias = tuple[int, frozenset[Key]]
"""How far a run has come: the next entry, and what has happened of that which is due later."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Something visible that a step of the model did; `value`: what it gave, where it gives something."""

    key: Key
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; `value` None stands for any."""

    key: Key
    line: int
    """Line of the recording."""
    value: str | None = None
    by: bool = False

    def __str__(self) -> str:
        kind, *rest = self.key
        given = f" = {self.value}" if self.value is not None else ""
        return f"{kind} {' '.join(map(str, rest))}{given}"


@dataclass(frozen=True)
class Script:
    """`since`: earliest position of everything that is not exact."""

    entries: tuple[Entry, ...]
    since: Mapping[Key, int] = field(default_factory=dict)

    def start(self) -> Place:
        """Nothing has happened."""
        return self._slide(0, frozenset())

    def finished(self, place: Place) -> bool:
        """Whether everything has happened."""
        return place[0] == len(self.entries)

    def after(self, place: Place, heard: Heard) -> Place | None:
        """Where a run stands after something visible; None if the recording does not have it there."""
        position, early = place
        if heard.key in self.since:
            if position < self.since[heard.key]:
                return None
            due = next((e for e in self.entries[position:] if e.by and e.key == heard.key), None)
            if due is None:
                return place
            return self._slide(position, early | {heard.key}) if due.value in (None, heard.value) else None
        if position == len(self.entries):
            return None
        entry = self.entries[position]
        if entry.by or entry.key != heard.key or entry.value not in (None, heard.value):
            return None
        return self._slide(position + 1, early)

    def _slide(self, position: int, early: frozenset[Key]) -> Place:
        while position < len(self.entries) and self.entries[position].by and self.entries[position].key in early:
            early = early - {self.entries[position].key}
            position += 1
        return position, early
