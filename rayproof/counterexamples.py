"""Counterexamples as files: written when something breaks, carried out again by `replay`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from dataclasses import replace as changed
from pathlib import Path

from rayproof.errors import InputError
from rayproof.model.kernel import Scenario, TraceMismatch, Violation
from rayproof.model.kernel.replay import replay
from rayproof.model.kernel.trace import Trace, TraceError, render
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.policies import load_policy, settled
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import CATALOGUE, build
from rayproof.properties.suite.drawn import FAMILIES, ShapeError

LARGEST_BYTES = 32 * 1024 * 1024


def to_trace(
    scenario: Scenario, violation: Violation, driver: str, seed: int | None, policy: str | None, bug: str | None = None
) -> Trace:
    """The trace of a violation; `policy` and `bug` are what the scenario was built with."""
    parameters = {key: value for key, value in (("policy", policy), ("bug", bug)) if value is not None}
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
    """The trace with another path to the file of its policy, if its policy is in a file."""
    spec = trace.parameters.get("policy")
    if not isinstance(spec, str) or not spec.endswith(".py"):
        return trace
    return changed(trace, parameters={**trace.parameters, "policy": place(Path(spec))})


def file_as_typed(path: Path) -> str:
    """A path as a user would type it here: relative below the present folder, in full elsewhere."""
    here = Path.cwd().resolve()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def scenario_of(trace: Trace, path: Path) -> Scenario:
    """The scenario that a trace speaks of; raises `InputError`."""
    return scenario_and_policy(trace, path)[0]


def scenario_and_policy(trace: Trace, path: Path) -> tuple[Scenario, Policy | None]:
    """The scenario that a trace speaks of, and the policy in it; raises `InputError`."""
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


def replay_command(path: Path) -> str:
    """What a user types to carry a trace out again."""
    return f"rayproof replay {shlex.quote(str(path))}"
