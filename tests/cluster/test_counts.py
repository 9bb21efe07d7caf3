"""Pinned sizes of the named scopes. A changed count is explained in the commit that changes it."""

import pytest

from rayproof.model.kernel import Verdict
from rayproof.model.kernel.engines import explore as explore_by_size
from rayproof.model.kernel.explore import explore
from rayproof.properties.catalogue import build

TINY = {
    "cluster-3-3-0": (3644, 11740, 25),
    "cluster-3-3-1": (111173, 492407, 40),
    "cluster-readers": (2594, 8865, 26),
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
    result = explore_by_size(build("cluster-3-3-1-messages"))
    assert result.verdict is Verdict.HOLDS and 0 < result.collision < 1e-5
    assert (result.states, result.transitions) == (7_383_142, 44_278_180)
