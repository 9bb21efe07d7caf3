"""Options that many commands share: where a report goes, the engine and the caps."""

from __future__ import annotations

from typing import Annotated

import typer

from rayproof.model.kernel import Engine

ReduceOption = Annotated[
    str | None,
    typer.Option(
        "--reduce",
        metavar="auto|NAME,...",
        help="Leave out states: invisible, acknowledgements, symmetry; gated.",
    ),
]
OnlyOption = Annotated[
    list[str] | None, typer.Option("--only", metavar="STATEMENT", help="Check this statement alone; can be repeated.")
]

JsonOption = Annotated[
    str | None, typer.Option("--json", metavar="FILE|-", help="Write the report as JSON, to a file or standard output.")
]

EngineOption = Annotated[
    Engine, typer.Option(help="How states are kept; auto takes whole states first, fingerprints for large scopes.")
]
StatesOption = Annotated[int, typer.Option(min=1, help="Cap; beyond it the answer is undetermined.")]
MemoryOption = Annotated[int, typer.Option(min=1, help="Cap in MB.")]
BudgetOption = Annotated[float | None, typer.Option(min=0.001, help="Cap in CPU seconds per scenario.")]
