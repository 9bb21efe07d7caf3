"""Placement groups: exhausted scopes, planted bugs and which statements see them, what is known of Ray."""

from __future__ import annotations

import pytest

from rayproof.model.kernel import Verdict, explore
from rayproof.properties.bugs import Bug
from rayproof.properties.catalogue import CATALOGUE
from rayproof.properties.scheduler.ray2.groups.bugs import GROUP_BUGS
from tests.scopes import check_killed


def test_two_groups_that_keep_half_each_are_known_of_ray() -> None:
    result = explore(CATALOGUE["groups-halves"].build(None, {}))
    assert (result.verdict, result.states) == (Verdict.KNOWN, 15806)


@pytest.mark.parametrize("bug", GROUP_BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)
