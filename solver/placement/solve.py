"""Where to put everything: fewest nodes, lowest maximum utilisation, or fewest bytes moved.

The answer is an interval of the objective with what certifies its lower end; preferences of PACK and SPREAD groups
break ties. Identical nodes are numbered by their first occupant, else packing proofs drown in permutations.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from rayproof.model.graph.resources import UNIT
from rayproof.solver.bounds import BoundKind
from rayproof.solver.engine import DEFAULT_LIMITS, Answer, BooleanSolver, Budget, Limits
from rayproof.solver.instances import GroupStrategy, InfeasibleError, Instance
from rayproof.solver.placement.checker import Seat, require_placed
from rayproof.solver.placement.encoding import PlacementEncoding
from rayproof.solver.placement.greedy import best_fit_decreasing, fewest_nodes_bound
from rayproof.solver.placement.limits import limit_nodes, limit_strays, limit_utilisation, whole_below
from rayproof.solver.placement.positions import Position, Positions, positions


class Aim(StrEnum):
    """What a placement should minimise."""

    NODES = "nodes"
    """Nodes that hold anything."""
    UTILISATION = "utilisation"
    """The largest share in use of any resource of any node."""
    BYTES = "bytes"
    """State of occupants that sit elsewhere afterwards."""


class Outcome(StrEnum):
    """What is known about the placement asked for."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True)
class Placement:
    """`lower` <= optimum <= `value`; without seats nothing was found, which alone proves nothing."""

    outcome: Outcome
    aim: Aim
    lower: Fraction
    value: Fraction | None
    seats: dict[str, Seat]
    certificate: BoundKind
    """What certifies `lower`."""
    strays: int
    """Nodes too many under PACK groups plus bundles that share a node under SPREAD groups."""
    seconds: float
    resource_units: int


def best_placement(
    instance: Instance, aim: Aim = Aim.NODES, limits: Limits = DEFAULT_LIMITS, seed: int = 0
) -> Placement:
    """A seat for every occupant that minimises the aim; the seats have passed the checker."""
    started = time.monotonic()
    budget = Budget(limits)
    try:
        found = positions(instance)
    except InfeasibleError:
        return Placement(Outcome.INFEASIBLE, aim, Fraction(0), None, {}, BoundKind.TRIVIAL, 0, 0.0, 0)
    search = _Search(found, aim, budget, seed)
    search.run()
    seats = seats_of(instance, search.best)
    if search.best is not None:
        require_placed(instance, seats)
    value = None if search.best is None else search.value(search.best)
    outcome = (
        Outcome.INFEASIBLE
        if search.infeasible
        else Outcome.OPTIMAL
        if value is not None and value == search.lower
        else Outcome.UNDETERMINED
    )
    return Placement(
        outcome,
        aim,
        search.lower,
        value,
        seats,
        search.certificate,
        0 if search.best is None else strays(found, search.best),
        time.monotonic() - started,
        budget.resource_units,
    )


def seats_of(instance: Instance, found: Iterable[Position] | None) -> dict[str, Seat]:
    """Positions in the instance's names."""
    return {
        item.id: (instance.nodes[seat.node].id, None if seat.gpu < 0 else seat.gpu)
        for item, seat in zip(instance.occupants, found or (), strict=False)
    }


def strays(found: Positions, seats: tuple[Position, ...]) -> int:
    """How far the preferences of PACK and SPREAD groups are missed."""
    missed = 0
    for group in found.instance.groups:
        nodes = {seats[bundle].node for bundle in found.groups[group.id]}
        if group.strategy is GroupStrategy.PACK:
            missed += len(nodes) - 1
        elif group.strategy is GroupStrategy.SPREAD:
            missed += min(len(group.bundles), len(found.capacity)) - len(nodes)
    return missed


