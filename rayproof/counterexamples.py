"""Counterexamples as files: written when something breaks, carried out again by `replay`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from dataclasses import replace as changed
from pathlib import Path

from rayproof import outside
from rayproof.errors import InputError
from rayproof.model.kernel import Result, Scenario, TraceMismatch, Violation
from rayproof.model.kernel.replay import replay
from rayproof.model.kernel.trace import Trace, TraceError, render
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.policies import load_policy, settled
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import CATALOGUE, build
from rayproof.properties.suite.drawn import FAMILIES, ShapeError

LARGEST_BYTES = 32 * 1024 * 1024


def to_trace(
    scenario: Scenario,
    violation: Violation,
    driver: str,
    seed: int | None,
    policy: str | None,
    bug: str | None = None,
    file: str | None = None,
) -> Trace:
    """The trace of a violation; `policy` and `bug` are what the scenario was built with, `file` where it is from."""
    parameters = {key: value for key, value in (("policy", policy), ("bug", bug), ("file", file)) if value is not None}
    return Trace(
        scenario.name,
        parameters,
        violation.statement,
        violation.sentence,
        violation.steps,
        violation.source,
        driver,
        seed,
        scenario.constants,
        violation.loop,
    )


def save(trace: Trace, directory: Path) -> Path:
    """Write a trace under a name made of its scenario and statement; never over another trace.

    A policy's file is named relative to the trace's folder, so that both can be moved together and found from anywhere.
    """
    directory.mkdir(parents=True, exist_ok=True)
    stem = f"{trace.scenario}--{trace.statement}"
    path = directory / f"{stem}.json"
    text = _with_file(trace, lambda file: os.path.relpath(file.resolve(), directory.resolve())).to_json()
    number = 1
    while path.exists() and path.read_text(encoding="utf-8") != text:
        number += 1
        path = directory / f"{stem}-{number}.json"
    path.write_text(text, encoding="utf-8")
    return path


def load(path: Path) -> Trace:
    """Read a trace; raises `InputError`."""
    try:
        if path.is_file() and path.stat().st_size > LARGEST_BYTES:
            raise InputError(path, None, "the file is larger than 32 MiB", "a trace written by rayproof")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(path, None, error.strerror or str(error), "a trace written by rayproof") from None
    except UnicodeDecodeError:
        raise InputError(path, None, "not UTF-8 text", "a trace written by rayproof") from None
    try:
        trace = Trace.from_json(text)
    except TraceError as error:
        where, _, expected = str(error).rpartition("; expected ")
        raise InputError(path, None, where, expected) from None
    return _with_file(trace, lambda file: file_as_typed((path.parent / file).resolve()))


def _with_file(trace: Trace, place: Callable[[Path], str]) -> Trace:
    """The trace with other paths to the files of its policy and its scenario, if it names any."""
    named = {key: trace.parameters.get(key) for key in ("policy", "file")}
    files = {key: place(Path(spec)) for key, spec in named.items() if isinstance(spec, str) and spec.endswith(".py")}
    return changed(trace, parameters={**trace.parameters, **files})


def file_as_typed(path: Path) -> str:
    """A path as a user would type it here: relative below the present folder, in full elsewhere."""
    here = Path.cwd().resolve()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def scenario_of(trace: Trace, path: Path) -> Scenario:
    """The scenario that a trace speaks of; raises `InputError`."""
    return scenario_and_policy(trace, path)[0]


def scenario_and_policy(trace: Trace, path: Path) -> tuple[Scenario, Policy | None]:
    """The scenario that a trace speaks of, and the policy in it; raises `InputError`."""
    if trace.parameters.get("file") is not None:
        return _scenario_of_file(trace, path), None
    if trace.scenario not in CATALOGUE and trace.scenario not in FAMILIES:
        raise InputError(path, None, f"unknown scenario {trace.scenario!r}", "one that `rayproof scenarios` lists")
    spec, bug = trace.parameters.get("policy"), trace.parameters.get("bug")
    if bug is not None and bug not in BUGS:
        raise InputError(path, None, f"unknown planted bug {bug!r}", "one of " + ", ".join(BUGS))
    if spec is not None and not isinstance(spec, str):
        raise InputError(path, None, f"the policy is {spec!r}", "a name or a file")
    policy = None if spec is None else load_policy(spec).policy
    swap = None if bug is None else BUGS[bug].replaces
    if trace.scenario not in FAMILIES:
        return build(trace.scenario, policy, swap), policy
    try:
        return FAMILIES[trace.scenario].scenario(trace.parameters.get("shape", {}), policy, swap), policy
    except ShapeError as error:
        raise InputError(path, None, str(error), "a drawn scenario as this version draws them") from None


def _scenario_of_file(trace: Trace, path: Path) -> Scenario:
    """The scenario of a trace that is from a file outside the catalogue; raises `InputError`."""
    file, bug = trace.parameters["file"], trace.parameters.get("bug")
    if not isinstance(file, str) or not outside.is_file(file):
        raise InputError(path, None, f"the file of its scenario is {file!r}", outside.EXPECTED)
    (entry,) = outside.entries_of(f"{file}:{trace.scenario}")
    planted = None if bug is None else outside.planted(str(bug), [entry])
    if bug is not None and planted is None:
        raise InputError(path, None, f"unknown planted bug {bug!r}", f"one that {file} has")
    return entry.build(None, {} if planted is None else planted.replaces)


def shown(trace: Trace, path: Path) -> tuple[str, bool]:
    """The print of a trace carried out again, and whether it still breaks the same thing; raises `InputError`."""
    scenario, policy = scenario_and_policy(trace, path)
    # Another statement that is broken earlier must not hide the one that the trace is about.
    named = tuple(s for s in scenario.statements if s.name == trace.statement)
    try:
        replayed = settled(policy, lambda: replay(scenario, trace.steps, named or None, trace.loop))
    except TraceMismatch as mismatch:
        raise InputError(
            path, None, str(mismatch).replace("\n", " |"), "a trace recorded with this model and this policy"
        ) from None
    broken = replayed.violation is not None and replayed.violation.statement == trace.statement
    return render(trace, replayed, replay_command(path)), broken


def explain(scenario: Scenario, result: Result) -> str:
    """The counterexample of a result, step by step; without one, a line that says what was found."""
    if result.violation is None:
        size = f"{result.states:,} states, {result.transitions:,} transitions, depth {result.depth}"
        return f"{result.scenario}: {result.verdict}, {size}\n"
    named = tuple(s for s in scenario.statements if s.name == result.violation.statement)
    replayed = replay(scenario, result.violation.steps, named or None, result.violation.loop)
    return render(to_trace(scenario, result.violation, result.driver, None, None), replayed)


def replay_command(path: Path) -> str:
    """What a user types to carry a trace out again."""
    return f"rayproof replay {shlex.quote(str(path))}"
