"""Every tiny scope exhausted, and every planted bug found: the evidence that what holds could fail."""

import pytest

from rayproof.model.kernel import StatementKind
from rayproof.model.kernel.engines import explore
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import CATALOGUE, ENTRIES, Scope
from rayproof.properties.suite.drawn import FAMILIES, from_bytes
from rayproof.properties.suite.shared import present
from rayproof.properties.twins import SUFFIX

TINY = [
    pytest.param(entry.name, marks=pytest.mark.rayproof_scenario(entry.name))
    for entry in ENTRIES
    if entry.scope is Scope.TINY
]


@pytest.mark.parametrize("name", TINY)
def test_exhausted(name: str) -> None:
    entry, suite = CATALOGUE[name], present()
    scenario = entry.build(suite.policy if entry.takes_policy else None, {})
    suite.explored(scenario, explore(scenario, suite.chosen(scenario)), suite.parameters(entry.takes_policy))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(bug.name, marks=pytest.mark.rayproof_scenario(bug.scenario, only=bug.statement))
        for bug in BUGS.values()
    ],
)
def test_planted_bug_is_found(name: str) -> None:
    bug = BUGS[name]
    scenario = CATALOGUE[bug.scenario].build(None, bug.replaces)
    named = tuple(s for s in scenario.statements if s.name == bug.statement)
    found = explore(scenario, named).violation
    assert found is not None and found.statement == bug.statement, f"{bug.statement} does not notice {bug.sentence}"


def test_every_statement_catches_a_planted_bug() -> None:
    """A claim that no planted bug breaks might as well not be there."""
    scenarios = [entry.build(None, {}) for entry in ENTRIES]
    scenarios += [family.scenario(family.draw(from_bytes(b""))) for family in FAMILIES.values()]
    claims = {s.name for made in scenarios for s in made.statements if s.kind is not StatementKind.SOMETIMES}
    known = {s.name for made in scenarios for s in made.statements if s.known}
    caught = {name for bug in BUGS.values() for name in (bug.statement, *bug.also)}
    # A state of rest lasts for ever: what breaks an audit there breaks its twin.
    caught |= {name + SUFFIX for name in caught}
    assert not claims - known - caught
