"""The scopes of moving actors are exhausted, with a crash of each party at every step; planted bugs are killed."""

import pytest

from rayproof.properties.actors.bugs import MIGRATION_BUGS
from rayproof.properties.actors.scopes import MIGRATION_ENTRIES
from rayproof.properties.bugs import Bug
from tests.scopes import check_gallery, check_killed


@pytest.mark.parametrize("bug", MIGRATION_BUGS, ids=lambda bug: bug.name)
def test_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)


def test_every_statement_has_its_bug() -> None:
    check_gallery(MIGRATION_ENTRIES, MIGRATION_BUGS)
