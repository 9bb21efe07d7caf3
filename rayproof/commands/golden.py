"""`rayproof golden POLICY`: a policy's answers as a table that a C++ unit test can replay."""

from __future__ import annotations

from typing import Annotated

import typer

from rayproof.commands.options import SeedOption
from rayproof.console import json_text, say
from rayproof.errors import InputError
from rayproof.golden import golden_table
from rayproof.policies import load_policy
from rayproof.targets import STANDARD_OUTPUT, require_file, write_text

MOST_ROWS, MOST_NODES, MOST_VIEWS = 100_000, 1_000, 1_000_000
"""Caps on decisions, on nodes of a view, and on their product: every row lists every node."""


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("golden")
    def golden(
        policy: Annotated[str, typer.Argument(help="A built-in name, a .py file or module:Class.")],
        rows: Annotated[int, typer.Option(min=1, max=MOST_ROWS, help="Decisions.")] = 100,
        nodes: Annotated[int, typer.Option(min=1, max=MOST_NODES, help="Nodes of each view.")] = 4,
        seed: SeedOption = 0,
        json_to: Annotated[str, typer.Option("--json", metavar="FILE|-", help="Where to write it.")] = STANDARD_OUTPUT,
    ) -> None:
        """Write the answers of a policy as a decision table, to be replayed by tests in another language."""
        require_file(json_to, policy)
        if rows * nodes > MOST_VIEWS:
            raise InputError(
                "--rows", None, f"{rows:,} rows of {nodes:,} nodes", f"at most {MOST_VIEWS:,} nodes in all"
            )
        table = golden_table(load_policy(policy).policy, rows, seed, nodes)
        write_text(json_text(table), json_to)
        if json_to != STANDARD_OUTPUT:
            say(f"{json_to}: {rows} rows")
