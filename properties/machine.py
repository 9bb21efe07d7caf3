"""A readable Hypothesis machine over any scenario: one rule that takes an enabled step, one that breaks something.

Statements are asserted inside the rules, so that a failing run prints the steps and nothing else; when nothing is
enabled the run stutters. For volume use `model.kernel.walk` with `st.binary` instead: it is several times faster.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from model.kernel import PolicyError, Scenario
from model.kernel.judge import Judge
from model.kernel.replay import replay
from model.kernel.steps import Step, Taken
from model.kernel.trace import Trace, render
from model.kernel.walk import as_violation
from model.kernel.world import World


class ScenarioMachine(RuleBasedStateMachine):
    """Runs one scenario; a subclass sets `scenario`."""

    scenario: Scenario

    def __init__(self) -> None:
        super().__init__()
        self._draw: Any = None
        self.world = World(self.scenario, self._decide, self._strike)
        self.judge = Judge(self.world, self.scenario.statements)
        self.taken: list[Taken] = []
        self._assert(self.judge.at_start())

    def _decide(self, count: int, random: bool) -> int:
        return int(self._draw.draw(st.integers(0, count - 1), label="choice"))

    def _strike(self, affordable: bool) -> bool:
        return affordable and bool(self._draw.draw(st.booleans(), label="fault inside"))

    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        """The system takes one of its enabled steps, or rests."""
        enabled = self.world.system_steps()
        if enabled:
            self._take(data, data.draw(st.sampled_from(enabled), label="step"))

    @rule(data=st.data())
    def fault(self, data: st.DataObject) -> None:
        """The environment breaks something that its budget still allows, or does nothing."""
        possible = self.world.fault_steps()
        if possible:
            self._take(data, data.draw(st.sampled_from(possible), label="fault"))

    def teardown(self) -> None:
        """Let the system come to rest, then audit it."""
        turn = 0
        while not self.world.quiescent() and turn < self.scenario.drain_limit:
            enabled = self.world.system_steps()
            self._take(_First(), enabled[turn % len(enabled)])
            turn += 1
        self._assert(self.judge.at_quiescence())

    def _take(self, data: Any, step: Step) -> None:
        self._draw = data
        self.judge.before_step()
        try:
            self.taken.append(Taken(step, self.world.take(step)))
        except PolicyError as error:
            self.taken.append(Taken(step, tuple(self.world.context.choices)))
            self._assert(error)
        self._assert(self.judge.after_step(self.taken[-1]))

    def _assert(self, broken: Any) -> None:
        if broken is not None:
            raise AssertionError(explain(self.scenario, tuple(self.taken), broken))


class _First:
    """Draws the first of everything, once Hypothesis has no say any more."""

    def draw(self, strategy: Any, label: str = "") -> int:
        return 0


def explain(scenario: Scenario, steps: tuple[Taken, ...], broken: Any) -> str:
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
