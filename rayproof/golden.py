"""Golden decision tables: inputs and the answer of a policy, as JSON that a C++ unit test can replay.

Each row is one call of `place`: the task's demand, every node with what is free on it, the submitting node, and the
answer. Views are drawn from a seed. A row in which the policy drew among several nodes lists them all. Memory goes from
row to row, so that rows are replayed in order.

Left out: inputs of tasks (rows have none), dead nodes, and estimates of run times (the same on every node).
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial
from itertools import islice
from random import Random
from typing import Any

from rayproof.model.graph import Default, Resources
from rayproof.model.kernel import Context, Name
from rayproof.model.scheduler.policy.hooks import (
    ClusterView,
    NodeView,
    Policy,
    TaskView,
    ask,
    initial_memory,
    policy_name,
)
from rayproof.model.scheduler.ray import critical_utilization
from rayproof.policies import require_settled

MOST_DRAWS = 1_000
"""Ways in which the draws of one decision are tried to come out."""


def golden_table(policy: Policy, rows: int, seed: int, nodes: int = 4) -> dict[str, Any]:
    """A table of so many decisions."""
    random = Random(seed)
    memory = initial_memory(policy)
    made = []
    for number in range(rows):
        view, demand = _drawn(random, nodes)
        task = TaskView(f"t{number}", "f", demand, (), Default(), False)
        among, memory = _answers(policy, task, view, memory)
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
                "node_in": sorted(among),
            }
        )
    require_settled(policy)
    return {"policy": policy_name(policy), "seed": seed, "rows": made}


def _answers(policy: Policy, task: TaskView, view: ClusterView, memory: Hashable) -> tuple[set[Name], Hashable]:
    """The nodes that a policy answers with, whatever it draws, and its memory where each draw is the first option."""
    if not view.options:
        return set(), memory  # No scheduler asks then.
    found: set[Name] = set()
    first: Hashable = None
    ways: list[tuple[int, ...]] = [()]
    for way in islice(ways, MOST_DRAWS):  # It grows meanwhile.
        counts: list[int] = []

        def decide(count: int, fair: bool, way: tuple[int, ...] = way, counts: list[int] = counts) -> int:
            counts.append(count)
            return way[len(counts) - 1] if len(counts) <= len(way) else 0

        context = Context(decide, lambda fault: False)
        legal = partial(_is_option, view)
        node, after = ask(policy, task, view, memory, context, legal=legal, repeats=1)
        first = first if way else after
        if node is not None:
            found.add(node)
        for at in range(len(way), len(counts)):
            ways += [(*way, *[0] * (at - len(way)), option) for option in range(1, counts[at])]
    return found, first


def _is_option(view: ClusterView, name: Name) -> bool:
    return any(node.name == name for node in view.options)


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
