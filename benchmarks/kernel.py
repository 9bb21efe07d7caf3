"""How fast the kernel's drivers are, beside minicheck on the same protocol in the same run."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from random import Random
from statistics import median
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from rich.console import Console
from rich.table import Table

from benchmarks import minicheck_chain
from benchmarks.plain_chain import plain_chain
from rayproof.model.cluster.paper import ClusterParameters, assemble
from rayproof.model.gcs.chain.scenarios import chain
from rayproof.model.graph import ClusterSpec, Compute, Get, NodeSpec, ObjectSpec, Program, Resources, Submit, TaskSpec
from rayproof.model.kernel import (
    SCHEDULE_BYTES,
    Explorer,
    Result,
    Scenario,
    Simulation,
    Statement,
    Timing,
    campaign,
    explore,
    walk,
)
from rayproof.model.scheduler.policy.built_in import BUILT_IN
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import build
from rayproof.properties.suite.byte_runs import Run, runs

RUNS = 3
WALK_CPU_S = 2.0
CONSOLE = Console()


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    """A result and the CPU seconds it took."""
    started = time.process_time()
    result = run()
    return result, time.process_time() - started


def explore_rates() -> None:
    """States and transitions a CPU second on chains and clusters, the memory of one, and the ratio to minicheck."""
    table = Table(title="explore", box=None)
    for column in ("scope", "states", "transitions", "CPU s", "states/CPU s", "transitions/CPU s"):
        table.add_column(column, justify="left" if column == "scope" else "right")
    cases = [("chain 3-3-2", lambda: chain(3, 3, 2)), ("cluster-3-3-1", lambda: build("cluster-3-3-1"))]
    ours = 0.0
    for name, scenario in cases:
        runs = [timed(partial(_explored, scenario)) for _ in range(RUNS)]
        seconds = median(cpu for _, cpu in runs)
        result = runs[0][0]
        ours = ours or result.states / seconds
        table.add_row(
            name,
            f"{result.states:,}",
            f"{result.transitions:,}",
            f"{seconds:.2f}",
            f"{result.states / seconds:,.0f}",
            f"{result.transitions / seconds:,.0f}",
        )
    states, seconds = _minicheck()
    table.add_row("plain chain 3-3-1, minicheck", f"{states:,}", "", f"{seconds:.2f}", f"{states / seconds:,.0f}", "")
    same, cpu = timed(lambda: explore(plain_chain(3, 3, 1)))
    assert same.states == states, f"not the same protocol: {same.states} and {states} states"
    table.add_row(
        "plain chain 3-3-1", f"{same.states:,}", f"{same.transitions:,}", f"{cpu:.2f}", f"{same.states / cpu:,.0f}", ""
    )
    CONSOLE.print(table)
    CONSOLE.print(f"ratio to minicheck on the plain chain 3-3-1, states a CPU second: {seconds / cpu:.1f}")
    CONSOLE.print(
        f"memory of explore, chain 3-3-2: {_bytes_a_state():.0f} bytes a state (peak resident, less start-up)\n"
    )


def _minicheck() -> tuple[int, float]:
    import minicheck

    # World has exactly the fields that minicheck wants by name; transitions are (label, next state) pairs.
    protocol = minicheck.Protocol(
        name="chain",
        candidate=False,
        fields=minicheck_chain.World._fields,
        initial=minicheck_chain.initial(3, 3, 1),
        transitions=lambda world: [("step", following) for following in minicheck_chain.successors(world)],
        invariants={"answers are few": lambda world: len(world["client"][3]) <= 3},
    )
    result, seconds = timed(lambda: minicheck.check_safety(protocol, max_states=10**7))
    assert result["exhaustive"]
    return int(result["reachable_states"]), seconds


def _bytes_a_state() -> float:
    # A process of its own, read from its own high-water mark: the one of getrusage survives the fork.
    program = (
        "from pathlib import Path\n"
        "from rayproof.model.gcs.chain.scenarios import chain\n"
        "from rayproof.model.kernel import explore\n"
        "def peak():\n"
        "    lines = Path('/proc/self/status').read_text().splitlines()\n"
        "    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith('VmHWM'))\n"
        "explore(chain(3, 2, 1))\n"
        "before = peak()\n"
        "states = explore(chain(3, 3, 2)).states\n"
        "print((peak() - before) / states)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout)


def walk_rates() -> None:
    """Steps a CPU second, plain and through Hypothesis, with and without statements."""
    table = Table(title="walk, cluster-3-3-1", box=None)
    for column in ("how", "steps", "CPU s", "steps/CPU s"):
        table.add_column(column, justify="left" if column == "how" else "right")
    scenario = build("cluster-3-3-1")
    for how, statements in (("plain, all statements", scenario.statements), ("plain, no statements", ())):
        walked = [timed(partial(_walked, scenario, tuple(statements))) for _ in range(RUNS)]
        _row(table, how, walked)
    drawn = [timed(lambda: _through_hypothesis(scenario)) for _ in range(RUNS)]
    _row(table, "st.binary, all statements", drawn)
    CONSOLE.print(table, "\n")


def _explored(make: Callable[[], Scenario]) -> Result:
    return explore(make())


def _walked(scenario: Scenario, statements: tuple[Statement, ...]) -> int:
    return campaign(scenario, 400, 1, statements).transitions


def _row(table: Table, how: str, runs: list[tuple[int, float]]) -> None:
    seconds = median(cpu for _, cpu in runs)
    table.add_row(how, f"{runs[0][0]:,}", f"{seconds:.2f}", f"{runs[0][0] / seconds:,.0f}")


def _through_hypothesis(scenario: Scenario) -> int:
    steps = 0

    @settings(
        max_examples=400,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(runs(shortest=120, longest=SCHEDULE_BYTES))
    def run(drawn: Run) -> None:
        nonlocal steps
        steps += len(walk(scenario, drawn.schedule, drawn.faults).steps)

    run()
    return steps


def random_graph(tasks: int, seed: int) -> Program:
    """Tasks of 10 to 100 ms with up to two inputs among the 500 before them; the last needs the 50 before it."""
    random = Random(seed)
    inputs = [
        sorted({random.randrange(max(0, t - 500), t) for _ in range(random.randrange(3))}) if t else []
        for t in range(tasks)
    ]
    inputs[-1] = list(range(max(0, tasks - 50), tasks - 1))
    made = {
        f"t{t}": TaskSpec(
            f"t{t}", tuple(f"o{i}" for i in inputs[t]), (f"o{t}",), body=(Compute(random.randrange(10_000, 100_000)),)
        )
        for t in range(tasks)
    }
    objects = {f"o{t}": ObjectSpec(f"o{t}") for t in range(tasks)}
    return Program(made, objects, (*(Submit(task) for task in made), Get((f"o{tasks - 1}",))))


def simulate_rates() -> None:
    """Events a CPU second at 250 raylets and 10,000 tasks, by policy."""
    table = Table(title="simulate, 250 raylets, 10,000 tasks", box=None)
    for column in ("policy", "events", "CPU s", "events/CPU s", "makespan s"):
        table.add_column(column, justify="left" if column == "policy" else "right")
    program = random_graph(10_000, 1)
    nodes = ClusterSpec(tuple(NodeSpec(f"n{i}", Resources.of(CPU=1)) for i in range(250)))
    for name, policy in BUILT_IN.items():
        parameters = ClusterParameters(policy=policy, threshold=2, timing=Timing(jitter_us=500), task_us=50_000)
        runs = []
        for _ in range(RUNS):
            simulation = Simulation(assemble("bench", program, nodes, parameters), 1)
            runs.append(timed(simulation.run))
        seconds = median(cpu for _, cpu in runs)
        result = runs[0][0]
        table.add_row(
            name,
            f"{result.events:,}",
            f"{seconds:.2f}",
            f"{result.events / seconds:,.0f}",
            f"{result.now_us / 1e6:.2f}",
        )
    CONSOLE.print(table)
    CONSOLE.print("an event is one message or timer handled, those over immediate links included\n")


def bugs() -> None:
    """Time to each planted bug, exhaustively and by walks, which give up after some seconds."""
    table = Table(title="planted bugs", box=None)
    for column in ("bug", "statement", "states", "explore CPU s", "length", "walks", "walk CPU s"):
        table.add_column(column, justify="left" if column in ("bug", "statement") else "right")
    for bug in BUGS.values():
        scenario = build(bug.scenario, swap=bug.replaces)
        named = tuple(s for s in scenario.statements if s.name == bug.statement)
        explorer = Explorer(scenario, named)
        found, cpu = timed(explorer.run)
        walked = campaign(scenario, 1000, 1, named, cpu_s=WALK_CPU_S)
        table.add_row(
            bug.name,
            bug.statement,
            f"{found.states:,}",
            f"{cpu:.2f}",
            str(len(found.violation.steps)) if found.violation else "not found",
            str(walked.walks) if walked.violation else "not found",
            f"{walked.cpu_s:.2f}",
        )
    CONSOLE.print(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    CONSOLE.print(f"peak resident memory of this process: {peak} MB\n")
