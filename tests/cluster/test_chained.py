"""Clusters whose control state lies on chains: the same statements hold, and a lost row is a lost object."""

import pytest

from rayproof.model.kernel import StatementKind, Verdict
from rayproof.model.kernel.explore import Limits, explore
from rayproof.model.kernel.replay import replay
from rayproof.model.kernel.walk import campaign
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import build
from rayproof.properties.cluster.paper.bugs import CHAINED_BUGS
from rayproof.properties.cluster.paper.scopes import CHAINED_ENTRIES
from rayproof.properties.cluster.paper.statements import CLUSTER
from rayproof.properties.entry import Scope

PINNED = {
    "cluster-chain": (27_994, 114_477, 43),
    "cluster-two-chains": (67_158, 282_143, 55),
    "cluster-chain-get": (91_410, 387_043, 42),
    "cluster-chain-1": (105_140, 444_900, 38),
    "cluster-chain-schedulers": (13_724, 65_488, 41),
}


@pytest.mark.parametrize("name", PINNED)
def test_what_holds_of_a_cluster_holds_on_chains(name: str) -> None:
    scenario = build(name)
    claims = {s.name for s in CLUSTER if s.kind is not StatementKind.SOMETIMES}
    assert claims <= {s.name for s in scenario.statements}
    result = explore(scenario)
    assert result.verdict is Verdict.HOLDS, [s for s in result.statements if s.verdict is not Verdict.HOLDS]
    assert (result.states, result.transitions, result.depth) == PINNED[name]


def test_every_tiny_scope_is_pinned() -> None:
    assert {entry.name for entry in CHAINED_ENTRIES if entry.scope is Scope.TINY} == set(PINNED)


def test_an_answer_that_is_lost_with_its_replica_is_asked_for_again() -> None:
    assert campaign(build("cluster-chain-lost"), 500, 1).violation is None


@pytest.mark.parametrize("name", [bug.name for bug in CHAINED_BUGS])
def test_a_bug_of_the_chain_breaks_a_claim_about_the_cluster(name: str) -> None:
    bug = BUGS[name]
    scenario = build(bug.scenario, None, bug.replaces)
    named = [s for s in scenario.statements if s.name == bug.statement]
    found = explore(scenario, named, Limits(states=200_000)).violation
    assert found is not None and found.statement == bug.statement
    assert replay(scenario, found.steps, named).violation == found
