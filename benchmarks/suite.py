"""`python -m benchmarks.suite`: model steps a CPU second on whole clusters, by bytes and by the readable machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from hypothesis import given, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from rich.console import Console
from rich.table import Table

from rayproof.properties.suite.byte_runs import Run, runs
from rayproof.properties.suite.drawn import from_bytes
from rayproof.properties.suite.drawn.cluster import WHOLE_CLUSTER
from rayproof.properties.suite.machine import FamilyMachine
from rayproof.properties.suite.shared import PATIENT, Suite, begin, present
from rayproof.properties.test_whole_cluster import SHAPE_BYTES

RUNS = 5
EXAMPLES = 1_000
MACHINES = 100


def by_bytes() -> None:
    """As `test_drawn_programs` does it, statements and all."""

    @seed(0)
    @settings(PATIENT, max_examples=EXAMPLES)
    @given(runs(SHAPE_BYTES, shortest=100))
    def run(drawn: Run) -> None:
        shape = WHOLE_CLUSTER.draw(from_bytes(drawn.shape))
        present().walked(WHOLE_CLUSTER.scenario(shape), drawn.schedule, drawn.faults, {"shape": shape})

    run()


def by_machine() -> None:
    """As `TestWholeCluster` does it."""

    class Machine(FamilyMachine):
        family = WHOLE_CLUSTER

    run_state_machine_as_test(
        seed(0)(Machine), settings=settings(PATIENT, max_examples=MACHINES, stateful_step_count=50)
    )


def measured(run: Callable[[], None]) -> tuple[int, int, float]:
    """Cases, steps and CPU seconds of one run."""
    begin(Suite())
    started = time.process_time()
    run()
    seconds = time.process_time() - started
    tallies = present().tallies.values()
    return sum(tally.cases for tally in tallies), sum(tally.steps for tally in tallies), seconds


def main() -> None:
    """Print the medians."""
    table = Table(title=f"whole-cluster, all statements, median of {RUNS}", box=None)
    for column in ("how", "cases", "steps", "CPU s", "steps/CPU s"):
        table.add_column(column, justify="left" if column == "how" else "right")
    for how, run in (("st.binary", by_bytes), ("stateful machine", by_machine)):
        cases, steps, _ = measured(run)
        rates = [made / seconds for _, made, seconds in (measured(run) for _ in range(RUNS))]
        table.add_row(how, f"{cases:,}", f"{steps:,}", f"{steps / median(rates):.2f}", f"{median(rates):,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
