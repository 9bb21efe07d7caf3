"""The scopes of references are exhausted, and their planted bugs are killed."""

import pytest

from rayproof.properties.bugs import Bug
from rayproof.properties.objects.ray2.references.bugs import REFERENCE_BUGS
from rayproof.properties.objects.ray2.references.scopes import REFERENCE_ENTRIES
from tests.scopes import check_gallery, check_killed, check_pinned

PINNED = {
    "references-passed-on": (193, 20),
    "references-borrower-dies": (1_333, 24),
    "references-owner-dies": (651, 20),
    "references-nested": (425, 31),
    "references-nested-crash": (25_657, 35),
}


@pytest.mark.parametrize("name", PINNED)
def test_scope_is_exhausted(name: str) -> None:
    check_pinned(name, *PINNED[name])


@pytest.mark.parametrize("bug", REFERENCE_BUGS, ids=lambda bug: bug.name)
def test_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)


def test_every_scope_is_pinned_and_every_statement_has_its_bug() -> None:
    check_gallery(REFERENCE_ENTRIES, REFERENCE_BUGS, PINNED)
