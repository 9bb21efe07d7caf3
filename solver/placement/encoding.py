"""Occupants on nodes as Booleans: one position each, capacities as native sums, group strategies as clauses."""

from __future__ import annotations

from itertools import pairwise

from rayproof.model.graph.resources import UNIT
from rayproof.solver.engine import BooleanSolver, Formula, negated
from rayproof.solver.instances import Group, GroupStrategy
from rayproof.solver.placement.positions import Position, Positions


class PlacementEncoding:
    """The formula whose models are the placements of all occupants; `tag` sets several copies apart."""

    def __init__(self, found: Positions, formula: Formula | None = None, tag: str = "") -> None:
        self.positions = found
        self.formula = Formula() if formula is None else formula
        self.tag = tag
        for occupant, options in enumerate(found.options):
            self.formula.exactly_one([self.formula.variable(self.at(occupant, each)) for each in options])
        self._here: dict[tuple[int, int], str] = {}
        for node in range(len(found.capacity)):
            self._room(node)
            self._gpus(node)
        for group in found.instance.groups:
            self._strategy(group)

    def at(self, occupant: int, position: Position) -> str:
        """The variable of "sits at this position"."""
        suffix = "" if position.gpu < 0 else f"_{position.gpu}"
        return f"x{self.tag}_{occupant}_{position.node}{suffix}"

    def on(self, occupant: int, node: int) -> str | None:
        """The literal of "sits on this node"; None when it cannot."""
        known = self._here.get((occupant, node))
        if known is not None:
            return known
        options = [each for each in self.positions.options[occupant] if each.node == node]
        if not options:
            return None
        literals = [self.at(occupant, each) for each in options]
        if len(literals) == 1:
            self._here[occupant, node] = literals[0]
            return literals[0]
        name = self.formula.variable(f"n{self.tag}_{occupant}_{node}")
        self.formula.clause(f"-{name}", *literals)
        for literal in literals:
            self.formula.clause(negated(literal), name)
        self._here[occupant, node] = name
        return name

    def read(self, solver: BooleanSolver) -> tuple[Position, ...]:
        """The position of each occupant in the solver's model."""
        return tuple(
            next(each for each in options if solver.holds(self.at(occupant, each)))
            for occupant, options in enumerate(self.positions.options)
        )

    def _room(self, node: int) -> None:
        found = self.positions
        for resource, capacity in enumerate(found.capacity[node]):
            self._limit(node, [demand[resource] for demand in found.demand], capacity)

    def _limit(self, node: int, amounts: list[int], capacity: int) -> None:
        drawing = [(amount, self.on(occupant, node)) for occupant, amount in enumerate(amounts) if amount]
        present = [(amount, literal) for amount, literal in drawing if literal is not None]
        if present:
            self.formula.weighted([amount for amount, _ in present], [literal for _, literal in present], capacity)

    def at_most_utilised(self, node: int, resource: int, most: int) -> None:
        """Limit what is drawn of one resource on one node, below its capacity."""
        self._limit(node, [demand[resource] for demand in self.positions.demand], most)

    def _gpus(self, node: int) -> None:
        """Whole demands and shared devices together are at most the node's GPUs."""
        found, count = self.positions, self.positions.gpus[node]
        whole = [each for each in range(found.n) if found.gpu[each] >= UNIT]
        shared = [each for each in range(found.n) if found.fractional(each)]
        weights, literals = [], []
        for occupant in whole:
            literal = self.on(occupant, node)
            if literal is not None:
                weights.append(found.gpu[occupant] // UNIT)
                literals.append(literal)
        for gpu in range(count):
            here = [(each, self.at(each, Position(node, gpu))) for each in shared if self.on(each, node) is not None]
            if not here:
                continue
            self.formula.weighted([found.gpu[each] for each, _ in here], [literal for _, literal in here], UNIT)
            used = self.formula.variable(f"g{self.tag}_{node}_{gpu}")
            for _, literal in here:
                self.formula.clause(negated(literal), used)
            weights.append(1)
            literals.append(used)
        if literals:
            self.formula.weighted(weights, literals, count)

    def _strategy(self, group: Group) -> None:
        bundles = self.positions.groups[group.id]
        match group.strategy:
            case GroupStrategy.STRICT_PACK:
                for one, other in pairwise(bundles):
                    for node in range(len(self.positions.capacity)):
                        self._same(self.on(one, node), self.on(other, node))
            case GroupStrategy.STRICT_SPREAD:
                for node in range(len(self.positions.capacity)):
                    here = [literal for each in bundles if (literal := self.on(each, node)) is not None]
                    if len(here) > 1:
                        self.formula.at_most(here, 1)
            case GroupStrategy.PACK | GroupStrategy.SPREAD:
                pass  # Preferences: they rank placements and forbid none.

    def _same(self, one: str | None, other: str | None) -> None:
        if one is not None and other is not None:
            self.formula.clause(negated(one), other)
            self.formula.clause(negated(other), one)
        elif one is not None:
            self.formula.clause(negated(one))
        elif other is not None:
            self.formula.clause(negated(other))
