"""Pinned sizes of the named scopes. A changed count is explained in the commit that changes it."""

import pytest

from model.kernel import Verdict
from model.kernel.explore import explore
from properties.catalogue import build

TINY = {
    "chain-3-2-1": (6728, 23285, 21),
    "chain-3-3-1": (56749, 221180, 29),
    "cluster-3-3-0": (3644, 11740, 25),
    "cluster-3-3-1": (111173, 492407, 40),
    "cluster-wide": (2034, 6406, 25),
    "cluster-nested": (8822, 32068, 30),
    "cluster-estimates": (10993, 41404, 33),
}


@pytest.mark.parametrize("name", TINY)
def test_tiny_scopes_are_exhausted(name: str) -> None:
    result = explore(build(name))
    assert result.verdict is Verdict.HOLDS
    assert (result.states, result.transitions, result.depth) == TINY[name]


@pytest.mark.slow
def test_the_cluster_with_a_store_by_messages_is_exhausted() -> None:
    result = explore(build("cluster-3-3-1-messages"))
    assert result.verdict is Verdict.HOLDS
    assert (result.states, result.transitions) == (7_383_142, 44_278_180)
