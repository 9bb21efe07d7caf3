"""The hunt: whether a planted defect is noticed, by which driver and at what cost.

A kill counts only when a statement fails that the entry names, and when the correct model, given the same scope, seed
and number of steps, keeps it. A mutant that stumbles over an error of its own is not killed by it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from time import process_time

from rayproof.model.kernel import (
    DECIDED,
    Limits,
    ModelError,
    Result,
    Scenario,
    Statement,
    Verdict,
    Violation,
    campaign,
    explore,
    minimise,
)
from rayproof.model.swap import Swap
from rayproof.properties.catalogue import CATALOGUE
from rayproof.properties.gallery.entry import GalleryEntry, Standing
from rayproof.properties.gallery.scopes import GENERIC_SCOPES, GenericScope

MOST_STATES = 2_000_000
"""Cap of an exploration; the budget is one of CPU seconds, this one keeps the memory small."""

MANY_WALKS = 1_000_000

NEXT_SEED = 1_000_003
"""Between the seeds of one hunt, so that those of neighbouring hunts stay apart."""


class Driver(StrEnum):
    """Where a bug is looked for, and how."""

    DIRECTED = "directed"
    """Its own scenario, exhausted."""
    EXPLORE = "explore"
    """The generic scopes, breadth first."""
    WALK = "walk"
    """The generic scopes, at random."""


class Outcome(StrEnum):
    """What became of an entry."""

    KILLED = "killed"
    SURVIVED = "survived"
    KNOWN = "known"
    NOT_EXPRESSIBLE = "not_expressible"
    LATER = "later"


@dataclass(frozen=True)
class Finding:
    """The answer about one entry."""

    id: str
    source: str
    result: Outcome
    statement: str
    driver: str
    steps: int = 0
    """Model steps taken until the kill; all steps taken when it survived."""
    cpu_s: float = 0.0
    length: int | None = None
    """Steps of the counterexample, minimised where a walk has found it."""
    shortest: int | None = None
    """Steps of explore's shortest in the same scope; None when explore has not got so far."""
    reason: str = ""
    scope: str = ""


def hunt(
    entry: GalleryEntry,
    driver: Driver,
    *,
    seed: int = 0,
    budget: float = 60.0,
    minimal: bool = True,
    shortest: bool = True,
) -> Finding:
    """Look for one entry. `budget`: CPU seconds.

    After a kill by a walk, `minimal` makes its counterexample shorter, and `shortest` explores for the shortest.
    """
    if entry.standing in (Standing.LATER, Standing.NOT_EXPRESSIBLE):
        return _found(entry, Outcome(entry.standing), "")
    if entry.standing is Standing.KNOWN:
        return _known(entry, budget)
    if driver is Driver.DIRECTED:
        return _directed(entry, budget)
    started = process_time()
    steps, notes = 0, []
    scopes = scopes_of(entry)
    for number, scope in enumerate(scopes):
        left = (budget - (process_time() - started)) / (len(scopes) - number)
        finding, violation = _search(entry, scope, driver, seed, left)
        steps += finding.steps
        if violation is not None:
            finding = replace(finding, steps=steps, cpu_s=round(process_time() - started, 3))
            if driver is Driver.WALK and minimal:
                return _measured(entry, scope, finding, violation, budget if shortest else 0.0)
            return finding
        notes.append(f"{scope.name}: {finding.reason}")
    reason = "; ".join(notes) or "no generic scope has the process that it replaces and checks what it breaks"
    return _found(entry, Outcome.SURVIVED, driver, steps=steps, cpu_s=round(process_time() - started, 3), reason=reason)


def scopes_of(entry: GalleryEntry) -> list[GenericScope]:
    """The generic scopes in which an entry changes something and a statement of its could fail."""
    kinds = set(entry.swap())
    counted = entry.counts()
    return [
        scope
        for scope in GENERIC_SCOPES
        if scope.has(kinds) and any(s.name in counted for s in scope.build({}, False).statements)
    ]


def counted(entry: GalleryEntry, scenario: Scenario) -> tuple[Statement, ...]:
    """The statements of a scenario whose failure counts as a kill."""
    return tuple(s for s in scenario.statements if s.name in entry.counts())


def _found(entry: GalleryEntry, result: Outcome, driver: str, **more: object) -> Finding:
    made = Finding(entry.id, entry.source, result, entry.statement, driver, reason=entry.reason)
    return replace(made, **more)  # type: ignore[arg-type]


def _whole(result: Result) -> Result:
    """A result, unless the user has ended it: the drivers report an interrupt, a hunt of many passes it on."""
    if result.note.startswith("interrupted"):
        raise KeyboardInterrupt
    return result


