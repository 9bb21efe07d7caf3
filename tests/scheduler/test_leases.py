"""Leases, the scheduling of Ray 2: exhausted scopes, planted bugs and which statements see them."""

from __future__ import annotations

import pytest

from properties.bugs import Bug
from properties.bugs.leases import LEASE_BUGS
from tests.scopes import check_exhausted, check_killed, noticed_by

COUNTS = {
    "leases-plain": (1749, 5740),
    "leases-duplicates": (143, 233),
    "leases-drain": (7904, 31154),
    "leases-crash": (20547, 86694),
    "leases-classes": (5351, 19218),
    "leases-spread": (29176, 140599),
}

ALSO_SEEN_BY = {
    # A worker with two leases loses one of its tasks: whoever owns that one waits for ever.
    "returns_by_worker": {"every_lease_request_answered"},
}


@pytest.mark.parametrize("name", COUNTS)
def test_a_scope_is_exhausted_and_holds(name: str) -> None:
    check_exhausted(name, *COUNTS[name])


@pytest.mark.parametrize("bug", LEASE_BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_seen_by_its_statement_and_by_no_other(bug: Bug) -> None:
    check_killed(bug)
    assert noticed_by(bug) == {bug.statement} | ALSO_SEEN_BY.get(bug.name, set())
