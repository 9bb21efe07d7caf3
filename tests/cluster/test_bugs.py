"""Planted bugs of the cluster: walks find them too, and the shortest counterexamples have their lengths."""

import pytest

from rayproof.model.kernel import campaign, explore
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import build

FOUND_BY_WALKS = (
    "forgets_lost_inputs",
    "ignores_death_notices",
    "keeps_using_the_dead",
    "uses_the_dead_once_more",
    "heartbeat_overwrites",
    "never_reconsiders",
    "ignores_free_resources",
    "starts_without_inputs",
    "value_depends_on_the_node",
)


@pytest.mark.parametrize("name", FOUND_BY_WALKS)
def test_found_by_walks(name: str) -> None:
    bug = BUGS[name]
    scenario = build(bug.scenario, swap=bug.replaces)
    named = tuple(s for s in scenario.statements if s.name == bug.statement)
    assert campaign(scenario, 1000, 1, named).violation is not None


def test_a_task_placed_again_on_a_node_that_died_meanwhile() -> None:
    """Two crashes in a row once lost a task: the store ignored where the scheduler had put it."""
    bug = BUGS["ignores_a_late_answer"]
    named = tuple(s for s in build(bug.scenario).statements if s.name == bug.statement)
    found = campaign(build(bug.scenario, swap=bug.replaces), 2000, 1, named).violation
    assert found is not None and found.statement == "no_lost_objects"
    assert campaign(build(bug.scenario), 500, 1, named).violation is None


SHORTEST = {
    "forgets_lost_inputs": 17,
    "ignores_death_notices": 21,
    "keeps_using_the_dead": 7,
    "heartbeat_overwrites": 4,
    "answers_early": 3,
}


@pytest.mark.parametrize("name", SHORTEST)
def test_length_of_the_shortest_counterexample(name: str) -> None:
    bug = BUGS[name]
    found = explore(build(bug.scenario, swap=bug.replaces)).violation
    assert found is not None and (found.statement, len(found.steps)) == (bug.statement, SHORTEST[name])
