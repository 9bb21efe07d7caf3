"""Coverage: what a scope exercised of the model, and what it never did.

The items are lines of text: a process class receives a message class, a timer of a process class fires, a fault
strikes, a choice has one of its results. What *can* be received is read from the cases of `receive` in the source; a
timer counts as possible once it was armed, a fault once the scenario gives it a budget; a choice that was made has all
its results, which explore never leaves out. A handler that no scope exercises is as good as not checked (Kupferman and
Vardi, "Vacuity Detection in Temporal Model Checking", 2003, make the same point about specifications).

Left out: branches inside a handler. Line coverage of the model's tests shows these.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from inspect import getsource
from textwrap import dedent
from types import FunctionType

from model.kernel.interning import Interner
from model.kernel.process import Message, Process
from model.kernel.transitions import Transitions


@dataclass(frozen=True)
class Coverage:
    """Items that were exercised and items that could have been."""

    exercised: frozenset[str]
    possible: frozenset[str]

    def __or__(self, other: Coverage) -> Coverage:
        """What several scopes exercise together."""
        return Coverage(self.exercised | other.exercised, self.possible | other.possible)

    def idle(self, expected: Iterable[str] = ()) -> tuple[str, ...]:
        """Possible items that were never exercised, but for those that match an expected pattern (shell-style)."""
        patterns = tuple(expected)
        missing = sorted(self.possible - self.exercised)
        return tuple(item for item in missing if not any(fnmatchcase(item, pattern) for pattern in patterns))


NOTHING = Coverage(frozenset(), frozenset())


def coverage_of(transitions: Transitions) -> Coverage:
    """What the steps read from these tables have exercised."""
    interner = transitions.interner
    exercised: set[str] = set()
    possible: set[str] = set()
    for column, local, stimulus, results in interner.remembered():
        kind = type(interner.locals[column][local].process)
        what = _described(interner, kind, stimulus)
        if stimulus[0] != "start":
            exercised.add(what)
        for raw in results:
            for position, option in enumerate(raw.choices):
                exercised.add(f"{what}: choice {position + 1} is option {option + 1}")
    for locals_of_slot in interner.locals:
        for made in locals_of_slot:
            possible |= {f"{type(made.process).__name__} fires {timer}" for timer in made.timers}
        kinds: set[type[Process]] = {type(made.process) for made in locals_of_slot}
        for kind in kinds:
            possible |= {_receives(kind, message) for message in handled_messages(kind)}
    spent = {
        fault for counts in transitions.budgets for fault, count in zip(transitions.kinds, counts, strict=True) if count
    }
    exercised |= {f"fault {fault}" for fault in spent}
    possible |= {f"fault {fault}" for fault in transitions.kinds}
    return Coverage(frozenset(exercised), frozenset(possible | exercised))


def _described(interner: Interner, kind: type[Process], stimulus: tuple[object, ...]) -> str:
    if stimulus[0] == "receive":
        number = stimulus[2]
        assert isinstance(number, int)
        return _receives(kind, type(interner.messages[number]))
    if stimulus[0] == "fire":
        return f"{kind.__name__} fires {stimulus[1]}"
    return f"{kind.__name__} starts"


def _receives(kind: type[Process], message: type[Message]) -> str:
    return f"{kind.__name__} receives {message.__name__}"


def handled_messages(kind: type[Process]) -> frozenset[type[Message]]:
    """Message classes that have a case in the `receive` of a class or of one that it extends."""
    receives = [vars(base)["receive"] for base in kind.__mro__ if base is not Process and "receive" in vars(base)]
    return frozenset().union(*map(_cases, receives))


@cache
def _cases(receive: FunctionType) -> frozenset[type[Message]]:
    found: set[type[Message]] = set()
    for node in ast.walk(ast.parse(dedent(getsource(receive)))):
        if isinstance(node, ast.MatchClass) and isinstance(node.cls, ast.Name):
            named = receive.__globals__.get(node.cls.id)
            if isinstance(named, type) and issubclass(named, Message):
                found.add(named)
    return frozenset(found)
