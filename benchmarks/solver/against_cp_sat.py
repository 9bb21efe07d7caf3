"""Makespan, packing and migrations beside CP-SAT, on instances that bounds do not close.

Our time is the whole of a call: bounds, heuristics, building, solving, checking. CP-SAT is given our bounds for nothing
and pays for building and solving. Wherever both say optimal, the values must agree.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from statistics import median

from benchmarks.solver import reference
from benchmarks.solver.tables import geometric_mean, seconds, table
from rayproof.solver.bounds import lower_bound
from rayproof.solver.engine import Limits
from rayproof.solver.instances import Instance
from rayproof.solver.instances.families import crowded, heterogeneous, vectors
from rayproof.solver.makespan import Status, shortest_schedule
from rayproof.solver.makespan.solve import RESTARTS
from rayproof.solver.migration import fewest_moves
from rayproof.solver.placement import Outcome, best_fit_decreasing, best_placement, fewest_nodes_bound, positions
from rayproof.solver.readers import TaskGraph, task_graphs
from rayproof.solver.schedules import upper_bound

SAMPLE = 12
"""Instances a cell."""


@dataclass(frozen=True)
class Pair:
    """One instance: our seconds, CP-SAT's, and whether each finished."""

    ours: float
    theirs: float
    solved: bool
    reference_solved: bool


def run() -> Iterator[str]:
    """One table a problem."""
    yield _table(
        "Heterogeneous nodes with transfers (limit 10 s)",
        {
            f"{tasks} tasks, {nodes} nodes": _makespans(
                (heterogeneous(tasks, nodes, seed) for seed in range(1000)), limit=10
            )
            for tasks, nodes in ((8, 2), (12, 3), (20, 3), (30, 4), (50, 4))
        },
    )
    yield _table(
        "P|prec|Cmax, first tasks of STG graphs on 2 to 4 processors (limit 10 s)",
        {f"{tasks} tasks": _makespans(_prefixes(tasks), limit=10) for tasks in (8, 12, 20, 30, 50)},
    )
    yield _table(
        "Packing of two resources on identical nodes (limit 15 s)",
        {f"{items} actors": _packings(items, limit=15) for items in (12, 20, 30)},
    )
    yield _table(
        "Migrations that admit one more actor: static minimum and executable plan, CP-SAT static only (limit 15 s)",
        {
            f"{actors} actors, {nodes} nodes": _migrations(actors, nodes, limit=15)
            for actors, nodes in ((8, 3), (15, 5), (30, 10), (60, 20), (100, 30))
        },
    )


def _table(title: str, cells: dict[str, list[Pair]]) -> str:
    rows = []
    for name, pairs in cells.items():
        ours, theirs = [pair.ours for pair in pairs], [pair.theirs for pair in pairs]
        rows.append(
            (
                name,
                len(pairs),
                f"{sum(pair.solved for pair in pairs)} / {sum(pair.reference_solved for pair in pairs)}",
                seconds(geometric_mean(theirs)),
                seconds(geometric_mean(ours)),
                f"{geometric_mean([pair.ours / pair.theirs for pair in pairs]):.2f}",
                f"{median([pair.ours / pair.theirs for pair in pairs]):.2f}" if pairs else "",
                seconds(max(ours, default=0.0)),
            )
        )
    header = ("size", "open instances", "solved, ours / CP-SAT", "CP-SAT s", "ours s", "ratio", "median", "slowest")
    return table(title, header, rows)


def _makespans(candidates: Iterable[Instance], limit: float) -> list[Pair]:
    return list(islice(_makespan_pairs(candidates, limit), SAMPLE))


def _makespan_pairs(candidates: Iterable[Instance], limit: float) -> Iterator[Pair]:
    for instance in candidates:
        lower = lower_bound(instance).value_us
        upper = upper_bound(instance, restarts=RESTARTS, target=lower).makespan(instance)
        if lower == upper:
            continue
        started = time.monotonic()
        found = shortest_schedule(instance, Limits(limit))
        took = time.monotonic() - started
        other = reference.makespan(instance, limit, upper, lower)
        solved = found.status is Status.OPTIMAL
        assert not (solved and other.optimal) or found.upper_us == other.upper, instance.name
        yield Pair(took, other.seconds, solved, other.optimal)


def _prefixes(tasks: int) -> Iterator[Instance]:
    seen = set()
    for published in task_graphs():
        graph, _, _ = published.instance.name.rpartition("@")
        if graph in seen:
            continue
        seen.add(graph)
        kept = published.instance.tasks[: tasks + 1]
        number = {task.id: at for at, task in enumerate(kept)}
        prefix = TaskGraph(
            f"{graph}[{tasks}]",
            tuple(task.duration for task in kept),
            tuple(tuple(number[before] for before in task.after) for task in kept),
        )
        for processors in (2, 3, 4):
            yield prefix.instance(processors)


def _packings(items: int, limit: float) -> list[Pair]:
    pairs: list[Pair] = []
    for seed in range(2000):
        instance = vectors(items, seed)
        found = positions(instance)
        greedy = best_fit_decreasing(found)
        assert greedy is not None
        bins = len({seat.node for seat in greedy})
        if fewest_nodes_bound(found) == bins:
            continue
        instance = replace(instance, nodes=instance.nodes[:bins])
        started = time.monotonic()
        ours = best_placement(instance, limits=Limits(limit))
        took = time.monotonic() - started
        weights = [[item.demand["CPU"], item.demand["memory"]] for item in instance.occupants]
        capacity = [instance.nodes[0].capacity["CPU"], instance.nodes[0].capacity["memory"]]
        other = reference.fewest_bins(weights, capacity, bins, limit)
        solved = ours.outcome is Outcome.OPTIMAL
        assert not (solved and other.optimal) or ours.value == other.upper, instance.name
        pairs.append(Pair(took, other.seconds, solved, other.optimal))
        if len(pairs) == SAMPLE:
            break
    return pairs


def _migrations(actors: int, nodes: int, limit: float) -> list[Pair]:
    pairs: list[Pair] = []
    for seed in range(1000):
        instance = crowded(actors, nodes, seed)
        place = {node.id: at for at, node in enumerate(instance.nodes)}
        other = reference.fewest_moves(
            [[item.demand["CPU"], item.demand["memory"]] for item in instance.occupants],
            [[node.capacity["CPU"], node.capacity["memory"]] for node in instance.nodes],
            [None if item.node is None else place[item.node] for item in instance.occupants],
            limit,
        )
        started = time.monotonic()
        ours = fewest_moves(instance, Limits(limit))
        took = time.monotonic() - started
        decided = ours.outcome is Outcome.INFEASIBLE or bool(ours.seats)
        if other.upper < 0:
            assert ours.outcome is not Outcome.OPTIMAL, instance.name
            continue
        assert not (decided and other.optimal) or ours.static_minimum == other.upper, instance.name
        pairs.append(Pair(took, other.seconds, decided, other.optimal))
        if len(pairs) == SAMPLE:
            break
    return pairs
