"""`rayproof conform RECORDING`: whether the model allows what a recording of real Ray shows.

Every placement of a normal task is asked of the exact policies, every outcome of the models of objects and actors. It
holds when all of them are allowed, and is undetermined when one is or nothing was asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from rayproof.commands.options import JsonOption
from rayproof.conformance import Answer, Conformance, check_placements, read_evidence
from rayproof.conformance.check import ALL_LOOKS
from rayproof.conformance.outcomes import Outcomes, check_outcomes
from rayproof.conformance.outcomes.history import read_history
from rayproof.conformance.outcomes.search import ALL, LIMIT
from rayproof.console import json_text, report_console
from rayproof.exits import Interrupted
from rayproof.model.kernel import EXIT_CODES, Verdict
from rayproof.targets import STANDARD_OUTPUT, require_file, write_text

STYLES = {Verdict.HOLDS: "green", Verdict.VIOLATED: "bold red", Verdict.UNDETERMINED: "yellow"}

NAMES = 6
"""Of those for which the same is said."""


@dataclass(frozen=True, slots=True)
class Line:
    """What is said of one thing, as it is printed."""

    about: str
    answer: Answer
    line: int | None
    reason: str


@dataclass(frozen=True)
class Report:
    """What is said of one recording; without `outcomes`, or `placements`, it was interrupted before they were asked."""

    name: str
    ray: str
    placements: Conformance | None
    outcomes: Outcomes | None

    @property
    def parts(self) -> dict[str, list[Line]]:
        """Placements and outcomes alike."""
        placements = self.placements.placements if self.placements else ()
        decided = self.outcomes.decided if self.outcomes else ()
        return {
            "placements": [
                Line(
                    f"{p.task}, attempt {p.attempt}, on {p.node}" if p.attempt else f"{p.task} on {p.node}",
                    p.answer,
                    p.line,
                    f"{p.rule}: {p.reason}" if p.rule else "",
                )
                for p in placements
            ],
            "outcomes": [Line(one.about, one.answer, one.line, one.why) for one in decided],
        }

    @property
    def interrupted(self) -> bool:
        """Whether something was not asked."""
        return self.placements is None or self.outcomes is None

    @property
    def verdict(self) -> Verdict:
        """Violated when something is refused; holds when something was asked and all of it is allowed."""
        answers = {line.answer for lines in self.parts.values() for line in lines}
        if Answer.REFUSED in answers:
            return Verdict.VIOLATED
        return Verdict.HOLDS if answers == {Answer.ALLOWED} and not self.interrupted else Verdict.UNDETERMINED


def conform(path: Path, limit: int, budget: int, looks: int, bar: Bar | None = None) -> Report:
    """Both checks of one recording; raises `InputError`. Ctrl-C ends it with what was decided by then."""
    evidence = read_evidence(path)
    history = read_history(path)
    task = None if bar is None else bar.add_task("placements", total=None)

    def say(text: str) -> None:
        if bar is not None and task is not None:
            bar.update(task, description=text)

    placements: Conformance | None = None
    outcomes: Outcomes | None = None
    try:
        placements = check_placements(evidence, looks, lambda done, of: say(f"placements: {done:,} of {of:,}"))
        outcomes = check_outcomes(
            history, limit, budget, lambda done, states: say(f"outcomes: {done:,} answered, {states:,} states searched")
        )
    except KeyboardInterrupt:
        pass
    return Report(evidence.name, evidence.recording.ray, placements, outcomes)


def as_json(report: Report) -> dict[str, Any]:
    """The machine-readable answer."""
    placements = report.placements.placements if report.placements else ()
    decided = report.outcomes.decided if report.outcomes else ()
    return {
        "recording": report.name,
        "ray": report.ray,
        "verdict": report.verdict,
        "interrupted": report.interrupted,
        "counts": {part: _counts(lines) for part, lines in report.parts.items()},
        "placements": [
            {
                "task": p.task,
                "attempt": p.attempt,
                "node": p.node,
                "answer": p.answer,
                "line": p.line,
                "rule": p.rule,
                "reason": p.reason,
            }
            for p in placements
        ],
        "reused_leases": report.placements.reused if report.placements else 0,
        "outcomes": [
            {"about": d.about, "answer": d.answer, "line": d.line, "reason": d.why, "states": d.pairs} for d in decided
        ],
    }


def _counts(lines: Sequence[Line]) -> dict[str, int]:
    found = Counter(line.answer for line in lines)
    return {answer: found[answer] for answer in Answer}


def show(report: Report, console: Console) -> None:
    """Print what was found: counts, every refusal, and the rest by its reason."""
    console.print(Text.assemble(("recording  ", "bold"), f"{report.name}, Ray {report.ray or 'of unknown version'}"))
    table = Table(box=None, pad_edge=False)
    for column in ("", "asked", *Answer):
        table.add_column(column, justify="right" if column else "left")
    for part, lines in report.parts.items():
        counts = _counts(lines)
        table.add_row(part, str(len(lines)), *(str(counts[answer]) for answer in Answer))
    console.print(table)
    for answer in (Answer.REFUSED, Answer.UNDETERMINED):
        found = [line for lines in report.parts.values() for line in lines if line.answer is answer]
        if found:
            console.print(Text(answer, style="bold"))
        by_reason: dict[str, list[Line]] = {}
        for line in found:
            by_reason.setdefault(line.reason if answer is Answer.UNDETERMINED else f"{len(by_reason)}", []).append(line)
        for alike in by_reason.values():
            names = ", ".join(line.about for line in alike[:NAMES])
            more = f" and {len(alike) - NAMES} more" if len(alike) > NAMES else ""
            place = f"line {alike[0].line}: " if alike[0].line is not None else ""
            console.print(Text(f"  - {place}{names}{more}: {alike[0].reason}"))
    asked = sum(len(lines) for lines in report.parts.values())
    note = "" if asked else "   nothing was asked: no placement of a task and no outcome is recorded"
    console.print(Text.assemble("verdict: ", (str(report.verdict), STYLES[report.verdict]), note))


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("conform")
    def conform_command(
        recording: Annotated[Path, typer.Argument(metavar="RECORDING", help="A .jsonl recording of real Ray.")],
        max_states: Annotated[int, typer.Option(min=1, help="States searched for one outcome.")] = LIMIT,
        max_all_states: Annotated[int, typer.Option(min=1, help="States searched for all outcomes.")] = ALL,
        max_looks: Annotated[int, typer.Option(min=1, help="Moments tried for all placements.")] = ALL_LOOKS,
        json_to: JsonOption = None,
    ) -> None:
        """Say whether the model allows the placements and outcomes of a recording of real Ray."""
        require_file(json_to, recording)
        console = Console(stderr=True)
        with Bar(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        ) as bar:
            report = conform(recording, max_states, max_all_states, max_looks, bar)
        if json_to != STANDARD_OUTPUT:
            show(report, report_console(soft_wrap=True))
        if json_to is not None:
            write_text(json_text(as_json(report)), json_to)
        if report.interrupted:
            raise Interrupted("not everything was asked")
        raise typer.Exit(EXIT_CODES[report.verdict])
