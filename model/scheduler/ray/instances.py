"""Resources that come as numbered devices: GPUs and other accelerators, with their fragments.

Source: Ray 2.60, `resource_instance_set.cc::NodeResourceInstanceSet::TryAllocate`: whole devices from the lowest
number, a fraction on the fullest device that still has it. Between nodes only sums are compared, so a demand may look
placeable where no single device has room. Left out: devices that are taken out of service.
"""

from __future__ import annotations

from rayproof.model.graph import Resources
from rayproof.model.graph.resources import UNIT

UNIT_RESOURCES = frozenset({"GPU", "TPU", "NPU", "HPU", "RBLN", "neuron_cores"})
"""Resources with devices of their own; CPUs are one pool."""


def whole_instances(total: Resources) -> dict[str, tuple[int, ...]]:
    """The devices of an empty node, each with its free amount; a pooled resource is one device."""
    return {name: (UNIT,) * (amount // UNIT) if name in UNIT_RESOURCES else (amount,) for name, amount in total.units}


def allocate(free: tuple[int, ...], demand: int) -> tuple[int, ...] | None:
    """What is taken from each device; None when it cannot be.

    >>> allocate((10000, 10000), 10000), allocate((5000, 5000), 10000), allocate((10000, 5000), 3000)
    ((10000, 0), None, (0, 3000))
    """
    if len(free) == 1:
        return (demand,) if demand <= free[0] else None
    taken = [0] * len(free)
    whole, fraction = divmod(demand, UNIT)
    if whole and fraction:
        return None
    for at, amount in enumerate(free):
        if whole and amount == UNIT:
            taken[at] = UNIT
            whole -= 1
    if whole:
        return None
    if fraction:
        fits = [(amount, at) for at, amount in enumerate(free) if amount >= fraction]
        if not fits:
            return None
        taken[min(fits)[1]] = fraction
    return tuple(taken)


def release(free: tuple[int, ...], taken: tuple[int, ...]) -> tuple[int, ...]:
    """The free amounts once an allocation has come back."""
    return tuple(amount + back for amount, back in zip(free, taken, strict=True))
