"""Liveness: `eventually`, `leads_to` and `progress` on the whole state graph of a scope, under fairness.

The first two ask the same of the graph. A run *waits* from a state in which p holds and q does not (for `eventually`:
from the initial state, p taken as q) until q holds. The claim fails if a waiting run can go on for ever: if some state
of the waiting region has no system step left, or if the region has a fair loop (Lichtenstein and Pnueli, "Checking That
Finite State Concurrent Programs Satisfy Their Linear Specification", 1985). The counterexample is a shortest way to
such a state and then a short fair loop: a lasso. `progress` asks for a fair loop of steps none of which is progress,
wherever the run stands; a run that stops is at rest.

The graph must be complete. Whoever cut the search short has no graph to decide on, and the answer is undetermined.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from rayproof.model.kernel.judging.verdicts import Violation
from rayproof.model.kernel.language.statements import Statement, StatementKind
from rayproof.model.kernel.liveness.bounds import longest_wait
from rayproof.model.kernel.liveness.fairness import FAIR, Fairness, Obligations
from rayproof.model.kernel.liveness.lasso import Loops, fair_parts
from rayproof.model.kernel.liveness.stategraph import Bools, Ints, StateGraph

LIVENESS = frozenset({StatementKind.EVENTUALLY, StatementKind.LEADS_TO, StatementKind.PROGRESS})
"""Kinds of statements that this engine decides."""


class Reader(Protocol):
    """Evaluates one predicate on the fields of a packed state."""

    def holds(self, fields: tuple[int, ...]) -> bool:
        """The answer in a state."""
        ...


@dataclass(frozen=True)
class Waiting:
    """The waiting region of one statement."""

    states: Bools
    distance: Ints
    """Steps from the initial state, through the region from where the waiting begins; -1 outside."""
    entered: Ints
    """Edge by which a state was reached inside the region; -1 where the waiting begins, -2 outside."""
    premise: int
    """Number of states in which the waiting may begin, also where it is over at once."""


@dataclass(frozen=True)
class LivenessAnswer:
    """What was found about one statement."""

    statement: Statement
    violation: Violation | None
    assumed: tuple[str, ...]
    """Assumptions of fairness under which this is the answer."""
    needed: tuple[str, ...]
    """Those without which some loop would have counted as a run."""
    waiting: Waiting
    bound: int | None
    """The most steps that any run waits, when the statement holds and there is a bound."""

    @property
    def note(self) -> str:
        """The assumptions, for people."""
        if self.violation is not None and self.violation.loop is None:
            return "at its end no step of the system is left"
        if self.violation is not None:
            return "although " + ", ".join(self.assumed) if self.assumed else "nothing is assumed fair"
        held = "provided that " + ", ".join(self.needed) if self.needed else "without any fairness"
        return held if self.bound is None else f"{held}, within {self.bound} steps"


def predicates(statement: Statement) -> tuple[Statement, ...]:
    """The statements whose checks are evaluated in every state: p and q of `leads_to`, p of `eventually`, or none."""
    if statement.kind is StatementKind.PROGRESS:
        return ()
    if statement.kind is StatementKind.LEADS_TO:
        assert statement.then is not None
        return statement, replace(statement, check=statement.then)
    return (statement,)


def truth(graph: StateGraph, readers: Sequence[Reader]) -> list[Bools]:
    """For each predicate, the states in which it holds."""
    unpack = graph.transitions.unpack
    found = [np.zeros(len(graph), bool) for _ in readers]
    for position, state in enumerate(graph.order):
        fields = unpack(state)
        for reader, holds in zip(readers, found, strict=True):
            holds[position] = reader.holds(fields)
    return found


def waiting_region(graph: StateGraph, begins: Bools, over: Bools) -> Waiting:
    """The states that a run can reach while it waits, breadth first."""
    sources = begins & ~over
    distance = np.full(len(graph), -1, np.int64)
    entered = np.full(len(graph), -2, np.int64)
    depths = graph.depths
    starts = np.flatnonzero(sources)
    starts = starts[np.argsort(depths[starts], kind="stable")]
    level = int(depths[starts[0]]) if len(starts) else 0
    frontier: Ints = np.zeros(0, np.int64)
    while len(starts) or len(frontier):
        if not len(frontier):
            level = max(level, int(depths[starts[0]]))
        count = int(np.searchsorted(depths[starts], level, side="right"))
        fresh, starts = starts[:count], starts[count:]
        fresh = fresh[distance[fresh] < 0]
        distance[fresh] = level
        entered[fresh] = -1
        edges = graph.edges_of(np.concatenate((frontier, fresh)))
        reached = graph.targets[edges]
        new = ~over[reached] & (distance[reached] < 0)
        edges, reached = edges[new], reached[new]
        # Of several edges into one state the first counts: the last assignment wins.
        entered[reached[::-1]] = edges[::-1]
        distance[reached] = level + 1
        frontier = reached[entered[reached] == edges].astype(np.int64)
        level += 1
    return Waiting(distance >= 0, distance, entered, int(begins.sum()))


def region_of(graph: StateGraph, statement: Statement, holds: Sequence[Bools]) -> Waiting:
    """The waiting region of a statement whose predicates have been evaluated; all states for `progress`."""
    if statement.kind is StatementKind.PROGRESS:
        everywhere = np.ones(len(graph), bool)
        return waiting_region(graph, everywhere, ~everywhere)
    if statement.kind is StatementKind.LEADS_TO:
        return waiting_region(graph, holds[0], holds[1])
    begins = np.zeros(len(graph), bool)
    begins[0] = True
    return waiting_region(graph, begins, holds[0])


def decide(graph: StateGraph, statement: Statement, waiting: Waiting, fairness: Fairness = FAIR) -> LivenessAnswer:
    """Decide one statement from its waiting region."""
    obligations = Obligations(graph, fairness)
    among = waiting.states[graph.sources] & waiting.states[graph.targets]
    stopped = np.zeros(len(graph), bool)
    if statement.kind is StatementKind.PROGRESS:
        among &= ~np.array([statement.ask(step) for step in graph.steps], bool)[graph.labels]
    else:
        stopped[:] = waiting.states
        stopped[graph.sources[graph.system[graph.labels]]] = False
    parts = fair_parts(obligations, among)
    looping = np.full(len(graph), -1, np.int64)
    for number, part in enumerate(parts):
        looping[graph.sources[part]] = number
    bad = np.flatnonzero(stopped | (looping >= 0))
    violation = None
    if len(bad):
        end = int(bad[np.argmin(waiting.distance[bad])])
        stem = _stem(graph, waiting, end)
        loop = [] if stopped[end] else Loops(obligations, parts[int(looping[end])]).through(end)
        violation = Violation(
            statement.name,
            statement.sentence,
            graph.taken([*stem, *loop]),
            statement.source,
            len(stem) + 1 if loop else None,
        )
    needed = tuple(text for text in fairness.assumptions() if text in obligations.used)
    waits = violation is None and statement.kind is not StatementKind.PROGRESS
    bound = longest_wait(graph, waiting.states) if waits else None
    return LivenessAnswer(statement, violation, fairness.assumptions(), needed, waiting, bound)


def _stem(graph: StateGraph, waiting: Waiting, end: int) -> list[int]:
    edges: list[int] = []
    while waiting.entered[end] >= 0:
        edges.append(int(waiting.entered[end]))
        end = int(graph.sources[edges[-1]])
    return graph.path(end) + edges[::-1]


def decide_all(
    graph: StateGraph, statements: Iterable[Statement], readers: Sequence[Sequence[Reader]], fairness: Fairness = FAIR
) -> list[LivenessAnswer]:
    """Decide several statements on one graph; `readers`: for each statement the readers of its `predicates`."""
    flat = truth(graph, [reader for several in readers for reader in several])
    answers = []
    for statement, several in zip(statements, readers, strict=True):
        holds, flat = flat[: len(several)], flat[len(several) :]
        answers.append(decide(graph, statement, region_of(graph, statement, holds), fairness))
    return answers
