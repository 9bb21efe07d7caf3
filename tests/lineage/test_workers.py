"""The scopes of attempts and streams are exhausted, and their planted bugs are killed."""

import pytest

from rayproof.properties.bugs import Bug
from rayproof.properties.lineage.ray2.workers.bugs import ATTEMPT_BUGS, STREAM_BUGS, WORKER_BUGS
from rayproof.properties.lineage.ray2.workers.scopes import ATTEMPT_ENTRIES, STREAM_ENTRIES
from tests.scopes import check_gallery, check_killed, check_pinned

PINNED_ATTEMPTS = {"attempts-cancel": (278, 16), "attempts-memory": (117, 23)}
PINNED_STREAMS = {"stream": (4_992, 22), "stream-read-late": (4_244, 21)}
PINNED = {**PINNED_ATTEMPTS, **PINNED_STREAMS}


@pytest.mark.parametrize("name", PINNED)
def test_scope_is_exhausted(name: str) -> None:
    check_pinned(name, *PINNED[name])


@pytest.mark.parametrize("bug", WORKER_BUGS, ids=lambda bug: bug.name)
def test_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)


def test_every_scope_is_pinned_and_every_statement_has_its_bug() -> None:
    check_gallery(ATTEMPT_ENTRIES, ATTEMPT_BUGS, PINNED_ATTEMPTS)
    check_gallery(STREAM_ENTRIES, STREAM_BUGS, PINNED_STREAMS)
