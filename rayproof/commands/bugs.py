"""`rayproof bugs [ID...]`: which real defects the suite notices, planted one by one.

An entry that can be planted and survives is a violation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rayproof.commands.options import BudgetOption, JsonOption, SeedOption
from rayproof.console import report_console
from rayproof.errors import InputError, expected_name
from rayproof.exits import Exit, Interrupted
from rayproof.properties.gallery.entries import GALLERY
from rayproof.properties.gallery.entry import GalleryEntry
from rayproof.properties.gallery.hunt import Driver, Finding, Outcome, hunt
from rayproof.properties.gallery.ladder import WALKS, Climb, climb, rungs
from rayproof.targets import STANDARD_OUTPUT, require_file, write_json

STYLES = {
    Outcome.KILLED: "green",
    Outcome.SURVIVED: "bold red",
    Outcome.KNOWN: "yellow",
    Outcome.UNDETERMINED: "yellow",
}

FIELDS = ("id", "source", "result", "statement", "driver", "steps", "cpu_s", "length", "shortest", "reason")


def chosen(ids: Iterable[str]) -> list[GalleryEntry]:
    """The entries named, or all; raises `InputError` for an id that does not exist."""
    entries = []
    for name in ids:
        entry = GALLERY.get(name.upper())
        if entry is None:
            expected = expected_name(name.upper(), GALLERY, f"one of {next(iter(GALLERY))} to {[*GALLERY][-1]}")
            raise InputError(name, None, "no entry of the gallery has this id", expected)
        if entry not in entries:
            entries.append(entry)
    return entries or list(GALLERY.values())


def as_json(findings: Iterable[Finding]) -> dict[str, list[dict[str, Any]]]:
    """The machine-readable answer."""
    return {"bugs": [{field: getattr(finding, field) for field in FIELDS} for finding in findings]}


def _look(entries: list[GalleryEntry], look: Callable[[GalleryEntry], Any]) -> tuple[list[Any], bool]:
    """What was found, and whether the user ended it early."""
    done: list[Any] = []
    try:
        for entry in entries:
            done += [look(entry)]
    except KeyboardInterrupt:
        return done, True
    return done, False


def show(findings: list[Finding], console: Console) -> None:
    """A table (length: of the counterexample / of the shortest one), reasons, and how many there are of each."""
    table = Table(box=None, pad_edge=False)
    for column in ("id", "source", "result", "statement", "steps", "CPU s", "length"):
        table.add_column(column, overflow="fold", justify="right" if column in ("steps", "CPU s", "length") else "left")
    for each in findings:
        ran = each.driver != ""
        length = "" if each.length is None else f"{each.length}/{'?' if each.shortest is None else each.shortest}"
        table.add_row(
            each.id,
            each.source,
            Text(each.result.replace("_", " "), style=STYLES.get(each.result, "")),
            each.statement,
            f"{each.steps:,}" if ran else "",
            f"{each.cpu_s:.2f}" if ran else "",
            length,
        )
    console.print(table)
    for each in findings:
        if each.reason and each.result is not Outcome.KILLED:
            console.print(f"{each.id} {each.result.replace('_', ' ')}: {each.reason}")
    counts = {outcome: sum(each.result is outcome for each in findings) for outcome in Outcome}
    console.print(", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in counts.items() if count))


def show_ladder(climbs: list[Climb], console: Console) -> None:
    """How many are killed with each ability more."""
    tried = [each for each in climbs if each.tried]
    for rung in rungs():
        killed = sum(each.rung is not None and each.rung <= rung for each in tried)
        console.print(f"({rung}) {rung.sentence}: {killed} of {len(tried)}")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("bugs")
    def bugs(
        ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Default: the whole gallery.")] = None,
        driver: Annotated[Driver, typer.Option(help="Own scenarios, or the generic scopes.")] = Driver.DIRECTED,
        seed: SeedOption = 0,
        budget: BudgetOption = 60.0,
        ladder: Annotated[bool, typer.Option("--ladder", help="How many are killed with which ability.")] = False,
        json_to: JsonOption = None,
    ) -> None:
        """Plant real defects one by one and say which are noticed."""
        require_file(json_to)
        entries = chosen(ids or [])
        console = report_console()
        assert budget is not None, "it has a default"
        if ladder:
            climbs, early = _look(entries, lambda entry: climb(entry, seed=seed, budget=budget, walks=WALKS))
            rows = [{"id": each.id, "rung": each.rung, "tried": each.tried} for each in climbs]
            document = {"bugs": rows}
            code = Exit.HOLDS
        else:
            findings, early = _look(entries, lambda entry: hunt(entry, driver, seed=seed, budget=budget))
            document = as_json(findings)
            became = {finding.result for finding in findings}
            undetermined = Exit.UNDETERMINED if Outcome.UNDETERMINED in became else Exit.HOLDS
            code = Exit.VIOLATED if Outcome.SURVIVED in became else undetermined
        if json_to != STANDARD_OUTPUT and ladder:
            show_ladder(climbs, console)
        elif json_to != STANDARD_OUTPUT:
            show(findings, console)
            console.print(f"driver {driver}, seed {seed}, at most {budget:g} CPU seconds for each")
        if json_to is not None:
            write_json(document, json_to)
        if early:
            raise Interrupted(f"{len(climbs if ladder else findings)} of {len(entries)} entries were tried")
        raise typer.Exit(code)
