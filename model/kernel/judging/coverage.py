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

from rayproof.model.kernel.language.process import Message, Process, Unreachable
from rayproof.model.kernel.relation.interning import Interner
from rayproof.model.kernel.relation.packing import Packing

Case = tuple[type[Message], type[Message] | None]
"""A message, and of one that came back the message inside when the case asks for it."""


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


def coverage_of(packing: Packing) -> Coverage:
    """What the steps read from these tables have exercised."""
    interner = packing.interner
    exercised: set[str] = set()
    possible: set[str] = set()
    for column, local, stimulus, results in interner.remembered():
        kind = type(interner.locals[column][local].process)
        described = _described(interner, kind, stimulus)
        what = described[0]
        if stimulus[0] != "start":
            exercised.update(described)
        for raw in results:
            for position, option in enumerate(raw.choices):
                exercised.add(f"{what}: choice {position + 1} is option {option + 1}")
    for locals_of_slot in interner.locals:
        for made in locals_of_slot:
            possible |= {f"{type(made.process).__name__} fires {timer}" for timer in made.timers}
        kinds: set[type[Process]] = {type(made.process) for made in locals_of_slot}
        for kind in kinds:
            possible |= handled(kind)
    spent = {fault for counts in packing.budgets for fault, count in zip(packing.kinds, counts, strict=True) if count}
    exercised |= {f"fault {fault}" for fault in spent}
    possible |= {f"fault {fault}" for fault in packing.kinds}
    return Coverage(frozenset(exercised), frozenset(possible | exercised))


def _described(interner: Interner, kind: type[Process], stimulus: tuple[object, ...]) -> tuple[str, ...]:
    """The items that a stimulus exercises, the most general first."""
    if stimulus[0] == "receive":
        number = stimulus[2]
        assert isinstance(number, int)
        message = interner.messages[number]
        returned = type(message.message) if isinstance(message, Unreachable) else None
        whose = next((base for base in _receivers(kind) if _knows(base, type(message))), kind)
        general = _receives(whose, type(message), None)
        return (general,) if returned is None else (general, _receives(whose, type(message), returned))
    if stimulus[0] == "fire":
        return (f"{kind.__name__} fires {stimulus[1]}",)
    return (f"{kind.__name__} starts",)


def _knows(kind: type[Process], message: type[Message]) -> bool:
    return any(case[0] is message for case in _cases(kind))


def _receives(kind: type[Process], message: type[Message], returned: type[Message] | None) -> str:
    of = "" if returned is None else f" of {returned.__name__}"
    return f"{kind.__name__} receives {message.__name__}{of}"


def handled(kind: type[Process]) -> frozenset[str]:
    """The items of messages that have a case in the `receive` of a class or of one that it extends.

    A handler belongs to the class that writes it: what any heir exercises is exercised. A case that does nothing
    (`pass`) owes no exercise. A case for one message that came back (`Unreachable(_, Push())`) is an item of its own.
    """
    found: set[str] = set()
    above: set[type[Message]] = set()
    for base in _receivers(kind):
        cases = _cases(base)
        found |= {_receives(base, *case) for case, acts in cases.items() if acts and case[0] not in above}
        above |= {message for message, _ in cases}
    return frozenset(found)


def _receivers(kind: type[Process]) -> list[type[Process]]:
    """The class and those it extends that have a `receive` of their own."""
    return [base for base in kind.__mro__ if base is not Process and "receive" in vars(base)]


def _cases(kind: type[Process]) -> dict[Case, bool]:
    return _cases_in(vars(kind)["receive"])


@cache
def _cases_in(receive: FunctionType) -> dict[Case, bool]:
    """The cases of a `receive` -> whether the case does anything."""
    found: dict[Case, bool] = {}
    for node in ast.walk(ast.parse(dedent(getsource(receive)))):
        if isinstance(node, ast.match_case):
            acts = not all(isinstance(line, ast.Pass) for line in node.body)
            for pattern in _alternatives(node.pattern):
                message = _message(receive, pattern)
                if message is not None:
                    assert isinstance(pattern, ast.MatchClass)
                    inner = [_message(receive, part) for part in (*pattern.patterns, *pattern.kwd_patterns)]
                    returned = next((part for part in inner if part is not None), None)
                    case = (message, returned if message is Unreachable else None)
                    found[case] = found.get(case, False) or acts
    return found


def _alternatives(pattern: ast.pattern | None) -> list[ast.pattern]:
    if isinstance(pattern, ast.MatchOr):
        return [part for some in pattern.patterns for part in _alternatives(some)]
    if isinstance(pattern, ast.MatchAs):
        return _alternatives(pattern.pattern)
    return [] if pattern is None else [pattern]


def _message(receive: FunctionType, pattern: ast.pattern) -> type[Message] | None:
    if not isinstance(pattern, ast.MatchClass) or not isinstance(pattern.cls, ast.Name):
        return None
    named = receive.__globals__.get(pattern.cls.id)
    return named if isinstance(named, type) and issubclass(named, Message) else None
