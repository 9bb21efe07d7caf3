"""The scopes of the whole cluster, and what its audit notices."""

import pytest

from rayproof.model.kernel.explore import explore
from rayproof.properties.bugs import Bug
from rayproof.properties.catalogue import build
from rayproof.properties.cluster.paper.bugs import WHOLE_BUGS
from tests.scopes import check_killed, check_pinned

PINNED = {
    "cluster-put-is-lost": (1256, 26),
    "cluster-waits": (4057, 25),
    "cluster-actor": (17014, 37),
    "cluster-actor-hopeless": (9829, 31),
}


@pytest.mark.parametrize("name", PINNED)
def test_pinned(name: str) -> None:
    check_pinned(name, *PINNED[name])


@pytest.mark.parametrize("bug", WHOLE_BUGS, ids=lambda bug: bug.name)
def test_killed(bug: Bug) -> None:
    check_killed(bug)


def test_nothing_but_the_audit_notices_a_driver_that_waits_for_ever() -> None:
    bug = WHOLE_BUGS[1]
    scenario = build(bug.scenario, swap=bug.replaces)
    noticed = [s.name for s in scenario.statements if s.kind != "sometimes" and explore(scenario, (s,)).violation]
    assert noticed == ["at_rest"]
