"""A raylet whose requests may be for bundles of placement groups: rewritten resources, indexed and wildcard.

Source: Ray 2.60, `bundle_spec.cc::FormatPlacementGroupResource`, `local_resource_manager.cc` and
`resource_instance_set.cc::NodeResourceInstanceSet::TryAllocate`. A bundle i of group g turns CPU into `CPU_group_i_g`
and adds as much to the wildcard `CPU_group_g`. A request for bundle i takes from both; one for any bundle takes from
the wildcard and from the first bundle with room. Between nodes only sums are compared.

Left out: the marker `bundle_group_*`; preparing and giving back bundles, which is `groups`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rayproof.model.graph import Resources
from rayproof.model.scheduler.ray2.leases.protocol import ClassId
from rayproof.model.scheduler.ray2.leases.raylet import LeaseRaylet

GROUP = "_group_"
ANY = -1
"""In the place of a bundle's index: whichever has room."""


def in_bundle(amounts: Resources, group: str, index: int = ANY) -> Resources:
    """A demand of a task that runs in a bundle.

    >>> in_bundle(Resources.of(CPU=1), "g"), in_bundle(Resources.of(CPU=1), "g", 0)
    (Resources(CPU_group_g=1), Resources(CPU_group_0_g=1, CPU_group_g=1))
    """
    units = {f"{name}{GROUP}{group}": amount for name, amount in amounts.units}
    if index != ANY:
        units.update({f"{name}{GROUP}{index}_{group}": amount for name, amount in amounts.units})
    return Resources.from_units(units)


def bundles_on_node(group: str, bundles: Sequence[tuple[int, Resources]]) -> Resources:
    """What a node has to offer for the bundles (index, amounts) that it holds of a group."""
    total = Resources()
    for index, amounts in bundles:
        total = total + in_bundle(amounts, group, index)
    return total


def wildcard_of(name: str) -> str:
    """The wildcard that an indexed resource is part of; empty for any other name.

    >>> wildcard_of("CPU_group_0_g"), wildcard_of("CPU_group_g"), wildcard_of("CPU")
    ('CPU_group_g', '', '')
    """
    resource, _, rest = name.partition(GROUP)
    group = rest.partition("_")[2]
    return f"{resource}{GROUP}{group}" if group else ""


@dataclass(slots=True)
class BundleRaylet(LeaseRaylet):
    """One node with bundles."""

    def allocation(self, of: ClassId) -> Resources | None:
        """Whole demands only: a task in any bundle takes all that it needs from one."""
        demand = self.classes[of].demand
        if not demand.fits(self.free):
            return None
        if not any(GROUP in name for name, _ in demand.units) or any(wildcard_of(name) for name, _ in demand.units):
            return demand
        for place in sorted({name.partition(GROUP)[2] for name, _ in self.free.units if wildcard_of(name)}):
            index, _, group = place.partition("_")
            units = {
                name.replace(GROUP, f"{GROUP}{index}_"): amount
                for name, amount in demand.units
                if name.endswith(f"{GROUP}{group}")
            }
            taken = demand + Resources.from_units(units)
            if len(units) == len(demand.units) and taken.fits(self.free):
                return taken
        return None
