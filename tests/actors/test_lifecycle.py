"""The scopes of creation, restart, kill and churn are exhausted, and their planted bugs are killed."""

import pytest

from rayproof.properties.actors.ray2.lifecycle.bugs import LIFECYCLE_BUGS
from rayproof.properties.actors.ray2.lifecycle.scopes import LIFECYCLE_ENTRIES
from rayproof.properties.bugs import Bug
from tests.scopes import check_gallery, check_killed, check_pinned

PINNED = {
    "lifecycle-fails": (54, 12),
    "lifecycle-kill": (183, 14),
    "lifecycle-owner-dies": (4_492, 24),
    "lifecycle-detached": (2_877, 23),
    "lifecycle-named": (3_537, 26),
    "lifecycle-churn": (493, 24),
}


@pytest.mark.parametrize("name", PINNED)
def test_scope_is_exhausted(name: str) -> None:
    check_pinned(name, *PINNED[name])


@pytest.mark.parametrize("bug", LIFECYCLE_BUGS, ids=lambda bug: bug.name)
def test_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)


def test_every_scope_is_pinned_and_every_statement_has_its_bug() -> None:
    check_gallery(LIFECYCLE_ENTRIES, LIFECYCLE_BUGS, PINNED)
