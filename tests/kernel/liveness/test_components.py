"""Strongly connected components, against networkx alone, on graphs of every shape that the shortcuts treat apart."""

import networkx as nx
import numpy as np
import pytest

from rayproof.model.kernel.liveness import components
from rayproof.model.kernel.liveness.components import cyclic_parts


def edges_of(shape: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    count = {"sparse": 400, "huge": 100, "islands": 300, "far numbers": 50}[shape]
    sources = draw.integers(0, count, 400)
    targets = draw.integers(0, count, 400)
    if shape == "islands":
        targets = sources // 10 * 10 + targets % 10
    if shape == "far numbers":
        return sources * 10**6, targets * 10**6
    return sources, targets


@pytest.mark.parametrize("shape", ["sparse", "huge", "islands", "far numbers"])
@pytest.mark.parametrize("large", [0, 20_000])
def test_same_components_as_networkx(shape: str, large: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(components, "LARGE", large)
    for seed in range(20):
        sources, targets = edges_of(shape, seed)
        pairs = list(zip(sources.tolist(), targets.tolist(), strict=True))
        component = {n: min(c) for c in nx.strongly_connected_components(nx.DiGraph(pairs)) for n in c}
        expected: dict[int, list[int]] = {}
        for position, (source, target) in enumerate(pairs):
            if component[source] == component[target]:
                expected.setdefault(component[source], []).append(position)
        found = [part.tolist() for part in cyclic_parts(sources, targets)]
        assert found == [expected[key] for key in sorted(expected)]


def test_nothing_to_decide() -> None:
    nothing = np.zeros(0, np.int64)
    assert cyclic_parts(nothing, nothing) == []
    assert cyclic_parts(np.array([0, 1]), np.array([1, 2])) == []
