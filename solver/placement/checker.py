"""Is this a placement? Read off the definition; shares nothing with the encoding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction

from rayproof.model.graph.resources import UNIT
from rayproof.solver.instances import GroupStrategy, Instance

Seat = tuple[str, int | None]
"""A node's id, and the GPU shared there by a demand below one GPU."""


class PlacementError(AssertionError):
    """An engine handed out a placement or a plan that breaks the instance: a defect of the engine."""


def require_placed(instance: Instance, seats: Mapping[str, Seat], everyone: bool = True) -> None:
    """Raise `PlacementError` with the first fault found; with `everyone`, all occupants must have a seat."""
    for fault in placement_faults(instance, seats, everyone):
        raise PlacementError(f"{instance.name}: {fault}")


def placement_faults(instance: Instance, seats: Mapping[str, Seat], everyone: bool = True) -> Iterator[str]:
    """Everything wrong with a placement, in words."""
    for item in instance.occupants:
        if item.id not in seats:
            if everyone:
                yield f"{item.id} has no seat"
            continue
        node = instance.node[seats[item.id][0]]
        if not item.movable and item.node is not None and item.node != node.id:
            yield f"{item.id} was moved from {item.node} to {node.id}, but is not movable"
        if item.node != node.id:
            if item.allowed_nodes is not None and node.id not in item.allowed_nodes:
                yield f"{item.id} may not sit on {node.id}"
            if any(label not in node.labels for label in item.labels):
                yield f"{node.id} lacks a label that {item.id} needs"
    for node in instance.nodes:
        here = [item for item in instance.occupants if seats.get(item.id, ("", None))[0] == node.id]
        for name in sorted({name for item in here for name, _ in item.demand}):
            if sum(item.demand.fixed(name) for item in here) > node.capacity.fixed(name):
                yield f"{node.id} is asked for more {name} than it has"
        devices: Counter[int] = Counter()
        whole = Fraction(0)
        for item in here:
            amount = Fraction(item.demand.fixed("GPU"), UNIT)
            device = seats[item.id][1]
            if 0 < amount < 1:
                if device is None:
                    yield f"{item.id} shares no particular GPU of {node.id}"
                else:
                    devices[device] += item.demand.fixed("GPU")
            else:
                whole += amount
        if any(held > UNIT for held in devices.values()):
            yield f"a GPU of {node.id} is asked for more than one"
        if whole + len(devices) > Fraction(node.capacity.fixed("GPU"), UNIT):
            yield f"{node.id} has too few GPUs that are wholly free"
    yield from _group_faults(instance, seats)


def _group_faults(instance: Instance, seats: Mapping[str, Seat]) -> Iterator[str]:
    for group in instance.groups:
        nodes = [seats[bundle][0] for bundle in group.bundles if bundle in seats]
        if group.strategy is GroupStrategy.STRICT_PACK and len(set(nodes)) > 1:
            yield f"group {group.id} is STRICT_PACK and sits on {len(set(nodes))} nodes"
        if group.strategy is GroupStrategy.STRICT_SPREAD and len(set(nodes)) < len(nodes):
            yield f"group {group.id} is STRICT_SPREAD and shares a node"
