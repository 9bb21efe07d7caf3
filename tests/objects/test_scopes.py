"""The scopes of the object plane are exhausted; every planted bug is killed by the statement that is named for it."""

import pytest

from rayproof.properties.bugs import Bug
from rayproof.properties.objects.ray2.bugs import OBJECT_BUGS
from rayproof.properties.objects.ray2.scopes import OBJECT_ENTRIES
from tests.scopes import check_gallery, check_killed, check_pinned

PINNED = {
    "store-made-twice": (19, 6),
    "store-two-makers": (8_288, 42),
    "store-failing-disk": (9_416, 43),
    "store-two-returns": (3_148, 40),
    "store-large-behind-small": (172, 17),
    "store-larger-than-memory": (88, 13),
    "store-room-outside": (2_191, 22),
    "store-reader-dies": (51_051, 43),
    "store-maker-dies": (172_098, 46),
    "store-cannot-be-made": (3_323, 26),
    "store-made-again": (12_098, 26),
    "transfer-two-chunks": (995, 27),
    "transfer-two-pulls": (2_011, 26),
    "transfer-both-ways": (15_164, 32),
    "transfer-urgent": (2_214, 30),
    "transfer-displaced": (17_876, 35),
    "transfer-source-dies": (459_667, 38),
    "transfer-made-again-here": (2_929, 20),
    "memory-rebuild": (499_334, 50),
}


@pytest.mark.parametrize("name", PINNED)
def test_scope_is_exhausted(name: str) -> None:
    check_pinned(name, *PINNED[name])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "states", "depth"), [("transfer-reader-dies", 914_695, 45), ("store-lost-for-two", 168_248, 38)]
)
def test_small_scope_is_exhausted(name: str, states: int, depth: int) -> None:
    check_pinned(name, states, depth)


@pytest.mark.parametrize("bug", OBJECT_BUGS, ids=lambda bug: bug.name)
def test_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)


def test_every_scope_is_pinned_and_every_statement_has_its_bug() -> None:
    check_gallery(OBJECT_ENTRIES, OBJECT_BUGS, PINNED)
