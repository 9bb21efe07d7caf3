"""`rayproof golden POLICY`: a policy's answers as a table that a C++ unit test can replay."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from rayproof.errors import InputError
from rayproof.golden import golden_table
from rayproof.model.kernel import PolicyError
from rayproof.policies import load_policy


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("golden")
    def golden(
        policy: Annotated[str, typer.Argument(help="A built-in name, a .py file or module:Class.")],
        rows: Annotated[int, typer.Option(min=1, help="Decisions.")] = 100,
        nodes: Annotated[int, typer.Option(min=1, help="Nodes of each view.")] = 4,
        seed: Annotated[int, typer.Option(min=0, help="Seed of the views.")] = 0,
        json_to: Annotated[str, typer.Option("--json", metavar="FILE|-", help="Where to write it.")] = "-",
    ) -> None:
        """Write the answers of a policy as a decision table, to be replayed by tests in another language."""
        loaded = load_policy(policy)
        try:
            table = golden_table(loaded.policy, rows, seed, nodes)
        except PolicyError as error:
            raise InputError(policy, None, str(error), "a policy that answers every question") from None
        except Exception as error:
            what = f"{loaded.name} raised {type(error).__name__}: {error}"
            raise InputError(policy, None, what, "a policy that answers every question") from error
        text = json.dumps(table, indent=1) + "\n"
        if json_to == "-":
            sys.stdout.write(text)
            return
        try:
            Path(json_to).write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(json_to, None, error.strerror or str(error), "a file that can be written") from None
