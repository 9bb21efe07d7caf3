"""Instances with published optima: what bounds close, what is proved, and that no proof contradicts a publication."""

from __future__ import annotations

import time
from collections.abc import Iterable

from benchmarks.solver.tables import seconds, table
from rayproof.solver.bounds import lower_bound
from rayproof.solver.engine import Limits
from rayproof.solver.makespan import Status, shortest_schedule
from rayproof.solver.readers import Published, job_shops, projects, task_graphs
from rayproof.solver.schedules import heft, upper_bound

LIMIT = 20.0
"""Seconds an instance."""


def run() -> Iterable[str]:
    """One table for bounds, one for proofs."""
    sets: dict[str, list[Published]] = {
        "STG": list(task_graphs()),
        "PSPLIB J30": list(projects()),
        "job shop ft06": [each for each in job_shops() if each.instance.name == "ft06"],
    }
    rows: list[tuple[object, ...]] = []
    for name, instances in sets.items():
        started = time.process_time()
        first = closed = 0
        for each in instances:
            bound = lower_bound(each.instance).value_us
            first += heft(each.instance).makespan(each.instance) == bound
            reached = upper_bound(each.instance, restarts=20, target=bound).makespan(each.instance)
            closed += reached == bound
            assert bound <= each.optimum <= reached, each.instance.name
        rows.append((name, len(instances), first, closed, seconds(time.process_time() - started)))
    yield table(
        "Bounds and heuristics alone",
        ("set", "instances", "closed by one list schedule", "closed with 20 restarts", "CPU s, whole set"),
        rows,
    )
    rows = []
    for name, instances in sets.items():
        for processes in (1, 2):
            times, proved = [], 0
            for each in instances:
                started = time.monotonic()
                found = shortest_schedule(each.instance, Limits(LIMIT), processes=processes)
                times.append(time.monotonic() - started)
                proved += found.status is Status.OPTIMAL
                assert found.lower.value_us <= each.optimum <= found.upper_us, each.instance.name
            rows.append((name, processes, f"{proved} of {len(instances)}", seconds(sum(times)), seconds(max(times))))
    yield table(f"Proved optimal, {LIMIT:g} s each", ("set", "processes", "proved", "s, whole set", "slowest s"), rows)
