"""Which actors must move so that the pending ones fit, and in which order they can.

Two different numbers. The static minimum is the fewest occupants that sit elsewhere in any placement of all; it bounds
every plan. A plan is a sequence of single moves that never exceeds a capacity on the way: the destination holds the
actor before the source lets go. The minimum need not be reachable: two actors that must swap full nodes cannot.
Bundles that are placed stay, since Ray moves no part of a placement group.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import pairwise

from rayproof.solver.bounds import BoundKind
from rayproof.solver.engine import DEFAULT_LIMITS, Answer, BooleanSolver, Budget, Formula, Limits
from rayproof.solver.instances import InfeasibleError, Instance
from rayproof.solver.migration.checker import Move, Plan, require_plan
from rayproof.solver.placement import Outcome, Position, Positions, Seat, positions, require_placed, seats_of
from rayproof.solver.placement.encoding import PlacementEncoding

DETOURS = 3
"""How many more moves than the static minimum a plan may take before it is reported as not found."""


@dataclass(frozen=True)
class Migration:
    """The answer to "make room for what is pending"."""

    outcome: Outcome
    """Optimal when a plan was found and none is shorter; infeasible when no placement of all exists."""
    static_minimum: int
    """Certified: every placement of all has at least so many occupants moved."""
    certificate: BoundKind
    seats: dict[str, Seat]
    """A placement that moves the static minimum; empty when none is known."""
    plan: Plan | None
    """Moves in an order that works; None when none was found."""
    refuted_up_to: int
    """No executable plan has so many moves or fewer (-1: nothing is known)."""
    bytes_moved: int
    seconds: float
    resource_units: int


def fewest_moves(
    instance: Instance, limits: Limits = DEFAULT_LIMITS, *, detours: int = DETOURS, seed: int = 0
) -> Migration:
    """The fewest moves that admit every pending occupant (those with no node), and an order that works.

    The notes' case: 70 % and 20 % on one node, 80 % on the other, and an actor of 25 % that fits neither.

    >>> from rayproof.model.graph import Resources
    >>> from rayproof.solver.instances import Instance, Node, Occupant
    >>> sizes = {"actor1": (0.7, "node1"), "actor2": (0.2, "node1"), "actor4": (0.8, "node2"), "actor3": (0.25, None)}
    >>> cluster = Instance(
    ...     nodes=(Node("node1", Resources.of(CPU=1)), Node("node2", Resources.of(CPU=1))),
    ...     occupants=tuple(Occupant(name, Resources.of(CPU=cpu), node) for name, (cpu, node) in sizes.items()),
    ... )
    >>> answer = fewest_moves(cluster)
    >>> answer.static_minimum, [str(move) for move in answer.plan.moves]
    (1, ['actor2 (node1 -> node2)'])
    """
    started = time.monotonic()
    budget = Budget(limits)
    bundles = {bundle for group in instance.groups for bundle in group.bundles}
    instance = replace(
        instance,
        occupants=tuple(
            replace(item, movable=False) if item.id in bundles and item.node else item for item in instance.occupants
        ),
    )
    try:
        found = positions(instance)
    except InfeasibleError:
        return Migration(Outcome.INFEASIBLE, 0, BoundKind.TRIVIAL, {}, None, -1, 0, 0.0, 0)
    search = _Search(found, budget, seed)
    outcome = search.static()
    plan = search.order(detours) if outcome is Outcome.OPTIMAL else None
    seats = seats_of(instance, search.seats)
    if search.seats is not None:
        require_placed(instance, seats)
    if plan is not None:
        require_plan(instance, plan)
    if outcome is Outcome.OPTIMAL and plan is None:
        outcome = Outcome.UNDETERMINED
    state = {item.id: item.state_bytes for item in instance.occupants}
    return Migration(
        outcome,
        search.minimum,
        search.certificate,
        seats,
        plan,
        search.refuted_up_to,
        sum(state[move.occupant] for move in plan.moves) if plan else 0,
        time.monotonic() - started,
        budget.resource_units,
    )


class _Search:
    def __init__(self, found: Positions, budget: Budget, seed: int) -> None:
        self.found, self.budget, self.seed = found, budget, seed
        self.seated = [each for each in range(found.n) if found.sits[each] is not None]
        self.minimum = 0
        self.certificate = BoundKind.TRIVIAL
        self.seats: tuple[Position, ...] | None = None
        self.refuted_up_to = -1

    def static(self) -> Outcome:
        """k = 0, 1, ... occupants moved, each unsat a certified bound, until a placement exists."""
        encoding = PlacementEncoding(self.found)
        moved = [f"-{encoding.on(each, sat)}" for each in self.seated if (sat := self.found.sits[each]) is not None]
        guards = []
        for most in range(len(moved)):
            guard = encoding.formula.variable(f"atmost{most}")
            # The guard counts as many as would make the sum trivial without it.
            weights = [1] * len(moved) + [len(moved) - most]
            encoding.formula.weighted(weights, [*moved, guard], len(moved))
            guards.append(guard)
        solver = BooleanSolver(encoding.formula, self.seed)
        while True:
            answer = solver.check(self.budget, guards[self.minimum : self.minimum + 1])
            if answer is Answer.SAT:
                self.seats = encoding.read(solver)
                return Outcome.OPTIMAL
            if answer is Answer.UNKNOWN:
                return Outcome.UNDETERMINED
            if self.minimum == len(guards):
                return Outcome.INFEASIBLE
            self.minimum += 1
            self.certificate = BoundKind.UNSAT

    def order(self, detours: int) -> Plan | None:
        """A shortest executable plan: the static placement in a good order, or one found by unrolling the moves."""
        assert self.seats is not None
        direct = self._ordered(self.seats)
        if direct is not None:
            return direct
        for count in range(self.minimum, self.minimum + detours + 1):
            unrolled = _Unrolled(self.found, count)
            solver = BooleanSolver(unrolled.formula, self.seed)
            answer = solver.check(self.budget)
            if answer is Answer.SAT:
                return unrolled.read(solver)
            if answer is Answer.UNKNOWN:
                return None
            self.refuted_up_to = count
        return None

    def _ordered(self, seats: tuple[Position, ...]) -> Plan | None:
        """Any move that fits now, until all are made; None when that gets stuck, which refutes no other order."""
        found = self.found
        if any(found.fractional(each) for each in self.seated):
            return None
        waiting = [each for each in self.seated if seats[each].node != found.sits[each]]
        now: dict[int, int] = {each: sat for each in self.seated if (sat := found.sits[each]) is not None}
        moves: list[Move] = []
        while waiting:
            for occupant in waiting:
                if _fits(found, now, occupant, seats[occupant].node):
                    moves.append(_move(found, occupant, now[occupant], seats[occupant]))
                    now[occupant] = seats[occupant].node
                    waiting.remove(occupant)
                    break
            else:
                return None
        self.refuted_up_to = self.minimum - 1
        pending = [each for each in range(found.n) if found.sits[each] is None]
        return Plan(
            {found.instance.occupants[each].id: _seat(found, Position(found.sits[each] or 0)) for each in self.seated},
            tuple(moves),
            {found.instance.occupants[each].id: _seat(found, seats[each]) for each in pending},
        )


class _Unrolled:
    """`count` moves one after the other, the pending seated at the end; every state in between is a placement."""

    def __init__(self, found: Positions, count: int) -> None:
        self.found, self.formula = found, Formula()
        seated = [each for each in range(found.n) if found.sits[each] is not None]
        self.seated = seated
        here = replace(
            found,
            instance=replace(
                found.instance, groups=(), occupants=tuple(found.instance.occupants[each] for each in seated)
            ),
            options=tuple(found.options[each] for each in seated),
            sits=tuple(found.sits[each] for each in seated),
            demand=tuple(found.demand[each] for each in seated),
            gpu=tuple(found.gpu[each] for each in seated),
        )
        self.states = [PlacementEncoding(here, self.formula, f"@{step}") for step in range(count)]
        self.states.append(PlacementEncoding(found, self.formula, f"@{count}"))
        first = self.states[0]
        for at, occupant in enumerate(seated):
            number = occupant if count == 0 else at
            self.formula.clause(first.on(number, found.sits[occupant] or 0) or "")
        for step in range(count):
            self._step(step, last=step == count - 1)

    def _step(self, step: int, last: bool) -> None:
        before, after = self.states[step], self.states[step + 1]
        moved = []
        for at, occupant in enumerate(self.seated):
            later = occupant if last else at
            moves = self.formula.variable(f"m{step}_{at}")
            moved.append(moves)
            for seat in self.found.options[occupant]:
                # Who does not move keeps its very position; who moves leaves the node.
                self.formula.clause(moves, f"-{before.at(at, seat)}", after.at(later, seat))
                self.formula.clause(f"-{moves}", f"-{before.at(at, seat)}", f"-{after.on(later, seat.node)}")
        self.formula.at_most(moved, 1)

    def read(self, solver: BooleanSolver) -> Plan:
        """The plan of the solver's model, idle steps left out."""
        found = self.found
        moves = []
        states = [state.read(solver) for state in self.states]
        for step, (before, after) in enumerate(pairwise(states)):
            last = step == len(states) - 2
            for at, occupant in enumerate(self.seated):
                source, target = before[at], after[occupant if last else at]
                if source.node != target.node:
                    moves.append(_move(found, occupant, source.node, target))
        names = [item.id for item in found.instance.occupants]
        first = states[0]
        return Plan(
            {names[each]: _seat(found, first[each if len(states) == 1 else at]) for at, each in enumerate(self.seated)},
            tuple(moves),
            {names[each]: _seat(found, states[-1][each]) for each in range(found.n) if found.sits[each] is None},
        )


def _fits(found: Positions, now: dict[int, int], occupant: int, node: int) -> bool:
    here = [each for each, sat in now.items() if sat == node]
    enough = all(
        sum(found.demand[each][resource] for each in here) + amount <= found.capacity[node][resource]
        for resource, amount in enumerate(found.demand[occupant])
    )
    return enough and sum(found.gpu[each] for each in here) + found.gpu[occupant] <= found.gpus[node] * 10_000


def _move(found: Positions, occupant: int, source: int, target: Position) -> Move:
    name, gpu = _seat(found, target)
    return Move(found.instance.occupants[occupant].id, found.instance.nodes[source].id, name, gpu)


def _seat(found: Positions, seat: Position) -> Seat:
    return found.instance.nodes[seat.node].id, None if seat.gpu < 0 else seat.gpu
