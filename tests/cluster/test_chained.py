"""Clusters whose control state lies on chains: the same statements hold, and a lost row is a lost object."""

import pytest

from rayproof.model.kernel import Limits, StatementKind, campaign, explore, replay
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import build
from rayproof.properties.cluster.paper.bugs import CHAINED_BUGS
from rayproof.properties.cluster.paper.scopes import CHAINED_ENTRIES
from rayproof.properties.cluster.paper.statements import CLUSTER
from rayproof.properties.entry import Entry


@pytest.mark.parametrize("entry", CHAINED_ENTRIES, ids=lambda entry: entry.name)
def test_what_is_claimed_of_a_cluster_is_claimed_on_chains(entry: Entry) -> None:
    claims = {s.name for s in CLUSTER if s.kind is not StatementKind.SOMETIMES}
    assert claims <= {s.name for s in entry.build(None, {}).statements}


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
