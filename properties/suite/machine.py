"""Readable Hypothesis machines: one rule that takes an enabled step, while faults strike when they were drawn to.

A machine of a named scenario checks that one; a machine of a family first draws the scenario, program and all.
Statements are asserted inside the rule, so that a failing run prints its steps alone; when nothing is enabled the
run stutters. For volume use `rayproof.model.kernel.search.walk` with `st.binary` instead: it is several times faster.
"""

from __future__ import annotations

from typing import Any

from hypothesis import seed
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from rayproof.model.kernel import (
    FAULT_SPACING,
    Judge,
    PolicyError,
    Scenario,
    Statement,
    Step,
    Taken,
    Trace,
    World,
    as_violation,
    render,
    replay,
)
from rayproof.properties.suite.drawn.family import Family
from rayproof.properties.suite.shared import CounterexampleFoundError, Finding, UndeterminedError, present


class ScenarioMachine(RuleBasedStateMachine):
    """Runs one scenario; a subclass sets `scenario`."""

    scenario: Scenario
    parameters: dict[str, Any] = {}  # noqa: RUF012 - never changed in place
    """What the scenario was built with, beside its name."""

    def __init__(self) -> None:
        super().__init__()
        self._draw: Any = None
        self._strikes: list[int] = []
        self.taken: list[Taken] = []
        self.over = False

    def drawn(self, data: st.DataObject) -> Scenario:
        """The scenario that runs."""
        return self.scenario

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """Everything is new; it is settled after how many steps each fault strikes."""
        self._draw = data
        self.scenario = self.drawn(data)
        faults = sum(self.scenario.faults.values())
        gaps = [data.draw(st.integers(0, FAULT_SPACING - 1), label="fault after") for _ in range(faults)]
        self._strikes = [sum(gaps[: i + 1]) for i in range(len(gaps))]
        self.wanted = present().decided(self.scenario)
        self.world = World(self.scenario, self._decide, self._strike, statements=self.wanted)
        self.judge = Judge(self.world, self.wanted)
        self._assert(self.judge.at_start())

    def _decide(self, count: int, random: bool) -> int:
        return int(self._draw.draw(st.integers(0, count - 1), label="choice"))

    def _strike(self, affordable: bool) -> bool:
        if not affordable or not self._due():
            return False
        self._strikes.pop(0)
        return bool(self._draw.draw(st.booleans(), label="fault inside"))

    def _due(self) -> bool:
        return bool(self._strikes) and self._strikes[0] <= len(self.taken)

    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        """The system takes one of its enabled steps, or rests; when its time has come, a fault strikes."""
        self._draw = data
        if self._due():
            possible = self.world.fault_steps()
            if possible:
                self._strikes.pop(0)
                self._take(data.draw(st.sampled_from(possible), label="fault"))
                return
        enabled = self.world.system_steps()
        if enabled:
            self._take(data.draw(st.sampled_from(enabled), label="step"))

    def teardown(self) -> None:
        """Let the system come to rest, then audit it."""
        if self.over or not hasattr(self, "judge"):
            return
        self._draw = _First()
        self._strikes = []
        turn = 0
        while not self.world.quiescent() and turn < self.scenario.drain_limit:
            enabled = self.world.system_steps()
            self._take(enabled[turn % len(enabled)])
            turn += 1
        tally = present().tally("machine", self.scenario)
        if self.world.quiescent():
            self._assert(self.judge.at_quiescence())
        elif self.scenario.rests:
            tally.note = f"a run did not come to rest within {self.scenario.drain_limit} steps"
            raise UndeterminedError(tally.note)
        present().count(tally, len(self.taken), self.judge.happened, self.judge.known_broken)

    def _take(self, step: Step) -> None:
        self.judge.before_step()
        try:
            self.taken.append(Taken(step, self.world.take(step)))
        except PolicyError as error:
            self.taken.append(Taken(step, tuple(self.world.context.choices)))
            self._assert(error)
        self._assert(self.judge.after_step(self.taken[-1]))

    def _assert(self, broken: Statement | PolicyError | None) -> None:
        if broken is None:
            return
        self.over = True
        violation = as_violation(broken, tuple(self.taken))
        present().tally("machine", self.scenario).violated = violation.statement
        raise CounterexampleFoundError(Finding(self.scenario, violation, "machine", self.parameters))


class FamilyMachine(ScenarioMachine):
    """Draws a scenario of a family and runs it; a subclass sets `family`."""

    family: Family

    def drawn(self, data: st.DataObject) -> Scenario:
        """One of the family, with the policy of this session in it."""
        shape = self.family.draw(lambda count: int(data.draw(st.integers(0, count - 1), label="shape")))
        self.parameters = {**present().parameters(self.family.takes_policy), "shape": shape}
        return self.family.scenario(shape, present().policy if self.family.takes_policy else None)


class _First:
    """Draws the first of everything, once Hypothesis has no say any more."""

    def draw(self, strategy: Any, label: str = "") -> int:
        return 0


def collected(machine: type[ScenarioMachine]) -> Any:
    """The test case that pytest collects, with the volume and the seed of this session."""
    case = seed(present().seed)(machine).TestCase
    case.settings = present().machine()
    return case


def explain(scenario: Scenario, steps: tuple[Taken, ...], broken: Statement) -> str:
    """The print of a counterexample found outside the command line."""
    violation = as_violation(broken, steps)
    trace = Trace(
        scenario.name,
        {},
        violation.statement,
        violation.sentence,
        steps,
        violation.source,
        "hypothesis",
        constants=scenario.constants,
    )
    return "\n" + render(trace, replay(scenario, steps))
