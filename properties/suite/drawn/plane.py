"""Drawn object planes (edition `ray2`): nodes with small stores, workers that make and read, and what may fail."""

from __future__ import annotations

from dataclasses import replace

from rayproof.model.kernel import Scenario
from rayproof.model.objects.ray2.admission import PullClass
from rayproof.model.objects.ray2.scenarios import Plane, plane
from rayproof.model.objects.ray2.worker import Job
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.entry import Edition
from rayproof.properties.objects.ray2.statements import OBJECTS, no_create_abort_cycle
from rayproof.properties.suite.drawn.family import Family, Pick, Shape

CLAIMS = tuple(s for s in OBJECTS if s is not no_create_abort_cycle)
"""What is checked. That nothing half-written is given up twice is no claim where nodes die: it may be lost twice."""

NODES, WORKERS, OBJECTS_MADE = 3, 4, 4
"""The most of each."""
SIZES = (1, 1, 2, 3)
"""Units of an object."""


def draw_plane(pick: Pick) -> Shape:
    """Nodes, what each worker does on which of them, and what may fail.

    A worker reads only what others make before it in a fixed order, so that no program waits for itself.
    """
    nodes = 1 + pick(NODES)
    workers: list[dict[str, object]] = []
    sizes: dict[str, int] = {}
    for _ in range(2 + pick(WORKERS - 1)):
        jobs = []
        for _ in range(1 + pick(2)):
            reads = list(dict.fromkeys(list(sizes)[pick(len(sizes))] for _ in range(pick(3)))) if sizes else []
            makes = []
            for _ in range(pick(3) if reads else 1 + pick(2)):
                if len(sizes) < OBJECTS_MADE:
                    made = f"x{len(sizes)}"
                    sizes[made] = SIZES[pick(len(SIZES))]
                    makes.append(made)
            jobs.append({"reads": [there for there in reads if there not in makes], "makes": makes, "kind": pick(3)})
        workers.append({"node": pick(nodes), "jobs": jobs})
    units = [f"n{i}" for i in range(nodes)] if nodes > 1 and pick(2) else [f"worker{i}" for i in range(len(workers))]
    return {
        "capacities": [1 + pick(3) for _ in range(nodes)],
        "sizes": sizes,
        "workers": workers,
        "again": [there for there in sizes if pick(3) == 2],
        "crashable": [unit for unit in units if pick(2)] if pick(2) else [],
        "failing_writes": pick(3),
        "calls_take_time": bool(pick(2)),
    }


def build_plane(shape: Shape, policy: Policy | None, swap: Swap) -> Scenario:
    """The scenario of a drawn plane; there is no policy in it."""
    jobs = tuple(
        (
            worker["node"],
            tuple(
                Job(tuple(job["reads"]), tuple(job["makes"]), list(PullClass)[job["kind"]]) for job in worker["jobs"]
            ),
        )
        for worker in shape["workers"]
    )
    made = plane(
        OBJECT_PLANE.name,
        Plane(
            tuple(shape["capacities"]),
            shape["sizes"],
            # One more worker for each of these, so that none that makes something again waits for itself.
            (*jobs, *((0, ()) for _ in shape["again"])),
            again={there: (len(jobs) + number,) for number, there in enumerate(shape["again"])},
            crashes=tuple(shape["crashable"]),
            failing_writes=shape["failing_writes"],
            calls_take_time=shape["calls_take_time"],
            fallback=True,
        ),
        CLAIMS,
        swap,
    )
    return replace(made, constants={**made.constants, "program": _in_words(shape)})


def _in_words(shape: Shape) -> str:
    """What the workers do, on one line."""
    parts = []
    for number, worker in enumerate(shape["workers"]):
        jobs = ", ".join(f"({' '.join(job['reads'])}) -> {' '.join(job['makes'])}" for job in worker["jobs"])
        parts.append(f"worker{number} on n{worker['node']}: {jobs}")
    return "; ".join(parts)


OBJECT_PLANE = Family("object-plane", "objects", Edition.RAY2, draw_plane, build_plane)
"""Drawn programs on drawn stores."""
