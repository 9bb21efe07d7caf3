"""Options that many commands share; each means the same wherever it stands."""

from __future__ import annotations

from pathlib import Path
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
MarkdownOption = Annotated[
    str | None, typer.Option("--markdown", metavar="FILE|-", help="Write the document instead.", show_default=False)
]

EngineOption = Annotated[
    Engine, typer.Option(help="How states are kept; auto takes whole states first, fingerprints for large scopes.")
]
StatesOption = Annotated[int, typer.Option(min=1, help="Cap; beyond it the answer is undetermined.")]
MemoryOption = Annotated[int, typer.Option(min=1, help="Cap in MB; beyond it the answer is undetermined.")]
BudgetOption = Annotated[
    float | None, typer.Option(min=0, help="Cap in seconds for each question; beyond it the answer is undetermined.")
]
"""CPU seconds of a search; of Z3, which has threads of its own, seconds on the clock."""

SEED_LIMIT = 2**31 - 1
SeedOption = Annotated[int, typer.Option(min=0, max=SEED_LIMIT, help="Seed of everything that is drawn.")]

OutOption = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where counterexamples and worst cases go.")]
OUT = Path("rayproof-out")

ClusterOption = Annotated[
    Path | None, typer.Option(metavar="RAYCLUSTER.yaml", help="For a recording: this cluster, not the recorded one.")
]
