"""`rayproof scenarios`, `statements`, `policies` and `traceability`: what there is."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from rayproof import outside
from rayproof.commands import statements_table, traceability
from rayproof.commands.options import JsonOption, MarkdownOption
from rayproof.console import report_console, say
from rayproof.errors import InputError, expected_name
from rayproof.model.scheduler.policy.built_in import BUILT_IN
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import ENTRIES
from rayproof.targets import STANDARD_OUTPUT, require_file, write_json, write_text


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("scenarios")(scenarios_command)
    app.command("statements")(statements_command)
    app.command("policies")(policies_command)
    app.command("traceability")(traceability_command)


def _write_page(text: str, target: str) -> None:
    """A document that is all the command has to say."""
    write_text(text, target)
    if target != STANDARD_OUTPUT:
        say(f"wrote {target}")


def _listing(rows: list[dict[str, Any]], columns: tuple[str, ...], json_to: str | None) -> None:
    require_file(json_to)
    if json_to is not None:
        write_json(rows, json_to)
    if json_to == STANDARD_OUTPUT:
        return
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row[column])) for column in columns))
    report_console().print(table)


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={each}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def scenarios_command(json_to: JsonOption = None) -> None:
    """List the scenarios that can be verified."""
    require_file(json_to)
    rows = []
    for entry in (*ENTRIES, *outside.offered()):
        scenario = entry.build(None, {})
        rows.append(
            {
                "name": entry.name,
                "component": entry.component,
                "edition": entry.edition,
                "scope": entry.scope,
                "constants": dict(scenario.constants),
                "statements": [statement.name for statement in scenario.statements],
                "takes_policy": entry.takes_policy,
            }
        )
    _listing(rows, ("name", "component", "edition", "scope", "constants"), json_to)


def traceability_command(markdown_to: MarkdownOption = None) -> None:
    """Say what each process and handler of the model stands for."""
    require_file(markdown_to)
    _write_page(traceability.markdown(), markdown_to or "-")


def statements_command(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="All that is known of one.")] = None,
    json_to: JsonOption = None,
    markdown_to: MarkdownOption = None,
) -> None:
    """List the statements, where they are checked and which planted bug each must notice."""
    require_file(markdown_to)
    require_file(json_to)
    if name is not None:
        said = statements_table.described(name)
        if not said:
            known = [row.statement.name for row in statements_table.rows()]
            expected = expected_name(name, known, "one that `rayproof statements` lists")
            raise InputError("NAME", None, f"unknown statement {name!r}", expected)
        _write_page(said, "-")
        return
    if markdown_to is not None:
        _write_page(statements_table.markdown(), markdown_to)
        return
    found: dict[str, dict[str, Any]] = {}
    for entry in ENTRIES:
        for statement in entry.build(None, {}).statements:
            row = found.setdefault(
                statement.name,
                {
                    "name": statement.name,
                    "kind": statement.kind,
                    "sentence": statement.sentence,
                    "source": statement.source,
                    "editions": [],
                    "scenarios": [],
                    "bugs": [bug.name for bug in BUGS.values() if bug.statement == statement.name],
                },
            )
            row["scenarios"].append(entry.name)
            if entry.edition not in row["editions"]:
                row["editions"].append(entry.edition)
    _listing(list(found.values()), ("name", "kind", "editions", "sentence", "bugs"), json_to)


def policies_command(json_to: JsonOption = None) -> None:
    """List the built-in policies."""
    rows = [
        {"name": name, "sentence": (type(policy).__doc__ or "").partition("\n")[0], "class": type(policy).__name__}
        for name, policy in BUILT_IN.items()
    ]
    _listing(rows, ("name", "sentence"), json_to)
