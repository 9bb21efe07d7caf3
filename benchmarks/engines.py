"""The two engines of explore side by side: states a CPU second, memory, time to each planted bug, claims about runs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

from rich.console import Console
from rich.table import Table

from model.gcs.scenarios import chain
from model.kernel import Result, Scenario
from model.kernel.explore import Explorer
from model.kernel.vector.search import VECTORISED, VectorExplorer
from properties.bugs import BUGS
from properties.catalogue import CATALOGUE, build
from properties.statements.chain import CHAIN

RUNS = 3
CONSOLE = Console()

SCOPES: dict[str, Callable[[], Scenario]] = {
    "chain-3-3-2": lambda: chain(3, 3, 2, CHAIN),
    "chain-4-3-2": lambda: chain(4, 3, 2, CHAIN),
    "cluster-3-3-1": lambda: decidable(build("cluster-3-3-1")),
    "cluster-3-4-1": lambda: decidable(build("cluster-3-4-1")),
    "cluster-3-3-1-messages": lambda: decidable(build("cluster-3-3-1-messages")),
}
"""What is explored, with the statements that both engines decide."""

INTEGER_STATES = 2_000_000
"""Scopes with more states are left to the vectorised engine."""


def decidable(scenario: Scenario) -> Scenario:
    """The scenario with the statements that the vectorised engine decides."""
    return replace(scenario, statements=tuple(s for s in scenario.statements if s.kind in VECTORISED))


def rates() -> None:
    """States a CPU second and bytes a state of both engines; the counts must agree."""
    table = Table(title="engines", box=None)
    for column in ("scope", "states", "transitions", "engine", "CPU s", "states/CPU s", "MB at the peak", "ratio"):
        table.add_column(column, justify="left" if column in ("scope", "engine") else "right")
    for name, make in SCOPES.items():
        vector = [VectorExplorer(make()).run() for _ in range(RUNS)]
        found = vector[0]
        slow = 0.0
        if found.states <= INTEGER_STATES:
            integer = [Explorer(make()).run() for _ in range(RUNS)]
            assert (integer[0].states, integer[0].transitions) == (found.states, found.transitions)
            slow = median(result.cpu_s for result in integer)
            _row(table, name, integer[0], "integer", slow, peak_mb(name, "integer"), "")
        quick = median(result.cpu_s for result in vector)
        ratio = f"{slow / quick:.1f}" if slow else ""
        _row(table, name, found, "vector", quick, peak_mb(name, "vector"), ratio)
    CONSOLE.print(table, "\n")


def _row(table: Table, name: str, result: Result, engine: str, cpu: float, peak: float, ratio: str) -> None:
    counts = f"{result.states:,}", f"{result.transitions:,}"
    table.add_row(name, *counts, engine, f"{cpu:.2f}", f"{result.states / cpu:,.0f}", f"{peak:.0f}", ratio)


def peak_mb(name: str, engine: str) -> float:
    """Peak resident memory of one exploration in a process of its own, less what it needs to start."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from benchmarks.engines import SCOPES, Explorer, VectorExplorer\n"
        "def peak():\n"
        "    lines = Path('/proc/self/status').read_text().splitlines()\n"
        "    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith('VmHWM'))\n"
        "before = peak()\n"
        "kind = {'integer': Explorer, 'vector': VectorExplorer}[sys.argv[2]]\n"
        "kind(SCOPES[sys.argv[1]]()).run()\n"
        "print(peak() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, name, engine], capture_output=True, text=True, check=True)
    return float(done.stdout)


def bugs() -> None:
    """CPU seconds from nothing to the first violation of each planted bug, with the length of the trace."""
    table = Table(title="planted bugs", box=None)
    for column in ("bug", "statement", "steps", "integer CPU s", "vector CPU s"):
        table.add_column(column, justify="right" if "CPU" in column or column == "steps" else "left")
    for bug in BUGS.values():
        scenario = CATALOGUE[bug.scenario].build(None, bug.replaces)
        integer = Explorer(scenario).run()
        assert integer.violation is not None, f"{bug.name} was not found"
        vector = VectorExplorer(decidable(scenario)).run()
        quick = f"{vector.cpu_s:.2f}" if vector.violation is not None else "claim about runs"
        steps = f"{len(integer.violation.steps)}"
        table.add_row(bug.name, integer.violation.statement, steps, f"{integer.cpu_s:.2f}", quick)
    CONSOLE.print(table, "\n")


def runs() -> None:
    """What claims about runs add to an exploration: the graph, and each decision."""
    table = Table(title="claims about runs", box=None)
    for column in ("scope", "states", "transitions", "without, CPU s", "with, CPU s"):
        table.add_column(column, justify="left" if column == "scope" else "right")
    for name in ("chain-3-3-1", "cluster-3-3-1"):
        without = Explorer(decidable(build(name))).run()
        started = time.process_time()
        complete = Explorer(build(name)).run()
        cpu = time.process_time() - started
        assert complete.states == without.states
        table.add_row(name, f"{without.states:,}", f"{without.transitions:,}", f"{without.cpu_s:.2f}", f"{cpu:.2f}")
    CONSOLE.print(table, "\n")
