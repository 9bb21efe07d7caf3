"""An instance as dense integers, the view that bounds and schedulers compute on.

Tasks, nodes and resources become positions; amounts are divided by their greatest common divisor, so that a cluster of
whole CPUs counts in ones. Demands stay exact, capacities are rounded down to what sums of demands can reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import gcd

import networkx as nx

from rayproof.solver.instances.form import Instance


@dataclass(frozen=True)
class Indexed:
    """Tasks 0..n-1 in the instance's order, nodes 0..m-1, resources 0..r-1 (those that some task asks for)."""

    instance: Instance
    durations: tuple[int, ...]
    releases: tuple[int, ...]
    eligible: tuple[tuple[int, ...], ...]
    """Node positions per task, ascending."""
    preds: tuple[dict[int, int], ...]
    """Per task: predecessor -> delay in us when the two sit on different nodes."""
    resources: tuple[str, ...]
    demand: tuple[tuple[int, ...], ...]
    """Shape (n, r)."""
    capacity: tuple[tuple[int, ...], ...]
    """Shape (m, r)."""
    order: tuple[int, ...]
    """A topological order of the tasks."""

    @property
    def n(self) -> int:
        """Number of tasks."""
        return len(self.durations)

    @cached_property
    def succs(self) -> tuple[dict[int, int], ...]:
        """Per task: successor -> delay in us when the two sit on different nodes."""
        found: tuple[dict[int, int], ...] = tuple({} for _ in self.durations)
        for task, before in enumerate(self.preds):
            for pred, delay in before.items():
                found[pred][task] = delay
        return found

    @cached_property
    def has_transfers(self) -> bool:
        """Whether where a task runs can delay another."""
        return any(delay for before in self.preds for delay in before.values())


def index(instance: Instance) -> Indexed:
    """The dense view of the tasks of an instance."""
    place = {node.id: at for at, node in enumerate(instance.nodes)}
    number = {task.id: at for at, task in enumerate(instance.tasks)}
    preds = tuple(
        {number[before]: delay for before, delay in instance.predecessors(task).items()} for task in instance.tasks
    )
    resources = tuple(sorted({name for task in instance.tasks for name, _ in task.demand}))
    units = [gcd(*(task.demand[name] for task in instance.tasks)) for name in resources]
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(preds)))
    graph.add_edges_from((before, task) for task, found in enumerate(preds) for before in found)
    return Indexed(
        instance=instance,
        durations=tuple(task.duration for task in instance.tasks),
        releases=tuple(task.release for task in instance.tasks),
        eligible=tuple(tuple(place[name] for name in instance.eligible(task)) for task in instance.tasks),
        preds=preds,
        resources=resources,
        demand=tuple(
            tuple(task.demand[name] // unit for name, unit in zip(resources, units, strict=True))
            for task in instance.tasks
        ),
        capacity=tuple(
            tuple(node.capacity[name] // unit for name, unit in zip(resources, units, strict=True))
            for node in instance.nodes
        ),
        order=tuple(nx.lexicographical_topological_sort(graph)),
    )
