"""Cycles of large sparse graphs: strongly connected components, in array operations as far as these carry.

Most states of a protocol lie on no cycle: they are peeled off first, backwards from the ends and forwards from the
beginnings. A retry loop, on the other hand, may make one huge component: what a well-connected state reaches and is
reached by is taken out whole (Fleischer, Hendrickson, Pinar, "On Identifying Strongly Connected Components in
Parallel", 2000). networkx decides the rest (Tarjan 1972, in the form of Nuutila and Soisalon-Soininen, 1994), which by
itself would take a minute for a million states.
"""

from __future__ import annotations

import networkx as nx
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LARGE = 20_000
"""Edges from which on it pays to look for one huge component first."""


def cyclic_parts(sources: npt.NDArray[np.integer], targets: npt.NDArray[np.integer]) -> list[Ints]:
    """Positions of the edges inside each strongly connected component that has any, by the smallest node."""
    if not len(sources):
        return []
    left, right, count = _numbered(sources, targets)
    component = np.full(count, -1, np.int64)
    edges = _cyclic_edges(left, right, np.arange(len(left)), count)
    while len(edges) > LARGE:
        pivot = int(np.argmax(np.bincount(left[edges], minlength=count)))
        members = _reached(left[edges], right[edges], pivot, count) & _reached(right[edges], left[edges], pivot, count)
        component[members] = np.flatnonzero(members)[0]
        rest = edges[~members[left[edges]] & ~members[right[edges]]]
        found_little = len(rest) * 2 > len(edges)
        edges = _cyclic_edges(left, right, rest, count)
        if found_little:
            break
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_edges_from(zip(left[edges].tolist(), right[edges].tolist(), strict=True))
    for some in nx.strongly_connected_components(graph):
        component[list(some)] = min(some)
    inner = np.flatnonzero((component[left] == component[right]) & (component[left] >= 0))
    if not len(inner):
        return []
    belongs = component[left[inner]]
    ranked = np.argsort(belongs, kind="stable")
    inner, belongs = inner[ranked], belongs[ranked]
    return np.split(inner, np.flatnonzero(np.diff(belongs)) + 1)


def _numbered(sources: npt.NDArray[np.integer], targets: npt.NDArray[np.integer]) -> tuple[Ints, Ints, int]:
    """The ends of the edges with the nodes in use numbered from 0, in their order; and how many there are."""
    largest = int(max(sources.max(), targets.max()))
    if largest > 16 * len(sources):
        nodes, inverse = np.unique(np.concatenate((sources, targets)), return_inverse=True)
        return inverse[: len(sources)], inverse[len(sources) :], len(nodes)
    used = np.zeros(largest + 1, bool)
    used[sources] = True
    used[targets] = True
    number = np.cumsum(used) - 1
    return number[sources], number[targets], int(number[-1]) + 1


def _rows(keys: Ints, count: int) -> tuple[Ints, Ints]:
    """Edges ranked by a key node, and where each node's edges begin."""
    return np.argsort(keys, kind="stable"), np.concatenate(([0], np.cumsum(np.bincount(keys, minlength=count))))


def _gathered(nodes: Ints, offsets: Ints) -> Ints:
    """Ranks of the edges of some nodes."""
    counts = offsets[nodes + 1] - offsets[nodes]
    ranks: Ints = np.arange(int(counts.sum())) + np.repeat(offsets[nodes] - (np.cumsum(counts) - counts), counts)
    return ranks


def _reached(left: Ints, right: Ints, start: int, count: int) -> Bools:
    """The nodes that can be reached from one, itself included."""
    ranked, offsets = _rows(left, count)
    heads = right[ranked]
    seen = np.zeros(count, bool)
    seen[start] = True
    frontier = np.array([start])
    while len(frontier):
        found = heads[_gathered(frontier, offsets)]
        frontier = np.unique(found[~seen[found]])
        seen[frontier] = True
    return seen


def _cyclic_edges(left: Ints, right: Ints, edges: Ints, count: int) -> Ints:
    """Those of the given edges that neither lead into dead ends only nor come from beginnings only."""
    ends, begins = left[edges], right[edges]
    lively = _peeled(ends, begins, count) & _peeled(begins, ends, count)
    return edges[lively[ends] & lively[begins]]


def _peeled(left: Ints, right: Ints, count: int) -> Bools:
    """Nodes that remain when nodes without an outgoing edge (left to right) are taken away again and again."""
    degree = np.bincount(left, minlength=count)
    ranked, offsets = _rows(right, count)
    befores = left[ranked]
    alive = degree > 0
    ends = np.flatnonzero(~alive)
    while len(ends):
        reached = befores[_gathered(ends, offsets)]
        np.subtract.at(degree, reached, 1)
        reached = np.unique(reached)
        ends = reached[(degree[reached] == 0) & alive[reached]]
        alive[ends] = False
    return alive
