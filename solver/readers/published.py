"""Instances that others published, and the optima they proved.

Compact JSON arrays, one instance a row, which stay outside the project: in `benchmarks/` of the directory that the
environment variable `RAYPROOF_SHARED_DATA` names, by default `../shared/data` beside the project.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rayproof.model.graph import Resources
from rayproof.solver.instances import Instance, InstanceError, Node, Objective, Occupant
from rayproof.solver.readers.literature import JobShop, Project, TaskGraph, Workflow

VARIABLE = "RAYPROOF_SHARED_DATA"
_PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Published:
    """An instance and its published optimal makespan, in the instance's own unit of time."""

    instance: Instance
    optimum: int


@dataclass(frozen=True)
class Bins:
    """One-dimensional bin packing; `optimum` bins where the source gives a value."""

    name: str
    capacity: int
    weights: tuple[int, ...]
    optimum: int | None


def directory() -> Path:
    """Where the compact sets are expected."""
    shared = os.environ.get(VARIABLE)
    return (Path(shared) if shared else _PROJECT.parent / "shared" / "data") / "benchmarks"


def task_graphs() -> Iterator[Published]:
    """The Standard Task Graph set: each graph on each number of processors with a published optimum."""
    for row in _rows("stg.json"):
        graph = TaskGraph(row["name"], tuple(row["dur"]), tuple(tuple(before) for before in row["pred"]))
        for machines, optimum in row["opt"].items():
            yield Published(graph.instance(int(machines)), optimum)


def projects() -> Iterator[Published]:
    """PSPLIB J30: resource-constrained projects of 30 activities, all optima proven."""
    for row in _rows("psplib_j30.json"):
        project = Project(
            row["name"],
            tuple(row["cap"]),
            tuple(row["dur"]),
            tuple(tuple(demand) for demand in row["dem"]),
            tuple(tuple(after) for after in row["succ"]),
        )
        yield Published(project.instance(), row["opt"])


def job_shops() -> Iterator[Published]:
    """Classic job shops, all closed."""
    for row in _rows("jsp.json"):
        operations = tuple(
            tuple(zip(machines, lengths, strict=True))
            for machines, lengths in zip(row["mach"], row["dur"], strict=True)
        )
        yield Published(JobShop(row["name"], operations).instance(), row["opt"])


def bins() -> Iterator[Bins]:
    """Bin packing of Falkenauer, Scholl and BPPLib."""
    for row in _rows("bpp.json"):
        yield Bins(row["name"], row["cap"], tuple(row["w"]), row["best"])


def workflows(nodes: int = 4, bandwidth_bytes_per_s: int = 125_000_000) -> Iterator[Instance]:
    """Recorded workflow runs, replanned on so many single-CPU nodes joined at this rate."""
    for row in _rows("wfinstances.json"):
        yield Workflow.from_row(row).instance(nodes, bandwidth_bytes_per_s)


def gpu_cluster(first: int, count: int) -> Instance:
    """Heterogeneous nodes of a GPU cluster trace (2023), and `count` of its pods from `first` on, all pending.

    Pods share a GPU in thousandths or take whole ones, and may name the GPU models they accept.
    """
    trace = _rows("alibaba_openb.json")[0]
    nodes = tuple(
        Node(name, Resources.of(CPU=milli / 1000, memory=mib, GPU=gpus), (("gpu", model),) if gpus else ())
        for name, milli, mib, gpus, model in trace["nodes"]
    )
    models = {node.id: dict(node.labels).get("gpu", "") for node in nodes}
    pods = []
    for name, milli, mib, gpus, gpu_milli, accepted, *_ in trace["pods"][first : first + count]:
        wanted = gpu_milli / 1000 if gpus == 1 else gpus
        allowed = tuple(node for node in models if models[node] in accepted.split("|")) if accepted else None
        pods.append(Occupant(name, Resources.of(CPU=milli / 1000, memory=mib, GPU=wanted), allowed_nodes=allowed))
    return Instance(nodes, occupants=tuple(pods), objective=Objective.PACKING, name=f"openb-{first}+{count}")


def _rows(name: str) -> list[dict[str, Any]]:
    path = directory() / name
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InstanceError(f"{path}: expected a published set here; {VARIABLE} names another directory") from error
    except json.JSONDecodeError as error:
        raise InstanceError(f"{path}: expected JSON: {error}") from error
    if not isinstance(found, list):
        raise InstanceError(f"{path}: expected an array of instances")
    return found
