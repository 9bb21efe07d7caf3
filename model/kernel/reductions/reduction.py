"""Reductions: fewer states for the same answer.

`invisible` takes at once what no statement sees and what commutes with all else; `symmetry` takes for one what differs
by names alone. Both ask, once a search is done, whether all that it has run bears them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rayproof.model.kernel.language.statements import StatementKind
from rayproof.model.kernel.language.steps import Taken
from rayproof.model.kernel.reductions.commuting import Watch
from rayproof.model.kernel.relation.transitions import Found, Transitions

REDUCIBLE = frozenset({StatementKind.ALWAYS, StatementKind.SOMETIMES, StatementKind.AUDIT})
"""Kinds of statements that survive a reduction."""


@dataclass(frozen=True)
class Objection:
    """What the handlers that a search has run show against its reduction."""

    why: str
    narrower: Reduction | None = None
    """The reduction without what it was wrong about, if something is left."""


class Reduction(Protocol):
    """One way to leave out states."""

    @property
    def name(self) -> str:
        """What it is called in verdicts."""
        ...

    def applied(self, transitions: Transitions, watch: Watch) -> Reducer:
        """The reduction, ready for the states of one exploration."""
        ...


class Reducer(Protocol):
    """A reduction at work."""

    def chosen(self, state: int, found: Found) -> Found:
        """The steps that are followed."""
        ...

    def representative(self, state: int) -> int:
        """The state that stands for a state."""
        ...

    def represented(self, state: int) -> list[int]:
        """The states that a state stands for."""
        ...

    def onward(self, state: int) -> tuple[int, tuple[Taken, ...]]:
        """Where a state of the full model is moved to at once, and by which steps."""
        ...

    def objection(self) -> Objection | None:
        """Why the reduction is not sound for what the search has run; None when nothing speaks against it."""
        ...
