"""Walk: one run chosen by bytes, for scopes too large to exhaust.

A schedule is a byte string decoded step by step: one byte picks among the enabled system steps, one more for each
choice inside the step. Faults are drawn apart: a second byte string says after how many steps the next one strikes and
which it is. As one more option beside the system steps they would be spent in the first few of them.

When the schedule ends, the run is drained round-robin until it is quiescent, so that a short one has its audit too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from time import process_time

from rayproof.model.kernel.judging.judge import Judge
from rayproof.model.kernel.judging.verdicts import (
    INTERRUPTED_NOTE,
    OUT_OF_MEMORY,
    WALKS_ENDED,
    Result,
    StatementResult,
    Verdict,
    Violation,
    as_violation,
    combine,
)
from rayproof.model.kernel.language.errors import PolicyError
from rayproof.model.kernel.language.scenario import Scenario
from rayproof.model.kernel.language.statements import DECIDED, Breach, Statement, StatementKind
from rayproof.model.kernel.language.steps import Step, Taken
from rayproof.model.kernel.relation.collector import by_hand, collect
from rayproof.model.kernel.relation.world import World

FAULT_SPACING = 48
"""The next fault strikes at most so many steps after the last."""

SCHEDULE_BYTES = 300
"""Length of the schedules that campaigns draw."""


COLLECTED = 32
"""Walks between two looks of the garbage collector."""


@dataclass(frozen=True)
class WalkResult:
    """One walk: what it did and what it broke."""

    steps: tuple[Taken, ...]
    violation: Violation | None
    quiescent: bool
    """False when the drain limit was reached: the walk then says nothing about audits."""
    happened: Mapping[str, str]
    """Name -> witness."""
    known_broken: Mapping[str, str]
    """Name -> culprit."""


class _Schedule:
    """Decisions from bytes; zeros and round-robin once they are used up."""

    def __init__(self, schedule: bytes, faults: bytes) -> None:
        self._schedule = schedule
        self._faults = faults
        self._at = 0
        self._fault_at = 0
        self.step = 0
        self.next_fault = self._gap(0)

    def _gap(self, since: int) -> int:
        if self._fault_at + 1 >= len(self._faults):
            return -1
        return since + self._faults[self._fault_at] % FAULT_SPACING

    @property
    def exhausted(self) -> bool:
        return self._at >= len(self._schedule)

    def decide(self, count: int, random: bool = False) -> int:
        if self._at < len(self._schedule):
            value = self._schedule[self._at]
            self._at += 1
            if count <= 256:
                return value % count
            value = value << 8 | (self._schedule[self._at] if self._at < len(self._schedule) else 0)
            self._at += 1
            return value % count
        # Round-robin: the step number moves on, so that no link and no choice is left out for ever.
        return self.step % count

    def due(self) -> bool:
        return 0 <= self.next_fault <= self.step

    def pick_fault(self, count: int) -> int:
        picked = self._faults[self._fault_at + 1] % count
        self._fault_at += 2
        self.next_fault = self._gap(self.step)
        return picked

    def strike(self, affordable: bool) -> bool:
        if not affordable or not self.due():
            return False
        return self.pick_fault(2) == 1


def walkable(scenario: Scenario) -> tuple[Statement, ...]:
    """The statements of a scenario that a walk can decide: claims about runs for ever are not among them."""
    return tuple(s for s in scenario.statements if s.kind in DECIDED)


def walk(
    scenario: Scenario,
    schedule: bytes,
    faults: bytes = b"",
    statements: Iterable[Statement] | None = None,
    *,
    drain: bool = True,
    begun: bool = False,
) -> WalkResult:
    """Run one schedule; stops at the first violation. `begun`: whether the initial state was judged by another walk."""
    wanted = tuple(scenario.statements if statements is None else statements)
    plan = _Schedule(schedule, faults)
    world = World(scenario, plan.decide, plan.strike, statements=wanted)
    judge = Judge(world, wanted)
    keeps_before = any(s.kind in (StatementKind.STEP, StatementKind.REFINES) for s in wanted)
    steps: list[Taken] = []
    broken: Breach | PolicyError | None = world.flaw if begun else judge.at_start()
    quiescent = False
    limit = len(schedule) + (scenario.drain_limit if drain else 0)
    while broken is None and plan.step < limit:
        if plan.exhausted and not drain:
            break
        step = _next_step(world, plan)
        if step is None:
            quiescent = True
            broken = judge.at_quiescence()
            break
        if keeps_before:
            judge.before_step()
        try:
            choices = world.take(step)
        except PolicyError as error:
            steps.append(Taken(step, tuple(world.context.choices)))
            broken = error
            break
        taken = Taken(step, choices)
        steps.append(taken)
        plan.step += 1
        broken = judge.after_step(taken)
    world.let_go()
    violation = None if broken is None else as_violation(broken, tuple(steps))
    return WalkResult(tuple(steps), violation, quiescent, judge.happened, judge.known_broken)


def _next_step(world: World, plan: _Schedule) -> Step | None:
    if plan.due():
        possible = world.fault_steps()
        if possible:
            return possible[plan.pick_fault(len(possible))]
    enabled = world.system_steps()
    if not enabled:
        return None
    if plan.exhausted and world.quiescent():
        return None
    return enabled[plan.decide(len(enabled))]


def campaign(
    scenario: Scenario,
    walks: int,
    seed: int,
    statements: Sequence[Statement] | None = None,
    *,
    schedule_bytes: int = SCHEDULE_BYTES,
    cpu_s: float | None = None,
) -> Result:
    """Many walks with schedules drawn from a seed; stops at the first violation.

    A CPU budget that ends the campaign early makes every answer undetermined.
    """
    wanted = tuple(scenario.statements if statements is None else statements)
    random = Random(seed)
    started = process_time()
    happened: dict[str, str] = {}
    known: dict[str, str] = {}
    violation = None
    note = ""
    count = done = longest = undrained = 0
    fault_bytes = 2 * sum(scenario.faults.values())
    try:
        with by_hand():
            for done in range(1, walks + 1):
                schedule, strikes = random.randbytes(schedule_bytes), random.randbytes(fault_bytes)
                result = walk(scenario, schedule, strikes, wanted, begun=done > 1)
                count += len(result.steps)
                longest = max(longest, len(result.steps))
                happened = {**result.happened, **happened}
                known = {**result.known_broken, **known}
                undrained += scenario.rests and not result.quiescent and result.violation is None
                violation = result.violation
                if violation is not None:
                    break
                if cpu_s is not None and process_time() - started > cpu_s:
                    note = f"the budget of {cpu_s:g} CPU seconds was spent after {done} walks"
                    break
                if not done % COLLECTED:
                    collect()
    except KeyboardInterrupt:
        note = f"{INTERRUPTED_NOTE} after {done} walks"
    except MemoryError:
        note = f"{OUT_OF_MEMORY} after {done} walks"
    if undrained and not note:
        note = f"{undrained} walks did not come to rest within {scenario.drain_limit} steps"
    answers = _answers(scenario, wanted, violation, happened, known, note)
    verdicts = [answer.verdict for answer in answers]
    if violation is not None:
        verdicts.append(Verdict.VIOLATED)
    return Result(
        scenario.name,
        scenario.component,
        "walk",
        combine(verdicts),
        0,
        count,
        longest,
        process_time() - started,
        answers,
        violation,
        note,
        walks=done,
        model=scenario,
    )


def _answers(
    scenario: Scenario,
    statements: Sequence[Statement],
    violation: Violation | None,
    happened: Mapping[str, str],
    known: Mapping[str, str],
    note: str,
) -> tuple[StatementResult, ...]:
    answers = []
    for s in statements:
        verdict, why, found = Verdict.HOLDS, "", happened.get(s.name, "")
        if violation is not None and violation.statement == s.name:
            verdict, found = Verdict.VIOLATED, violation.culprit
        elif s.name in known:
            verdict, why, found = Verdict.KNOWN, s.known, known[s.name]
        elif s.kind not in DECIDED:
            verdict, why = Verdict.UNDETERMINED, f"walk does not decide statements of kind {s.kind}"
        elif s.kind is StatementKind.SOMETIMES:
            if s.name not in happened.keys() | scenario.expected_idle:
                verdict, why = Verdict.UNDETERMINED, "did not happen on these walks"
        elif violation is not None or note:
            verdict, why = Verdict.UNDETERMINED, note or WALKS_ENDED
        answers.append(StatementResult(s.name, s.kind, verdict, why, found))
    return tuple(answers)
