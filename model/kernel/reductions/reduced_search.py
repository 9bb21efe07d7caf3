"""An exploration under reductions: fewer states are kept, and traces are still runs of the full model."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

from rayproof.model.kernel.judging.reading import Reader
from rayproof.model.kernel.judging.sights import Sights
from rayproof.model.kernel.judging.verdicts import Result, Violation, as_violation
from rayproof.model.kernel.language.errors import ModelError, PolicyError
from rayproof.model.kernel.language.scenario import Scenario
from rayproof.model.kernel.language.statements import Breach, Statement, StatementKind
from rayproof.model.kernel.language.steps import Taken
from rayproof.model.kernel.reductions.commuting import Watch
from rayproof.model.kernel.reductions.reduction import REDUCIBLE, Objection, Reduction
from rayproof.model.kernel.relation.outcomes import Outcome
from rayproof.model.kernel.relation.transitions import Found
from rayproof.model.kernel.search.explore import Explorer, Limits, Report


class ToldApart(ModelError):
    """A statement answers differently about two states of which one stands for the other."""


class ReducedExplorer(Explorer):
    """An exploration under reductions. Its traces are runs of the full model."""

    def __init__(
        self,
        scenario: Scenario,
        reductions: Sequence[Reduction],
        statements: Iterable[Statement] | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        read: frozenset[str] = frozenset(),
        on_progress: Report | None = None,
        *,
        beyond: bool = False,
    ) -> None:
        """`read`: fields that the statements are known to read; `fields_read` tells whether they read more.

        `beyond`: whether the search goes on where a statement is broken; it ends at a policy's error all the same.
        Raises `ValueError` for statements about steps and runs beside any reduction.
        """
        super().__init__(scenario, statements, limits, on_progress)
        unfit = [s.name for s in self.statements if s.kind not in REDUCIBLE]
        if reductions and unfit:
            raise ValueError(f"no reduction bears {', '.join(unfit)}")
        self._beyond = beyond
        self.resting: list[int] = []
        """The quiescent states found."""
        links = tuple(s.links for s in self.statements if s.links is not None)
        watch = Watch(read, links)
        self.reductions = reductions
        self._reducers = [reduction.applied(self.transitions, watch) for reduction in reductions]

    @cached_property
    def _objections(self) -> list[Objection | None]:
        return [reducer.objection() for reducer in self._reducers]

    def objection(self) -> str:
        """What the handlers that were run show against a reduction, once the search is done; empty for nothing."""
        return next((objection.why for objection in self._objections if objection), "")

    def narrower(self) -> list[Reduction] | None:
        """The reductions without what speaks against them; None where nothing does, or nothing would be left."""
        if not any(self._objections) or any(found and not found.narrower for found in self._objections):
            return None
        pairs = zip(self.reductions, self._objections, strict=True)
        return [found.narrower if found and found.narrower else reduction for reduction, found in pairs]

    def successors(self, state: int) -> tuple[Found, bool]:
        """The steps that the reductions leave."""
        found, quiescent = self.transitions.successors(state)
        for reducer in self._reducers:
            found = reducer.chosen(state, found)
        return found, quiescent

    def _judge_state(self, state: int, outcome: Outcome | None) -> Breach | None:
        broken = super()._judge_state(state, outcome)
        for other in self._meant([state])[1:]:
            here, there = self.transitions.unpack(state), self.transitions.unpack(other)
            self._compare((*self._views, *self._sometimes), here, there)
        return None if self._beyond else broken

    @staticmethod
    def _compare(readers: Iterable[Reader], here: tuple[int, ...], there: tuple[int, ...]) -> None:
        for reader in readers:
            if reader.finds(here) != reader.finds(there):
                raise ToldApart(f"{reader.statement.name} tells apart what is called interchangeable")

    def _judge_step(self, state: int, new: int, outcome: Outcome) -> Breach | PolicyError | None:
        if self._beyond and outcome.error is None:
            return None
        return super()._judge_step(state, new, outcome)

    def _judge_audit(self, state: int) -> Breach | None:
        self.resting.append(state)
        broken = super()._judge_audit(state)
        for other in self._meant([state])[1:]:
            self._compare(self._audits, self.transitions.unpack(state), self.transitions.unpack(other))
        return None if self._beyond else broken

    def _violation(self, broken: Breach | PolicyError, position: int, last: Outcome | None) -> Violation:
        if not self._reducers:
            return super()._violation(broken, position, last)
        # The way there is one of the full model, where names may be others than in the state that was judged.
        end, steps = self._walked(position)
        if last is None:
            return as_violation(_told(self._audits, self.transitions.unpack(end), broken), steps)
        readers = [reader for reader in self._views if reader.statement.name == _name(broken)]
        for new, outcome in self.transitions.successors(end)[0]:
            if (outcome.error is None) == (last.error is None) and _name(outcome.broken) == _name(last.broken):
                moved, rest = self._onward(new)
                for state, further in ((new, ()), (moved, rest)):
                    here = self.transitions.unpack(state)
                    if all(reader.finds(here) for reader in readers):
                        told = _told(readers, here, outcome.error or outcome.broken or broken)
                        return as_violation(told, (*steps, outcome.taken, *further))
        raise ToldApart("what is called interchangeable behaves otherwise: a last step is no step of the model")

    def path(self, position: int) -> tuple[Taken, ...]:
        """A way of the full model to a state that the one found as number `position` stands for."""
        return self._walked(position)[1]

    def _walked(self, position: int) -> tuple[int, tuple[Taken, ...]]:
        chain = [position]
        while chain[-1]:
            chain.append(self._parents[chain[-1]])
        state = self._order[0]
        steps: list[Taken] = []
        for number in chain[-2::-1]:
            found, _ = self.transitions.successors(state)
            way = next(((new, o.taken) for new, o in found if self._stands_for(new) == self._order[number]), None)
            if way is None:
                raise ToldApart("what is called interchangeable behaves otherwise: a way is no run of the model")
            state, taken = way
            state, further = self._onward(state)
            steps += [taken, *further]
        return state, tuple(steps)

    def _onward(self, state: int) -> tuple[int, tuple[Taken, ...]]:
        steps: tuple[Taken, ...] = ()
        for reducer in self._reducers:
            state, further = reducer.onward(state)
            steps += further
        return state, steps

    def fields_read(self) -> frozenset[str]:
        """The fields that some check has read in some state found."""
        audits = [s for s in self.statements if s.kind is StatementKind.AUDIT]
        others = [s for s in self.statements if s.kind is not StatementKind.AUDIT]
        read = Sights(self.transitions, others).fields_read(self.states())
        read |= Sights(self.transitions, audits).fields_read(self.resting)
        return frozenset().union(*read.values())

    def _stands_for(self, state: int) -> int:
        for reducer in self._reducers:
            state = reducer.representative(state)
        return state

    def states_meant(self) -> list[int]:
        """The states found and all those that they stand for."""
        return self._meant(self._order)

    def resting_meant(self) -> list[int]:
        """The quiescent ones among them."""
        return self._meant(self.resting)

    def _meant(self, states: list[int]) -> list[int]:
        for reducer in self._reducers:
            states = [other for state in states for other in reducer.represented(state)]
        return states


def search_reduced(
    scenario: Scenario,
    reductions: Sequence[Reduction],
    statements: Iterable[Statement] | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    read: frozenset[str] = frozenset(),
    on_progress: Report | None = None,
    *,
    beyond: bool = False,
) -> tuple[ReducedExplorer, Result]:
    """Explore under reductions; where something speaks against one, once more without what it was wrong about.

    A violation needs no second search: its trace is a run of the full model. The CPU seconds are those of all searches.
    """
    started = time.process_time()
    while True:
        spent = limits.spent_s + time.process_time() - started
        explorer = ReducedExplorer(
            scenario, reductions, statements, replace(limits, spent_s=spent), read, on_progress, beyond=beyond
        )
        result = explorer.run()
        narrower = None if result.violation or result.note else explorer.narrower()
        if narrower is None:
            return explorer, replace(result, cpu_s=time.process_time() - started)
        reductions = narrower


def _name(broken: Breach | PolicyError | None) -> str:
    return broken.statement.name if isinstance(broken, Breach) else ""


def _told(readers: Iterable[Reader], fields: tuple[int, ...], broken: Breach | PolicyError) -> Breach | PolicyError:
    """What is broken, with the culprit as it is called in a state of the full model."""
    for reader in readers:
        if isinstance(broken, Breach) and reader.statement.name == broken.statement.name:
            return Breach(broken.statement, reader.found(fields))
    return broken
