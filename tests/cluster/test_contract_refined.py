"""Both editions refine the contract: exhausted on small clusters, and what breaks it is noticed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from rayproof.model.graph import TaskId
from rayproof.model.kernel import Scenario, Verdict, campaign, explore
from rayproof.model.scheduler.paper.raylet import Raylet
from rayproof.model.swap import Swap
from rayproof.properties.catalogue import CATALOGUE
from rayproof.properties.cluster.paper.contract import keeps_the_contract

PAPER = {
    "cluster-3-3-0": 3644,
    "cluster-wide": 2034,
    "cluster-readers": 2836,
    "cluster-3-3-1": 124274,
    "cluster-nested": 11153,
    "sched-classes": 408,
    "sched-affinity": 1189,
}


def with_the_contract(name: str, swap: Swap) -> Scenario:
    entry = CATALOGUE[name]
    assert entry.workload is not None
    return replace(entry.build(None, swap), statements=(keeps_the_contract(entry.workload[0]),))


@pytest.mark.parametrize("name", PAPER)
def test_the_paper_refines_the_contract(name: str) -> None:
    result = explore(with_the_contract(name, {}))
    assert (result.verdict, result.states) == (Verdict.HOLDS, PAPER[name])


@dataclass(slots=True)
class StartsWithoutInputs(Raylet):
    """A task starts before its inputs have been made."""

    def has_inputs(self, task: TaskId) -> bool:
        return True

    def input_values(self, task: TaskId) -> tuple[int, ...]:
        return ()


def test_what_breaks_it_is_noticed() -> None:
    violation = explore(with_the_contract("cluster-3-3-0", {Raylet: StartsWithoutInputs})).violation
    assert violation is not None and violation.statement == "the_paper_refines_the_task_graph"


def test_walks_of_larger_clusters_keep_it() -> None:
    assert campaign(with_the_contract("cluster-3-4-1", {}), 200, 0).violation is None
