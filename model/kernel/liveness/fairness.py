"""Fairness: which infinite runs count as runs of a system that nobody holds up.

Each assumption is one recurrence condition, a Streett pair (Streett 1982; Manna and Pnueli, "The Temporal Logic of
Reactive and Concurrent Systems", 1992, section 2.6):

- a **link** that holds a message for ever delivers one again and again (weak fairness). What it delivers is the link's
  business: on a `latest` link a message may be overtaken by newer ones for ever.
- a **timer** that can fire for ever fires again and again (weak). A patient or eager timer can fire only while nothing
  else happens, so that weak fairness would say nothing about it in a loop: such a timer that stays armed, is not set
  anew, and can fire again and again, fires. Time passes; a time-out that each beat puts off may never come.
- **ticks**, **returns** and **heals** that are possible for ever happen (weak).
- a **fair draw** that is made again and again from the same state has each of its results again and again (strong, per
  state and step: what holds of such runs holds with probability one; Pnueli and Zuck, "Probabilistic Verification",
  1993). Other choices are the environment's and owe nothing.
- **faults** owe nothing. A run may also end for ever in a state that offers faults only.

Left out: strong fairness of links. A link here is never disabled by anything but its own emptiness, and emptying it is
serving it; a crash of its receiver, which empties it too, is a fault and happens a bounded number of times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rayproof.model.kernel.language.process import TimerKind, slot_of
from rayproof.model.kernel.language.steps import Deliver, Fire
from rayproof.model.kernel.liveness.stategraph import Ints, StateGraph

FAIR_LINKS = "every link delivers"
FAIR_TIMERS = "every timer that stays armed fires"
FAIR_DRAWS = "fair draws have every result"


@dataclass(frozen=True)
class Fairness:
    """What is assumed fair; the parts can be switched off one by one."""

    links: bool = True
    timers: bool = True
    """Timers, ticks, returns and heals."""
    draws: bool = True

    def assumptions(self) -> tuple[str, ...]:
        """The assumptions, as sentences."""
        listed = ((self.links, FAIR_LINKS), (self.timers, FAIR_TIMERS), (self.draws, FAIR_DRAWS))
        return tuple(sentence for wanted, sentence in listed if wanted)


FAIR = Fairness()
"""The fairness of every check."""

UNFAIR = Fairness(links=False, timers=False, draws=False)
"""No assumption but that a run goes on while a system step is possible."""


class Obligations:
    """Which steps a loop owes: the conditions above, asked about sets of edges of one state graph."""

    def __init__(self, graph: StateGraph, fairness: Fairness) -> None:
        self.graph = graph
        self.fairness = fairness
        self._owed = np.array([self._is_owed(label) for label in range(len(graph.steps))], bool)
        self.used: set[str] = set()
        """Assumptions without which some cycle would have counted as a run."""

    def _is_owed(self, label: int) -> bool:
        if not self.graph.system[label]:
            return False
        return self.fairness.links if isinstance(self.graph.steps[label], Deliver) else self.fairness.timers

    def armed(self, state: int, label: int) -> bool:
        """Whether the timer of a label runs in a state."""
        return self._kind(state, label) is not None

    def _kind(self, state: int, label: int) -> TimerKind | None:
        """How the timer of a label runs in a state; None when it does not."""
        step = self.graph.steps[label]
        assert isinstance(step, Fire)
        transitions = self.graph.transitions
        slot = transitions.interner.index[slot_of(step.process)]
        made = transitions.interner.locals[slot][transitions.unpack(self.graph.order[state])[slot]]
        runs = made.alive and made.name == step.process and step.timer in made.timers
        return made.timers[step.timer][0] if runs else None

    def _waits(self, label: int, states: Ints) -> bool:
        """Whether a label is a timer that is patient or eager in some of the states: then less is claimed of it."""
        if not isinstance(self.graph.steps[label], Fire):
            return False
        return any(self._kind(state, label) in (TimerKind.PATIENT, TimerKind.EAGER) for state in states.tolist())

    def enabled(self, states: Ints) -> tuple[Ints, Ints]:
        """(label, state) of every owed step that is possible in the given states, each pair once."""
        edges = self.graph.edges_of(states)
        edges = edges[self._owed[self.graph.labels[edges]]]
        width = len(self.graph.steps)
        pairs = np.unique(self.graph.sources[edges].astype(np.int64) * width + self.graph.labels[edges])
        return pairs % width, pairs // width

    def unmet(self, edges: Ints) -> list[tuple[int, Ints, bool]]:
        """The labels that a run through exactly these edges, again and again, still owes.

        With each label the states in which its step is possible, and whether it is owed for being possible in all of
        them (weak fairness) rather than for a timer that waits and is never set anew.
        """
        if not len(edges):
            return []
        states = np.unique(self.graph.sources[edges]).astype(np.int64)
        labels, where = self.enabled(states)
        fired = np.zeros(len(self.graph.steps), bool)
        fired[self.graph.labels[edges]] = True
        found = []
        for label in np.unique(labels).tolist():
            if fired[label]:
                continue
            enabled = where[labels == label]
            waits = self._waits(label, states)
            if waits:
                if self._put_off(edges, label) or not all(self.armed(state, label) for state in states.tolist()):
                    continue
            elif len(enabled) < len(states):
                continue
            self.used.add(FAIR_LINKS if isinstance(self.graph.steps[label], Deliver) else FAIR_TIMERS)
            found.append((label, enabled, not waits))
        return found

    def puts_off(self, edge: int, label: int) -> bool:
        """Whether a step sets the timer of a label anew."""
        step = self.graph.steps[label]
        assert isinstance(step, Fire)
        return (step.process, step.timer) in self.graph.arming[int(self.graph.armings[edge])]

    def _put_off(self, edges: Ints, label: int) -> bool:
        step = self.graph.steps[label]
        assert isinstance(step, Fire)
        timer = (step.process, step.timer)
        setting = np.array([timer in arming for arming in self.graph.arming], bool)
        return bool(setting[self.graph.armings[edges]].any())

    def with_fair_draws(self, edges: Ints) -> Ints:
        """The edges that a run may keep using while it stays among them: no result of a fair draw leads away."""
        if not self.fairness.draws or not self.graph.draws:
            return edges
        kept = set(edges.tolist())
        refused = set()
        for state, label in sorted({self._place(edge) for edge in kept if edge in self.graph.draws}):
            refused |= _draws_that_lead_away(self.leaves(state, label), kept)
        if not refused:
            return edges
        self.used.add(FAIR_DRAWS)
        kept_edges: npt.NDArray[np.bool_] = ~np.isin(edges, sorted(refused))
        return edges[kept_edges]

    def _place(self, edge: int) -> tuple[int, int]:
        return int(self.graph.sources[edge]), int(self.graph.labels[edge])

    def leaves(self, state: int, label: int) -> list[tuple[int, tuple[int, ...], tuple[bool, ...]]]:
        """All ways that one step can end in one state: (edge, choices, which were fair draws)."""
        first, last = int(self.graph.offsets[state]), int(self.graph.offsets[state + 1])
        same = first + np.flatnonzero(self.graph.labels[first:last] == label)
        return [(edge, *self._choices(edge)) for edge in same.tolist()]

    def _choices(self, edge: int) -> tuple[tuple[int, ...], tuple[bool, ...]]:
        known = self.graph.draws.get(edge)
        if known is None:
            outcome = self.graph.outcome(edge)
            known = outcome.taken.choices, outcome.draws
        return known

    def missing_results(self, edges: list[int]) -> list[list[int]]:
        """Results of fair draws that a loop through these edges must have as well: for each, the edges that give it."""
        if not self.fairness.draws:
            return []
        inside = set(edges)
        missing: list[list[int]] = []
        for edge in edges:
            if edge not in self.graph.draws:
                continue
            choices, draws = self.graph.draws[edge]
            leaves = self.leaves(*self._place(edge))
            for position, draw in enumerate(draws):
                if draw:
                    for prefix in sorted(
                        {c[: position + 1] for _, c, _ in leaves if c[:position] == choices[:position]}
                    ):
                        giving = [e for e, c, _ in leaves if c[: position + 1] == prefix]
                        if inside.isdisjoint(giving):
                            missing.append(giving)
        return missing


def _draws_that_lead_away(leaves: list[tuple[int, tuple[int, ...], tuple[bool, ...]]], kept: set[int]) -> set[int]:
    """Kept edges below a fair draw one of whose results cannot stay: a tree of choices, fair draws needing all."""
    refused: set[int] = set()

    def stays(among: list[tuple[int, tuple[int, ...], tuple[bool, ...]]], position: int) -> bool:
        edge, choices, draws = among[0]
        if position == len(choices):
            return edge in kept
        options = sorted({leaf[1][position] for leaf in among})
        answers = [stays([leaf for leaf in among if leaf[1][position] == option], position + 1) for option in options]
        if draws[position] and not all(answers):
            refused.update(leaf[0] for leaf in among if leaf[0] in kept)
            return False
        return any(answers)

    stays(leaves, 0)
    return refused
