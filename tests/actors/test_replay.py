"""The scopes of replay from a checkpoint are exhausted, and their planted bugs are killed."""

import pytest

from rayproof.properties.actors.paper.bugs import REPLAY_BUGS
from rayproof.properties.actors.paper.scopes import REPLAY_ENTRIES
from rayproof.properties.bugs import Bug
from tests.scopes import check_gallery, check_killed


@pytest.mark.parametrize("bug", REPLAY_BUGS, ids=lambda bug: bug.name)
def test_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)


def test_every_statement_has_its_bug() -> None:
    check_gallery(REPLAY_ENTRIES, REPLAY_BUGS)
