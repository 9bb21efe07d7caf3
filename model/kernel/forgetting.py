"""Dead state: what is written and never read again is as if it had never been written.

Processes keep history for statements: who has ended, what was heard. A field that no method of its class ever reads,
and no check that is asked for, keeps its first value under this reduction. That a method only writes a field is read
off the source: it is assigned, added to, or told to change where nobody uses the result. So no handler can act
otherwise; that no check reads it is found by watching the checks at the gate, and watched on in the larger scope.

Source: the slicing of history variables (Weiser, "Program Slicing", 1981; cone-of-influence reduction in Clarke,
Grumberg, Peled, "Model Checking", 1999). Left out: fields that are read before some point of a run and not after it.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from rayproof.model.kernel.interning import Local
from rayproof.model.kernel.outcomes import BITS, MASK
from rayproof.model.kernel.process import Process, blank, state_fields
from rayproof.model.kernel.reductions import Found, Reducer, Watch
from rayproof.model.kernel.scenario import Scenario
from rayproof.model.kernel.steps import Taken
from rayproof.model.kernel.transitions import Transitions

CHANGES = frozenset({"add", "append", "clear", "discard", "extend", "insert", "remove", "setdefault", "update"})
"""Methods of containers that change them."""


@dataclass(frozen=True)
class Forgetting:
    """Fields that only statements would read are not kept for those that do not."""

    name: str

    def applied(self, transitions: Transitions, watch: Watch) -> Reducer:
        """The reduction, ready for the states of one exploration."""
        return _Forgetful(transitions, watch)


class _Forgetful:
    def __init__(self, transitions: Transitions, watch: Watch) -> None:
        self._transitions = transitions
        kinds = [type(some[0].process) for some in transitions.interner.locals]
        dead = {kind: write_only(kind) - watch.fields for kind in dict.fromkeys(kinds)}
        self._dead = {column: dead[kind] for column, kind in enumerate(kinds) if dead[kind]}
        self._known: dict[tuple[int, int], int] = {}

    def chosen(self, state: int, found: Found) -> Found:
        return [(self.representative(new), outcome) for new, outcome in found]

    def representative(self, state: int) -> int:
        for column in self._dead:
            local = (state >> (BITS * column)) & MASK
            key = (column, local)
            if key not in self._known:
                self._known[key] = self._cleared(column, local)
            state += (self._known[key] - local) << (BITS * column)
        return state

    def _cleared(self, column: int, local: int) -> int:
        interner = self._transitions.interner
        was, first = interner.locals[column][local], interner.locals[column][0].process
        process = blank(was.process)
        for name in state_fields(type(was.process)):
            setattr(process, name, getattr(first if name in self._dead[column] else was.process, name))
        return interner.local(column, Local(process, dict(was.timers), was.incarnation, was.name, was.alive))

    def represented(self, state: int) -> list[int]:
        return [state]

    def onward(self, state: int) -> tuple[int, tuple[Taken, ...]]:
        return self.representative(state), ()


def forgettable(scenario: Scenario) -> bool:
    """Whether some process of a scenario has a field that none of its methods reads."""
    return any(write_only(type(process)) for process in scenario.initial().values())


def write_only(kind: type[Process]) -> frozenset[str]:
    """The fields of a process that its methods write and never read; none where that cannot be seen."""
    names = frozenset(state_fields(kind))
    for base in kind.__mro__:
        if base in (Process, object):
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
        except (OSError, TypeError, SyntaxError):
            return frozenset()
        above = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        names = frozenset() if _lends_itself(above) else names - frozenset(_read(above))
    return names


def _lends_itself(above: dict[ast.AST, ast.AST]) -> bool:
    """Whether `self` is handed to somebody who might read it; a base class's own method is read with its class."""
    for node, call in above.items():
        if isinstance(node, ast.Name) and node.id == "self":
            by_base = (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and isinstance(call.func.value, ast.Name)
                and call.func.value.id[:1].isupper()
            )
            if not isinstance(call, ast.Attribute) and not by_base:
                return True
    return False


def _read(above: dict[ast.AST, ast.AST]) -> Iterator[str]:
    """Names of attributes that are read somewhere, of `self` or of anything else."""
    for node in above:
        if isinstance(node, ast.Attribute) and not _is_written(node, above):
            yield node.attr


def _is_written(node: ast.Attribute, above: dict[ast.AST, ast.AST]) -> bool:
    """Whether an attribute is only assigned, in whole or in part, or changed by a call whose result nobody uses."""
    if not isinstance(node.ctx, ast.Load):
        return True
    parent = above[node]
    if isinstance(parent, ast.Subscript) and parent.value is node:
        return not isinstance(parent.ctx, ast.Load)
    if isinstance(parent, ast.Attribute) and parent.attr in CHANGES:
        call = above[parent]
        return isinstance(call, ast.Call) and call.func is parent and isinstance(above[call], ast.Expr)
    return False
