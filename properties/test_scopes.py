"""Every scope exhausted and of the size that its entry says, and every planted bug found: what holds could fail."""

import pytest

from rayproof.model.kernel import StatementKind, explore
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import CATALOGUE, ENTRIES, Scope
from rayproof.properties.suite.drawn import FAMILIES, from_bytes
from rayproof.properties.suite.shared import present
from rayproof.properties.twins import SUFFIX

SCOPES = [
    pytest.param(
        entry.name,
        marks=[
            pytest.mark.rayproof_scenario(entry.name),
            *([] if entry.scope is Scope.TINY else [pytest.mark.slow]),
        ],
    )
    for entry in ENTRIES
]


@pytest.mark.parametrize("name", SCOPES)
def test_exhausted(name: str) -> None:
    entry, suite = CATALOGUE[name], present()
    policy = suite.policy if entry.concerns(suite.policy) else None
    scenario = entry.build(policy, {})
    result = explore(scenario, suite.chosen(scenario))
    suite.explored(scenario, result, suite.parameters(entry.takes_policy))
    if policy is None and suite.only is None:
        assert (result.states, result.transitions, result.depth) == entry.size


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
