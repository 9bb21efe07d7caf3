"""The scopes of creation, restart, kill and churn are exhausted, and their planted bugs are killed."""

import pytest

from rayproof.properties.actors.ray2.lifecycle.bugs import LIFECYCLE_BUGS
from rayproof.properties.actors.ray2.lifecycle.scopes import LIFECYCLE_ENTRIES
from rayproof.properties.bugs import Bug
from tests.scopes import check_gallery, check_killed


@pytest.mark.parametrize("bug", LIFECYCLE_BUGS, ids=lambda bug: bug.name)
def test_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)


def test_every_statement_has_its_bug() -> None:
    check_gallery(LIFECYCLE_ENTRIES, LIFECYCLE_BUGS)
