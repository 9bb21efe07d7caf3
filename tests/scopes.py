"""What the tests of every component ask of its named scenarios and planted bugs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from model.kernel import Verdict
from model.kernel.explore import explore
from model.kernel.replay import replay
from properties.bugs import Bug
from properties.catalogue import CATALOGUE, Entry, Scope


def check_pinned(name: str, states: int, depth: int) -> None:
    """A scope is exhausted, all its statements hold or are known, and it has the pinned size."""
    scenario = CATALOGUE[name].build(None, {})
    result = explore(scenario)
    assert result.verdict in (Verdict.HOLDS, Verdict.KNOWN), [
        (s.name, s.verdict, s.note) for s in result.statements if s.verdict is not Verdict.HOLDS
    ]
    assert (result.states, result.depth) == (states, depth)


def check_killed(bug: Bug) -> None:
    """The statement that is named for a planted bug, and no other, is the first to fail, and does so when replayed."""
    scenario = CATALOGUE[bug.scenario].build(None, bug.replaces)
    result = explore(scenario)
    assert result.violation is not None, f"{bug.name} survives"
    assert result.violation.statement == bug.statement
    again = replay(scenario, result.violation.steps).violation
    assert again is not None
    assert again.statement == bug.statement


def check_gallery(entries: Iterable[Entry], bugs: Iterable[Bug], pinned: Mapping[str, tuple[int, int]]) -> None:
    """Every tiny scope is pinned; every statement that can fail has a bug that it kills, or is known to be broken."""
    entries = tuple(entries)
    assert {entry.name for entry in entries if entry.scope is Scope.TINY} == set(pinned)
    statements = {s.name: s for entry in entries for s in entry.build(None, {}).statements}
    failing = {name for name, s in statements.items() if s.kind != "sometimes" and not s.known}
    assert failing == {bug.statement for bug in bugs}
