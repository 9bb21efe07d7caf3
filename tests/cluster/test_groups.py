"""Placement groups on today's Ray: exhausted scopes, planted bugs, and what is known of a group under its tasks."""

from __future__ import annotations

import pytest

from rayproof.model.kernel import Verdict, explore
from rayproof.properties.bugs import Bug
from rayproof.properties.catalogue import CATALOGUE
from rayproof.properties.cluster.ray2.groups.bugs import GROUP_BUGS
from rayproof.properties.cluster.ray2.groups.scopes import GROUP_ENTRIES
from rayproof.properties.entry import Entry
from tests.scopes import check_killed

KNOWN = {
    "today-group-halves": "groups_do_not_wait_for_each_other",
    "today-group-running": "tasks_end_with_their_group",
    "today-group-once": "tasks_end_with_their_group",
    "today-group-actor": "tasks_end_with_their_group",
    "today-group-actor-restarts": "tasks_end_with_their_group",
}


@pytest.mark.parametrize("entry", GROUP_ENTRIES, ids=lambda entry: entry.name)
def test_only_what_is_known_of_ray_is_broken(entry: Entry) -> None:
    result = explore(CATALOGUE[entry.name].build(None, {}))
    broken = {s.name for s in result.statements if s.verdict is not Verdict.HOLDS}
    assert broken == {KNOWN[entry.name]} if entry.name in KNOWN else not broken
    assert result.verdict is (Verdict.KNOWN if entry.name in KNOWN else Verdict.HOLDS)


@pytest.mark.parametrize("bug", GROUP_BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)
