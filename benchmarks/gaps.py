"""`python -m benchmarks.gaps`: print the tables that docs/gaps.md quotes.

Every policy is run in the model, on generated families and on recordings of real Ray; the optimum is the solver's, or
for recordings that of the relaxation, so that a ratio there is an upper limit. Bytes moved are those of all copies made
between nodes.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from statistics import mean

from benchmarks.solver.tables import table
from rayproof.check.simulation import Workload
from rayproof.gaps.running import run_instance
from rayproof.gaps.workloads import run_workload
from rayproof.model.scheduler.policy.built_in import BUILT_IN, AlphaBeta
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.problems import recorded, relaxed
from rayproof.solver.engine import Limits
from rayproof.solver.instances import Instance
from rayproof.solver.instances.families import chains, fan_out, heterogeneous
from rayproof.solver.makespan import Makespan, Status, shortest_schedule

RECORDINGS = sorted((Path(__file__).resolve().parents[1] / "examples" / "recordings").glob("*.jsonl"))
LIMITS = Limits(60.0)
COUNT = 40
"""Instances of each generated family."""
WEIGHTS: Sequence[float] = (0, 0.25, 0.5, 1, 2, 4)
OPTIMUM = "optimum"
MEGABYTE = 1_000_000


@cache
def families() -> Mapping[str, tuple[tuple[Instance, Makespan], ...]]:
    """Generated instances with their optima; transfers about as long as tasks, so that the two goals pull apart."""
    made = {
        "fan-out": [fan_out(8, 2 + at % 3, at) for at in range(COUNT)],
        "chains": [chains(4, 3, 2 + at % 2, at) for at in range(COUNT)],
        "heterogeneous": [heterogeneous(10, 2 + at % 2, at) for at in range(COUNT)],
    }
    found = {}
    for family, instances in made.items():
        solved = tuple((instance, shortest_schedule(instance, LIMITS)) for instance in instances)
        assert all(best.status is Status.OPTIMAL for _, best in solved), f"{family}: raise the limits"
        found[family] = solved
    return found


@cache
def recordings() -> Mapping[str, tuple[Workload, Makespan]]:
    """Recorded workloads with the optimum of their relaxation, or its bound."""
    workloads = [recorded(path) for path in RECORDINGS]
    return {each.recording.name: (each, shortest_schedule(relaxed(each), LIMITS)) for each in workloads}


def on_instances(policy: Policy, family: str) -> tuple[list[float], int]:
    """The ratios to the optimum on a family, and all bytes moved."""
    ratios, moved = [], 0
    for instance, best in families()[family]:
        run = run_instance(instance, policy)
        ratios.append(run.makespan_us / best.upper_us)
        moved += run.bytes_moved
    return ratios, moved


def bytes_of_optimum(family: str) -> int:
    """Bytes that the optimal schedules found move: each object once to every other node that reads it."""
    total = 0
    for instance, best in families()[family]:
        sizes = {item.id: item.size_bytes for item in instance.objects}
        slots = best.schedule.slots
        copies = {
            (needed, slots[task.id].node)
            for task in instance.tasks
            for needed in task.inputs
            if slots[instance.producer[needed]].node != slots[task.id].node
        }
        total += sum(sizes[needed] for needed, _ in copies)
    return total


def policies_on_families() -> str:
    """Mean and worst ratio, and bytes moved, per policy and family."""
    rows = []
    for name, policy in BUILT_IN.items():
        cells = []
        for family in families():
            ratios, moved = on_instances(policy, family)
            cells += [f"{mean(ratios):.3f}", f"{max(ratios):.2f}", moved]
        rows.append([name, *cells])
    rows.append([OPTIMUM, *(cell for family in families() for cell in ("1", "1", bytes_of_optimum(family)))])
    header = ["policy", *(f"{family}: {what}" for family in families() for what in ("mean", "worst", "bytes"))]
    return table(f"Generated, {COUNT} instances each", header, rows)


def policies_on_recordings() -> str:
    """Ratio to the relaxation's optimum and megabytes moved, per policy and recording."""
    rows = []
    for name, policy in BUILT_IN.items():
        cells = []
        for workload, best in recordings().values():
            run = run_workload(workload, policy)
            cells += [f"{run.makespan_us / best.lower.value_us:.3f}", f"{run.bytes_moved / MEGABYTE:.1f}"]
        rows.append([name, *cells])
    recorded_runs = [
        (
            f"{workload.recording.outcome.makespan_us / best.lower.value_us:.3f}",
            f"{workload.recording.outcome.bytes_moved / MEGABYTE:.1f}",
        )
        for workload, best in recordings().values()
    ]
    rows.append(["recorded, with start-up", *(cell for pair in recorded_runs for cell in pair)])
    bounds = [
        (f"{best.lower.value_us / 1e6:.3f} s", "optimal" if best.status is Status.OPTIMAL else f"gap {best.gap:.1%}")
        for _, best in recordings().values()
    ]
    rows.append(["bound", *(cell for pair in bounds for cell in pair)])
    header = ["policy", *(cell for name in recordings() for cell in (name, "MB"))]
    return table("Recordings of real Ray", header, rows)


def heat_maps() -> Iterator[str]:
    """For each family one table: mean ratio and bytes moved over alpha (down) and beta (across)."""
    for family in families():
        rows = []
        for alpha in WEIGHTS:
            cells = []
            for beta in WEIGHTS:
                ratios, moved = on_instances(AlphaBeta(alpha, beta), family)
                cells.append(f"{mean(ratios):.3f} / {moved}")
            rows.append([f"alpha {alpha:g}", *cells])
        header = ["mean ratio / bytes", *(f"beta {beta:g}" for beta in WEIGHTS)]
        yield table(f"alpha * load + beta * locality, {family}", header, rows)


def heat_maps_of_recordings() -> Iterator[str]:
    """The same for the recordings that move anything: ratio to the bound, megabytes."""
    for name, (workload, best) in recordings().items():
        if max(item.size_bytes for item in workload.program.objects.values()) < MEGABYTE:
            continue
        rows = []
        for alpha in WEIGHTS:
            runs = [run_workload(workload, AlphaBeta(alpha, beta)) for beta in WEIGHTS]
            cells = [f"{run.makespan_us / best.lower.value_us:.3f} / {run.bytes_moved / MEGABYTE:.0f}" for run in runs]
            rows.append([f"alpha {alpha:g}", *cells])
        header = ["ratio / MB", *(f"beta {beta:g}" for beta in WEIGHTS)]
        yield table(f"alpha * load + beta * locality, {name}", header, rows)


def main() -> None:
    """Print all tables."""
    print(f"Python {platform.python_version()}, z3-solver {version('z3-solver')}")
    print(policies_on_recordings(), flush=True)
    print(policies_on_families(), flush=True)
    for text in (*heat_maps_of_recordings(), *heat_maps()):
        print(text, flush=True)


if __name__ == "__main__":
    main()
