"""The two engines of explore side by side: states a CPU second, memory, time to each planted bug, claims about runs."""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.plain_chain import PLAIN, plain_chain
from rayproof.model.gcs.chain.scenarios import chain
from rayproof.model.kernel import Explorer, Result, Scenario, explore
from rayproof.model.kernel.search.vector.search import VECTORISED, VectorExplorer
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import CATALOGUE, build
from rayproof.properties.gcs.chain.bugs import CHAIN_BUGS
from rayproof.properties.gcs.chain.statements import CHAIN

RUNS = 3
CONSOLE = Console()

SCOPES: dict[str, Callable[[], Scenario]] = {
    "chain-3-3-2": lambda: decidable(chain(3, 3, 2, CHAIN)),
    "chain-4-3-2": lambda: decidable(chain(4, 3, 2, CHAIN)),
    "cluster-3-3-1": lambda: decidable(build("cluster-3-3-1")),
    "cluster-3-4-1": lambda: decidable(build("cluster-3-4-1")),
    "cluster-3-3-1-messages": lambda: decidable(build("cluster-3-3-1-messages")),
}
"""What is explored, with the statements that both engines decide."""

MONITORED = ("cluster-3-3-1", "store-reader-dies", "today-crash")
"""Scopes with statements that ask for monitors."""

MONITOR_RUNS = 7
"""Pairs of runs of which the median ratio is taken: what is measured is not much larger than the noise."""

INTEGER_STATES = 2_000_000
"""Scopes with more states are left to the vectorised engine, and explored once."""


def decidable(scenario: Scenario) -> Scenario:
    """The scenario with the statements that the vectorised engine decides."""
    return replace(scenario, statements=tuple(s for s in scenario.statements if s.kind in VECTORISED))


def rates() -> None:
    """States a CPU second and bytes a state of both engines; the counts must agree."""
    table = Table(title="engines", box=None)
    for column in ("scope", "states", "transitions", "engine", "CPU s", "states/CPU s", "MB at the peak", "ratio"):
        table.add_column(column, justify="left" if column in ("scope", "engine") else "right")
    for name, make in SCOPES.items():
        found = VectorExplorer(make()).run()
        vector = [found]
        slow = 0.0
        if found.states <= INTEGER_STATES:
            vector += [VectorExplorer(make()).run() for _ in range(RUNS - 1)]
            integer = [Explorer(make()).run() for _ in range(RUNS)]
            assert (integer[0].states, integer[0].transitions) == (found.states, found.transitions)
            slow = median(result.cpu_s for result in integer)
            _row(table, name, integer[0], "integers", slow, peak_mb(name, "integers"), "")
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
        "kind = {'integers': Explorer, 'vector': VectorExplorer}[sys.argv[2]]\n"
        "kind(SCOPES[sys.argv[1]]()).run()\n"
        "print(peak() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, name, engine], capture_output=True, text=True, check=True)
    return float(done.stdout)


def monitors() -> None:
    """What each monitor costs: a scope with the statements that ask for it alone and without, in the same run."""
    table = Table(title="monitors", box=None)
    for column in ("scope", "monitor", "engine", "states with", "without", "CPU s with", "without", "cost"):
        table.add_column(column, justify="left" if column in ("scope", "monitor", "engine") else "right")
    for name in MONITORED:
        whole = decidable(build(name))
        silent = tuple(s for s in whole.statements if not s.monitors)
        plain = replace(whole, statements=silent)
        for monitor in dict.fromkeys(kind for s in whole.statements for kind in s.monitors):
            asking = tuple(s for s in whole.statements if set(s.monitors) == {monitor})
            with_it = replace(whole, statements=(*silent, *asking))
            for engine, kind in (("integers", Explorer), ("vector", VectorExplorer)):
                pairs = [(kind(with_it).run(), kind(plain).run()) for _ in range(MONITOR_RUNS)]
                more, less = (median(pair[i].cpu_s for pair in pairs) for i in (0, 1))
                cost = median(one.cpu_s / other.cpu_s for one, other in pairs) - 1
                states = f"{pairs[0][0].states:,}", f"{pairs[0][1].states:,}"
                table.add_row(
                    name, monitor.__name__, engine, *states, f"{more:.2f}", f"{less:.2f}", f"{100 * cost:+.0f} %"
                )
    CONSOLE.print(table, "\n")


