"""Cycles of large sparse graphs: strongly connected components, one part at a time.

Most states of a protocol lie on no cycle. They are peeled off first, backwards from the ends and forwards from the
beginnings, in array operations; networkx decides the rest (Tarjan, "Depth-First Search and Linear Graph Algorithms",
1972, in the iterative form of Nuutila and Soisalon-Soininen, 1994).
"""

from __future__ import annotations

import networkx as nx
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def cyclic_parts(sources: npt.NDArray[np.integer], targets: npt.NDArray[np.integer]) -> list[Ints]:
    """Positions of the edges inside each strongly connected component that has any, by the smallest node."""
    if not len(sources):
        return []
    nodes, inverse = np.unique(np.concatenate((sources, targets)), return_inverse=True)
    left, right = inverse[: len(sources)], inverse[len(sources) :]
    alive = _peeled(left, right, len(nodes))
    alive &= _peeled(right, left, len(nodes))
    edges = np.flatnonzero(alive[left] & alive[right])
    if not len(edges):
        return []
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_edges_from(zip(left[edges].tolist(), right[edges].tolist(), strict=True))
    component = np.full(len(nodes), -1, np.int64)
    for members in nx.strongly_connected_components(graph):
        component[list(members)] = min(members)
    inner = edges[component[left[edges]] == component[right[edges]]]
    if not len(inner):
        return []
    belongs = component[left[inner]]
    ranked = np.argsort(belongs, kind="stable")
    inner, belongs = inner[ranked], belongs[ranked]
    return np.split(inner, np.flatnonzero(np.diff(belongs)) + 1)


def _peeled(left: Ints, right: Ints, count: int) -> npt.NDArray[np.bool_]:
    """Nodes that remain when nodes without an outgoing edge (left to right) are taken away again and again."""
    degree = np.bincount(left, minlength=count)
    into = np.argsort(right, kind="stable")
    offsets = np.concatenate(([0], np.cumsum(np.bincount(right, minlength=count))))
    befores = left[into]
    alive = degree > 0
    ends = np.flatnonzero(~alive)
    while len(ends):
        counts = offsets[ends + 1] - offsets[ends]
        total = int(counts.sum())
        within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
        reached = befores[np.repeat(offsets[ends], counts) + within]
        np.subtract.at(degree, reached, 1)
        reached = np.unique(reached)
        ends = reached[(degree[reached] == 0) & alive[reached]]
        alive[ends] = False
    return alive
