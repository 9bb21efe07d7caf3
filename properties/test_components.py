"""Every named scenario at random, by bytes and by a readable machine: the components beside the whole cluster."""

from dataclasses import dataclass

import pytest
from hypothesis import given, seed
from hypothesis.stateful import run_state_machine_as_test

from rayproof.model.gcs.paper.chained import ChainedStore, Operated
from rayproof.model.kernel import Context, Message, Unhandled
from rayproof.properties.catalogue import CATALOGUE, ENTRIES, Scope
from rayproof.properties.suite.byte_runs import Run, runs
from rayproof.properties.suite.machine import ScenarioMachine
from rayproof.properties.suite.shared import present

SHARE = {Scope.TINY: 0.25}
"""Of the usual volume, where an exhausted scope leaves little to find: here the two forms of the model are compared."""

NAMES = [pytest.param(entry.name, marks=pytest.mark.rayproof_scenario(entry.name)) for entry in ENTRIES]


@pytest.mark.parametrize("name", NAMES)
def test_random_schedules(name: str) -> None:
    entry, suite = CATALOGUE[name], present()
    scenario = entry.build(suite.policy if entry.takes_policy else None, {})
    parameters = suite.parameters(entry.takes_policy)

    @seed(suite.seed)
    @suite.volume(SHARE.get(entry.scope, 1.0))
    @given(runs())
    def run(drawn: Run) -> None:
        suite.walked(scenario, drawn.schedule, drawn.faults, parameters)

    run()


@pytest.mark.parametrize("name", NAMES)
def test_readable_machine(name: str) -> None:
    entry, suite = CATALOGUE[name], present()

    @seed(suite.seed)
    class Machine(ScenarioMachine):
        scenario = entry.build(suite.policy if entry.takes_policy else None, {})
        parameters = suite.parameters(entry.takes_policy)

    run_state_machine_as_test(Machine, settings=suite.machine(SHARE.get(entry.scope, 1.0)))


@dataclass(frozen=True, slots=True)
class Gibberish(Message):
    """What no protocol knows."""


@pytest.mark.parametrize("name", NAMES)
def test_no_process_swallows_what_it_does_not_understand(name: str) -> None:
    scenario = CATALOGUE[name].build(None, {})
    for slot, process in scenario.initial().items():
        context = Context(lambda count, fair: 0, lambda fault: False)
        context.begin(slot, {})
        with pytest.raises(Unhandled):
            process.receive(context, slot, Gibberish())
            assert isinstance(process, ChainedStore), "only the front end of chains reads its rows first"
            process.receive(context, process.library, Operated(((),) * process.shards))
        assert not context.timers
