"""A placement quickly, and how few nodes can suffice.

Best fit decreasing: the largest occupant first, to the node it leaves least room on. Martello and Toth's L2 counts the
bins that items above half a bin cannot share, for every threshold of what counts as small.
"""

from __future__ import annotations

from collections.abc import Sequence

from rayproof.model.graph.resources import UNIT
from rayproof.solver.instances import GroupStrategy
from rayproof.solver.placement.positions import Position, Positions


def best_fit_decreasing(found: Positions, open_largest: bool = True) -> tuple[Position, ...] | None:
    """Positions for all occupants, filling used nodes first; None when the heuristic runs out of room.

    A node is opened only when no used one has room: the one with most room left, or else the one with least.
    """
    room = _Room(found)
    seats: dict[int, Position] = {}
    strategy = {}
    for group in found.instance.groups:
        for bundle in found.groups[group.id]:
            strategy[bundle] = group.strategy, found.groups[group.id]
    share = [room.share(occupant) for occupant in range(found.n)]
    sitting_first = sorted(
        range(found.n), key=lambda each: (len({option.node for option in found.options[each]}) > 1, -share[each], each)
    )
    for occupant in sitting_first:
        options = list(found.options[occupant])
        kind, bundles = strategy.get(occupant, (None, ()))
        taken = {seats[each].node for each in bundles if each in seats}
        if kind is GroupStrategy.STRICT_PACK and taken:
            options = [each for each in options if each.node in taken]
        if kind is GroupStrategy.STRICT_SPREAD:
            options = [each for each in options if each.node not in taken]
        fitting = [each for each in options if room.fits(occupant, each)]
        if not fitting:
            return None
        seat = min(fitting, key=lambda each: (*room.rank(occupant, each, open_largest), each.node, each.gpu))
        room.take(occupant, seat)
        seats[occupant] = seat
    return tuple(seats[occupant] for occupant in range(found.n))


def fewest_nodes_bound(found: Positions) -> int:
    """Nodes that any placement of all occupants uses, at least."""
    best = 1 if found.n else 0
    amounts = [list(row) for row in zip(*found.demand, strict=True)]
    capacities = [list(row) for row in zip(*found.capacity, strict=True)]
    # GPUs are counted in devices: fractions are first packed into devices, by the same bound.
    fractions = [amount for amount in found.gpu if 0 < amount < UNIT]
    amounts.append([*(amount // UNIT for amount in found.gpu), l2(fractions, UNIT) if fractions else 0])
    capacities.append(list(found.gpus))
    for demand, capacity in zip(amounts, capacities, strict=True):
        largest = sorted(capacity, reverse=True)
        total, nodes = sum(demand), 0
        while total > 0 and nodes < len(largest):
            total -= largest[nodes]
            nodes += 1
        best = max(best, nodes)
    for asked, offered in zip(zip(*found.demand, strict=True), zip(*found.capacity, strict=True), strict=True):
        # Treating every node as the largest one only weakens L2.
        best = max(best, l2([amount for amount in asked if amount], max(offered)) if any(asked) else 0)
    return best


def l2(weights: Sequence[int], capacity: int) -> int:
    """Martello and Toth's bound L2 on the number of bins (1990, section 8.3).

    >>> l2([6, 6, 6, 3, 3, 3], 10), l2([4, 4, 4], 10), l2([7, 7, 4], 10)
    (3, 2, 3)
    """
    best = -(-sum(weights) // capacity)
    for small in sorted({0, *(weight for weight in weights if 2 * weight <= capacity)}):
        huge = [weight for weight in weights if weight > capacity - small]
        large = [weight for weight in weights if capacity < 2 * weight <= 2 * (capacity - small)]
        medium = [weight for weight in weights if small <= weight and 2 * weight <= capacity]
        spare = len(large) * capacity - sum(large)
        best = max(best, len(huge) + len(large) + max(0, -(-(sum(medium) - spare) // capacity)))
    return best


class _Room:
    """What each node and each GPU still has."""

    def __init__(self, found: Positions) -> None:
        self.found = found
        self.free = [list(capacity) for capacity in found.capacity]
        self.shared: list[dict[int, int]] = [{} for _ in found.capacity]
        self.whole = list(found.gpus)
        self.used = [False] * len(found.capacity)

    def share(self, occupant: int) -> float:
        """Its largest demand relative to the largest node."""
        parts: list[float] = [
            amount / max(capacity)
            for amount, capacity in zip(
                self.found.demand[occupant], zip(*self.found.capacity, strict=True), strict=True
            )
            if amount
        ]
        most = max(self.found.gpus, default=0) * UNIT
        parts.append(self.found.gpu[occupant] / most if most else 0.0)
        return max(parts)

    def fits(self, occupant: int, seat: Position) -> bool:
        enough = all(
            amount <= free for amount, free in zip(self.found.demand[occupant], self.free[seat.node], strict=True)
        )
        return enough and self._gpu_fits(occupant, seat)

    def _gpu_fits(self, occupant: int, seat: Position) -> bool:
        amount = self.found.gpu[occupant]
        if seat.gpu < 0:
            return amount // UNIT <= self.whole[seat.node]
        held = self.shared[seat.node].get(seat.gpu)
        return self.whole[seat.node] > 0 if held is None else held + amount <= UNIT

    def rank(self, occupant: int, seat: Position, open_largest: bool) -> tuple[bool, float]:
        """Used nodes first, of those the one left with least room; each resource relative to the largest node."""
        left = sum(
            (free - amount) / max(capacity)
            for free, amount, capacity in zip(
                self.free[seat.node], self.found.demand[occupant], zip(*self.found.capacity, strict=True), strict=True
            )
            if max(capacity)
        )
        left += self.whole[seat.node] / max(1, *self.found.gpus)
        new = not self.used[seat.node]
        return new, -left if new and open_largest else left

    def take(self, occupant: int, seat: Position) -> None:
        self.used[seat.node] = True
        for resource, amount in enumerate(self.found.demand[occupant]):
            self.free[seat.node][resource] -= amount
        amount = self.found.gpu[occupant]
        if seat.gpu < 0:
            self.whole[seat.node] -= amount // UNIT
        else:
            if seat.gpu not in self.shared[seat.node]:
                self.whole[seat.node] -= 1
            self.shared[seat.node][seat.gpu] = self.shared[seat.node].get(seat.gpu, 0) + amount
