"""Golden decision tables: inputs and the answer of a policy, as JSON that a C++ unit test can replay.

Each row is one call of `place`: the task's demand, every node with what is free on it, the submitting node, and the
answer. Views are drawn from a seed. A row in which the policy drew among several nodes lists them all. Memory goes from
row to row, so that rows are replayed in order.

Left out: inputs of tasks (rows have none), dead nodes, and estimates of run times (the same on every node).
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, TypeVar

from rayproof.model.graph import Default, Resources
from rayproof.model.scheduler.policy.hooks import (
    ClusterView,
    NodeView,
    Policy,
    TaskView,
    initial_memory,
    policy_name,
)
from rayproof.model.scheduler.ray import critical_utilization

T = TypeVar("T")


class _Noting:
    """Takes the first of what a policy draws among, and notes them all."""

    def __init__(self) -> None:
        self.among: list[Any] = []

    def choose(self, options: Sequence[T], *, random: bool = False) -> T:
        self.among = list(options)
        return options[0]


def golden_table(policy: Policy, rows: int, seed: int, nodes: int = 4) -> dict[str, Any]:
    """A table of so many decisions."""
    random = Random(seed)
    memory = initial_memory(policy)
    made = []
    for number in range(rows):
        view, demand = _drawn(random, nodes)
        noting = _Noting()
        task = TaskView(f"t{number}", "f", demand, (), Default(), False)
        answer = policy.place(task, view, memory, noting)
        node, memory = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, memory)
        made.append(
            {
                "demand": demand.amounts(),
                "local": view.origin,
                "nodes": [
                    {
                        "name": each.name,
                        "total": each.total.amounts(),
                        "available": Resources.from_units(each.available).amounts(),
                        "queue_length": each.queue_length,
                    }
                    for each in view.nodes
                ],
                "node_in": sorted(noting.among) if node in noting.among else [node] if node is not None else [],
            }
        )
    return {"policy": policy_name(policy), "seed": seed, "rows": made}


def _drawn(random: Random, count: int) -> tuple[ClusterView, Resources]:
    views = []
    for number in range(count):
        total = Resources.of(CPU=random.choice((2, 4, 8)), GPU=random.choice((0, 0, 1)))
        free = {"CPU": random.randint(0, total["CPU"] // 10_000) * 10_000, "GPU": total["GPU"]}
        queue = (total["CPU"] - free["CPU"]) // 10_000
        load = critical_utilization(total, free)
        gpu = total["GPU"] > 0
        views.append(NodeView(f"node{number}", f"n{number}", number, total, (), free, queue, 0, load, True, gpu=gpu))
    demand = Resources.of(CPU=random.choice((1, 2)), GPU=random.choice((0, 0, 0, 1)))
    options = [view for view in views if demand.fits(view.total)]
    ranking = sorted((view.queued_us, view.index) for view in views)
    by_load = sorted((view.utilization, view.index) for view in views)
    numbers = {view.name: view.index for view in views}
    local = views[random.randrange(count)].name
    return ClusterView(options, views, local, 0, 0, ranking=ranking, by_load=by_load, numbers=numbers), demand
