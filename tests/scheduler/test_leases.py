"""Leases, the scheduling of Ray 2: exhausted scopes, planted bugs and which statements see them."""

from __future__ import annotations

import pytest

from rayproof.model.kernel import Verdict, explore
from rayproof.properties.bugs import Bug
from rayproof.properties.catalogue import CATALOGUE
from rayproof.properties.scheduler.ray2.leases.bugs import LEASE_BUGS
from tests.scopes import check_killed


def test_work_that_keeps_the_scarce_bundle_is_known_of_ray() -> None:
    result = explore(CATALOGUE["leases-bundle-gpu"].build(None, {}))
    assert (result.verdict, result.states) == (Verdict.KNOWN, 49)


@pytest.mark.parametrize("bug", LEASE_BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)
