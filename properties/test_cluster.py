"""The cluster slice and the chain: exhausted in the small, walked at random, and by a readable machine."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.kernel import Verdict
from model.kernel.explore import explore
from model.kernel.minimise import minimise
from model.kernel.walk import walk
from properties.catalogue import CATALOGUE, ENTRIES, Scope, build
from properties.machine import ScenarioMachine, explain

TINY = [entry.name for entry in ENTRIES if entry.scope is Scope.TINY]
CHEAP_STATES = 60_000
"""Scopes up to this size are exhausted here; larger ones by `rayproof verify` and the pinned counts."""


@pytest.mark.parametrize("name", TINY)
@given(schedule=st.binary(min_size=40, max_size=300), faults=st.binary(max_size=4))
def test_random_schedules(name: str, schedule: bytes, faults: bytes) -> None:
    scenario = build(name)
    result = walk(scenario, schedule, faults)
    if result.violation is not None:
        shortest = minimise(scenario, result.violation)
        statement = next(s for s in scenario.statements if s.name == shortest.statement)
        pytest.fail(explain(scenario, shortest.steps, statement), pytrace=False)
    assert result.quiescent, "the run did not come to rest"


@pytest.mark.parametrize(
    "name", ["cluster-3-3-0", "cluster-wide", "cluster-nested", "cluster-estimates", "chain-3-2-1"]
)
def test_exhausted(name: str) -> None:
    result = explore(build(name))
    assert result.states <= CHEAP_STATES
    assert result.verdict is Verdict.HOLDS, result.violation


class ClusterMachine(ScenarioMachine):
    """Three raylets, a chain of three tasks, one crash."""

    scenario = build("cluster-3-3-1")


class ChainMachine(ScenarioMachine):
    """A chain of three replicas, two writes, one crash."""

    scenario = build("chain-3-2-1")


TestClusterMachine = ClusterMachine.TestCase
TestClusterMachine.settings = settings(max_examples=20, stateful_step_count=40, deadline=None, derandomize=True)
TestChainMachine = ChainMachine.TestCase
TestChainMachine.settings = settings(max_examples=20, stateful_step_count=40, deadline=None, derandomize=True)


def test_every_scenario_is_named_once() -> None:
    assert len(CATALOGUE) == len(ENTRIES)
