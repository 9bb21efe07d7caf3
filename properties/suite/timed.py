"""Timed runs, judged: what a run on a virtual clock leaves broken, and the same run without its clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rayproof.model.kernel import (
    Happening,
    Monitor,
    PolicyError,
    Scenario,
    Simulation,
    SimulationResult,
    Statement,
    StatementKind,
    Taken,
    Timing,
    TraceMismatch,
    Violation,
    as_violation,
    attempt,
    replay,
)

MOST_EVENTS = 20_000
"""Runs of this size rest after a few hundred; one that has so many never will."""

TIMED = (StatementKind.ALWAYS, StatementKind.AUDIT)
"""What the end of a timed run can decide."""

LAST = 40
"""Steps shown of a run that only its clock explains."""


@dataclass(frozen=True)
class TimedRun:
    """How a timed run went."""

    events: int
    steps: tuple[tuple[int, Taken], ...]
    """With their times in microseconds."""
    broken: tuple[Statement | PolicyError, ...]
    """What it leaves broken behind, or the rule that a policy broke in it."""
    rested: bool

    @property
    def first(self) -> Violation:
        """The first of what is broken, with the steps to it."""
        return as_violation(self.broken[0], tuple(taken for _, taken in self.steps))


def judged(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """Those that are judged at the end of a timed run; what is broken in real Ray is passed over."""
    return tuple(s for s in statements if s.kind in TIMED and not s.known)


def run_timed(
    scenario: Scenario, statements: Iterable[Statement], number: int, happenings: tuple[Happening, ...] = ()
) -> TimedRun:
    """One run, judged where it ends; audits only when it has come to rest.

    `number`: the seed of its latencies.
    """
    wanted = judged(statements)
    monitors: dict[type, Monitor] = {kind: kind() for s in wanted for kind in s.monitors}
    steps: list[tuple[int, Taken]] = []

    def observe(now_us: int, event: object) -> None:
        for kind, monitor in monitors.items():
            monitors[kind] = monitor.observe(event)

    try:
        simulation = Simulation(
            scenario, number, on_event=observe, happenings=happenings, on_step=lambda *step: steps.append(step)
        )
        result = simulation.run(max_events=MOST_EVENTS)
    except PolicyError as error:
        return TimedRun(len(steps), tuple(steps), (error,), False)
    return TimedRun(result.events, tuple(steps), _left_broken(simulation, result, wanted, monitors), result.rested)


def _left_broken(
    simulation: Simulation, result: SimulationResult, wanted: Iterable[Statement], monitors: dict[type, Monitor]
) -> tuple[Statement, ...]:
    broken = []
    for s in wanted:
        if s.kind is StatementKind.AUDIT and not result.rested:
            continue
        view = simulation.view(s, monitors)
        if not (all(map(s.ask, view.processes())) if s.each else s.ask(view)):
            broken.append(s)
    return tuple(broken)


def without_clock(scenario: Scenario, run: TimedRun) -> Violation | None:
    """The same violation in the untimed model, on the order of the timed run as far as it is offered there."""
    broken, claimed = run.broken[0], run.first
    named = () if isinstance(broken, PolicyError) else (broken,)
    found = attempt(scenario, claimed.steps, claimed.statement, named, len(claimed.steps) + scenario.drain_limit)
    if found is not None or not isinstance(broken, PolicyError):
        return found
    try:
        replay(scenario, claimed.steps, ())
    except TraceMismatch:
        return None
    # A policy that draws behind the model's back did not answer alike.
    return claimed


def on_its_clock(scenario: Scenario, run: TimedRun, number: int, happenings: tuple[Happening, ...]) -> str:
    """The print of a violation that the untimed model does not show on this order."""
    timing = scenario.timing or Timing()
    lines = [
        f"VIOLATED {run.first.statement}: {run.first.sentence}",
        f"  in {scenario.name}, on a clock only: the untimed model keeps it on this order",
        *(f"  {name}={value}" for name, value in scenario.constants.items()),
        f"  latencies: {timing.latency_us} us, within a host {timing.local_latency_us} us, "
        f"up to {timing.jitter_us} us more; seed {number}",
        *(f"  at {at.at_us:,} us {at.unit} {'joins' if at.joins else 'crashes'}" for at in happenings),
    ]
    if len(run.steps) > LAST:
        lines.append(f"  ... {len(run.steps) - LAST:,} steps before")
    lines += [f"  {at_us:>12,} us  {taken.step}" for at_us, taken in run.steps[-LAST:]]
    return "\n".join(lines)
