"""What the tests of every component ask of its named scenarios and planted bugs."""

from __future__ import annotations

from collections.abc import Iterable

from rayproof.model.kernel import Scenario, Statement, StatementKind, Verdict, explore, replay
from rayproof.properties.bugs import Bug
from rayproof.properties.catalogue import CATALOGUE, Entry
from rayproof.properties.twins import SUFFIX, comes_to_rest


def check_killed(bug: Bug) -> None:
    """The statement that is named for a planted bug, and no other, is the first to fail, and does so when replayed."""
    scenario = CATALOGUE[bug.scenario].build(None, bug.replaces)
    result = explore(scenario)
    assert result.violation is not None, f"{bug.name} survives"
    assert result.violation.statement == bug.statement
    again = replay(scenario, result.violation.steps, loop=result.violation.loop).violation
    assert again is not None
    assert again.statement == bug.statement


def own_claims(scenario: Scenario) -> list[Statement]:
    """What the component itself claims of a scenario: no `sometimes`, and no claim that was added about all runs."""
    return [
        s
        for s in scenario.statements
        if s.kind is not StatementKind.SOMETIMES and s.name != comes_to_rest.name and not s.name.endswith(SUFFIX)
    ]


UNASKED = ("real Ray breaks it", "no state is quiescent")
"""Why a statement of a system that never rests fails although nothing breaks it: it is not asked any more."""


def noticed_by(bug: Bug) -> set[str]:
    """The claims of a bug's scenario that notice it, each by itself.

    Claims that were added about all runs are asked only where the bug declares them.
    """
    scenario = CATALOGUE[bug.scenario].build(None, bug.replaces)
    declared = {bug.statement, *bug.also}
    asked = {s.name: s for s in scenario.statements if s.name in declared} | {s.name: s for s in own_claims(scenario)}
    found: set[str] = set()
    while True:
        # A search ends at the first violation: the claims that it leaves open are asked again without that one.
        result = explore(scenario, [s for name, s in asked.items() if name not in found])
        violated = [s for s in result.statements if s.verdict is Verdict.VIOLATED]
        broken = {s.name for s in violated if not any(why in s.note for why in UNASKED)}
        if not broken:
            return found
        found |= broken


def check_gallery(entries: Iterable[Entry], bugs: Iterable[Bug]) -> None:
    """Every statement that can fail has a bug that it kills, or is known to be broken."""
    statements = {s.name: s for entry in entries for s in entry.build(None, {}).statements}
    failing = {name for name, s in statements.items() if s.kind != "sometimes" and not s.known}
    assert failing == {bug.statement for bug in bugs if not bug.spins}
