"""The scopes of recovery through the control store are exhausted, and their planted bugs are killed."""

import pytest

from rayproof.properties.bugs import Bug
from rayproof.properties.lineage.paper.bugs import CONTROL_BUGS
from rayproof.properties.lineage.paper.scopes import CONTROL_ENTRIES
from tests.scopes import check_gallery, check_killed


@pytest.mark.parametrize("bug", CONTROL_BUGS, ids=lambda bug: bug.name)
def test_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)


def test_every_statement_has_its_bug() -> None:
    check_gallery(CONTROL_ENTRIES, CONTROL_BUGS)
