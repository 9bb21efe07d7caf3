"""A reduced search answers as the full one: on correct scopes, and with each bug that its statements notice."""

from dataclasses import dataclass

import pytest

from rayproof.model.actors.paper.replay import ChainStore
from rayproof.model.actors.paper.scenarios import replayed
from rayproof.model.kernel import (
    Context,
    Message,
    Name,
    Process,
    Scenario,
    Statement,
    StatementKind,
    Verdict,
    explore,
    explore_reduced,
    interchangeable,
    replay,
)
from rayproof.properties.actors.paper.statements import REPLAY
from rayproof.properties.bugs import BUGS, Bug
from rayproof.properties.catalogue import CATALOGUE, build
from rayproof.properties.reductions import REDUCTIONS

SMALL = ("chain-stale", "today-duplicates", "today-group-two", "store-two-returns", "stream")
"""Scenarios that are their own gate."""


def judged(scenario: Scenario) -> tuple[Statement, ...]:
    """What a reduced search may be asked."""
    kinds = (StatementKind.ALWAYS, StatementKind.AUDIT)
    return tuple(s for s in scenario.statements if s.kind in kinds and not s.monitors)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", SMALL)
def test_with_and_without_a_reduction(name: str, reduction: str) -> None:
    scenario = build(name)
    wanted = judged(scenario)
    full = explore(scenario, wanted)
    reduced = explore_reduced(scenario, scenario, [REDUCTIONS[reduction]], wanted)
    assert reduced.verdict is full.verdict is Verdict.HOLDS
    assert [s.verdict for s in reduced.statements] == [s.verdict for s in full.statements]
    (sentence,) = reduced.reductions
    assert reduced.states <= full.states if reduced.reduced else reduced.states == full.states
    assert ("refused" in sentence) != reduced.reduced


CHAIN_BUGS = [
    bug
    for bug in BUGS.values()
    if bug.scenario in ("chain-3-2-1", "chain-stale")
    and bug.statement in {s.name for s in judged(CATALOGUE[bug.scenario].build(None, {}))}
]


LONG = ("answers_early",)
"""Found among the last states of its scope."""


@pytest.mark.parametrize(
    "bug",
    [pytest.param(bug, id=bug.name, marks=[pytest.mark.slow] if bug.name in LONG else []) for bug in CHAIN_BUGS],
)
def test_a_planted_bug_is_found_by_a_reduced_search(bug: Bug) -> None:
    scenario = build(bug.scenario, swap=bug.replaces)
    wanted = tuple(s for s in judged(scenario) if s.name == bug.statement)
    reduced = explore_reduced(scenario, scenario, tuple(REDUCTIONS.values()), wanted)
    full = explore(scenario, wanted)
    assert reduced.violation is not None and full.violation is not None
    again = replay(scenario, reduced.violation.steps, wanted).violation
    assert again is not None and again.statement == full.violation.statement


@dataclass(slots=True)
class PutsNamesInOrder(ChainStore):
    """Calls bear names to be told apart, not to be ranked."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        ChainStore.receive(self, ctx, sender, message)
        if len(self.chain) > 1 and not self.results:
            self.chain = tuple(sorted(self.chain))


TWO = {"a": ("a0",), "b": ("b0",)}
AND_ONE_THAT_CALLS_TWICE = {**TWO, "c": ("c0", "c1")}


@pytest.mark.parametrize(
    ("callers", "swap"),
    [
        pytest.param(TWO, {}, id="equal"),
        pytest.param(TWO, {ChainStore: PutsNamesInOrder}, id="ranked"),
        pytest.param(AND_ONE_THAT_CALLS_TWICE, {}, id="equal beside another", marks=pytest.mark.slow),
        pytest.param(AND_ONE_THAT_CALLS_TWICE, {ChainStore: PutsNamesInOrder}, id="ranked beside another"),
    ],
)
def test_callers_are_renamed_with_their_calls_unless_the_calls_are_ranked(
    callers: dict[str, tuple[str, ...]], swap: dict[type[Process], type[Process]]
) -> None:
    scope = replayed("callers", callers, REPLAY, swap=swap)
    assert interchangeable(scope) == ((("a", "a0"), ("b", "b0")),)
    full = explore(scope)
    reduced = explore_reduced(scope, scope, [REDUCTIONS["symmetry"]])
    assert reduced.reduced != bool(swap)
    assert reduced.verdict is full.verdict
    assert [s.verdict for s in reduced.statements] == [s.verdict for s in full.statements]
    if not swap:
        assert 1.5 < full.states / reduced.states <= 2
