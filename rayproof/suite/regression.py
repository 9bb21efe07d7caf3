"""What a written regression test calls: the recorded run, as far as it still exists, must break nothing any more."""

from __future__ import annotations

from pathlib import Path

from rayproof.counterexamples import OWN, load, scenario_and_policy, shown
from rayproof.model.kernel import attempt, walkable
from rayproof.policies import settled
from rayproof.suite.corpus import instead


def assert_fixed(path: Path) -> None:
    """Raise `AssertionError` with the print of the counterexample while it is one.

    A repaired policy or model may not offer each recorded step any more: those that it offers are taken, and then the
    system comes to rest and is audited.
    """
    __tracebackhide__ = True
    trace = load(path)
    scenario, policy = scenario_and_policy(trace, path, OWN)
    named = tuple(s for s in scenario.statements if s.name == trace.statement)
    limit = len(trace.steps) + scenario.drain_limit
    found = settled(policy, lambda: attempt(scenario, trace.steps, trace.statement, named, limit))
    if found is not None:
        raise AssertionError("\n" + shown(trace, path, OWN, found=True).text)
    other = attempt(scenario, trace.steps, None, walkable(scenario), limit)
    if other is not None:
        raise AssertionError("\n" + instead(path, trace.statement, other))
