"""Planted bugs of the control store: each breaks the statement it must break, and no other than is declared."""

import pytest

from rayproof.model.kernel import LIVENESS, Limits, StatementKind, campaign, explore, replay
from rayproof.properties.bugs import BUGS, LIVELOCK_BUGS, Bug
from rayproof.properties.catalogue import CATALOGUE, Scope, build
from rayproof.properties.gcs.chain.bugs import CHAIN_BUGS
from tests.scopes import own_claims

TWINS = {
    "every_request_is_answered": "writes_get_answers",
    "an_extension_completes": "extensions_complete",
    "a_subscriber_catches_up": "subscribers_catch_up",
    "a_restarted_gcs_serves_again": "a_gcs_serves_some_day",
}
"""Audits with the claim about runs that implies each: a run that rests where the audit fails breaks the claim too."""

GCS_BUGS = sorted(
    name for name, bug in BUGS.items() if CATALOGUE[bug.scenario].component == "gcs" and bug not in LIVELOCK_BUGS
)


def kind_of(scenario: str, statement: str) -> StatementKind:
    """How a statement of a scenario is decided."""
    return next(s.kind for s in build(scenario).statements if s.name == statement)


IN_TINY = [name for name in GCS_BUGS if CATALOGUE[BUGS[name].scenario].scope is Scope.TINY]


@pytest.mark.parametrize("name", GCS_BUGS)
def test_a_bug_breaks_its_statement(name: str) -> None:
    bug = BUGS[name]
    scenario = build(bug.scenario, None, bug.replaces)
    statement = [s for s in scenario.statements if s.name == bug.statement]
    found = explore(scenario, statement).violation
    assert found is not None and found.statement == bug.statement
    assert replay(scenario, found.steps, statement, loop=found.loop).violation == found


RARE_ON_WALKS = {"believes_every_word_of_death": 2_631, "reads_past_the_seal": 3_922, "takes_late_writes": 10_117}
"""A stale read or a late write needs one message to wait while a dozen others pass. States that explore looks at."""

ON_RUNS = {name for name in GCS_BUGS if kind_of(BUGS[name].scenario, BUGS[name].statement) in LIVENESS}
"""Claims about runs are decided on the state graph, not on walks."""


@pytest.mark.parametrize("name", sorted({*GCS_BUGS} - {*RARE_ON_WALKS} - ON_RUNS))
def test_a_bug_is_found_by_walks(name: str) -> None:
    bug = BUGS[name]
    scenario = build(bug.scenario, None, bug.replaces)
    statement = [s for s in scenario.statements if s.name == bug.statement]
    assert campaign(scenario, 20_000, 1, statement, cpu_s=60).violation is not None


@pytest.mark.parametrize("name", RARE_ON_WALKS)
def test_a_bug_that_walks_miss_is_found_at_once_by_explore(name: str) -> None:
    bug = BUGS[name]
    scenario = build(bug.scenario, None, bug.replaces)
    statement = [s for s in scenario.statements if s.name == bug.statement]
    result = explore(scenario, statement, Limits(states=20_000, cpu_s=60))
    assert result.violation is not None and result.states == RARE_ON_WALKS[name]


def test_what_breaks_an_audit_breaks_its_twin() -> None:
    for name in IN_TINY:
        bug = BUGS[name]
        broken = {bug.statement, *bug.also}
        checked = {s.name for s in build(bug.scenario).statements}
        for audit, twin in TWINS.items():
            assert not {audit, twin} <= checked or audit not in broken or twin in broken


def test_every_statement_is_named_first_by_some_bug() -> None:
    """None is there only because another one fails as well."""
    named = {BUGS[name].statement for name in GCS_BUGS}
    also = {statement for name in GCS_BUGS for statement in BUGS[name].also}
    assert also <= named


def test_every_claim_has_a_bug() -> None:
    claimed = {
        s.name for entry in CATALOGUE.values() if entry.component == "gcs" for s in own_claims(entry.build(None, {}))
    }
    caught = {BUGS[name].statement for name in GCS_BUGS}
    implied = {s for name in GCS_BUGS for s in BUGS[name].also}
    assert claimed <= caught | implied


@pytest.mark.parametrize("bug", CHAIN_BUGS, ids=lambda bug: bug.name)
def test_a_bug_of_the_chain_is_found_among_few_states(bug: Bug) -> None:
    # Half a second's worth of states (docs/performance.md).
    assert explore(build(bug.scenario, None, bug.replaces), limits=Limits(states=30_000)).violation is not None
