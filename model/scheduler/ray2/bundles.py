"""Bundles of placement groups as resources of their node: indexed and wildcard names.

Source: Ray 2.60, `bundle_spec.cc::FormatPlacementGroupResource` and
`resource_instance_set.cc::NodeResourceInstanceSet::TryAllocate`. A bundle i of group g turns CPU into `CPU_group_i_g`
and adds as much to the wildcard `CPU_group_g`. A request for bundle i takes from both; one for any bundle takes from
the wildcard and from the first bundle with room. Between nodes only sums are compared. A task that asks for nothing is
tied to its group by a marker, `bundle_group_*` (`AddPlacementGroupConstraint`); in Ray every task asks for that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rayproof.model.graph import PlacementGroup, Program, Resources, TaskKind, TaskSpec

GROUP = "_group_"
ANY = -1
"""In the place of a bundle's index: whichever has room."""

MARK, ROOM = Resources.of(bundle=0.001), Resources.of(bundle=1_000)
"""Of the marker, what a task asks for that asks for nothing else, and what each bundle has."""


def in_bundle(amounts: Resources, group: str, index: int = ANY) -> Resources:
    """A demand of a task that runs in a bundle, or what a bundle offers.

    >>> in_bundle(Resources.of(CPU=1), "g"), in_bundle(Resources.of(CPU=1), "g", 0)
    (Resources(CPU_group_g=1), Resources(CPU_group_0_g=1, CPU_group_g=1))
    """
    units = {f"{name}{GROUP}{group}": amount for name, amount in amounts.units}
    if index != ANY:
        units.update({f"{name}{GROUP}{index}_{group}": amount for name, amount in amounts.units})
    return Resources.from_units(units)


def offered(bundles: Iterable[tuple[str, int, Resources]]) -> Resources:
    """What a node offers for the bundles (group, index, amounts) that it holds."""
    total = Resources()
    for group, index, amounts in bundles:
        total = total + in_bundle(amounts + ROOM, group, index)
    return total


def with_bundle_demands(program: Program) -> Program:
    """The program with the demands of tasks in groups as their core workers ask for them."""

    def asking(task: TaskSpec) -> TaskSpec:
        place = task.strategy
        if not isinstance(place, PlacementGroup) or task.kind is TaskKind.ACTOR_METHOD:
            return task
        return replace(task, demand=in_bundle(task.demand or MARK, place.group, place.bundle))

    return replace(program, tasks={task.id: asking(task) for task in program.tasks.values()})


def wildcard_of(name: str) -> str:
    """The wildcard that an indexed resource is part of; empty for any other name.

    >>> wildcard_of("CPU_group_0_g"), wildcard_of("CPU_group_g"), wildcard_of("CPU")
    ('CPU_group_g', '', '')
    """
    resource, _, rest = name.partition(GROUP)
    group = rest.partition("_")[2]
    return f"{resource}{GROUP}{group}" if group else ""


def allocation(demand: Resources, free: Resources) -> Resources | None:
    """What a demand takes of what is free: whole, and for any bundle of a group all from one; None without room."""
    if not demand.fits(free):
        return None
    if not any(GROUP in name for name, _ in demand.units) or any(wildcard_of(name) for name, _ in demand.units):
        return demand
    for place in sorted({name.partition(GROUP)[2] for name, _ in free.units if wildcard_of(name)}):
        index, _, group = place.partition("_")
        units = {
            name.replace(GROUP, f"{GROUP}{index}_"): amount
            for name, amount in demand.units
            if name.endswith(f"{GROUP}{group}")
        }
        taken = demand + Resources.from_units(units)
        if len(units) == len(demand.units) and taken.fits(free):
            return taken
    return None
