"""Leases, the scheduling of Ray 2: exhausted scopes, planted bugs and which statements see them."""

from __future__ import annotations

import pytest

from rayproof.model.kernel import Verdict
from rayproof.model.kernel.explore import explore
from rayproof.properties.bugs import Bug
from rayproof.properties.catalogue import CATALOGUE
from rayproof.properties.scheduler.ray2.leases.bugs import LEASE_BUGS
from rayproof.properties.scheduler.ray2.leases.scopes import LEASE_ENTRIES
from tests.scopes import check_exhausted, check_killed

COUNTS = {
    "leases-plain": (1749, 5740),
    "leases-duplicates": (143, 233),
    "leases-drain": (7904, 31154),
    "leases-crash": (20547, 86694),
    "leases-classes": (5351, 19218),
    "leases-spread": (29176, 140599),
    "leases-nested": (426, 1057),
    "leases-recursion": (28, 41),
    "leases-stay": (203, 569),
    "leases-store": (13779, 55257),
    "leases-bundles": (5306, 15378),
}


@pytest.mark.parametrize("name", COUNTS)
def test_a_scope_is_exhausted_and_holds(name: str) -> None:
    check_exhausted(name, *COUNTS[name])


def test_work_that_keeps_the_scarce_bundle_is_known_of_ray() -> None:
    result = explore(CATALOGUE["leases-bundle-gpu"].build(None, {}))
    assert (result.verdict, result.states) == (Verdict.KNOWN, 49)


def test_every_scope_is_pinned() -> None:
    assert {entry.name for entry in LEASE_ENTRIES} == {*COUNTS, "leases-bundle-gpu"}


@pytest.mark.parametrize("bug", LEASE_BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)
