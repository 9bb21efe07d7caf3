"""The scopes of the object plane are exhausted; every planted bug is killed by the statement that is named for it."""

import pytest

from rayproof.properties.bugs import Bug
from rayproof.properties.objects.ray2.bugs import OBJECT_BUGS
from rayproof.properties.objects.ray2.scopes import OBJECT_ENTRIES
from tests.scopes import check_gallery, check_killed


@pytest.mark.parametrize("bug", OBJECT_BUGS, ids=lambda bug: bug.name)
def test_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)


def test_every_statement_has_its_bug() -> None:
    check_gallery(OBJECT_ENTRIES, OBJECT_BUGS)
