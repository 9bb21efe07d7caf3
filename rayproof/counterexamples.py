"""Counterexamples as files: written when something breaks, carried out again by `replay`.

A trace is data. The policy that it names is imported and run only when the user has named it, or says that the trace is
to be trusted.
"""

from __future__ import annotations

import errno
import os
import shlex
import stat
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path

from rayproof import outside
from rayproof.console import say
from rayproof.errors import InputError
from rayproof.files import parse_json, read_text
from rayproof.model.documents import MIB
from rayproof.model.kernel import Result, Scenario, Trace, TraceError, TraceMismatch, Violation, render, replay
from rayproof.model.scheduler.policy.built_in import BUILT_IN
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.policies import load_policy, settled
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import CATALOGUE, build
from rayproof.properties.suite.drawn import FAMILIES, ShapeError

LIMIT = 32 * MIB
EXPECTED = "a trace written by rayproof"

POLICY_RULES = frozenset(
    {
        *("answer_type", "deterministic", "legal_answer", "memory", "no_exception", "progress"),
        *("exits", "patches", "prints", "starts_processes", "starts_threads", "too_large", "too_slow"),
    }
)
"""What a counterexample may be of beside the statements of its scenario; a test finds those of the hooks."""


@dataclass(frozen=True)
class Trust:
    """What of a trace may be run."""

    own: bool = False
    """The policy that the trace itself names."""
    policy: str | None = None
    """This policy instead, which the user has named."""


