"""The scopes of the whole cluster, and what its audit notices."""

import pytest

from rayproof.model.kernel import explore
from rayproof.properties.bugs import Bug
from rayproof.properties.catalogue import build
from rayproof.properties.cluster.paper.bugs import WHOLE_BUGS
from tests.scopes import check_killed


@pytest.mark.parametrize("bug", WHOLE_BUGS, ids=lambda bug: bug.name)
def test_killed(bug: Bug) -> None:
    check_killed(bug)


def test_nothing_but_the_audit_notices_a_driver_that_waits_for_ever() -> None:
    bug = WHOLE_BUGS[1]
    scenario = build(bug.scenario, swap=bug.replaces)
    noticed = [s.name for s in scenario.statements if s.kind != "sometimes" and explore(scenario, (s,)).violation]
    assert noticed == ["at_rest"]
