"""`rayproof reproduce`: a run of the model on real Ray."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from rayproof.commands.options import JsonOption
from rayproof.console import say
from rayproof.counterexamples import Trust, load, scenario_of, to_trace
from rayproof.errors import InputError
from rayproof.exits import Exit
from rayproof.live.reproducing.claims import Unseen, claims
from rayproof.live.reproducing.families import NoProgram, family_of
from rayproof.live.reproducing.happenings import Happened, happened
from rayproof.live.reproducing.running import require_namespace, run_once
from rayproof.live.reproducing.scripts import script
from rayproof.live.session import require_ray
from rayproof.model.kernel import Scenario, Statement, StatementKind, Trace, explore
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import CATALOGUE, build
from rayproof.targets import STANDARD_OUTPUT, require_file, write_text

LONGEST_HEAD = 60
"""Steps of a trace that a script's docstring lists."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reproduce")(reproduce_command)


def reproduce_command(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TRACE|SCENARIO:STATEMENT",
            help="A counterexample, or a statement that is known to be broken or that a witness is wanted of.",
        ),
    ],
    times: Annotated[int, typer.Option(min=1, help="Runs on real Ray.")] = 3,
    out: Annotated[Path | None, typer.Option(metavar="SCRIPT.py", help="Keep the script.")] = None,
    patience: Annotated[
        float, typer.Option(min=1, help="Seconds after which what is not there is taken to wait for ever.")
    ] = 20,
    bug: Annotated[str | None, typer.Option(help="With SCENARIO:STATEMENT, plant a bug first.")] = None,
    trust: Annotated[bool, typer.Option("--trust", help="Run the policy that the trace names.")] = False,
    only_write: Annotated[bool, typer.Option("--only-write", help="Write the script and do not run it.")] = False,
    json_to: JsonOption = None,
) -> None:
    """Carry a run of the model out on real Ray: write its program and its faults as a script, and run that some times.

    Exit code 0 when it was seen, 3 when it was not, or when a step of it cannot be brought about.
    """
    require_file(json_to)
    if out is not None:
        require_file(out)
    trace, path = _trace(target, bug)
    report: dict[str, Any] = {"trace": target, "scenario": trace.scenario, "statement": trace.statement, "times": 0}
    text, cannot = _written(trace, path, Trust(own=trust), patience)
    if out is not None and text:
        write_text(text, out)
    if cannot:
        _end(report | {"verdict": "cannot be steered", "seen": 0, "why": cannot}, json_to)
    if only_write:
        if out is None:
            say(text, end="")
        raise typer.Exit(0)
    require_ray()
    require_namespace()
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        place = out or Path(folder) / "script.py"
        place.write_text(text)
        for number in range(1, times + 1):
            runs.append(run_once(place, 180 + patience * (2 + text.count("\n    ("))))
            if json_to != STANDARD_OUTPUT:
                say(f"run {number}: {_told(runs[-1])}")
    played = [run for run in runs if "error" not in run]
    seen = sum(run["seen"] for run in played)
    verdict = "seen" if seen else "not seen" if played else "nothing was played"
    report |= {"verdict": verdict, "seen": seen, "times": len(played), "runs": runs}
    _end(report, json_to)


def _end(report: dict[str, Any], json_to: str | None) -> None:
    verdict = report["verdict"]
    if json_to is not None:
        write_text(json.dumps(report, indent=1) + "\n", json_to)
    if json_to != STANDARD_OUTPUT:
        for why in report.get("why", ()):
            say(f"  {why}")
        counted = {"seen": f"seen {report['seen']} of {report['times']}", "not seen": f"not seen in {report['times']}"}
        say(f"verdict: {counted.get(verdict, verdict)}")
    raise typer.Exit(0 if verdict == "seen" else Exit.UNDETERMINED)


def _told(run: dict[str, Any]) -> str:
    if "error" in run:
        return f"failed: {run['error']}"
    missed = f"; did not happen: {', '.join(run['missed'])}" if run["missed"] else ""
    outcomes = ", ".join(f"{name}: {outcome}" for name, outcome in run["outcomes"].items())
    groups = "".join(f", group {name}: {state}" for name, state in run["groups"].items())
    return ("seen" if run["seen"] else "not seen") + f" ({outcomes}{groups}){missed}"


def _trace(target: str, bug: str | None) -> tuple[Trace, Path]:
    name, _, statement = target.partition(":")
    if statement and name in CATALOGUE and not Path(target).exists():
        return witness(name, statement, bug), Path(target)
    if bug is not None:
        raise InputError("--bug", None, "the trace says which bug is planted", "--bug with SCENARIO:STATEMENT")
    return load(Path(target)), Path(target)


def witness(name: str, wanted: str, bug: str | None = None) -> Trace:
    """The shortest run that breaks a statement of a scenario, or makes happen what is owed; raises `InputError`."""
    if bug is not None and bug not in BUGS:
        raise InputError("--bug", None, f"unknown planted bug {bug!r}", "one that `rayproof statements` lists")
    scenario = build(name, None, BUGS[bug].replaces if bug else None)
    statement = next((each for each in scenario.statements if each.name == wanted), None)
    if statement is None:
        known = ", ".join(each.name for each in scenario.statements)
        raise InputError("STATEMENT", None, f"{name} has no statement {wanted!r}", f"one of {known}")
    asked = replace(statement, known="")
    if statement.kind is StatementKind.SOMETIMES:
        asked = _denied(statement)
    found = explore(Scenario(**{**vars(scenario), "statements": (asked,)}))
    if found.violation is None:
        raise InputError(
            "STATEMENT", None, f"nothing in {name} breaks {wanted}", "one that is broken, or has a witness"
        )
    return to_trace(scenario, found.violation, found.driver, None, None, bug)


def _denied(statement: Statement) -> Statement:
    """The claim that what may happen never does: its witness is the culprit."""
    return replace(statement, kind=StatementKind.ALWAYS, known="")


def _written(trace: Trace, path: Path, trust: Trust, patience: float) -> tuple[str, list[str]]:
    """The script, and what of the trace it cannot bring about."""
    scenario = scenario_of(trace, path, trust)
    statement = next((each for each in scenario.statements if each.name == trace.statement), None)
    if statement is None:
        raise InputError(path, None, f"{trace.scenario} has no statement {trace.statement!r}", "a trace of a statement")
    try:
        family = family_of(scenario)
        found = happened(scenario, trace.steps, family)
        claimed = claims(statement, family.part, found)
        text = script(family.part, found, claimed, _head(trace, found), patience)
    except NoProgram as error:
        return "", [f"its program: {error}"]
    except Unseen as error:
        return "", [f"step {len(trace.steps)}: {error}"]
    return text, [f"step {number}: {why}" for number, why in found.unsteered]


def _head(trace: Trace, found: Happened) -> list[str]:
    lines = [f"{trace.scenario}: {trace.statement}", "", trace.sentence]
    if trace.parameters.get("bug"):
        lines.append(f"In the model with the planted bug {trace.parameters['bug']}.")
    lines += ["", "The run of the model:"]
    steps = [f"{number:>4}. {taken.step}" for number, taken in enumerate(trace.steps, 1)]
    cut = [f"   ... and {len(steps) - LONGEST_HEAD} more"] if len(steps) > LONGEST_HEAD else []
    lines += [*steps[:LONGEST_HEAD], *cut]
    if found.struck or found.late:
        lines += ["", "Steered by Ray's own switches:"]
        lines += [f"  step {each.step}: {each.kind} of {each.method.name}" for each in found.struck]
        lines += [f"  step {each.step}: {each.method.handler} is late" for each in found.late]
    return lines