NOTHING, OWN = Trust(), Trust(own=True)


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
    """Write a trace under a name made of its scenario and statement; never over another file, never through a link.

    A policy's file is named relative to the trace's folder, so that both can be moved together and found from anywhere.
    Raises `OSError`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    stem = f"{trace.scenario}--{trace.statement}"
    text = _with_file(trace, lambda file: os.path.relpath(file.resolve(), directory.resolve())).to_json()
    number = 1
    while True:
        path = directory / (f"{stem}.json" if number == 1 else f"{stem}-{number}.json")
        if _written(path, text):
            return path
        number += 1


def _written(path: Path, text: str) -> bool:
    """Whether a new file holds the text, or one that was there does already."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o666)
    except FileExistsError:
        return stat.S_ISREG(path.lstat().st_mode) and path.read_bytes() == text.encode()
    try:
        with open(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return True


def kept(trace: Trace | None, directory: Path) -> Path | None:
    """The file of a trace; where it cannot be written, the whole of it goes to standard error and there is none."""
    if trace is None:
        return None
    try:
        return save(trace, directory)
    except OSError as error:
        why = error.strerror or errno.errorcode.get(error.errno or 0, "it cannot be written")
        say(f"error: {directory}: {why}; the counterexample, to be saved as a .json file:", error=True)
        say(trace.to_json(), error=True)
        return None


def load(path: Path) -> Trace:
    """Read a trace; raises `InputError`."""
    try:
        trace = Trace.from_document(parse_json(path, 1, read_text(path, LIMIT, EXPECTED)))
    except TraceError as error:
        raise InputError(path, None, f"{error.path}: {error.found}", error.expected) from None
    try:
        return _with_file(trace, lambda file: file_as_typed((path.parent / file).resolve()))
    except (OSError, ValueError, RuntimeError):
        raise InputError(path, None, "scenario.parameters.policy is no path", "the file of a policy") from None


def _with_file(trace: Trace, place: Callable[[Path], str]) -> Trace:
    """The trace with other paths to the files of its policy and its scenario, if it names any."""
    named = {key: trace.parameters.get(key) for key in ("policy", "file")}
    files = {key: place(Path(spec)) for key, spec in named.items() if isinstance(spec, str) and spec.endswith(".py")}
    return changed(trace, parameters={**trace.parameters, **files})


def file_as_typed(path: Path) -> str:
    """A path as a user would type it here: relative below the present folder, in full elsewhere."""
    here = Path.cwd().resolve()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def scenario_of(trace: Trace, path: Path, trust: Trust = NOTHING) -> Scenario:
    """The scenario that a trace speaks of; raises `InputError`, also for a policy that it may not run."""
    return scenario_and_policy(trace, path, trust)[0]


def scenario_and_policy(trace: Trace, path: Path, trust: Trust = NOTHING) -> tuple[Scenario, Policy | None]:
    """The scenario that a trace speaks of, and the policy in it; raises `InputError` as `scenario_of`."""
    if trace.parameters.get("file") is not None:
        return _scenario_of_file(trace, path, trust), None
    if trace.scenario not in CATALOGUE and trace.scenario not in FAMILIES:
        raise InputError(path, None, f"unknown scenario {trace.scenario!r}", "one that `rayproof scenarios` lists")
    bug = trace.parameters.get("bug")
    if bug is not None and (not isinstance(bug, str) or bug not in BUGS):
        raise InputError(path, None, f"unknown planted bug {bug!r}", "one of " + ", ".join(BUGS))
    policy = _policy(trace, path, trust)
    swap = None if bug is None else BUGS[bug].replaces
    if trace.scenario not in FAMILIES:
        return build(trace.scenario, policy, swap), policy
    try:
        return FAMILIES[trace.scenario].scenario(trace.parameters.get("shape", {}), policy, swap), policy
    except ShapeError as error:
        raise InputError(path, None, str(error), "a drawn scenario as this version draws them") from None


def _scenario_of_file(trace: Trace, path: Path, trust: Trust) -> Scenario:
    """The scenario of a trace that is from a file outside the catalogue; raises `InputError`."""
    file, bug = trace.parameters["file"], trace.parameters.get("bug")
    if not isinstance(file, str) or not outside.is_file(file):
        raise InputError(path, None, f"the file of its scenario is {file!r}", outside.EXPECTED)
    if not trust.own:
        what = f"its scenario is in {file}, which is a program: nothing of it is run unasked"
        raise InputError(path, None, what, "--trust to run it")
    (entry,) = outside.entries_of(f"{file}:{trace.scenario}")
    planted = None if bug is None else outside.planted(str(bug), [entry])
    if bug is not None and planted is None:
        raise InputError(path, None, f"unknown planted bug {bug!r}", f"one that {file} has")
    return entry.build(None, {} if planted is None else planted.replaces)


def _policy(trace: Trace, path: Path, trust: Trust) -> Policy | None:
    spec = trace.parameters.get("policy")
    if spec is not None and not isinstance(spec, str):
        raise InputError(path, None, f"the policy is {spec!r}", "a name or a file")
    if trust.policy is not None:
        if spec is None:
            raise InputError("--policy", None, f"{path} was found without a policy", "no --policy for this trace")
        return load_policy(trust.policy).policy
    if spec is None:
        return None
    if spec not in BUILT_IN and not trust.own:
        what = f"the trace names the policy {spec}, which is a program: nothing of it is run unasked"
        raise InputError(path, None, what, "--trust to run it, or --policy with one that you name")
    return load_policy(spec).policy


@dataclass(frozen=True)
class Again:
    """What became of a trace that was carried out again."""

    text: str
    """Its print."""
    broken: str | None
    """The statement or rule that was broken; None when nothing was."""
    confirmed: bool
    """Whether it is the one that the trace is about."""


def shown(trace: Trace, path: Path, trust: Trust = NOTHING, *, found: bool = False) -> Again:
    """A trace carried out again, `found` a moment ago or long before; raises `InputError`."""
    scenario, policy = scenario_and_policy(trace, path, trust)
    # Another statement that is broken earlier must not hide the one that the trace is about.
    named = tuple(s for s in scenario.statements if s.name == trace.statement)
    try:
        replayed = settled(policy, lambda: replay(scenario, trace.steps, named, trace.loop))
    except TraceMismatch as mismatch:
        raise InputError(
            path, None, str(mismatch).replace("\n", " |"), "a trace recorded with this model and this policy"
        ) from None
    broken = None if replayed.violation is None else replayed.violation.statement
    if broken != trace.statement and not named and trace.statement not in POLICY_RULES:
        known = ", ".join(s.name for s in scenario.statements)
        expected = f"one of {trace.scenario} ({known}), or a rule of the hooks ({', '.join(sorted(POLICY_RULES))})"
        raise InputError(path, None, f"unknown statement {trace.statement!r}", expected)
    # What is printed as the constants is what was carried out, whatever the trace says.
    text = render(changed(trace, constants=scenario.constants), replayed, replay_command(path, trace), found=found)
    return Again(text, broken, broken == trace.statement)


def explain(scenario: Scenario, result: Result) -> str:
    """The counterexample of a result, step by step; without one, a line that says what was found."""
    if result.violation is None:
        size = f"{result.states:,} states, {result.transitions:,} transitions, depth {result.depth}"
        return f"{result.scenario}: {result.verdict}, {size}\n"
    named = tuple(s for s in scenario.statements if s.name == result.violation.statement)
    replayed = replay(scenario, result.violation.steps, named or None, result.violation.loop)
    return render(to_trace(scenario, result.violation, result.driver, None, None), replayed)


def replay_command(path: Path, trace: Trace) -> str:
    """What a user types to carry a trace out again."""
    spec = trace.parameters.get("policy")
    unasked = trace.parameters.get("file") is None and (spec is None or spec in BUILT_IN)
    return f"rayproof replay {shlex.quote(str(path))}" + ("" if unasked else " --trust")
