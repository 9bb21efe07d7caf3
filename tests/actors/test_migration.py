"""The scopes of moving actors are exhausted, with a crash of each party at every step; planted bugs are killed."""

import pytest

from rayproof.properties.actors.bugs import MIGRATION_BUGS
from rayproof.properties.actors.scopes import MIGRATION_ENTRIES
from rayproof.properties.bugs import Bug
from tests.scopes import check_gallery, check_killed, check_pinned

PINNED = {
    "migration": (1_454, 26),
    "migration-source-dies": (6_615, 26),
    "migration-target-dies": (9_946, 28),
    "migration-coordinator-dies": (150_986, 32),
}


@pytest.mark.parametrize("name", PINNED)
def test_scope_is_exhausted(name: str) -> None:
    check_pinned(name, *PINNED[name])


@pytest.mark.parametrize("bug", MIGRATION_BUGS, ids=lambda bug: bug.name)
def test_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)


def test_every_scope_is_pinned_and_every_statement_has_its_bug() -> None:
    check_gallery(MIGRATION_ENTRIES, MIGRATION_BUGS, PINNED)
