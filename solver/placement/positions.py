"""Where an occupant can sit, as dense integers.

A position is a node, or one GPU of a node for a demand below one GPU: fractions of different GPUs do not add up, so 0.5
GPU free on each of two devices is no room for 0.6 (ray-project/ray #54729). A whole demand takes whole GPUs, which are
interchangeable, so counting them is exact. Where an occupant sits it may stay, whatever its labels ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import gcd

from rayproof.model.graph.resources import UNIT
from rayproof.solver.instances import GPU, InfeasibleError, Instance, InstanceError, Occupant


@dataclass(frozen=True, slots=True)
class Position:
    """A node, and the GPU on it that a fractional demand shares (-1 for other demands)."""

    node: int
    gpu: int = -1


@dataclass(frozen=True)
class Positions:
    """Occupants 0..n-1 in the instance's order, and where each may sit."""

    instance: Instance
    options: tuple[tuple[Position, ...], ...]
    sits: tuple[int | None, ...]
    """Node of each occupant, None when pending."""
    resources: tuple[str, ...]
    """All but GPUs."""
    demand: tuple[tuple[int, ...], ...]
    """Shape (n, r), in the greatest common unit of each resource and its capacities."""
    capacity: tuple[tuple[int, ...], ...]
    """Shape (m, r)."""
    gpu: tuple[int, ...]
    """GPU demand in units of 1e-4."""
    gpus: tuple[int, ...]
    """GPUs per node."""

    @property
    def n(self) -> int:
        """Number of occupants."""
        return len(self.options)

    def fractional(self, occupant: int) -> bool:
        """Whether it shares one GPU."""
        return 0 < self.gpu[occupant] < UNIT

    @cached_property
    def groups(self) -> Mapping[str, tuple[int, ...]]:
        """Occupants of each group."""
        number = {item.id: at for at, item in enumerate(self.instance.occupants)}
        return {group.id: tuple(number[bundle] for bundle in group.bundles) for group in self.instance.groups}


def positions(instance: Instance, stay: bool = False) -> Positions:
    """The dense view; with `stay`, what sits somewhere has no other option, movable or not.

    Raises `InfeasibleError` when an occupant fits no empty node, `InstanceError` on a GPU demand above 1 not whole.
    """
    place = {node.id: at for at, node in enumerate(instance.nodes)}
    names = sorted({name for item in instance.occupants for name, _ in item.demand} - {GPU})
    units = [
        gcd(*(item.demand[name] for item in instance.occupants), *(node.capacity[name] for node in instance.nodes))
        for name in names
    ]
    gpus = tuple(node.capacity[GPU] // UNIT for node in instance.nodes)
    options = []
    for item in instance.occupants:
        found = _options(instance, item, place, gpus, stay)
        if not found:
            raise InfeasibleError(f"{item.id} needs {item.demand} and fits no node, even an empty one")
        options.append(found)
    return Positions(
        instance=instance,
        options=tuple(options),
        sits=tuple(None if item.node is None else place[item.node] for item in instance.occupants),
        resources=tuple(names),
        demand=tuple(
            tuple(item.demand[name] // unit for name, unit in zip(names, units, strict=True))
            for item in instance.occupants
        ),
        capacity=tuple(
            tuple(node.capacity[name] // unit for name, unit in zip(names, units, strict=True))
            for node in instance.nodes
        ),
        gpu=tuple(item.demand[GPU] for item in instance.occupants),
        gpus=gpus,
    )


def _options(
    instance: Instance, item: Occupant, place: dict[str, int], gpus: tuple[int, ...], stay: bool
) -> tuple[Position, ...]:
    amount = item.demand[GPU]
    if amount > UNIT and amount % UNIT:
        raise InstanceError(f"{item.id}: expected a GPU demand below 1 or whole, found {amount / UNIT:g}")
    fixed = item.node is not None and (stay or not item.movable)
    eligible = () if fixed else instance.eligible(item)
    nodes = [node.id for node in instance.nodes if node.id in eligible or node.id == item.node]
    return tuple(
        Position(place[name], gpu)
        for name in nodes
        for gpu in (range(gpus[place[name]]) if 0 < amount < UNIT else (-1,))
    )
