"""The scopes of replay from a checkpoint are exhausted, and their planted bugs are killed."""

import pytest

from rayproof.properties.actors.paper.bugs import REPLAY_BUGS
from rayproof.properties.actors.paper.scopes import REPLAY_ENTRIES
from rayproof.properties.bugs import Bug
from tests.scopes import check_gallery, check_killed, check_pinned

PINNED = {"replay": (37_964, 34), "replay-checkpoint": (60_188, 35)}


@pytest.mark.parametrize("name", PINNED)
def test_scope_is_exhausted(name: str) -> None:
    check_pinned(name, *PINNED[name])


@pytest.mark.parametrize("bug", REPLAY_BUGS, ids=lambda bug: bug.name)
def test_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)


def test_every_scope_is_pinned_and_every_statement_has_its_bug() -> None:
    check_gallery(REPLAY_ENTRIES, REPLAY_BUGS, PINNED)
