"""The readable machine finds planted bugs and prints them."""

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import build
from rayproof.properties.suite.machine import ScenarioMachine


@pytest.mark.parametrize("name", ["answers_early", "never_reconsiders", "ignores_free_resources"])
def test_a_planted_bug_fails_the_machine(name: str) -> None:
    bug = BUGS[name]

    class Machine(ScenarioMachine):
        scenario = build(bug.scenario, swap=bug.replaces)

    quick = settings(
        max_examples=200,
        stateful_step_count=40,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    with pytest.raises(AssertionError, match=f"VIOLATED {bug.statement}"):
        run_state_machine_as_test(Machine, settings=quick)
