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
from tests.scopes import check_exhausted, check_killed

PINNED = {
    "ray2-bundle": (3_277, 10_720),
    "ray2-bundle-crash": (25_519, 112_325),
    "ray2-cancel": (752, 1_780),
    "ray2-lost-argument": (252_987, 1_286_433),
    "ray2-actor": (25_268, 122_179),
    "ray2-driver-dies": (6_301, 21_862),
    "ray2-calls": (99_509, 542_455),
    "ray2-calls-argument": (6_483, 20_118),
    "ray2-calls-dead": (994, 3_145),
    "ray2-calls-once": (8_882, 41_941),
    "ray2-calls-lost-reply": (1_199, 2_998),
}


@pytest.mark.parametrize("name", PINNED)
def test_exhausted(name: str) -> None:
    check_exhausted(name, *PINNED[name])


def test_every_scope_is_pinned_and_of_the_edition() -> None:
    assert {entry.name for entry in OWNED_ENTRIES} == set(PINNED)
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
