"""Requests of leases that cannot be served where they are: exhausted scopes, planted bugs and who sees them."""

import pytest

from rayproof.model.kernel import StatementKind, explore
from rayproof.properties.bugs import Bug
from rayproof.properties.catalogue import CATALOGUE
from rayproof.properties.scheduler.ray2.requests.bugs import REQUEST_BUGS
from rayproof.properties.scheduler.ray2.requests.statements import REQUESTS
from tests.scopes import check_killed


@pytest.mark.parametrize("bug", REQUEST_BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_seen_by_its_statement_and_by_no_other(bug: Bug) -> None:
    check_killed(bug)
    scenario = CATALOGUE[bug.scenario].build(None, bug.replaces)
    claims = [s for s in scenario.statements if s.kind is not StatementKind.SOMETIMES]
    assert [s.name for s in claims if explore(scenario, (s,)).violation is not None] == [bug.statement]


def test_each_statement_has_its_bug() -> None:
    assert {s.name for s in REQUESTS} == {bug.statement for bug in REQUEST_BUGS}
