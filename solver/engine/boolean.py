"""The one place that talks to Z3 about Booleans: clauses, cardinality and pseudo-Boolean sums, loaded as text.

Building through the Python API costs more than solving (each term crosses the language border several times); SMT-LIB
text is parsed in one call. A literal is a name, or a name behind "-".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import z3

from rayproof.solver.engine.limits import Budget


class Answer(StrEnum):
    """What the solver said; unknown is never unsat."""

    SAT = "sat"
    UNSAT = "unsat"
    UNKNOWN = "unknown"


def negated(literal: str) -> str:
    """The opposite literal."""
    return literal[1:] if literal[0] == "-" else "-" + literal


def _term(literal: str) -> str:
    return f"(not {literal[1:]})" if literal[0] == "-" else literal


class Formula:
    """A conjunction under construction."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._asserts: list[str] = []

    def variable(self, name: str) -> str:
        """Declare a variable; returns its name, which is its positive literal."""
        self._names[name] = None
        return name

    def declared(self, name: str) -> bool:
        """Whether a variable of this name exists already."""
        return name in self._names

    def clause(self, *literals: str) -> None:
        """At least one of these holds; with none, the formula is unsatisfiable."""
        match literals:
            case ():
                self._asserts.append("false")
            case (literal,):
                self._asserts.append(_term(literal))
            case _:
                self._asserts.append("(or " + " ".join(map(_term, literals)) + ")")

    def at_most(self, literals: Sequence[str], most: int) -> None:
        """At most so many of these hold."""
        self._asserts.append(f"((_ at-most {most}) {' '.join(map(_term, literals))})")

    def weighted(self, weights: Sequence[int], literals: Sequence[str], most: int) -> None:
        """The weights of those that hold sum to at most `most`."""
        if len(set(weights)) == 1:
            if weights[0] * len(literals) > most:
                self.at_most(literals, most // weights[0])
        elif sum(weights) > most:
            numbers = " ".join(map(str, weights))
            self._asserts.append(f"((_ pble {most} {numbers}) {' '.join(map(_term, literals))})")

    def weighted_at_least(self, weights: Sequence[int], literals: Sequence[str], least: int) -> None:
        """The weights of those that hold sum to at least `least`."""
        numbers = " ".join(map(str, weights))
        self._asserts.append(f"((_ pbge {least} {numbers}) {' '.join(map(_term, literals))})")

    def exactly_one(self, literals: Sequence[str]) -> None:
        """Exactly one of these holds."""
        self.clause(*literals)
        if len(literals) > 1:
            self.at_most(literals, 1)

    def text(self) -> str:
        """The formula in SMT-LIB."""
        declared = "\n".join(f"(declare-const {name} Bool)" for name in self._names)
        return declared + "\n" + "\n".join(f"(assert {each})" for each in self._asserts)


class BooleanSolver:
    """Z3's SMT core over a formula, asked under assumptions."""

    def __init__(self, formula: Formula, seed: int = 0) -> None:
        self._solver = z3.SimpleSolver()
        # Every variable matters here, so relevancy filtering only costs (measured: docs/solver.md).
        self._solver.set("relevancy", 0)
        self._solver.set("random_seed", seed)
        self._solver.from_string(formula.text())
        self._model: z3.ModelRef | None = None

    def check(self, budget: Budget, assumptions: Iterable[str] = ()) -> Answer:
        """Satisfiable under these literals? Draws from the budget."""
        if budget.exhausted:
            return Answer.UNKNOWN
        seconds, units = budget.seconds_left, budget.resource_units_left
        self._solver.set("timeout", 4_294_967_295 if seconds is None else max(1, int(seconds * 1000)))
        self._solver.set("rlimit", 0 if units is None else units)
        before = self._spent()
        answer = self._solver.check(*(_z3_literal(literal) for literal in assumptions))
        budget.resource_units += self._spent() - before
        if answer == z3.sat:
            self._model = self._solver.model()
            return Answer.SAT
        return Answer.UNSAT if answer == z3.unsat else Answer.UNKNOWN

    def holds(self, literal: str) -> bool:
        """Whether a literal holds in the model of the last satisfiable check; variables free to choose are false."""
        if self._model is None:
            raise RuntimeError("expected a satisfiable check before its model is read")
        # One by one and on demand: turning a whole model into Python objects can cost more than finding it.
        value = self._model.eval(z3.Bool(literal.removeprefix("-")))
        return bool(z3.is_true(value)) != literal.startswith("-")

    def core(self) -> tuple[str, ...]:
        """Assumptions that the last unsatisfiable check used."""
        return tuple(_named(each) for each in self._solver.unsat_core())

    def add(self, *literals: str) -> None:
        """Add one clause to what is already loaded."""
        self._solver.add(z3.Or(*(_z3_literal(literal) for literal in literals)))

    def _spent(self) -> int:
        statistics = self._solver.statistics()
        return int(statistics.get_key_value("rlimit count")) if "rlimit count" in statistics.keys() else 0  # noqa: SIM118


def _z3_literal(literal: str) -> z3.BoolRef:
    return z3.Not(z3.Bool(literal[1:])) if literal[0] == "-" else z3.Bool(literal)


def _named(term: z3.BoolRef) -> str:
    return "-" + term.arg(0).decl().name() if z3.is_not(term) else str(term.decl().name())
