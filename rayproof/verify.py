"""Scenarios checked by a driver, and what came of it."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rayproof import __version__, outside
from rayproof.counterexamples import to_trace
from rayproof.errors import InputError, expected_name
from rayproof.exercise import Exercise, exercise
from rayproof.model.kernel import (
    INTERRUPTED_NOTE,
    Engine,
    Limits,
    PolicyError,
    Reduction,
    Result,
    Scenario,
    Trace,
    Verdict,
    as_violation,
    campaign,
    combine,
    minimise,
    walkable,
)
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.policies import put_again
from rayproof.progress import Live
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import ENTRIES, Entry
from rayproof.reducing import explore_entry

NOTHING_OWED = Exercise()


@dataclass(frozen=True)
class Verification:
    """One scenario's result, with its counterexample when it has one."""

    entry: Entry
    result: Result
    trace: Trace | None

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the check."""
        return self.result.note.startswith(INTERRUPTED_NOTE)


def versions() -> dict[str, str]:
    """What the answer depends on."""
    names = ("hypothesis", "networkx", "numpy", "z3-solver")
    return {"rayproof": __version__, "python": platform.python_version(), **{name: version(name) for name in names}}


def verify(
    entries: Sequence[Entry],
    *,
    driver: str = "explore",
    seed: int = 0,
    walks: int = 1000,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    policy: Policy | None = None,
    policy_spec: str | None = None,
    bug: str | None = None,
    on_progress: Live | None = None,
    engine: Engine = Engine.AUTO,
    reductions: Sequence[Reduction] = (),
) -> list[Verification]:
    """Check scenarios one after the other; an interrupt ends the list, with what was found so far."""
    done: list[Verification] = []
    for entry in entries:
        try:
            swap = _replaced(bug, entry)
            scenario = entry.build(policy, swap)
            report = None if on_progress is None else partial(on_progress, scenario.name)
            if driver == "explore":
                run = partial(
                    explore_entry,
                    entry,
                    scenario,
                    reductions,
                    policy=policy,
                    swap=swap,
                    limits=limits,
                    on_progress=report,
                    engine=engine,
                )
            else:
                run = partial(campaign, scenario, walks, seed, walkable(scenario), cpu_s=limits.cpu_s)
            result = run()
            error = put_again(policy)
            if error is not None:
                result = _without(run(), error)
            trace = _trace(entry, scenario, result, seed, policy_spec if entry.takes_policy else None, bug)
            done.append(Verification(entry, result, trace))
        except KeyboardInterrupt:
            done.append(
                Verification(entry, _unanswered(entry, driver, f"{INTERRUPTED_NOTE} before its first step"), None)
            )
        except MemoryError:
            done.append(Verification(entry, _unanswered(entry, driver, "out of memory"), None))
        if done[-1].interrupted:
            break
    return done


def _replaced(bug: str | None, entry: Entry) -> Swap:
    found = None if bug is None else outside.planted(bug, [entry])
    return {} if found is None else found.replaces


def _without(again: Result, error: PolicyError) -> Result:
    """The result of a run whose policy answers otherwise when it is asked again, whether or not the run meets it."""
    violation = again.violation or as_violation(error, ())
    return replace(again, verdict=Verdict.VIOLATED, violation=violation)


def _trace(
    entry: Entry, scenario: Scenario, result: Result, seed: int, policy_spec: str | None, bug: str | None
) -> Trace | None:
    """The counterexample of a result; one found by a walk is shortened first, unless the user has had enough."""
    violation = result.violation
    if violation is None:
        return None
    if result.driver == "walk":
        with suppress(KeyboardInterrupt):
            violation = minimise(scenario, violation)
    return to_trace(scenario, violation, result.driver, seed, policy_spec, bug, entry.file or None)


def _unanswered(entry: Entry, driver: str, why: str) -> Result:
    """The result about a scenario whose check ended before it had found anything."""
    return Result(entry.name, entry.component, driver, Verdict.UNDETERMINED, 0, 0, 0, 0.0, (), note=why)


def exercised_by(done: Sequence[Verification]) -> Exercise:
    """What the scenarios exhausted here exercised of the model, and what they owed; reduced ones owe nothing."""
    explored = [v.result for v in done if v.result.driver == "explore" and not v.result.reduced]
    whole = [result for result in explored if not result.note and not result.violation]
    entries = (*ENTRIES, *outside.siblings(v.entry for v in done))
    return exercise([(result.scenario, result.coverage) for result in whole], entries)


def slowest(done: Sequence[Verification]) -> Verification | None:
    """The scenario that took the most CPU time; None unless there are several."""
    return max(done, key=lambda v: v.result.cpu_s) if len(done) > 1 else None


def collision(done: Sequence[Verification]) -> float:
    """Bound on the probability that some scenario took two states for one."""
    return sum(v.result.collision for v in done)


def as_json(
    done: Sequence[Verification], files: Sequence[Path | None], scope: str, seed: int, found: Exercise
) -> dict[str, Any]:
    """The machine-readable report of `verify`; `files`: where the counterexamples are."""
    longest = slowest(done)
    return {
        "verdict": verdict_of(done, found),
        "collision": collision(done),
        "slowest": None if longest is None else longest.result.scenario,
        "coverage": {"exercised": found.exercised, "idle": list(found.idle), "expected": dict(found.expected)},
        "scenarios": [
            {
                "name": v.result.scenario,
                "component": v.result.component,
                "edition": v.entry.edition,
                "scope": v.entry.scope,
                "driver": v.result.driver,
                "engine": v.result.engine,
                "states": v.result.states,
                "transitions": v.result.transitions,
                "depth": v.result.depth,
                "cpu_s": round(v.result.cpu_s, 3),
                "reductions": list(v.result.reductions),
                "reduced": v.result.reduced,
                "caveat": v.result.caveat,
                "verdict": v.result.verdict,
                "note": v.result.note,
                "collision": v.result.collision,
                "statements": [
                    {"name": s.name, "kind": s.kind, "verdict": s.verdict, "note": s.note} for s in v.result.statements
                ],
                "broken": None if v.result.violation is None else v.result.violation.statement,
                "counterexample": None if file is None else str(file),
            }
            for v, file in zip(done, files, strict=True)
        ],
        "scope": scope,
        "seed": seed,
        "versions": versions(),
    }


def qualified(verdict: Verdict, bound: float) -> str:
    """What must be said beside a verdict: the bound on the chance that fingerprints took two states for one."""
    return f" (p <= {bound:.1g})" if bound and verdict in (Verdict.HOLDS, Verdict.KNOWN) else ""


def verdict_of(done: Sequence[Verification], found: Exercise = NOTHING_OWED) -> Verdict:
    """The verdict over all scenarios and over what they exercised."""
    return combine([*(v.result.verdict for v in done), found.verdict])


def require_planted(bug: str, entries: Iterable[Entry]) -> None:
    """Raise `InputError` unless a planted bug exists and takes part in one of these scenarios."""
    entries = tuple(entries)
    planted = outside.planted(bug, entries)
    if planted is None:
        expected = expected_name(bug, BUGS, "one that `rayproof statements` lists")
        raise InputError("--bug", None, f"unknown planted bug {bug!r}", expected)
    broken = tuple(planted.replaces.values())
    for entry in entries:
        if any(isinstance(process, broken) for process in entry.build(None, planted.replaces).initial().values()):
            return
    raise InputError("--bug", None, f"{bug} takes no part in what was asked for", f"{planted.scenario}, or its like")