class _Search:
    def __init__(self, found: Positions, aim: Aim, budget: Budget, seed: int) -> None:
        self.found, self.aim, self.budget, self.seed = found, aim, budget, seed
        self.best: tuple[Position, ...] | None = None
        self.infeasible = False
        self.certificate = BoundKind.AREA
        self.value: Callable[[tuple[Position, ...]], Fraction] = {
            Aim.NODES: self._nodes,
            Aim.UTILISATION: self._utilisation,
            Aim.BYTES: self._bytes,
        }[aim]
        self.lower = self._first_bound()

    def run(self) -> None:
        """Greedy first; then the solver narrows what is left."""
        tried = [found for largest in (True, False) if (found := best_fit_decreasing(self.found, largest)) is not None]
        self.best = min(tried, key=self.value, default=None)
        if self.best is None:
            self._ask(None)
        if self.best is None:
            return
        if self.aim is Aim.NODES:
            self._ascend_nodes()
        else:
            self._bisect()
        self._prefer()

    def _first_bound(self) -> Fraction:
        match self.aim:
            case Aim.NODES:
                return Fraction(fewest_nodes_bound(self.found))
            case Aim.UTILISATION:
                totals = zip(*self.found.demand, strict=True)
                capacities = zip(*self.found.capacity, strict=True)
                pairs = [(sum(one), sum(other)) for one, other in zip(totals, capacities, strict=True)]
                pairs.append((sum(self.found.gpu), sum(self.found.gpus) * UNIT))
                return max((Fraction(one, other) for one, other in pairs if other), default=Fraction(0))
            case Aim.BYTES:
                return Fraction(0)

    def _nodes(self, seats: tuple[Position, ...]) -> Fraction:
        return Fraction(len({seat.node for seat in seats}))

    def _bytes(self, seats: tuple[Position, ...]) -> Fraction:
        pairs = zip(self.found.instance.occupants, self.found.sits, seats, strict=True)
        return Fraction(sum(item.state_bytes for item, sat, seat in pairs if sat is not None and sat != seat.node))

    def _utilisation(self, seats: tuple[Position, ...]) -> Fraction:
        most = Fraction(0)
        for node, capacities in enumerate(self.found.capacity):
            here = [occupant for occupant, seat in enumerate(seats) if seat.node == node]
            for resource, capacity in enumerate(capacities):
                used = sum(self.found.demand[each][resource] for each in here)
                most = max(most, Fraction(used, capacity) if used else Fraction(0))
            used = sum(self.found.gpu[each] for each in here)
            most = max(most, Fraction(used, self.found.gpus[node] * UNIT) if used else Fraction(0))
        return most

    def _ascend_nodes(self) -> None:
        """k nodes for k = bound, bound + 1, ...: each unsat is a certified bound, the first sat is optimal.

        When that takes more than half of the budget, the rest goes into better placements from above.
        """
        assert self.best is not None
        whole = self.budget
        self.budget = whole.half()
        answer = Answer.UNSAT
        while answer is Answer.UNSAT and self.lower < self.value(self.best):
            answer = self._ask(self.lower)
            if answer is Answer.UNSAT:
                self.lower += 1
                self.certificate = BoundKind.UNSAT
        whole.resource_units += self.budget.resource_units
        self.budget = whole
        while answer is not Answer.UNSAT and self.lower < (value := self.value(self.best)):
            answer = self._ask(value - 1)
            if answer is Answer.UNKNOWN:
                return
            if answer is Answer.UNSAT:
                self.lower = value
                self.certificate = BoundKind.UNSAT

    def _bisect(self) -> None:
        """Halve the interval while it is wide, then ask for anything better; values are taken from models, exactly."""
        assert self.best is not None
        while self.lower < (value := self.value(self.best)):
            wide = value - self.lower > value / 16
            answer = self._ask((self.lower + value) / 2 if wide else value, strictly=not wide)
            if answer is Answer.UNKNOWN:
                return
            if answer is Answer.UNSAT:
                self.certificate = BoundKind.UNSAT
                # Nothing at or below the middle: the middle itself is not reached, but bounds from below.
                self.lower = (self.lower + value) / 2 if wide else value

    def _prefer(self) -> None:
        """Of the placements as good as the best, one that suits PACK and SPREAD groups most."""
        while self.best is not None and (missed := strays(self.found, self.best)):
            if self._ask(self.value(self.best), fewer_strays_than=missed) is not Answer.SAT:
                return

    def _ask(self, most: Fraction | None, strictly: bool = False, fewer_strays_than: int | None = None) -> Answer:
        """A placement whose value is at most (or less than) `most`; it becomes the best when there is one."""
        encoding = PlacementEncoding(self.found)
        if most is not None:
            self._limit(encoding, most, strictly)
        if fewer_strays_than is not None:
            limit_strays(encoding, fewer_strays_than - 1)
        solver = BooleanSolver(encoding.formula, self.seed)
        answer = solver.check(self.budget)
        if answer is Answer.SAT:
            self.best = encoding.read(solver)
        elif answer is Answer.UNSAT and most is None:
            self.infeasible = True
        return answer

    def _limit(self, encoding: PlacementEncoding, most: Fraction, strictly: bool) -> None:
        match self.aim:
            case Aim.NODES:
                limit_nodes(encoding, int(most))
            case Aim.UTILISATION:
                limit_utilisation(encoding, most, strictly)
            case Aim.BYTES:
                moved = [
                    (item.state_bytes, literal)
                    for occupant, (item, sat) in enumerate(
                        zip(self.found.instance.occupants, self.found.sits, strict=True)
                    )
                    if sat is not None and item.state_bytes and (literal := encoding.on(occupant, sat)) is not None
                ]
                if moved:
                    encoding.formula.weighted(
                        [amount for amount, _ in moved],
                        [f"-{literal}" for _, literal in moved],
                        whole_below(most, strictly),
                    )
