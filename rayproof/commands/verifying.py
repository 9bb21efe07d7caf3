"""`rayproof verify`: the scenarios of the catalogue, or of a file, against their statements."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from rayproof import outside, reducing, verify_report
from rayproof.commands.options import (
    OUT,
    BudgetOption,
    EngineOption,
    JsonOption,
    MemoryOption,
    OnlyOption,
    OutOption,
    ReduceOption,
    SeedOption,
    StatesOption,
)
from rayproof.console import report_console
from rayproof.counterexamples import kept
from rayproof.errors import InputError
from rayproof.exits import Interrupted
from rayproof.model.kernel import EXIT_CODES, Engine, Limits
from rayproof.progress import live
from rayproof.properties.catalogue import ENTRIES, Entry, Scope
from rayproof.targets import STANDARD_OUTPUT, require_file, require_folder, write_json
from rayproof.verify import NOTHING_OWED, as_json, exercised_by, require_planted, verdict_of, verify


class Driver(StrEnum):
    """How the next step is picked."""

    EXPLORE = "explore"
    WALK = "walk"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify")(verify_command)


def verify_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[COMPONENT|SCENARIO|FILE.py[:NAME]]...", help="Default: everything in the scope."),
    ] = None,
    scope: Annotated[Scope, typer.Option(help="How large.")] = Scope.TINY,
    driver: Annotated[Driver, typer.Option(help="Every step, or random ones.")] = Driver.EXPLORE,
    walks: Annotated[int, typer.Option(min=1, help="Walks per scenario, with --driver walk.")] = 1000,
    seed: SeedOption = 0,
    bug: Annotated[str | None, typer.Option(help="Plant a bug first (see `rayproof statements`).")] = None,
    engine: EngineOption = Engine.AUTO,
    reduce: ReduceOption = None,
    only: OnlyOption = None,
    max_states: StatesOption = Limits.states,
    max_memory: MemoryOption = Limits.memory_mb,
    budget: BudgetOption = None,
    out: OutOption = OUT,
    json_to: JsonOption = None,
) -> None:
    """Check the model's scenarios against their statements."""
    require_file(json_to)
    require_folder(out)
    entries = reducing.only(_entries(names or [], scope), only or [])
    if not entries:
        raise InputError("verify", None, f"there is no scenario of scope {scope}", "another --scope")
    reductions = reducing.wanted(reduce)
    if reductions and driver is not Driver.EXPLORE:
        raise InputError("--reduce", None, "walks know no reductions", "--driver explore")
    if bug is not None:
        require_planted(bug, entries)
    with live() as report:
        done = verify(
            entries,
            driver=driver,
            seed=seed,
            walks=walks,
            limits=Limits(max_states, max_memory, budget),
            bug=bug,
            on_progress=report,
            engine=engine,
            reductions=reductions,
        )
    files = [kept(v.trace, out) for v in done]
    # A planted bug puts other classes into the scopes; what they exercise says nothing about the model.
    found = NOTHING_OWED if bug is not None else exercised_by(done)
    if json_to != STANDARD_OUTPUT:
        verify_report.show(done, files, found, seed, report_console())
    if json_to is not None:
        write_json(as_json(done, files, scope, seed, found), json_to)
    if done and done[-1].interrupted:
        raise Interrupted(f"{len(done) - 1} of {len(entries)} scenarios were decided")
    raise typer.Exit(EXIT_CODES[verdict_of(done, found)])


def _entries(names: list[str], scope: Scope) -> list[Entry]:
    if not names:
        return [entry for entry in ENTRIES if entry.scope is scope]
    found = [entry for name in names for entry in outside.chosen(name, scope)]
    return [entry for number, entry in enumerate(found) if entry not in found[:number]]
