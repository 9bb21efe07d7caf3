"""Whole clusters of today's Ray: each scope is exhausted, and each claim that is theirs has a bug that only it sees."""

import pytest

from rayproof.model.kernel import FaultKind
from rayproof.properties.bugs import Bug
from rayproof.properties.catalogue import build
from rayproof.properties.cluster.owned.bugs import OWNED_BUGS
from rayproof.properties.cluster.owned.calls import CLUSTER_CALLS
from rayproof.properties.cluster.owned.scopes import OWNED_ENTRIES
from rayproof.properties.cluster.owned.statements import COMPOSED
from rayproof.properties.entry import Edition
from tests.scopes import check_killed


def test_every_scope_is_of_the_edition() -> None:
    assert {entry.edition for entry in OWNED_ENTRIES} == {Edition.RAY2}


@pytest.mark.parametrize("bug", OWNED_BUGS, ids=lambda bug: bug.name)
def test_killed(bug: Bug) -> None:
    check_killed(bug)


def test_every_claim_of_the_composition_has_a_bug_of_its_own() -> None:
    assert {bug.statement for bug in OWNED_BUGS if not bug.also} == {s.name for s in (*COMPOSED, *CLUSTER_CALLS)}


def test_one_crash_hits_every_part_of_a_node() -> None:
    scenario = build("ray2-bundle-crash")
    assert scenario.unit_slots("host1") == ("raylet1", "bundles1", "node1")
    assert scenario.crashable == ("host1",) and scenario.budget(FaultKind.CRASH) == 1
