"""`rayproof bugs [ID...]`: which real defects the suite notices, planted one by one.

Exit codes: 0 when every entry that can be planted is killed, 1 when one survives, 2 for an id that does not exist.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rayproof.errors import InputError, expected_name
from rayproof.piped import width
from rayproof.properties.gallery.entries import GALLERY
from rayproof.properties.gallery.entry import GalleryEntry
from rayproof.properties.gallery.hunt import Driver, Finding, Outcome, hunt
from rayproof.properties.gallery.ladder import WALKS, Climb, climb, rungs

SURVIVED, INTERRUPTED = 1, 130

STYLES = {Outcome.KILLED: "green", Outcome.SURVIVED: "bold red", Outcome.KNOWN: "yellow"}

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


def _write(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, indent=1) + "\n")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("bugs")
    def bugs(
        ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Default: the whole gallery.")] = None,
        driver: Annotated[Driver, typer.Option(help="Own scenarios, or the generic scopes.")] = Driver.DIRECTED,
        seed: Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn.")] = 0,
        budget: Annotated[float, typer.Option(min=0.001, help="CPU seconds for each entry.")] = 60.0,
        ladder: Annotated[bool, typer.Option("--ladder", help="How many are killed with which ability.")] = False,
        in_json: Annotated[bool, typer.Option("--json", help="Machine-readable, on standard output.")] = False,
    ) -> None:
        """Plant real defects one by one and say which are noticed."""
        entries = chosen(ids or [])
        console = Console(highlight=False, width=width())
        if ladder:
            climbs, early = _look(entries, lambda entry: climb(entry, seed=seed, budget=budget, walks=WALKS))
            if in_json:
                _write({"bugs": [{"id": each.id, "rung": each.rung, "tried": each.tried} for each in climbs]})
            else:
                show_ladder(climbs, console)
            failed = False
        else:
            findings, early = _look(entries, lambda entry: hunt(entry, driver, seed=seed, budget=budget))
            if in_json:
                _write(as_json(findings))
            else:
                show(findings, console)
                console.print(f"driver {driver}, seed {seed}, at most {budget:g} CPU seconds for each")
            failed = any(finding.result is Outcome.SURVIVED for finding in findings)
        if early:
            print("interrupted: the rest was not tried", file=sys.stderr)
            raise typer.Exit(INTERRUPTED)
        raise typer.Exit(SURVIVED if failed else 0)
