"""Why is this pending? A minimal set of facts that together leave no place for it, in Ray's words.

Every fact that might have been otherwise is an assumption literal: each amount, label and affinity asked for, a strict
strategy, each occupant that holds resources. An unsatisfiable core is shrunk by deletion until dropping any one fact
makes room. What no empty cluster could satisfy is found first, so that nobody is blamed for an infeasible request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from rayproof.model.graph.resources import UNIT
from rayproof.solver.engine import DEFAULT_LIMITS, Answer, BooleanSolver, Budget, Formula, Limits, negated
from rayproof.solver.instances import GPU, Group, GroupStrategy, Instance, InstanceError, Occupant
from rayproof.solver.placement import Seat, require_placed
from rayproof.solver.why.reasons import Holds, Needs, NeedsLabel, NeedsNode, NeedsStrategy, Reason
from rayproof.solver.why.words import sentence


class Verdict(StrEnum):
    """Ray's three states of a request, and ours when time is up."""

    PLACEABLE = "placeable"
    UNAVAILABLE = "unavailable"
    """Some node could, but not while others hold what they hold."""
    INFEASIBLE = "infeasible"
    """Not even on an empty cluster."""
    UNDETERMINED = "undetermined"


@dataclass(frozen=True)
class Explanation:
    """The verdict on a pending request, with the reasons or a place."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    minimal: bool
    """Whether dropping any one reason makes room; false only when the limits cut the shrinking short."""
    seats: dict[str, Seat]
    sentence: str


def why_not(instance: Instance, pending: str, limits: Limits = DEFAULT_LIMITS) -> Explanation:
    """Why an occupant, group or task of this id finds no place, others staying where they sit.

    Other pending occupants are ignored. Raises `InstanceError` when nothing pending has this id.
    """
    asked, group = _asked(instance, pending)
    question = _Question(instance, asked, group)
    solver = BooleanSolver(question.formula)
    budget = Budget(limits)
    structural = [literal for literal, reason in question.facts.items() if not isinstance(reason, Holds)]
    everything = list(question.facts)
    for facts, verdict in ((structural, Verdict.INFEASIBLE), (everything, Verdict.UNAVAILABLE)):
        answer = solver.check(budget, facts)
        if answer is Answer.UNKNOWN:
            return Explanation(Verdict.UNDETERMINED, (), False, {}, f"{pending}: undetermined within the limits")
        if answer is Answer.UNSAT:
            core, minimal = _shrunk(solver, budget, question, facts)
            reasons = tuple(question.facts[literal] for literal in core)
            return Explanation(verdict, reasons, minimal, {}, sentence(instance, pending, asked, group, reasons))
    seats = question.read(solver)
    require_placed(_settled(instance, asked, group), seats)
    where = ", ".join(f"{item.id} on {seats[item.id][0]}" for item in asked)
    return Explanation(Verdict.PLACEABLE, (), True, seats, f"{pending} has a place: {where}")


def _asked(instance: Instance, pending: str) -> tuple[tuple[Occupant, ...], Group | None]:
    occupants = {item.id: item for item in instance.occupants}
    for group in instance.groups:
        if group.id == pending:
            return tuple(occupants[bundle] for bundle in group.bundles if occupants[bundle].node is None), group
    if pending in occupants:
        if occupants[pending].node is not None:
            raise InstanceError(f"{pending} is not pending: it sits on {occupants[pending].node}")
        return (occupants[pending],), None
    task = instance.task.get(pending)
    if task is None:
        raise InstanceError(f"expected a pending occupant, group or task, found nothing called {pending}")
    return (Occupant(task.id, task.demand, allowed_nodes=task.allowed_nodes, labels=task.labels),), None


def _settled(instance: Instance, asked: tuple[Occupant, ...], group: Group | None) -> Instance:
    seated = tuple(replace(item, movable=False) for item in instance.occupants if item.node is not None)
    return replace(instance, tasks=(), objects=(), occupants=(*seated, *asked), groups=(group,) if group else ())


def _shrunk(solver: BooleanSolver, budget: Budget, question: _Question, facts: Iterable[str]) -> tuple[list[str], bool]:
    """A core from which nothing can be dropped; holders of little are dropped first, so that the large ones stay."""
    core = sorted(set(solver.core()) & set(facts), key=question.weight)
    minimal = True
    for literal in list(core):
        rest = [each for each in core if each != literal]
        answer = solver.check(budget, rest)
        if answer is Answer.UNSAT:
            used = set(solver.core())
            core = [each for each in rest if each in used]
        minimal &= answer is not Answer.UNKNOWN
    order = list(question.facts)
    return sorted(core, key=order.index), minimal


class _Question:
    """The formula with one assumption literal a fact."""

    def __init__(self, instance: Instance, asked: tuple[Occupant, ...], group: Group | None) -> None:
        self.instance, self.asked = instance, asked
        self.formula = Formula()
        self.facts: dict[str, Reason] = {}
        self.needs: dict[tuple[str, str], str] = {}
        self.seated = [item for item in instance.occupants if item.node is not None]
        owner = {bundle: each.id for each in instance.groups for bundle in each.bundles}
        for item in asked:
            self._choose_node(item)
        if group is not None and group.strategy in (GroupStrategy.STRICT_PACK, GroupStrategy.STRICT_SPREAD):
            self._strategy(group)
        self.holds = {
            item.id: self._fact(Holds(item.id, item.node or "", item.demand, owner.get(item.id)))
            for item in self.seated
        }
        for at in range(len(instance.nodes)):
            self._room(at)

    def weight(self, literal: str) -> tuple[bool, int]:
        """Dropped first: small holders, then large ones, then what is asked for."""
        reason = self.facts[literal]
        held = sum(amount for _, amount in reason.demand) if isinstance(reason, Holds) else 0
        return not isinstance(reason, Holds), held

    def read(self, solver: BooleanSolver) -> dict[str, Seat]:
        """Where everything sits in the solver's model."""
        seats: dict[str, Seat] = {}
        for item in (*self.seated, *self.asked):
            at = next(
                at
                for at, node in enumerate(self.instance.nodes)
                if node.id == item.node or self._holds_at(solver, item, at)
            )
            device = None
            if 0 < item.demand[GPU] < UNIT:
                devices = range(self.instance.nodes[at].capacity[GPU] // UNIT)
                device = next(gpu for gpu in devices if solver.holds(self._device(item, at, gpu)))
            seats[item.id] = self.instance.nodes[at].id, device
        return seats

    def _holds_at(self, solver: BooleanSolver, item: Occupant, at: int) -> bool:
        return item.node is None and solver.holds(self._on(item, at))

    def _fact(self, reason: Reason) -> str:
        literal = self.formula.variable(f"fact{len(self.facts)}")
        self.facts[literal] = reason
        return literal

    def _on(self, item: Occupant, at: int) -> str:
        return f"x{self.asked.index(item)}_{at}"

    def _device(self, item: Occupant, at: int, gpu: int) -> str:
        return f"d{(*self.seated, *self.asked).index(item)}_{at}_{gpu}"

    def _choose_node(self, item: Occupant) -> None:
        nodes = self.instance.nodes
        self.formula.exactly_one([self.formula.variable(self._on(item, at)) for at in range(len(nodes))])
        for name, amount in item.demand:
            self.needs[item.id, name] = self._fact(Needs(item.id, name, amount))
        for label in item.labels:
            fact = self._fact(NeedsLabel(item.id, *label))
            for at, node in enumerate(nodes):
                if label not in node.labels:
                    self.formula.clause(f"-{fact}", f"-{self._on(item, at)}")
        if item.allowed_nodes is not None:
            fact = self._fact(NeedsNode(item.id, item.allowed_nodes))
            for at, node in enumerate(nodes):
                if node.id not in item.allowed_nodes:
                    self.formula.clause(f"-{fact}", f"-{self._on(item, at)}")

    def _strategy(self, group: Group) -> None:
        fact = self._fact(NeedsStrategy(group.id, group.strategy))
        taken = {item.node for item in self.seated if item.id in group.bundles}
        for at, node in enumerate(self.instance.nodes):
            for place, one in enumerate(self.asked):
                here = f"-{self._on(one, at)}"
                if group.strategy is GroupStrategy.STRICT_SPREAD and node.id in taken:
                    self.formula.clause(f"-{fact}", here)
                if group.strategy is GroupStrategy.STRICT_PACK and taken - {node.id}:
                    self.formula.clause(f"-{fact}", here)
                for other in self.asked[:place]:
                    there = self._on(other, at)
                    spread = group.strategy is GroupStrategy.STRICT_SPREAD
                    self.formula.clause(f"-{fact}", here, negated(there) if spread else there)

    def _room(self, at: int) -> None:
        """Capacities of one node; an amount counts if its fact is assumed and its owner is here."""
        node = self.instance.nodes[at]
        here = [item for item in self.seated if item.node == node.id]
        for resource in sorted({name for item in (*here, *self.asked) for name, _ in item.demand} - {GPU}):
            self._sum(
                [(item.demand[resource], self.holds[item.id]) for item in here if item.demand[resource]]
                + [
                    (item.demand[resource], self._drawn(item, at, resource))
                    for item in self.asked
                    if item.demand[resource]
                ],
                node.capacity[resource],
            )
        self._gpus(at, here)

    def _gpus(self, at: int, here: list[Occupant]) -> None:
        count = self.instance.nodes[at].capacity[GPU] // UNIT
        present = [(item, self.holds[item.id]) for item in here if item.demand[GPU]]
        present += [(item, self._drawn(item, at, GPU)) for item in self.asked if item.demand[GPU]]
        terms: list[tuple[int, str]] = []
        devices: list[list[tuple[int, str]]] = [[] for _ in range(count)]
        for item, literal in present:
            amount = item.demand[GPU]
            if amount >= UNIT:
                terms.append((amount // UNIT, literal))
                continue
            choice = [self.formula.variable(self._device(item, at, gpu)) for gpu in range(count)]
            self.formula.clause(negated(literal), *choice)
            for gpu, chosen in enumerate(choice):
                devices[gpu].append((amount, chosen))
        for gpu, sharing in enumerate(devices):
            if not sharing:
                continue
            self._sum(sharing, UNIT)
            used = self.formula.variable(f"used_{at}_{gpu}")
            for _, chosen in sharing:
                self.formula.clause(negated(chosen), used)
            terms.append((1, used))
        self._sum(terms, count)

    def _drawn(self, item: Occupant, at: int, resource: str) -> str:
        literal = self.formula.variable(f"r{self.asked.index(item)}_{at}_{list(self.needs).index((item.id, resource))}")
        self.formula.clause(literal, f"-{self._on(item, at)}", f"-{self.needs[item.id, resource]}")
        return literal

    def _sum(self, terms: list[tuple[int, str]], most: int) -> None:
        if terms:
            self.formula.weighted([amount for amount, _ in terms], [literal for _, literal in terms], most)
