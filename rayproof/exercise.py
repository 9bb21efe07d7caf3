"""What a run of `verify` exercised of the model, and what it should have.

A handler or timer belongs to a process class, and is owed by all tiny scopes in which such a process takes part,
together: one scope cannot exercise everything. It is judged when all of them were exhausted in the run; a run that left
some of them out says nothing about it. A fault belongs to a scenario: whoever gives it a budget owes that it strikes.

What is expected to stay idle is listed, with the reason, in `properties/catalogue.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rayproof.model.kernel import Process, Scenario, Verdict
from rayproof.model.kernel.judging.coverage import Coverage
from rayproof.properties.catalogue import EXPECTED_IDLE
from rayproof.properties.entry import Entry, Scope


@dataclass(frozen=True)
class Exercise:
    """What was found about the coverage of several scopes."""

    exercised: int = 0
    """Items that were exercised."""
    idle: tuple[str, ...] = ()
    """Items that are owed, were never exercised and are not expected to stay idle."""
    expected: tuple[tuple[str, str], ...] = ()
    """(item, reason) of those that are."""

    @property
    def verdict(self) -> Verdict:
        """Violated when something that is owed was never exercised."""
        return Verdict.VIOLATED if self.idle else Verdict.HOLDS


def exercise(
    covered: Sequence[tuple[str, Coverage]], entries: Iterable[Entry], expected: Mapping[str, str] = EXPECTED_IDLE
) -> Exercise:
    """Judge the coverage of exhausted scenarios, given by name, against the tiny scopes among `entries`."""
    exercised = frozenset().union(*(coverage.exercised for _, coverage in covered))
    missing: list[str] = []
    for name, coverage in covered:
        missing += [f"{name}: {item}" for item in coverage.idle() if item.startswith("fault ")]
    open_items = {item for _, coverage in covered for item in coverage.idle() if not item.startswith("fault ")}
    open_items -= exercised
    if open_items:
        done = {name for name, _ in covered}
        left_out = [entry.build(None, {}) for entry in entries if entry.scope is Scope.TINY and entry.name not in done]
        unsure = {kind for scenario in left_out for kind in _classes(scenario)}
        missing += sorted(item for item in open_items if item.partition(" ")[0] not in unsure)
    return Exercise(
        len(exercised),
        tuple(item for item in missing if item not in expected),
        tuple((item, expected[item]) for item in missing if item in expected),
    )


def _classes(scenario: Scenario) -> set[str]:
    """Names of the process classes that take part, and of those they extend."""
    kinds = {type(process) for process in scenario.initial().values()}
    return {base.__name__ for kind in kinds for base in kind.__mro__ if issubclass(base, Process)}
