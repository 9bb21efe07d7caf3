"""Reductions: fewer states for the same answer, each one behind a gate.

- **Symmetry** has a module of its own (`symmetry`), and so have **invisible steps** (`invisible`).
- **Eager steps**: while a message of the given classes can be delivered, nothing else happens; the message must concern
  nothing that a statement reads. It is the ample set of partial-order reduction (Peled 1993) with the user's word for
  its independence, and with its cycle condition: an eager step into a state met before is not waited for. Where only
  deliveries that send nothing are eager the condition is void: each takes a message away, so they make no cycle.

None is proved sound for a model; `gate` compares on a small scope and refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rayproof.model.kernel.language.process import Message
from rayproof.model.kernel.language.statements import StatementKind
from rayproof.model.kernel.language.steps import Taken
from rayproof.model.kernel.reductions.commuting import race
from rayproof.model.kernel.relation.outcomes import Outcome
from rayproof.model.kernel.relation.transitions import Transitions

REDUCIBLE = frozenset({StatementKind.ALWAYS, StatementKind.SOMETIMES, StatementKind.AUDIT})
"""Kinds of statements that survive a reduction."""

Found = list[tuple[int, Outcome]]


class Reduction(Protocol):
    """One way to leave out states."""

    @property
    def name(self) -> str:
        """What it is called in verdicts."""
        ...

    def applied(self, transitions: Transitions, watch: Watch) -> Reducer:
        """The reduction, ready for the states of one exploration."""
        ...


@dataclass(frozen=True)
class Watch:
    """What the statements of an exploration look at."""

    fields: frozenset[str] = frozenset()
    """Names of the fields of processes of any class that some check has read."""
    links: tuple[tuple[str, str], ...] = ()
    """(senders, receivers) of the links whose messages some check is shown."""


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

    def objection(self) -> str:
        """Why the reduction is not sound for what the search has run by now; empty when nothing speaks against it."""
        ...


@dataclass(frozen=True)
class Eager:
    """Messages of some classes are delivered before anything else happens."""

    name: str
    messages: tuple[type[Message], ...]
    silent: bool = False
    """Whether only those deliveries are eager that send nothing."""

    def applied(self, transitions: Transitions, watch: Watch) -> Reducer:
        """The reduction, ready for the states of one exploration."""
        return _EagerSteps(self, transitions)


class _EagerSteps:
    def __init__(self, eager: Eager, transitions: Transitions) -> None:
        self._messages = eager.messages
        self._silent = eager.silent
        self._transitions = transitions
        self._met: set[int] = set()

    def chosen(self, state: int, found: Found) -> Found:
        here = self._transitions.unpack(state)
        interner = self._transitions.interner
        for link, content in self._transitions.packing.in_flight(here):
            if isinstance(interner.messages[interner.heads[content]], self._messages):
                eager = [(new, outcome) for new, outcome in found if outcome.taken.step == link.step]
                if eager and self._may_wait(eager):
                    found = eager
                    break
        if not self._silent:
            self._met.update(new for new, _ in found)
        return found

    def objection(self) -> str:
        messages = self._transitions.interner.messages
        return race(self._transitions, lambda link, local, head: isinstance(messages[head], self._messages))

    def _may_wait(self, eager: Found) -> bool:
        """Whether everything else can come after these steps."""
        if self._silent:
            return all(not outcome.posts for _, outcome in eager)
        return all(new not in self._met for new, _ in eager)

    def representative(self, state: int) -> int:
        return state

    def represented(self, state: int) -> list[int]:
        return [state]

    def onward(self, state: int) -> tuple[int, tuple[Taken, ...]]:
        return state, ()
