"""What the tests of this folder share: the policy that is checked, the statements asked for, volumes, and a tally.

The options of the command line arrive here through pytest; without it the defaults hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, settings

from rayproof.model.kernel import (
    DECIDED,
    Happening,
    Result,
    Scenario,
    Statement,
    StatementKind,
    Verdict,
    Violation,
    walk,
)
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.properties.suite.timed import TimedRun, judged, on_its_clock, run_timed, without_clock

VACUOUS = "vacuous"
"""Beside the verdicts: what was to happen some time did not on these runs, so nothing is known of it."""

SIMULATE = "simulate"
"""The driver of timed runs."""

ENDED = "the runs ended at another violation"
"""Why there is no answer about a statement that another one was broken before; `explore` says it of its search."""

PROFILES: Mapping[str, tuple[int, int]] = {
    "quick": (1, 10),
    "ci": (4, 40),
    "thorough": (30, 300),
    "nightly": (300, 3_000),
}
"""Name -> (factor on the number of random schedules, runs of each readable machine)."""

SCHEDULES = 100
"""Random schedules of one test in the profile `quick`."""

PATIENT = settings(
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    print_blob=False,
    # Counterexamples are explained by their own print; the phase that explains draws costs more than all others.
    phases=(Phase.generate, Phase.shrink),
)


class CounterexampleFoundError(AssertionError):
    """A run that breaks a statement, or a rule that policies are held to."""

    def __init__(self, found: Finding) -> None:
        super().__init__(f"VIOLATED {found.violation.statement} in {found.scenario.name}")
        self.finding = found


class OnItsClockError(AssertionError):
    """A timed run that breaks a statement which the untimed model keeps on the same order; the message is its print."""


class UndeterminedError(AssertionError):
    """A cap was reached before there was an answer; never a pass."""


@dataclass(frozen=True)
class Finding:
    """A counterexample with all that is needed to carry it out again."""

    scenario: Scenario
    violation: Violation
    driver: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """The answer about one statement in one scenario."""

    statement: str
    scenario: str
    driver: str
    verdict: str
    cases: int
    """Runs, or states of an exhausted scope."""
    steps: int
    note: str = ""


@dataclass
class Tally:
    """What the runs of one scenario have shown so far."""

    driver: str
    statements: tuple[Statement, ...]
    cases: int = 0
    steps: int = 0
    happened: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    violated: str = ""
    note: str = ""
    """Why there is no answer."""

    def rows(self, scenario: str) -> list[Row]:
        """One row per statement."""
        rows = []
        for statement in self.statements:
            verdict, note = self._answer(statement)
            rows.append(Row(statement.name, scenario, self.driver, verdict, self.cases, self.steps, note))
        if self.violated and self.violated not in {s.name for s in self.statements}:
            rows.append(Row(self.violated, scenario, self.driver, Verdict.VIOLATED, self.cases, self.steps))
        return rows

    def _answer(self, statement: Statement) -> tuple[str, str]:
        if statement.name == self.violated:
            return Verdict.VIOLATED, ""
        if statement.name in self.known:
            return Verdict.KNOWN, statement.known
        if statement.kind is StatementKind.SOMETIMES and statement.name not in self.happened:
            return VACUOUS, "did not happen on these runs"
        if self.violated:
            return Verdict.UNDETERMINED, ENDED
        return (Verdict.UNDETERMINED, self.note) if self.note else (Verdict.HOLDS, "")


@dataclass
class Suite:
    """One session of `pytest properties/`."""

    policy: Policy | None = None
    policy_spec: str | None = None
    """As the user wrote it; enough to load the policy again."""
    only: str | None = None
    seed: int = 0
    profile: str = "quick"
    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    """(driver, scenario) -> what the present test has seen."""
    rows: list[Row] = field(default_factory=list)
    """Answers that the present test has by other ways than runs."""

    def chosen(self, scenario: Scenario) -> tuple[Statement, ...]:
        """The statements of a scenario that were asked for."""
        return tuple(s for s in scenario.statements if self.only in (None, s.name))

    def decided(self, scenario: Scenario) -> tuple[Statement, ...]:
        """Those of them that a finite run can decide."""
        return tuple(s for s in self.chosen(scenario) if s.kind in DECIDED)

    def volume(self, share: float = 1.0) -> settings:
        """Settings of a test that draws schedules; `share` of the usual number."""
        return settings(PATIENT, max_examples=max(1, round(SCHEDULES * PROFILES[self.profile][0] * share)))

    def machine(self, share: float = 1.0) -> settings:
        """Settings of a readable machine; `share` of the usual number of runs."""
        return settings(PATIENT, max_examples=round(PROFILES[self.profile][1] * share), stateful_step_count=50)

    def parameters(self, takes_policy: bool) -> dict[str, Any]:
        """What a scenario was built with, beside its name."""
        return {"policy": self.policy_spec} if takes_policy and self.policy_spec is not None else {}

    def tally(self, driver: str, scenario: Scenario) -> Tally:
        """The tally of a scenario in the present test."""
        key = (driver, scenario.name)
        if key not in self.tallies:
            idle, wanted = scenario.expected_idle, self.decided(scenario)
            if driver == SIMULATE:
                wanted = judged(wanted)
            self.tallies[key] = Tally(driver, tuple(s for s in wanted if s.name not in idle))
        return self.tallies[key]

    def walked(self, scenario: Scenario, schedule: bytes, faults: bytes, parameters: Mapping[str, Any]) -> None:
        """One run, counted; raises when it breaks something or does not come to rest."""
        tally = self.tally("walk", scenario)
        result = walk(scenario, schedule, faults, self.decided(scenario))
        self.count(tally, len(result.steps), result.happened, result.known_broken)
        if result.violation is not None:
            tally.violated = result.violation.statement
            raise CounterexampleFoundError(Finding(scenario, result.violation, "walk", parameters))
        if not result.quiescent and scenario.rests:
            tally.note = f"a run did not come to rest within {scenario.drain_limit} steps"
            raise UndeterminedError(tally.note)

    def timed(
        self, scenario: Scenario, number: int, happenings: tuple[Happening, ...], parameters: Mapping[str, Any]
    ) -> TimedRun:
        """One run on a virtual clock, counted; raises when it breaks something or does not come to rest."""
        tally = self.tally(SIMULATE, scenario)
        run = run_timed(scenario, tally.statements, number, happenings)
        self.count(tally, run.events, (), ())
        if run.broken:
            violation = without_clock(scenario, run)
            tally.violated = run.first.statement
            if violation is None:
                raise OnItsClockError(on_its_clock(scenario, run, number, happenings))
            raise CounterexampleFoundError(Finding(scenario, violation, SIMULATE, parameters))
        if not run.rested and scenario.rests:
            tally.note = f"a run did not come to rest within {run.events} events"
            raise UndeterminedError(tally.note)
        return run

    def count(self, tally: Tally, steps: int, happened: Iterable[str], known: Iterable[str]) -> None:
        """One more run."""
        tally.cases += 1
        tally.steps += steps
        tally.happened.update(happened)
        tally.known.update(known)

    def explored(self, scenario: Scenario, result: Result, parameters: Mapping[str, Any]) -> None:
        """An exhausted scope; raises when it breaks something or was not exhausted."""
        size = (result.states, result.transitions)
        for s in result.statements:
            never = s.kind == StatementKind.SOMETIMES and s.verdict is Verdict.VIOLATED
            self.rows.append(Row(s.name, result.scenario, "explore", VACUOUS if never else s.verdict, *size, s.note))
        if result.violation is not None:
            name = result.violation.statement
            if name not in {s.name for s in result.statements}:
                self.rows.append(Row(name, result.scenario, "explore", Verdict.VIOLATED, *size))
            raise CounterexampleFoundError(Finding(scenario, result.violation, "explore", parameters))
        if result.verdict is Verdict.UNDETERMINED:
            raise UndeterminedError(f"{result.scenario}: {result.note}")
        broken = [s for s in result.statements if s.verdict is Verdict.VIOLATED]
        if broken:
            raise AssertionError("; ".join(f"{s.name}: {s.note}" for s in broken))

    def taken(self) -> list[Row]:
        """The rows of the present test; the next one starts anew."""
        rows = [*self.rows, *(row for (_, name), tally in self.tallies.items() for row in tally.rows(name))]
        self.rows, self.tallies = [], {}
        return rows


_PRESENT: ContextVar[Suite] = ContextVar("rayproof_suite", default=Suite())  # noqa: B039 - one session, one suite


def present() -> Suite:
    """The suite of this session."""
    return _PRESENT.get()


def begin(suite: Suite) -> None:
    """Make it the suite of this session."""
    _PRESENT.set(suite)
