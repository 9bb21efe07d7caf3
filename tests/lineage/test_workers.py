"""The scopes of attempts and streams are exhausted, and their planted bugs are killed."""

import pytest

from rayproof.properties.bugs import Bug
from rayproof.properties.lineage.ray2.workers.bugs import ATTEMPT_BUGS, STREAM_BUGS, WORKER_BUGS
from rayproof.properties.lineage.ray2.workers.scopes import ATTEMPT_ENTRIES, STREAM_ENTRIES
from tests.scopes import check_gallery, check_killed


@pytest.mark.parametrize("bug", WORKER_BUGS, ids=lambda bug: bug.name)
def test_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)


def test_every_statement_has_its_bug() -> None:
    check_gallery(ATTEMPT_ENTRIES, ATTEMPT_BUGS)
    check_gallery(STREAM_ENTRIES, STREAM_BUGS)
