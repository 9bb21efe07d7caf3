"""Explore: every step from every state, breadth first, so that the first violation found is a shortest one.

Source of the search: Clarke, Grumberg, Peled, "Model Checking", 1999, section 2; the statements are evaluated once per
combination of the processes they read, and a violation ends the search when it is generated, not a level later.
"""

from __future__ import annotations

import resource
import time
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from rayproof.model.kernel.judging.coverage import coverage_of
from rayproof.model.kernel.judging.reading import EachProcess, Reader
from rayproof.model.kernel.judging.refinement import Refinement
from rayproof.model.kernel.judging.verdicts import (
    INTERRUPTED_NOTE,
    OUT_OF_MEMORY,
    SEARCH_ENDED,
    Result,
    StatementResult,
    Verdict,
    Violation,
    as_violation,
    combine,
)
from rayproof.model.kernel.language.errors import ModelError, PolicyError
from rayproof.model.kernel.language.scenario import Scenario
from rayproof.model.kernel.language.statements import DECIDED, Breach, Statement, StatementKind
from rayproof.model.kernel.language.steps import Taken
from rayproof.model.kernel.liveness.claims import LIVENESS, LivenessAnswer, decide_all, predicates
from rayproof.model.kernel.liveness.fairness import FAIR, Fairness
from rayproof.model.kernel.liveness.stategraph import StateGraph
from rayproof.model.kernel.relation.collector import by_hand, collect
from rayproof.model.kernel.relation.outcomes import Outcome
from rayproof.model.kernel.relation.transitions import Found, Transitions

GROWTH_LEVELS = 40
"""A field whose largest value has grown in so many levels is reported as growing without bound."""

POLL_STATES = 1 << 14
"""New states between two looks at memory and progress."""