def _known(entry: GalleryEntry, budget: float) -> Finding:
    scenario = CATALOGUE[entry.scenario].build(None, {})
    named = tuple(s for s in scenario.statements if s.name == entry.statement)
    result = _whole(explore(scenario, named, Limits(MOST_STATES, cpu_s=budget)))
    shown = any(s.name == entry.statement and s.verdict is Verdict.KNOWN for s in result.statements)
    return _found(
        entry,
        Outcome.KNOWN if shown else Outcome.SURVIVED,
        Driver.DIRECTED,
        steps=result.transitions,
        cpu_s=round(result.cpu_s, 3),
        reason=entry.reason if shown else "the correct model does not show it",
        scope=scenario.name,
    )


def _directed(entry: GalleryEntry, budget: float) -> Finding:
    scenario, statements = _directed_scenario(entry, entry.swap())
    limits = Limits(MOST_STATES, cpu_s=budget)
    try:
        result = _whole(explore(scenario, statements, limits))
    except ModelError as error:
        return _found(entry, Outcome.SURVIVED, Driver.DIRECTED, reason=_stumbles(error), scope=scenario.name)
    alarm = ""
    if result.violation is not None:
        correct, statements = _directed_scenario(entry, {})
        alarm = _alarm(explore(correct, statements, replace(limits, states=max(1, result.states))))
    return _scored(entry, Driver.DIRECTED, scenario.name, result, alarm)


def _directed_scenario(entry: GalleryEntry, swap: Swap) -> tuple[Scenario, tuple[Statement, ...]]:
    scenario = CATALOGUE[entry.scenario].build(None, swap)
    return scenario, tuple(s for s in scenario.statements if s.name == entry.statement)


def _search(
    entry: GalleryEntry, scope: GenericScope, driver: Driver, seed: int, budget: float
) -> tuple[Finding, Violation | None]:
    broken, correct = scope.build(entry.swap(), False), scope.build({}, False)
    try:
        if driver is Driver.EXPLORE:
            result = _whole(explore(broken, counted(entry, broken), Limits(MOST_STATES, cpu_s=budget)))
        else:
            result, seed = walks(broken, counted(entry, broken), seed, budget)
    except ModelError as error:
        return _found(entry, Outcome.SURVIVED, driver, reason=_stumbles(error), scope=scope.name), None
    alarm = ""
    if result.violation is not None:
        if driver is Driver.EXPLORE:
            alarm = _alarm(explore(correct, counted(entry, correct), Limits(max(1, result.states), cpu_s=budget)))
        else:
            alarm = _alarm(campaign(correct, result.walks, seed, _decided(counted(entry, correct))))
    return _scored(entry, driver, scope.name, result, alarm), None if alarm else result.violation


def walks(scenario: Scenario, statements: tuple[Statement, ...], seed: int, budget: float) -> tuple[Result, int]:
    """Walks until one breaks a statement or the CPU seconds are spent, and the seed that drew the last of them.

    A mutant that stumbles is walked again with the next seed, for as long as there is time; then raises `ModelError`.
    """
    started = process_time()
    while True:
        try:
            left = max(0.001, budget - (process_time() - started))
            return _whole(campaign(scenario, MANY_WALKS, seed, _decided(statements), cpu_s=left)), seed
        except ModelError:
            if process_time() - started > budget:
                raise
            seed += NEXT_SEED


def _decided(statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
    return tuple(s for s in statements if s.kind in DECIDED)


def _alarm(result: Result) -> str:
    violation = _whole(result).violation
    return "" if violation is None else f"the correct model breaks {violation.statement} too: no kill"


def _stumbles(error: ModelError) -> str:
    return f"the mutant stumbles: {error}"


def _scored(entry: GalleryEntry, driver: Driver, scope: str, result: Result, alarm: str) -> Finding:
    violation = result.violation
    killed = violation is not None and not alarm
    made = _found(
        entry,
        Outcome.KILLED if killed else Outcome.SURVIVED,
        driver,
        steps=result.transitions,
        cpu_s=round(result.cpu_s, 3),
        reason=entry.reason if killed else alarm or result.note or "every statement that is named for it holds",
        scope=scope,
    )
    if violation is None or not killed:
        return made
    length = len(violation.steps)
    return replace(
        made, statement=violation.statement, length=length, shortest=None if driver is Driver.WALK else length
    )


def _measured(
    entry: GalleryEntry, scope: GenericScope, finding: Finding, violation: Violation, budget: float
) -> Finding:
    """The same with the length of the minimised counterexample, and explore's shortest when there is time for it."""
    scenario = scope.build(entry.swap(), False)
    named = tuple(s for s in scenario.statements if s.name == violation.statement)
    length = len(minimise(scenario, violation, named).steps)
    return replace(finding, length=length, shortest=_shortest(scenario, named, budget) if budget else None)


def _shortest(scenario: Scenario, named: tuple[Statement, ...], budget: float) -> int | None:
    try:
        found = explore(scenario, named, Limits(MOST_STATES, cpu_s=budget)).violation
    except ModelError:
        return None
    return None if found is None else len(found.steps)
