"""Placement groups: exhausted scopes, planted bugs and which statements see them, what is known of Ray."""

from __future__ import annotations

import pytest

from rayproof.model.kernel import Verdict
from rayproof.model.kernel.explore import explore
from rayproof.properties.bugs import Bug
from rayproof.properties.catalogue import CATALOGUE
from rayproof.properties.scheduler.ray2.groups.bugs import GROUP_BUGS
from tests.scopes import check_exhausted, check_killed

COUNTS = {
    "groups-removed": (871, 2569),
    "groups-crash": (6881, 22854),
    "groups-two-crashes": (3100, 6184),
    "groups-parked": (363, 866),
    "groups-two": (3409, 8867),
    "groups-restart": (23668, 114507),
}


@pytest.mark.parametrize("name", COUNTS)
def test_a_scope_is_exhausted_and_holds(name: str) -> None:
    check_exhausted(name, *COUNTS[name])


def test_two_groups_that_keep_half_each_are_known_of_ray() -> None:
    result = explore(CATALOGUE["groups-halves"].build(None, {}))
    assert (result.verdict, result.states) == (Verdict.KNOWN, 15806)


@pytest.mark.parametrize("bug", GROUP_BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)
