"""The slice in place and in packed form: caches of the scheduler must not change what it decides."""

from random import Random

import pytest

from rayproof.model.kernel import World
from rayproof.model.kernel.relation.transitions import Transitions
from rayproof.properties.catalogue import build
from tests.kernel.test_two_forms import form_of_packed, form_of_world


@pytest.mark.parametrize("name", ["cluster-3-3-1", "cluster-nested", "cluster-estimates", "cluster-3-3-1-messages"])
def test_walked_and_packed_states_agree(name: str) -> None:
    random = Random(11)
    scenario = build(name)
    transitions = Transitions(scenario)
    for _ in range(40):
        script: list[int] = []

        def decide(count: int, fair: bool, script: list[int] = script) -> int:
            return script.pop(0)

        world = World(scenario, decide, strict=True)
        state = transitions.initial
        while True:
            assert form_of_world(world) == form_of_packed(transitions, state)
            successors, _ = transitions.successors(state)
            assert {o.taken.step for _, o in successors} == {*world.system_steps(), *world.fault_steps()}
            if not successors:
                break
            state, outcome = random.choice(successors)
            script[:] = outcome.taken.choices
            world.take(outcome.taken.step)
