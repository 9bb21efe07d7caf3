"""Refinement: every explored step maps to zero or more steps of an abstract system.

Source: Abadi and Lamport, "The Existence of Refinement Mappings", 1991, section 2: a function from concrete to abstract
states under which the initial state is abstractly initial and each step an abstract step or a stutter. Here one
concrete step may map to several abstract ones, since a step may decide several waiting operations at once.

The abstraction is evaluated once per combination of what it reads, the abstract step relation once per pair of abstract
states. Left out: fairness, so nothing is said about whether abstract steps are ever taken.
"""

from __future__ import annotations

from typing import Any, Protocol

from rayproof.model.kernel.language.statements import Statement, StateView


class Reads(Protocol):
    """A statement and what it reads of packed states."""

    statement: Statement

    def unpack(self, state: int) -> tuple[int, ...]:
        """The fields of a packed state."""
        ...

    def part(self, state: int) -> int:
        """Equal for packed states that look the same to the statement."""
        ...

    def view(self, fields: tuple[int, ...]) -> StateView:
        """What the statement sees of a state."""
        ...


class Refinement:
    """Decides one statement of kind `refines`."""

    def __init__(self, reads: Reads) -> None:
        assert reads.statement.then is not None
        self.statement = reads.statement
        self._reads = reads
        self._then = reads.statement.then
        self._states: list[Any] = []
        """Distinct abstract states; below they are named by their position."""
        self._numbers: dict[Any, int] = {}
        self._abstractions: dict[int, int] = {}
        self._allowed: dict[tuple[int, int], bool] = {}
        self._concrete = -1
        self._part = -1
        self._before = -1

    @property
    def distinct(self) -> int:
        """Abstract states that were met."""
        return len(self._states)

    def starts(self, state: int) -> bool:
        """Whether a state is abstractly initial."""
        return bool(self._states[self._abstraction(state, self._reads.part(state))] == self.statement.initial)

    def allows(self, state: int, new: int) -> bool:
        """Whether the abstract system can do what a step does, in zero or more steps."""
        if state != self._concrete:
            # The steps out of one state come one after the other.
            self._concrete, self._part = state, self._reads.part(state)
            self._before = self._abstraction(state, self._part)
        part = self._reads.part(new)
        if part == self._part:
            return True
        pair = (self._before, self._abstraction(new, part))
        allowed = self._allowed.get(pair)
        if allowed is None:
            before, after = (self._states[number] for number in pair)
            allowed = self._allowed[pair] = before == after or bool(self._then(before, after))
        return allowed

    def _abstraction(self, state: int, part: int) -> int:
        number = self._abstractions.get(part)
        if number is None:
            abstract = self.statement.ask(self._reads.view(self._reads.unpack(state)))
            number = self._numbers.setdefault(abstract, len(self._states))
            if number == len(self._states):
                self._states.append(abstract)
            self._abstractions[part] = number
        return number