def resident_mb() -> int:
    """Memory that this process has now, in MB; where that is not said, the most it ever had."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return pages * resource.getpagesize() >> 20


@dataclass(frozen=True)
class Limits:
    """Caps of an exploration; reaching one makes the answer undetermined."""

    states: int = 20_000_000
    memory_mb: int = 12_000
    cpu_s: float | None = None
    spent_s: float = 0.0
    """CPU seconds of that budget that an engine before this one has taken."""


@dataclass(frozen=True)
class Progress:
    """Where an exploration stands."""

    states: int
    frontier: int
    depth: int
    cpu_s: float
    memory_mb: int


Report = Callable[[Progress], None]


class Explorer:
    """One exploration of one scenario."""

    engine = "integers"

    def __init__(
        self,
        scenario: Scenario,
        statements: Iterable[Statement] | None = None,
        limits: Limits = Limits(),
        on_progress: Report | None = None,
        fairness: Fairness = FAIR,
    ) -> None:
        self.scenario = scenario
        self.statements = tuple(scenario.statements if statements is None else statements)
        self.limits = limits
        self._on_progress = on_progress
        monitors = tuple(dict.fromkeys(kind for s in self.statements for kind in s.monitors))
        always = self._of_kind(StatementKind.ALWAYS)
        self._each = EachProcess(s for s in always if s.each and not s.known)
        self.transitions = Transitions(scenario, monitors, self._each.broken_by)
        packing = self.transitions.packing
        self._views = [Reader(s, packing) for s in always if s.known or not s.each]
        self._steps = [Reader(s, packing) for s in self._of_kind(StatementKind.STEP)]
        self._refinements = [Refinement(Reader(s, packing)) for s in self._of_kind(StatementKind.REFINES)]
        self._sometimes = [Reader(s, packing) for s in self._of_kind(StatementKind.SOMETIMES)]
        self._audits = [Reader(s, packing) for s in self._of_kind(StatementKind.AUDIT)]
        self._fairness = fairness
        self.liveness: dict[str, LivenessAnswer] = {}
        """Answers about `eventually` and `leads_to`, once the scope is exhausted."""
        self._concerned: dict[Outcome, tuple[Reader, ...]] = {}
        self._happened: dict[str, str] = {}
        self._known_broken: dict[str, str] = {}
        """Name -> first witness; name -> first culprit."""
        self._order: list[int] = []
        self._parents = array("I")
        self._depth = 0
        self._exhausted = False
        self._count = 0
        self._started = 0.0
        self._growing: dict[tuple[str, str], tuple[int, int]] = {}
        self.quiescent_states = 0

    def _of_kind(self, kind: StatementKind) -> list[Statement]:
        return [s for s in self.statements if s.kind is kind]

    def run(self) -> Result:
        """Search until the scope is exhausted, a statement is broken or a cap is reached."""
        self._started = time.process_time()
        note = ""
        violation = None
        try:
            with by_hand():
                violation, note = self._search()
                self._exhausted = violation is None and not note
                if self._exhausted and self._runs:
                    note = self._over_budget()
                    violation = None if note else self._judge_runs()
        except KeyboardInterrupt:
            note = INTERRUPTED_NOTE
        except MemoryError:
            note = OUT_OF_MEMORY
        except ModelError as error:
            error.add_note(f"after exploring {self.state_count()} states of {self.scenario.name}")
            raise
        return self._result(violation, note)

    # ---- the search -------------------------------------------------------------------------------------------------

    def _search(self) -> tuple[Violation | None, str]:
        transitions = self.transitions
        initial = transitions.initial
        seen = {initial}
        order = self._order
        order.append(initial)
        self._parents.append(0)
        broken = self._judge_start()
        if broken is not None:
            return self._violation(broken, 0, None), ""
        successors = self.successors
        parents = self._parents
        views = bool(self._views) or bool(self._sometimes)
        step_wise = bool(self._steps) or bool(self._refinements)
        next_poll = min(POLL_STATES, self.limits.states)
        position = 0
        while position < len(order):
            level_end = len(order)
            while position < level_end:
                state = order[position]
                found, quiescent = successors(state)
                self._count += len(found)
                for new, outcome in found:
                    if outcome.error is not None or outcome.broken or step_wise:
                        broken = self._judge_step(state, new, outcome)
                        if broken is not None:
                            return self._violation(broken, position, outcome), ""
                    if new in seen:
                        continue
                    seen.add(new)
                    order.append(new)
                    parents.append(position)
                    if views:
                        broken = self._judge_state(new, outcome)
                        if broken is not None:
                            return self._violation(broken, position, outcome), ""
                if quiescent:
                    self.quiescent_states += 1
                    broken = self._judge_audit(state)
                    if broken is not None:
                        return self._violation(broken, position, None), ""
                position += 1
                if len(order) >= next_poll:
                    next_poll = min(len(order) + POLL_STATES, max(self.limits.states, len(order) + 1))
                    note = self._cap(len(order) - position)
                    if note:
                        return None, note
            self._depth += 1
            if self._depth >= self.scenario.depth_limit and position < len(order):
                return None, f"the depth limit of {self.scenario.depth_limit} steps was reached"
            note = self._growth()
            if note:
                return None, note
        self._depth -= 1
        return None, ""

    def successors(self, state: int) -> tuple[Found, bool]:
        """The steps that the search follows from a state, and whether the state is quiescent."""
        return self.transitions.successors(state)

    def _cap(self, frontier: int) -> str:
        collect()
        memory = resident_mb()
        cpu = time.process_time() - self._started
        states = self.state_count()
        if self._on_progress is not None:
            self._on_progress(Progress(states, frontier, self._depth, cpu, memory))
        if states >= self.limits.states:
            return f"the cap of {self.limits.states:,} states was reached"
        if memory >= self.limits.memory_mb:
            return f"the cap of {self.limits.memory_mb:,} MB was reached"
        return self._over_budget()

    def _over_budget(self) -> str:
        spent = time.process_time() - self._started + self.limits.spent_s
        if self.limits.cpu_s is not None and spent >= self.limits.cpu_s:
            return f"the budget of {self.limits.cpu_s:g} CPU seconds was spent"
        return ""

    def _growth(self) -> str:
        """Name a field that has grown again and again: the scope has no end."""
        for where, peak in self.transitions.interner.peaks.items():
            last, run = self._growing.get(where, (0, 0))
            if peak > last:
                run += 1
                self._growing[where] = (peak, run)
                if run >= GROWTH_LEVELS:
                    slot, name = where
                    return f"field {name} of {slot} grows without bound (now {peak}, larger after each of {run} levels)"
        return ""

    # ---- judging ----------------------------------------------------------------------------------------------------

    def _judge_start(self) -> Breach | PolicyError | None:
        flaw = self.transitions.flaw
        return self._judge_state(self.transitions.initial, None) if flaw is None else flaw

    def _judge_step(self, state: int, new: int, outcome: Outcome) -> Breach | PolicyError | None:
        if outcome.error is not None:
            return outcome.error
        if outcome.broken:
            return outcome.broken
        for reader in self._steps:
            if reader.finds_step(state, outcome, new):
                breach = self._breach(reader.statement, lambda: reader.found_step(state, outcome, new))  # noqa: B023 - asked at once
                if breach is not None:
                    return breach
        for refinement in self._refinements:
            if not refinement.allows(state, new):
                return Breach(refinement.statement, refinement.culprit(state, new))
        return None

    def _judge_state(self, state: int, outcome: Outcome | None) -> Breach | None:
        if outcome is None:
            for made in self.transitions.packing.processes_in(self.transitions.unpack(state)):
                broken = self._each.broken_by(made)
                if broken:
                    return broken
            for refinement in self._refinements:
                if not refinement.starts(state):
                    return Breach(refinement.statement, refinement.statement.not_initial(refinement.abstract(state)))
        for reader in self._concerned_by(outcome):
            statement = reader.statement
            if statement.kind is StatementKind.SOMETIMES:
                if statement.name not in self._happened and reader.finds_in(state):
                    self._happened[statement.name] = reader.found(self.transitions.unpack(state))
            elif reader.finds_in(state) and (breach := self._breach_in(reader, state)):
                return breach
        return None

    def _concerned_by(self, outcome: Outcome | None) -> tuple[Reader, ...]:
        """The statements about states whose answer a step can change; all of them for no step."""
        found = None if outcome is None else self._concerned.get(outcome)
        if found is None:
            both = (*self._views, *self._sometimes)
            found = both if outcome is None else tuple(reader for reader in both if reader.concerns(outcome))
            if outcome is not None and outcome.remembered:
                self._concerned[outcome] = found
        return found

    def _judge_audit(self, state: int) -> Breach | None:
        for reader in self._audits:
            if reader.finds_in(state) and (breach := self._breach_in(reader, state)):
                return breach
        return None

    def _judge_runs(self) -> Violation | None:
        """The shortest way to break a claim about runs; the scope must be exhausted."""
        wanted = self._runs
        readers = [[Reader(p, self.transitions.packing) for p in predicates(s)] for s in wanted]
        for answer in decide_all(self.graph(), wanted, readers, self._fairness):
            self.liveness[answer.statement.name] = answer
        broken = [a.violation for a in self.liveness.values() if a.violation is not None]
        broken = [found for found in broken if self._breach(self._named(found.statement), lambda: found.culprit)]  # noqa: B023 - asked at once
        return min(broken, key=lambda found: len(found.steps), default=None)

    @property
    def _runs(self) -> list[Statement]:
        """What is asked about runs, which is decided when the scope is exhausted."""
        return [s for s in self.statements if s.kind in LIVENESS]

    def graph(self) -> StateGraph:
        """The states found and the steps between them; the scope must be exhausted."""
        return StateGraph(self.transitions, self._order, self._parents)

    def _breach(self, statement: Statement, culprit: Callable[[], str]) -> Breach | None:
        """A broken statement, unless it is known to be broken in real Ray; the culprit of that is kept once."""
        if not statement.known:
            return Breach(statement, culprit())
        if statement.name not in self._known_broken:
            self._known_broken[statement.name] = culprit()
        return None

    def _breach_in(self, reader: Reader, state: int) -> Breach | None:
        return self._breach(reader.statement, lambda: reader.found(self.transitions.unpack(state)))

    def _named(self, name: str) -> Statement:
        return next(s for s in self.statements if s.name == name)

    # ---- results ----------------------------------------------------------------------------------------------------

    def _violation(self, broken: Breach | PolicyError, position: int, last: Outcome | None) -> Violation:
        steps = self.path(position)
        return as_violation(broken, steps if last is None else (*steps, last.taken))

    def path(self, position: int) -> tuple[Taken, ...]:
        """A shortest way from the initial state to the state found as number `position`."""
        chain = [position]
        while chain[-1]:
            chain.append(self._parents[chain[-1]])
        chain.reverse()
        steps = []
        for before, after in pairwise(chain):
            found, _ = self.transitions.successors(self._order[before])
            steps.append(next(outcome.taken for new, outcome in found if new == self._order[after]))
        return tuple(steps)

    def _vacuity(self, statement: Statement, verdict: Verdict, why: str) -> tuple[Verdict, str]:
        """The answer about a statement that could not fail, or a `sometimes` that did not happen."""
        reason = self._idle_because(statement)
        if not reason:
            return verdict, why
        if statement.name in self.scenario.expected_idle:
            return Verdict.HOLDS, f"{reason}, as expected here"
        if verdict is Verdict.HOLDS:
            return Verdict.VIOLATED, f"{reason}: the scope proves nothing about it"
        return verdict, why

    def _idle_because(self, statement: Statement) -> str:
        """Why a statement could not fail here; empty when it could."""
        if statement.kind is StatementKind.SOMETIMES:
            return "never happened"
        if statement.kind is StatementKind.AUDIT and not self.quiescent_states:
            return "no state is quiescent"
        if statement.kind is StatementKind.LEADS_TO and not self.liveness[statement.name].waiting.premise:
            return "its premise never held"
        if statement.kind is StatementKind.EVENTUALLY and not self.liveness[statement.name].waiting.states.any():
            return "it holds from the start"
        abstract = next((r for r in self._refinements if r.statement is statement), None)
        if abstract is not None and abstract.distinct < 2:
            return "the abstract system never moved"
        seats = [some[0].process for some in self.transitions.interner.locals]
        if statement.reads and not any(isinstance(process, statement.reads) for process in seats):
            return "nothing that it reads takes part"
        return ""

    def state_count(self) -> int:
        """How many states were found."""
        return len(self._order)

    def states(self) -> list[int]:
        """The packed states found, in the order of their discovery."""
        return self._order

    def _result(self, violation: Violation | None, note: str) -> Result:
        answers = []
        for s in self.statements:
            verdict, why, found = Verdict.HOLDS, "", self._happened.get(s.name, "")
            if violation is not None and violation.statement == s.name:
                verdict, found = Verdict.VIOLATED, violation.culprit
            elif s.name in self._known_broken:
                verdict, why, found = Verdict.KNOWN, s.known, self._known_broken[s.name]
            elif s.name in self.liveness:
                lasso = self.liveness[s.name].violation
                if lasso is not None:
                    verdict, found = Verdict.VIOLATED, lasso.culprit
                elif s.known:
                    verdict, why = Verdict.VIOLATED, f"holds, although {s.known} says that real Ray breaks it"
            elif s.kind not in DECIDED | LIVENESS:
                verdict, why = Verdict.UNDETERMINED, f"explore does not decide statements of kind {s.kind} yet"
            elif not self._exhausted or (note and s.kind in LIVENESS):
                verdict = Verdict.UNDETERMINED
                why = note or SEARCH_ENDED
            elif s.known:
                verdict, why = Verdict.VIOLATED, f"holds, although {s.known} says that real Ray breaks it"
            if s.name in self.liveness:
                why = why or self.liveness[s.name].note
            if s.kind is StatementKind.SOMETIMES and s.name in self._happened:
                verdict, why = Verdict.HOLDS, ""
            elif verdict is Verdict.HOLDS or s.kind is StatementKind.SOMETIMES:
                verdict, why = self._vacuity(s, verdict, why)
            answers.append(StatementResult(s.name, s.kind, verdict, why, found))
        verdicts = [a.verdict for a in answers]
        if violation is not None and violation.statement not in {s.name for s in self.statements}:
            verdicts.append(Verdict.VIOLATED)
        if note:
            verdicts.append(Verdict.UNDETERMINED)
        return Result(
            self.scenario.name,
            self.scenario.component,
            "explore",
            combine(verdicts),
            self.state_count(),
            self._count,
            self._depth,
            time.process_time() - self._started,
            tuple(answers),
            violation,
            note,
            handler_runs=self.transitions.interner.runs,
            peaks=dict(self.transitions.interner.peaks),
            engine=self.engine,
            coverage=coverage_of(self.transitions.packing),
            model=self.scenario,
        )
