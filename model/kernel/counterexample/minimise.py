"""Minimise: the shortest way to the same violation, by a bounded search in the model.

First a breadth-first search that may use no more faults than the trace did; where the scope is too large for it, steps
are left out of the trace one chunk after the other (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing
Input", 2002), each candidate being run again in the model.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from rayproof.model.kernel.judging.judge import Judge
from rayproof.model.kernel.judging.verdicts import Violation
from rayproof.model.kernel.language.errors import ModelError, PolicyError
from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.scenario import Scenario
from rayproof.model.kernel.language.statements import Statement
from rayproof.model.kernel.language.steps import Fault, Fire, Step, Taken
from rayproof.model.kernel.liveness.claims import LIVENESS
from rayproof.model.kernel.relation.world import World
from rayproof.model.kernel.search.explore import Explorer, Limits
from rayproof.model.kernel.search.walk import as_violation

SEARCH_STATES = 150_000
"""States that the breadth-first search may visit."""

ATTEMPTS = 2_000
"""Candidate traces that the second way may run."""


def minimise(scenario: Scenario, violation: Violation, statements: tuple[Statement, ...] | None = None) -> Violation:
    """A violation of the same statement that is as short as could be found, never longer than the given one.

    Steps are not left out of a run for ever: what remains would owe other things to fairness. Only the search, which
    has to exhaust its smaller scope for it, makes a lasso shorter.
    """
    wanted = tuple(scenario.statements if statements is None else statements)
    named = tuple(s for s in wanted if s.name == violation.statement)
    forever = any(s.kind in LIVENESS for s in named)
    shorter = _by_search(scenario, violation, named, scenario.depth_limit if forever else len(violation.steps))
    if shorter is None:
        if forever:
            return violation
        shorter = _by_omission(scenario, violation, named)
    return shorter if len(shorter.steps) < len(violation.steps) else violation


def _by_search(scenario: Scenario, violation: Violation, named: tuple[Statement, ...], depth: int) -> Violation | None:
    used: Counter[FaultKind] = Counter(taken.step.kind for taken in violation.steps if isinstance(taken.step, Fault))
    used[FaultKind.EARLY_TIMEOUT] = sum(isinstance(t.step, Fire) and t.step.early for t in violation.steps)
    inside = (FaultKind.FAIL_WRITE, FaultKind.HALF_WRITE)
    budget = {kind: limit if kind in inside else min(limit, used[kind]) for kind, limit in scenario.faults.items()}
    # A budget of zero stays listed, so that choices are recorded as in the full scenario.
    bounded = replace(scenario, faults=budget, depth_limit=depth)
    try:
        result = Explorer(bounded, named, Limits(states=SEARCH_STATES)).run()
    except ModelError:
        return None
    found = result.violation
    return found if found is not None and found.statement == violation.statement else None


def _by_omission(scenario: Scenario, violation: Violation, named: tuple[Statement, ...]) -> Violation:
    best = violation
    attempts = 0
    chunk = max(1, len(best.steps) // 2)
    while chunk:
        start = 0
        improved = False
        while start < len(best.steps) and attempts < ATTEMPTS:
            attempts += 1
            candidate = best.steps[:start] + best.steps[start + chunk :]
            found = attempt(scenario, candidate, violation.statement, named, len(best.steps))
            if found is not None and len(found.steps) < len(best.steps):
                best = found
                improved = True
            else:
                start += chunk
        if not improved or attempts >= ATTEMPTS:
            chunk //= 2
    return best


class _Lenient:
    """Hands out recorded choices where they fit, and first options where not."""

    def __init__(self) -> None:
        self.choices: list[int] = []

    def decide(self, count: int, random: bool = False) -> int:
        return min(self.choices.pop(0), count - 1) if self.choices else 0

    def strike(self, affordable: bool) -> bool:
        return bool(self.choices) and self.choices.pop(0) == 1


def attempt(
    scenario: Scenario, steps: tuple[Taken, ...], name: str | None, named: tuple[Statement, ...], limit: int
) -> Violation | None:
    """Run what is still possible of the steps, then let the system come to rest; None unless the same thing breaks.

    `name`: what that is; None for whatever breaks.
    """
    script = _Lenient()
    world = World(scenario, script.decide, script.strike, statements=named)
    judge = Judge(world, named)
    done: list[Taken] = []
    planned = list(steps)
    turn = 0
    while len(done) < limit:
        enabled = world.system_steps()
        step: Step | None = None
        while planned and step is None:
            taken = planned.pop(0)
            if taken.step in enabled or taken.step in world.fault_steps():
                step = taken.step
                script.choices = list(taken.choices)
        if step is None:
            if world.quiescent():
                broken: Statement | PolicyError | None = judge.at_quiescence()
                break
            step = enabled[turn % len(enabled)]
            script.choices = []
            turn += 1
        judge.before_step()
        try:
            made = world.take(step)
        except PolicyError as error:
            done.append(Taken(step, tuple(world.context.choices)))
            broken = error
            break
        done.append(Taken(step, made))
        broken = judge.after_step(done[-1])
        if broken is not None:
            break
    else:
        return None
    if broken is None:
        return None
    found = as_violation(broken, tuple(done))
    return found if name in (None, found.statement) else None
