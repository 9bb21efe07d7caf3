"""The `eventually` twins of the audits: what they find in the correct model, and which planted bug breaks which."""

import pytest

from rayproof.model.kernel import Deliver, Explorer, Scenario, Step, Verdict, explore, longest_wait, most_often, replay
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import build
from rayproof.properties.cluster.paper.statements import CLUSTER_RUNS
from rayproof.properties.gcs.chain.statements import CHAIN_RUNS
from tests.kernel.liveness import systems

TWINS = {s.name for s in (*CHAIN_RUNS, *CLUSTER_RUNS)}

BROKEN = {
    "forgets_lost_inputs": {"the_program_ends", "lost_objects_come_back"},
    "ignores_death_notices": {"the_program_ends", "lost_objects_come_back"},
    "keeps_using_the_dead": {"the_program_ends", "lost_objects_come_back"},
    "never_reconsiders": {"the_program_ends", "tasks_find_room"},
    "value_depends_on_the_node": set(),
    "asks_for_ever": {"comes_to_rest"},
    "no_resend": {"writes_get_answers"},
    "forgets_to_become_tail": {"writes_get_answers"},
    "answers_early": set(),
}


def twins_of(scenario: Scenario) -> Scenario:
    return Scenario(**{**vars(scenario), "statements": tuple(s for s in scenario.statements if s.name in TWINS)})


@pytest.mark.parametrize("bug", BROKEN)
def test_which_bug_breaks_which_twin(bug: str) -> None:
    scenario = twins_of(build(BUGS[bug].scenario, swap=BUGS[bug].replaces))
    result = explore(scenario)
    assert {s.name for s in result.statements if s.verdict is Verdict.VIOLATED} == BROKEN[bug]
    if result.violation is not None:
        again = replay(scenario, result.violation.steps, loop=result.violation.loop)
        assert again.violation == result.violation


def test_bounds_of_the_chain() -> None:
    explorer = Explorer(build("chain-3-2-1"))
    assert explorer.run().verdict is Verdict.HOLDS
    assert explorer.liveness["writes_get_answers"].bound == 27
    graph = explorer.graph()
    assert most_often(graph, lambda step: not graph.system[graph.steps.index(step)]) == 1, "one crash"
    assert most_often(graph, to_the_client) is not None


def to_the_client(step: Step) -> bool:
    return isinstance(step, Deliver) and step.receiver == "client"


@pytest.mark.parametrize(("rule", "turns"), [("in order", 2), ("by lot", None), ("at will", None)])
def test_a_starvation_bound_is_the_most_turns_of_others_before_mine(rule: str, turns: int | None) -> None:
    explorer = Explorer(systems.lock(rule), (systems.who_stands_in_line_is_served,))
    explorer.run()
    waiting = explorer.liveness["who_stands_in_line_is_served"].waiting
    assert longest_wait(explorer.graph(), waiting.states, turn_of_another) == turns


def turn_of_another(step: Step) -> bool:
    return isinstance(step, Deliver) and step.sender == "lock" and step.receiver != "user1"
