"""Bounds: how often something can happen at most on any run of a scope, fair or not.

The longest waiting, the most hops of a task, the most steps of others before mine: each is a heaviest path in the state
graph, steps that count weighing one. A loop with a step that counts makes it unbounded. Loops without are contracted;
what remains has no cycle and is worked off in topological order (Kahn 1962).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rayproof.model.kernel.language.steps import Step
from rayproof.model.kernel.liveness.components import cyclic_parts
from rayproof.model.kernel.liveness.stategraph import Bools, Ints, StateGraph


def most(graph: StateGraph, edges: Ints, counted: Bools) -> int | None:
    """The most counted edges on a path along the given edges; None when there is no bound. `counted`: one per edge."""
    sources, targets = graph.sources[edges].astype(np.int64), graph.targets[edges].astype(np.int64)
    home = np.arange(len(graph))
    for part in cyclic_parts(sources, targets):
        if counted[part].any():
            return None
        states = np.unique(sources[part])
        home[states] = states[0]
    left, right = home[sources], home[targets]
    between = left != right
    left, right, weight = left[between], right[between], counted[between].astype(np.int64)
    ranked = np.argsort(left, kind="stable")
    left, right, weight = left[ranked], right[ranked], weight[ranked]
    offsets = np.searchsorted(left, np.arange(len(graph) + 1))
    degree = np.bincount(right, minlength=len(graph))
    best = np.zeros(len(graph), np.int64)
    ready = np.flatnonzero(degree == 0)
    while len(ready):
        counts = offsets[ready + 1] - offsets[ready]
        total = int(counts.sum())
        out = np.arange(total) + np.repeat(offsets[ready] - (np.cumsum(counts) - counts), counts)
        np.maximum.at(best, right[out], best[left[out]] + weight[out])
        np.subtract.at(degree, right[out], 1)
        reached = np.unique(right[out])
        ready = reached[degree[reached] == 0]
    return int(best.max(initial=0))


def longest_wait(graph: StateGraph, waiting: Bools, counts: Callable[[Step], bool] = lambda step: True) -> int | None:
    """The most steps between the beginning and the end of a waiting, its last step included; None without a bound.

    `counts`: which steps are counted, for instance those of others.
    """
    edges = np.flatnonzero(waiting[graph.sources])
    return most(graph, edges, _chosen(graph, counts)[graph.labels[edges]])


def most_often(graph: StateGraph, counts: Callable[[Step], bool]) -> int | None:
    """How often steps of a kind happen on one run at most, for instance the hops of a task; None without a bound."""
    return most(graph, np.arange(len(graph.targets)), _chosen(graph, counts)[graph.labels])


def _chosen(graph: StateGraph, counts: Callable[[Step], bool]) -> Bools:
    return np.array([counts(step) for step in graph.steps], bool)
