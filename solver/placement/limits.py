"""Conditions on a placement, one for each aim, that the search tightens."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from rayproof.model.graph.resources import UNIT
from rayproof.solver.instances import GroupStrategy
from rayproof.solver.placement.encoding import PlacementEncoding
from rayproof.solver.placement.positions import Positions


def limit_nodes(encoding: PlacementEncoding, most: int) -> None:
    """At most so many nodes in use, identical ones numbered by their first occupant."""
    found, formula = encoding.positions, encoding.formula
    used = []
    for node in range(len(found.capacity)):
        here = [literal for each in range(found.n) if (literal := encoding.on(each, node)) is not None]
        if here:
            name = formula.variable(f"used_{node}")
            used.append(name)
            for literal in here:
                formula.clause(f"-{literal}", name)
    if len(used) > most:
        formula.at_most(used, most)
    for alike in interchangeable(found):
        order = [
            each
            for each in sorted(range(found.n), key=lambda each: (-max([*found.demand[each], 0]), each))
            if encoding.on(each, alike[0]) is not None
        ]
        for at, (before, node) in enumerate(pairwise(alike), 1):
            for place, occupant in enumerate(order):
                # With no earlier occupant before it, a node cannot be this one's.
                earlier = [encoding.on(each, before) or "" for each in order[:place]] if place >= at else []
                formula.clause(f"-{encoding.on(occupant, node)}", *earlier)


def limit_utilisation(encoding: PlacementEncoding, most: Fraction, strictly: bool) -> None:
    """No resource of any node in use beyond this share, or, strictly, as far as it."""
    found = encoding.positions
    for node, capacities in enumerate(found.capacity):
        for resource, capacity in enumerate(capacities):
            encoding.at_most_utilised(node, resource, whole_below(most * capacity, strictly))
        drawing = [
            (found.gpu[each], literal)
            for each in range(found.n)
            if found.gpu[each] and (literal := encoding.on(each, node)) is not None
        ]
        if drawing:
            encoding.formula.weighted(
                [amount for amount, _ in drawing],
                [literal for _, literal in drawing],
                whole_below(most * found.gpus[node] * UNIT, strictly),
            )


def limit_strays(encoding: PlacementEncoding, most: int) -> None:
    """At most so many strays: nodes under PACK groups, and nodes without a bundle under SPREAD groups, are counted."""
    found, formula = encoding.positions, encoding.formula
    nodes = range(len(found.capacity))
    counted = []
    for number, group in enumerate(found.instance.groups):
        bundles = found.groups[group.id]
        if group.strategy not in (GroupStrategy.PACK, GroupStrategy.SPREAD):
            continue
        for node in nodes:
            here = [literal for each in bundles if (literal := encoding.on(each, node)) is not None]
            touched = formula.variable(f"t_{number}_{node}")
            if group.strategy is GroupStrategy.PACK:
                for literal in here:
                    formula.clause(f"-{literal}", touched)
                counted.append(touched)
            else:
                formula.clause(f"-{touched}", *here)
                counted.append(f"-{touched}")
        most += 1 if group.strategy is GroupStrategy.PACK else len(nodes) - min(len(bundles), len(nodes))
    if most < len(counted):
        formula.at_most(counted, most)


def interchangeable(found: Positions) -> list[list[int]]:
    """Classes of nodes that nothing tells apart: equal capacity, nobody confined to one of them."""
    classes: dict[object, list[int]] = {}
    for node, capacity in enumerate(found.capacity):
        allowed = frozenset(each for each in range(found.n) if any(seat.node == node for seat in found.options[each]))
        sitting = any(sat == node for sat in found.sits)
        classes.setdefault((capacity, found.gpus[node], allowed, node if sitting else -1), []).append(node)
    return [nodes for nodes in classes.values() if len(nodes) > 1]


def whole_below(most: Fraction, strictly: bool) -> int:
    """The largest whole number at most, or strictly below, a rational."""
    floor = most.numerator // most.denominator
    return floor - 1 if strictly and floor == most else floor