def chain_bugs() -> None:
    """CPU seconds from nothing to each planted bug of the chain, by the engine that `verify` picks."""
    table = Table(title="planted bugs of the chain", box=None)
    for column in ("bug", "statement", "steps", "states", "CPU s"):
        table.add_column(column, justify="left" if column in ("bug", "statement") else "right")
    for bug in CHAIN_BUGS:
        started = time.process_time()
        found = explore(CATALOGUE[bug.scenario].build(None, bug.replaces))
        cpu = time.process_time() - started
        assert found.violation is not None, f"{bug.name} was not found"
        length = f"{len(found.violation.steps)}"
        table.add_row(bug.name, found.violation.statement, length, f"{found.states:,}", f"{cpu:.2f}")
    CONSOLE.print(table, "\n")


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


def spin() -> None:
    """The plain chain by SPIN, compiled, without its reductions, in the same run; the counts must be one apart.

    SPIN stores its process's very first step as a state of its own, and counts it and the one after as transitions.
    """
    if shutil.which("spin") is None or shutil.which("gcc") is None:
        CONSOLE.print("SPIN or gcc is not installed; nothing to compare with\n")
        return
    table = Table(title="SPIN", box=None)
    for column in ("scope", "states", "transitions", "tool", "CPU s", "states/CPU s", "MB"):
        table.add_column(column, justify="left" if column in ("scope", "tool") else "right")
    for writes, crashes in ((3, 1), (3, 2)):
        name = f"plain-chain-3-{writes}-{crashes}"
        ours = [VectorExplorer(plain_chain(3, writes, crashes, PLAIN)).run() for _ in range(RUNS)]
        cpu = median(result.cpu_s for result in ours)
        _tool(table, name, ours[0].states, ours[0].transitions, "rayproof", cpu, "")
        states, transitions, seconds, memory = _pan(writes, crashes)
        assert (states, transitions) == (ours[0].states + 1, ours[0].transitions + 2), "not the same protocol"
        _tool(table, name, states, transitions, "pan", seconds, f"{memory:.0f}")
        CONSOLE.print(f"{name}: {seconds / cpu:.2f} times the states a CPU second of SPIN, which checks no statement")
    CONSOLE.print(table, "\n")


def _tool(table: Table, name: str, states: int, transitions: int, tool: str, cpu: float, memory: str) -> None:
    table.add_row(name, f"{states:,}", f"{transitions:,}", tool, f"{cpu:.2f}", f"{states / cpu:,.0f}", memory)


def _pan(writes: int, crashes: int) -> tuple[int, int, float, float]:
    """States, transitions, CPU seconds (median) and MB of SPIN's verifier; compiling is not counted."""
    model = Path(__file__).with_name("chain.pml")
    with tempfile.TemporaryDirectory() as folder:
        run = partial(subprocess.run, cwd=folder, capture_output=True, text=True, check=True)
        run(["spin", f"-DW={writes}", f"-DF={crashes}", "-a", str(model)])
        run(["gcc", "-O2", "-DNOREDUCE", "-DSAFETY", "-DVECTORSZ=4096", "-o", "pan", "pan.c"])
        times = []
        for _ in range(RUNS):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = run(["./pan", "-m100000", "-E", "-w24"])
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    states = int(re.findall(r"(\d+) states, stored", done.stdout)[0])
    transitions = int(re.findall(r"(\d+) transitions", done.stdout)[0])
    memory = float(re.findall(r"([\d.]+)\s+total actual memory usage", done.stdout)[0])
    assert "errors: 0" in done.stdout
    return states, transitions, median(times), memory
