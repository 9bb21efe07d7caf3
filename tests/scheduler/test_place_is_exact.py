"""The `place` hook's DEFAULT, which looks at few nodes, answers as the exact HYBRID, which looks at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from rayproof.model.graph import Default as AnyNode
from rayproof.model.graph import Resources, Spread
from rayproof.model.scheduler.policy.built_in import BUILT_IN, Default
from rayproof.model.scheduler.policy.hooks import ClusterView, NodeView, TaskView
from rayproof.model.scheduler.ray import HybridOptions, Request, critical_utilization, hybrid, round_robin

T = TypeVar("T")


class Seen:
    """Notes among what a policy draws, and takes the first."""

    def __init__(self) -> None:
        self.options: tuple[object, ...] = ()

    def choose(self, options: Sequence[T], *, random: bool = False) -> T:
        """The first option."""
        assert random
        self.options = tuple(options)
        return options[0]


@st.composite
def views(draw: st.DrawFn, origin: str = "raylet0") -> ClusterView:
    nodes: list[NodeView] = []
    for i in range(draw(st.integers(1, 12))):
        total = Resources.of(CPU=draw(st.integers(1, 4)), GPU=draw(st.integers(0, 1)))
        free = {"CPU": draw(st.integers(0, total["CPU"] // 5_000)) * 5_000, "GPU": total["GPU"]}
        alive = draw(st.integers(0, 5)) > 0
        load = critical_utilization(total, free)
        nodes.append(NodeView(f"raylet{i}", f"n{i}", i, total, (), free, 0, 0, load, alive, gpu=total["GPU"] > 0))
    options = [node for node in nodes if node.alive]
    return ClusterView(
        options,
        nodes,
        origin,
        0,
        0,
        ranking=[(0, node.index) for node in options],
        by_load=sorted((node.utilization, node.index) for node in options),
        numbers={node.name: node.index for node in nodes},
    )


def task(demand: Resources, strategy: AnyNode | Spread = AnyNode()) -> TaskView:  # noqa: B008 - frozen
    return TaskView("t", "f", demand, (), strategy, False)


DEMANDS = st.builds(
    lambda cpu, gpu: Resources.of(CPU=cpu, GPU=gpu), st.sampled_from([0, 0.5, 1, 2]), st.sampled_from([0, 0, 1])
)


@given(views(), DEMANDS, st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.2, 1.0]), st.booleans())
def test_default_answers_as_hybrid(
    view: ClusterView, demand: Resources, threshold: float, fraction: float, avoid: bool
) -> None:
    seen = Seen()
    policy = Default(spread_threshold=threshold, top_k_fraction=fraction, avoid_gpu_nodes=avoid)
    feasible = [node for node in view.options if demand.fits(node.total)]
    asked = ClusterView(
        feasible,
        view.nodes,
        view.origin,
        0,
        0,
        ranking=view.ranking,
        by_load=view.by_load,
        numbers=view.numbers,
    )
    node, _ = policy.place(task(demand), asked, 0, seen)
    exact = hybrid(
        view.nodes,
        Request(demand),
        view.origin,
        HybridOptions(threshold, top_k_fraction=fraction, avoid_gpu_nodes=avoid, require_available=True),
    )
    assert node == (exact.nodes[0] if exact else None)
    assert not seen.options or seen.options == exact.nodes


@given(views(), DEMANDS, st.integers(0, 11))
def test_spread_answers_as_the_round_robin(view: ClusterView, demand: Resources, cursor: int) -> None:
    feasible = [node for node in view.options if demand.fits(node.total)]
    asked = ClusterView(feasible, view.nodes, "raylet0", 0, 0, ranking=view.ranking, numbers=view.numbers)
    cursor %= len(view.nodes)
    exact = round_robin(view.nodes, Request(demand), cursor, require_available=True)
    answer = BUILT_IN["spread"].place(task(demand, Spread()), asked, cursor, Seen())
    assert answer == ((exact[0].nodes[0] if exact[0] else None), exact[1])
