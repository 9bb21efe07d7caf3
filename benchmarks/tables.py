"""`python -m benchmarks tables`: what is remembered of handlers, and how often it is used again."""

from __future__ import annotations

from collections import Counter, defaultdict
from statistics import median

from rich.console import Console
from rich.table import Table

from rayproof.model.kernel import Explorer
from rayproof.model.kernel.relation.composing import Composer
from rayproof.model.kernel.search.vector.search import VECTORISED
from rayproof.properties.catalogue import build

SCOPES = (
    "chain-3-2-1",
    "chain-3-3-1",
    "today-crash",
    "sched-replicas",
    "cluster-3-3-1",
    "cluster-chain",
    "ray2-lost-argument",
)
"""The chain, the raylet, the scheduler, and clusters of both editions."""


class Counting:
    """Counts how often the result of a handler goes into a step that is put together."""

    def __init__(self) -> None:
        self.used = 0
        self._with_call = Composer._with_call

    def __enter__(self) -> Counting:
        def with_call(composer: Composer, *arguments: object) -> object:
            self.used += 1
            return self._with_call(composer, *arguments)  # type: ignore[arg-type]

        Composer._with_call = with_call  # type: ignore[method-assign, assignment]
        return self

    def __exit__(self, *_: object) -> None:
        Composer._with_call = self._with_call  # type: ignore[method-assign]


def rates() -> None:
    """Per scope: transitions, steps put together, calls remembered; and the states of single processes."""
    table = Table(title="remembered handlers", box=None)
    for column in ("scope", "states", "transitions", "whole steps", "single calls", "fewer by", "hit rate"):
        table.add_column(column, justify="left" if column == "scope" else "right", no_wrap=True)
    classes: dict[str, list[int]] = defaultdict(list)
    calls: Counter[str] = Counter()
    for name in SCOPES:
        scenario = build(name)
        decided = [s for s in scenario.statements if s.kind in VECTORISED]
        with Counting() as counted:
            explorer = Explorer(scenario, decided)
            result = explorer.run()
        interner = explorer.transitions.interner
        remembered = Counter(column for column, *_ in interner.remembered())
        single = sum(remembered.values())
        for i in range(len(interner.slots)):
            kind = type(interner.locals[i][0].process).__name__
            classes[kind].append(len(interner.locals[i]))
            calls[kind] = max(calls[kind], remembered[i])
        table.add_row(
            name,
            f"{result.states:,}",
            f"{result.transitions:,}",
            f"{counted.used:,}",
            f"{single:,}",
            f"{counted.used / single:.1f}",
            f"{1 - single / result.transitions:.1%}",
        )
    console = Console()
    console.print(table, "\n")
    table = Table(title="states of one process", box=None)
    for column in ("class", "slots", "median", "largest", "most calls remembered of one"):
        table.add_column(column, justify="left" if column == "class" else "right")
    for kind, sizes in sorted(classes.items(), key=lambda item: -max(item[1])):
        table.add_row(kind, str(len(sizes)), f"{median(sizes):,.0f}", f"{max(sizes):,}", f"{calls[kind]:,}")
    console.print(table, "\n")
