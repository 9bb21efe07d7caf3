"""Scenarios checked by a driver, and what came of it."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from model.kernel import Result, Scenario, Verdict, combine
from model.kernel.engines import explore
from model.kernel.explore import Limits, Progress
from model.kernel.minimise import minimise
from model.kernel.trace import Trace
from model.kernel.walk import campaign, walkable
from model.scheduler.hooks import Policy
from properties.bugs import BUGS
from properties.catalogue import Entry
from rayproof import __version__
from rayproof.counterexamples import to_trace


@dataclass(frozen=True)
class Verification:
    """One scenario's result, with its counterexample when it has one."""

    entry: Entry
    result: Result
    trace: Trace | None


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
    on_progress: Callable[[Scenario, Progress], None] | None = None,
) -> list[Verification]:
    """Check scenarios one after the other; an interrupt ends the list, with what was found so far."""
    done = []
    for entry in entries:
        scenario = entry.build(policy, {} if bug is None else BUGS[bug].replaces)
        if driver == "explore":
            report = None if on_progress is None else (lambda p, s=scenario: on_progress(s, p))
            result = explore(scenario, limits=limits, on_progress=report)
        else:
            result = campaign(scenario, walks, seed, walkable(scenario), cpu_s=limits.cpu_s)
        trace = None
        if result.violation is not None:
            violation = result.violation
            if driver == "walk":
                violation = minimise(scenario, violation)
            trace = to_trace(scenario, violation, driver, seed, policy_spec if entry.takes_policy else None, bug)
        done.append(Verification(entry, result, trace))
        if result.note.startswith("interrupted"):
            break
    return done


def as_json(done: Sequence[Verification], scope: str, seed: int) -> dict[str, Any]:
    """The machine-readable report of `verify`."""
    return {
        "verdict": verdict_of(done),
        "scenarios": [
            {
                "name": v.result.scenario,
                "component": v.result.component,
                "scope": v.entry.scope,
                "driver": v.result.driver,
                "states": v.result.states,
                "transitions": v.result.transitions,
                "depth": v.result.depth,
                "cpu_s": round(v.result.cpu_s, 3),
                "reductions": list(v.result.reductions),
                "verdict": v.result.verdict,
                "note": v.result.note,
                "collision": v.result.collision,
                "statements": [
                    {"name": s.name, "kind": s.kind, "verdict": s.verdict, "note": s.note} for s in v.result.statements
                ],
            }
            for v in done
        ],
        "scope": scope,
        "seed": seed,
        "versions": versions(),
    }


def qualified(result: Result) -> str:
    """What must be said beside a verdict: the bound on the chance that fingerprints took two states for one."""
    return f" (p <= {result.collision:.1g})" if result.collision and result.verdict is Verdict.HOLDS else ""


def verdict_of(done: Sequence[Verification]) -> Verdict:
    """The verdict over all scenarios."""
    return combine(v.result.verdict for v in done)
