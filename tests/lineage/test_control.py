"""The scopes of recovery through the control store are exhausted, and their planted bugs are killed."""

import pytest

from rayproof.properties.bugs import Bug
from rayproof.properties.lineage.paper.bugs import CONTROL_BUGS
from rayproof.properties.lineage.paper.scopes import CONTROL_ENTRIES
from tests.scopes import check_gallery, check_killed, check_pinned

PINNED = {"control-chain": (5_000, 24), "control-flush": (113_028, 29), "control-slow": (1_449, 18)}


@pytest.mark.parametrize("name", PINNED)
def test_scope_is_exhausted(name: str) -> None:
    check_pinned(name, *PINNED[name])


@pytest.mark.parametrize("bug", CONTROL_BUGS, ids=lambda bug: bug.name)
def test_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)


def test_every_scope_is_pinned_and_every_statement_has_its_bug() -> None:
    check_gallery(CONTROL_ENTRIES, CONTROL_BUGS, PINNED)
