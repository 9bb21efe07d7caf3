"""The state graph of an exhausted scope, as arrays.

Safety needs only the states; liveness, bounds, coverage and pictures need the steps between them as well. They are read
from the remembered tables a second time, once the search has found every state, so that the search itself keeps nothing
but states. Rows of edges are kept in compressed form (offsets, targets, labels): 12 bytes a step.

States are named by their position in the order of discovery, steps by their position in the edge arrays.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from rayproof.model.kernel.language.process import Name
from rayproof.model.kernel.language.steps import Fault, Fire, Step, Taken
from rayproof.model.kernel.relation.outcomes import Outcome
from rayproof.model.kernel.relation.transitions import Transitions

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class StateGraph:
    """Every state of a scope and every step between two of them."""

    def __init__(self, transitions: Transitions, order: Sequence[int], parents: Sequence[int]) -> None:
        self.transitions = transitions
        self.order = order
        self.parents = parents
        self.steps: list[Step] = []
        """Label -> step, choices apart."""
        self.draws: dict[int, tuple[tuple[int, ...], tuple[bool, ...]]] = {}
        """Edge -> (choices, which of them were fair draws); edges without a draw are left out."""
        self.arming: list[tuple[tuple[Name, str], ...]] = [()]
        """Number of an arming -> the timers that a step sets."""
        self._read()

    def _read(self) -> None:
        index = {state: position for position, state in enumerate(self.order)}
        offsets, targets, labels, armings = array("q", [0]), array("i"), array("i"), array("i")
        label_of: dict[Step, int] = {}
        arming_of = {self.arming[0]: 0}
        for state in self.order:
            for new, outcome in self.transitions.successors(state)[0]:
                step = outcome.taken.step
                label = label_of.get(step)
                if label is None:
                    label = label_of[step] = len(self.steps)
                    self.steps.append(step)
                arming = arming_of.get(outcome.armed)
                if arming is None:
                    arming = arming_of[outcome.armed] = len(self.arming)
                    self.arming.append(outcome.armed)
                if True in outcome.draws:
                    self.draws[len(targets)] = (outcome.taken.choices, outcome.draws)
                targets.append(index[new])
                labels.append(label)
                armings.append(arming)
            offsets.append(len(targets))
        self.offsets: Ints = np.frombuffer(offsets, np.int64)
        self.targets: npt.NDArray[np.int32] = np.frombuffer(targets, np.int32) if targets else np.zeros(0, np.int32)
        self.labels: npt.NDArray[np.int32] = np.frombuffer(labels, np.int32) if labels else np.zeros(0, np.int32)
        self.armings: npt.NDArray[np.int32] = np.frombuffer(armings, np.int32) if armings else np.zeros(0, np.int32)

    def __len__(self) -> int:
        return len(self.order)

    @cached_property
    def system(self) -> Bools:
        """Label -> whether it is a step of the system, not a fault."""
        faults = [isinstance(step, Fault) or (isinstance(step, Fire) and step.early) for step in self.steps]
        return ~np.array(faults, bool)

    @cached_property
    def sources(self) -> npt.NDArray[np.int32]:
        """Edge -> the state it leaves."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.offsets))

    @cached_property
    def depths(self) -> npt.NDArray[np.int32]:
        """State -> length of a shortest way to it."""
        found = array("i", [0])
        for position in range(1, len(self)):
            found.append(found[self.parents[position]] + 1)
        return np.frombuffer(found, np.int32)

    def edges_of(self, states: npt.NDArray[np.integer]) -> Ints:
        """The edges that leave the given states, in order."""
        first, last = self.offsets[states], self.offsets[np.asarray(states) + 1]
        counts = last - first
        total = int(counts.sum())
        if not total:
            return np.zeros(0, np.int64)
        edges: Ints = np.arange(total) + np.repeat(first - (np.cumsum(counts) - counts), counts)
        return edges

    def source(self, edge: int) -> int:
        """The state that an edge leaves."""
        return int(np.searchsorted(self.offsets, edge, side="right")) - 1

    def outcome(self, edge: int) -> Outcome:
        """What a step did."""
        state = self.source(edge)
        found, _ = self.transitions.successors(self.order[state])
        new, outcome = found[edge - int(self.offsets[state])]
        assert new == self.order[self.targets[edge]], "the step relation has changed since the graph was read"
        return outcome

    def taken(self, edges: Sequence[int]) -> tuple[Taken, ...]:
        """The steps along a path of edges."""
        return tuple(self.outcome(edge).taken for edge in edges)

    def path(self, state: int) -> list[int]:
        """The edges of a shortest way from the initial state."""
        edges = []
        while state:
            before = self.parents[state]
            row = self.targets[self.offsets[before] : self.offsets[before + 1]]
            edges.append(int(self.offsets[before]) + int(np.flatnonzero(row == state)[0]))
            state = before
        return edges[::-1]
