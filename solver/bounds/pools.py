"""Pools: a resource on a set of nodes, and the tasks that can draw it from nowhere else.

For identical nodes there is one pool a resource; with labels, GPUs or affinity each set of nodes that some task is
confined to gives one, and so do unions of such sets. Two roundings make them tight: a node's capacity counts only as
far as sums of demands reach it (two tasks of 3 use 6 of 7), and a pool of slots counts tasks that cannot share a node.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rayproof.solver.instances import Indexed

UNIONS = 64
"""Node sets looked at, at most; fewer sets weaken the bound and never break it."""

FINE = 100_000
"""Units of capacity up to which the reachable sums are worked out, one bit a unit."""


@dataclass(frozen=True)
class Pool:
    """`capacity` units for `draw[t]` of each task t; tasks that may draw elsewhere draw 0 here."""

    name: str
    capacity: int
    draw: tuple[int, ...]


def pools(indexed: Indexed) -> Iterator[Pool]:
    """Every pool that some task draws from."""
    for nodes in _node_sets(indexed):
        confined = [set(found) <= nodes for found in indexed.eligible]
        where = "all nodes" if len(nodes) == len(indexed.capacity) else _names(indexed, nodes)
        for at, resource in enumerate(indexed.resources):
            draw = tuple(
                demand[at] if inside and length else 0
                for demand, inside, length in zip(indexed.demand, confined, indexed.durations, strict=True)
            )
            if not any(draw):
                continue
            reach = {
                node: _reachable(indexed, node, at) for node in nodes if any(node in each for each in indexed.eligible)
            }
            yield Pool(f"{resource} on {where}", sum(reach.values()), draw)
            slots = _slots(indexed, at, draw, nodes)
            if slots is not None:
                yield Pool(f"{resource} on {where}, tasks too large to share", *slots)


def _node_sets(indexed: Indexed) -> list[frozenset[int]]:
    """Sets that tasks are confined to, and their unions, smallest first, at most `UNIONS`, always with the whole."""
    drawing = [
        frozenset(found)
        for found, demand, length in zip(indexed.eligible, indexed.demand, indexed.durations, strict=True)
        if any(demand) and length
    ]
    basic = sorted(set(drawing), key=lambda nodes: (len(nodes), sorted(nodes)))
    found = dict.fromkeys(basic[:UNIONS])
    for one in basic:
        for other in list(found):
            if len(found) >= UNIONS:
                break
            found[one | other] = None
    found[frozenset().union(*basic)] = None
    return list(found)


def _reachable(indexed: Indexed, node: int, resource: int) -> int:
    """The largest sum of demands of eligible tasks that fits this node's capacity."""
    capacity = indexed.capacity[node][resource]
    if capacity > FINE:
        return capacity
    sums, mask = 1, (1 << (capacity + 1)) - 1
    for found, demand in zip(indexed.eligible, indexed.demand, strict=True):
        if demand[resource] and node in found:
            sums |= (sums << demand[resource]) & mask
    return sums.bit_length() - 1


def _slots(
    indexed: Indexed, resource: int, draw: tuple[int, ...], nodes: frozenset[int]
) -> tuple[int, tuple[int, ...]] | None:
    """A pool that counts the tasks of more than half the largest node: how many slots, and who takes one.

    A node has as many slots as the smallest of these tasks fits times. None when no demand is that large.
    """
    large = [amount for amount in draw if 2 * amount > max(indexed.capacity[node][resource] for node in nodes)]
    if not large:
        return None
    least = min(large)
    slots = sum(indexed.capacity[node][resource] // least for node in nodes)
    return slots, tuple(int(amount >= least) for amount in draw)


def _names(indexed: Indexed, nodes: frozenset[int]) -> str:
    names = [indexed.instance.nodes[node].id for node in sorted(nodes)]
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"
