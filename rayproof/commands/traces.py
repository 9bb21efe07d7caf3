"""`rayproof replay` and `rayproof show`: a counterexample carried out again, or printed as it was recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from rayproof.commands import follow
from rayproof.commands.options import JsonOption
from rayproof.console import report_console, say
from rayproof.counterexamples import Trust, load, shown
from rayproof.errors import InputError
from rayproof.model.kernel import EXIT_CODES, Verdict, listed
from rayproof.targets import STANDARD_OUTPUT, require_file, write_json
from rayproof.verify import versions

TrustOption = Annotated[
    bool, typer.Option("--trust", help="Run the policy that the trace names: a program of whoever wrote the trace.")
]
InsteadOption = Annotated[
    str | None, typer.Option("--policy", metavar="NAME|FILE.py|module:Class", help="This policy, not the trace's.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("replay")(replay_command)
    app.command("show")(show_command)


def replay_command(
    file: Annotated[Path, typer.Argument(metavar="TRACE", help="A counterexample that rayproof has written.")],
    trust: TrustOption = False,
    policy: InsteadOption = None,
    json_to: JsonOption = None,
) -> None:
    """Carry a counterexample out again, step by step; exit code 1 when something is still broken."""
    require_file(json_to, file, policy)
    trace = load(file)
    again = shown(trace, file, Trust(trust, policy))
    verdict = Verdict.HOLDS if again.broken is None else Verdict.VIOLATED
    if json_to != STANDARD_OUTPUT:
        say(again.text, end="")
    if json_to is not None:
        document = {"verdict": verdict, "confirmed": again.confirmed, "broken": again.broken}
        write_json(document | {"trace": json.loads(trace.to_json()), "versions": versions()}, json_to)
    raise typer.Exit(EXIT_CODES[verdict])


def show_command(
    file: Annotated[Path, typer.Argument(metavar="TRACE", help="A counterexample that rayproof has written.")],
    follow_id: Annotated[
        str | None, typer.Option("--follow", metavar="ID", help="The path of one task or call, from submit to result.")
    ] = None,
    trust: TrustOption = False,
    policy: InsteadOption = None,
    json_to: JsonOption = None,
) -> None:
    """Print a counterexample as it was recorded, without carrying it out unless an id is followed."""
    require_file(json_to, file, policy)
    trace = load(file)
    if follow_id is None and (trust or policy is not None):
        raise InputError("--trust" if trust else "--policy", None, "nothing is run", "--follow beside it")
    route = None if follow_id is None else follow.follow(trace, file, follow_id, Trust(trust, policy))
    if json_to != STANDARD_OUTPUT:
        say(listed(trace) if route is None else follow.as_text(route, report_console().width), end="")
    if json_to is not None:
        write_json(json.loads(trace.to_json()) if route is None else follow.as_json(route), json_to)
