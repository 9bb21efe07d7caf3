"""Which statement notices which planted bug: the evidence that each statement can fail, pinned."""

import pytest

from model.kernel import StatementKind
from model.kernel.explore import explore
from model.kernel.walk import campaign
from properties.bugs import BUGS
from properties.catalogue import build

MATRIX = {
    "forgets_lost_inputs": {"no_lost_objects"},
    "ignores_death_notices": {"no_lost_objects"},
    "keeps_using_the_dead": {"no_grant_to_the_dead", "no_lost_objects"},
    "uses_the_dead_once_more": {"no_grant_to_the_dead"},
    "heartbeat_overwrites": {"assignments_remembered"},
    "never_reconsiders": {"eventual_scheduling"},
    "ignores_free_resources": {"capacity_conserved"},
    "starts_without_inputs": {"runs_after_its_inputs"},
    "value_depends_on_the_node": {"one_value_per_object"},
    "answers_early": {"acknowledged_writes_survive"},
    "no_resend": {"update_propagation", "every_write_is_answered"},
    "forgets_to_become_tail": {"every_write_is_answered"},
    "newest_first": {"update_propagation"},
}


@pytest.mark.parametrize("name", MATRIX)
def test_noticed_by_these_statements_and_no_others(name: str) -> None:
    bug = BUGS[name]
    scenario = build(bug.scenario, swap=bug.replaces)
    noticed = {
        statement.name
        for statement in scenario.statements
        if statement.kind is not StatementKind.SOMETIMES and explore(scenario, (statement,)).violation is not None
    }
    assert noticed == MATRIX[name]
    assert bug.statement in noticed


def test_every_statement_has_a_bug_that_only_it_notices() -> None:
    alone = {next(iter(noticed)) for noticed in MATRIX.values() if len(noticed) == 1}
    stated = {
        s.name for n in MATRIX for s in build(BUGS[n].scenario).statements if s.kind is not StatementKind.SOMETIMES
    }
    assert alone == stated


@pytest.mark.parametrize("name", MATRIX)
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
