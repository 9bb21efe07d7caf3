"""`rayproof doctor`: what is installed, which optional parts are there, and whether the main parts work here.

The self-check does in small what the other commands do: a scope is exhausted, a planted bug is found, its
counterexample is written, read and carried out again, and Z3 proves an optimum.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from rayproof.commands.options import JsonOption
from rayproof.console import json_text, report_console
from rayproof.counterexamples import load, save, scenario_of, to_trace
from rayproof.exits import Exit
from rayproof.model.graph import Resources
from rayproof.model.kernel import Verdict, explore, replay
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import CATALOGUE, build
from rayproof.solver.instances import Instance, Node, Task
from rayproof.solver.makespan import Status, shortest_schedule
from rayproof.targets import STANDARD_OUTPUT, require_file, write_text
from rayproof.verify import versions

PACKAGES: Mapping[str, str] = {
    "ray": "recording scripts and running policies on real Ray (the extra `ray`)",
    "ortools": "comparing the solver with CP-SAT (the extra `bench`)",
    "minicheck": "comparing the explorer with another one (the extra `bench`)",
}
"""Optional packages, and what for."""

PROGRAMS: Mapping[str, str] = {
    "dot": "drawing the files of `rayproof explore --graph`",
    "kubectl": "getting the manifest of a running cluster, for `rayproof check --cluster`",
    "spin": "comparing the explorer with SPIN in `make bench`",
}
"""Optional programs, and what for."""

SCOPE = "cluster-3-3-0"
BUG = "ignores_death_notices"


@dataclass(frozen=True)
class Check:
    """One part that was tried: `problem` is empty when it works."""

    name: str
    problem: str
    cpu_s: float


def self_check() -> list[Check]:
    """Try the main parts, each apart: whatever one of them raises is its problem."""
    parts: dict[str, Callable[[], str]] = {
        f"explore {SCOPE}": _explores,
        f"find and replay the planted bug {BUG}": _finds,
        "prove a shortest schedule": _solves,
    }
    return [_tried(name, part) for name, part in parts.items()]


def _tried(name: str, part: Callable[[], str]) -> Check:
    began = process_time()
    try:
        problem = part()
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    return Check(name, problem, process_time() - began)


def _explores() -> str:
    result = explore(build(SCOPE))
    found = (result.states, result.transitions, result.depth)
    right = result.verdict is Verdict.HOLDS and found == CATALOGUE[SCOPE].size
    return "" if right else f"{result.verdict}, {found}; expected holds, {CATALOGUE[SCOPE].size}"


def _finds() -> str:
    planted = BUGS[BUG]
    scenario = build(planted.scenario, swap=planted.replaces)
    violation = explore(scenario).violation
    if violation is None:
        return "nothing was found"
    with TemporaryDirectory() as folder:
        path = save(to_trace(scenario, violation, "explore", None, None, BUG), Path(folder))
        trace = load(path)
        again = replay(scenario_of(trace, path), trace.steps, loop=trace.loop).violation
    return "" if again is not None and again.statement == planted.statement else "the counterexample is not confirmed"


def _solves() -> str:
    one = Resources.of(CPU=1)
    tasks = tuple(Task(f"t{i}", duration, one) for i, duration in enumerate((3, 3, 2, 2, 2)))
    found = shortest_schedule(Instance((Node("a", one), Node("b", one)), tasks), restarts=0)
    proved = found.status is Status.OPTIMAL and found.upper_us == 6
    return "" if proved else f"{found.status}: {found.lower.value_us} to {found.upper_us}, expected 6"


def optional_parts() -> dict[str, str | None]:
    """Version or path of each optional part; None where it is absent."""
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found | {name: shutil.which(name) for name in PROGRAMS}


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("doctor")
    def doctor_command(
        json_to: JsonOption = None,
    ) -> None:
        """Say which versions and optional parts are here, and whether the main parts work."""
        require_file(json_to)
        parts, checks = optional_parts(), self_check()
        if json_to is not None:
            document = {"versions": versions(), "optional": parts, "checks": [asdict(check) for check in checks]}
            write_text(json_text(document), json_to)
        if json_to != STANDARD_OUTPUT:
            report_console().print(_shown(versions(), parts, checks))
        if any(check.problem for check in checks):
            raise typer.Exit(Exit.DEFECT)


def _shown(installed: Mapping[str, str], parts: Mapping[str, str | None], checks: Sequence[Check]) -> RenderableType:
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, number in installed.items():
        table.add_row(name, Text(number), "")
    for name, found in parts.items():
        table.add_row(name, Text(found or "absent", "" if found else "dim"), {**PACKAGES, **PROGRAMS}[name])
    for check in checks:
        state = Text(check.problem or "works", "bold red" if check.problem else "green")
        table.add_row(check.name, state, f"{check.cpu_s:.1f} CPU s")
    return table
