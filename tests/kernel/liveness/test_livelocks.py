"""The twins of the audits: they hold, and systems that go round for ever are found by them alone."""

import pytest

from rayproof.model.kernel import LIVENESS, StatementKind, Verdict, campaign, explore, replay, walkable
from rayproof.properties.actors.ray2.statements import every_call_ends_in_value_or_error
from rayproof.properties.bugs import LIVELOCK_BUGS, Bug
from rayproof.properties.catalogue import CATALOGUE, COMPONENTS
from rayproof.properties.cluster.ray2.groups.statements import groups_do_not_wait_for_each_other
from rayproof.properties.entry import Scope
from rayproof.properties.liveness import TWINS
from rayproof.properties.twins import SUFFIX, comes_to_rest, some_day
from tests.scopes import UNASKED

LASSOS = {
    "asks_for_more": (21, 20),
    "asks_for_the_impossible": (12, 11),
    "looks_again_at_once": (20, 20),
    "asks_after_each_chunk": (18, 16),
    "checks_the_removal": (19, 18),
    "asks_the_store_again": (9, 8),
    "begins_its_get_anew": (11, 10),
}
"""Bug -> steps of its lasso, and the step at which the loop begins."""


@pytest.mark.parametrize("name", TWINS)
def test_the_twins_hold_and_can_fail(name: str) -> None:
    entry = CATALOGUE[name]
    assert entry.scope is Scope.TINY
    scenario = entry.build(None, {})
    runs = [s for s in scenario.statements if s.kind in LIVENESS]
    assert {s.name for s in runs} >= {comes_to_rest.name, *(audit.name + SUFFIX for audit in TWINS[name])}
    answers = {s.name: s for s in explore(scenario, runs).statements}
    assert {s.verdict for s in answers.values()} == {Verdict.HOLDS}, answers
    assert not any("never held" in s.note for s in answers.values()), "each premise holds somewhere"


@pytest.mark.parametrize("bug", LIVELOCK_BUGS, ids=lambda bug: bug.name)
def test_a_livelock_is_found_by_claims_about_runs_alone(bug: Bug) -> None:
    scenario = CATALOGUE[bug.scenario].build(None, bug.replaces)
    result = explore(scenario)
    violated = [s for s in result.statements if s.verdict is Verdict.VIOLATED]
    broken = {s.name for s in violated if not any(why in s.note for why in UNASKED)}
    assert broken == {bug.statement, *bug.also}
    assert result.violation is not None and result.violation.statement == bug.statement
    assert (len(result.violation.steps), result.violation.loop) == LASSOS[bug.name]
    assert replay(scenario, result.violation.steps, loop=result.violation.loop).violation == result.violation


def test_every_component_has_a_livelock() -> None:
    assert {CATALOGUE[bug.scenario].component for bug in LIVELOCK_BUGS} == set(COMPONENTS)


def test_walks_do_not_notice_a_livelock_as_a_violation() -> None:
    (bug,) = (bug for bug in LIVELOCK_BUGS if bug.name == "asks_for_the_impossible")
    scenario = CATALOGUE[bug.scenario].build(None, bug.replaces)
    assert campaign(scenario, 10, 0, walkable(scenario)).violation is None


def test_what_has_no_twin() -> None:
    made = some_day(every_call_ends_in_value_or_error)
    assert made.kind is StatementKind.LEADS_TO and made.sentence.startswith("Some day: ")
    for statement in (groups_do_not_wait_for_each_other, comes_to_rest):
        with pytest.raises(ValueError, match="has no twin"):
            some_day(statement)
