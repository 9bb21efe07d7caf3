"""Instances for the solver from whatever describes a problem: an instance, a recording, a cluster, a scenario.

A recording or timeline becomes the relaxation of its program, on its own cluster or on that of a RayCluster manifest.
What is pending in it is asked of a second instance, in which every task is a request of its own and reserved bundles
hold what they reserve. Left out there: tasks that run and actors that live, since a recording has no one moment.

A scenario of the catalogue is named instead of a file. It has no durations, so each piece of computing takes one unit.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rayproof.check.simulation import Workload, prepare
from rayproof.clusters import Manifest, read_manifests
from rayproof.errors import InputError
from rayproof.model.graph import ClusterSpec, Compute, NodeAffinity, PlacementGroup, Program, TaskKind, TaskSpec
from rayproof.properties.catalogue import CATALOGUE
from rayproof.recordings import Recording
from rayproof.solver.instances import (
    Group,
    GroupStrategy,
    InfeasibleError,
    Instance,
    InstanceError,
    Node,
    Objective,
    Occupant,
    from_program,
)
from rayproof.solver.readers import read_instance
from rayproof.timelines import is_state
from rayproof.workloads import read_workload

RECORDING = ".jsonl"


def one_manifest(path: Path) -> Manifest:
    """The only cluster of a file. Raises `InputError` when there are several, or it has no nodes."""
    found = read_manifests(path)
    if len(found) > 1:
        names = ", ".join(manifest.cluster.name for manifest in found)
        raise InputError(path, None, f"{len(found)} clusters ({names})", "one cluster per run")
    if not found[0].cluster.nodes:
        name = found[0].cluster.name
        raise InputError(path, None, f"cluster {name} is suspended and has no nodes", "a cluster with nodes")
    return found[0]


def one_cluster(path: Path) -> ClusterSpec:
    """The cluster of `one_manifest`."""
    return one_manifest(path).cluster


def is_recording(path: Path) -> bool:
    """Whether a file holds a workload that ran: a recording, by its name, or a timeline, by what is inside."""
    return path.suffix.lower() == RECORDING or (path.suffix.lower() == ".json" and is_state(path))


def scenario_workload(path: Path) -> tuple[Program, ClusterSpec] | None:
    """The program and cluster of the scenario of that name; a file of the name goes before. None without one.

    Raises `InputError` for a scenario that is no program on a cluster.
    """
    entry = None if os.path.exists(path) else CATALOGUE.get(str(path))
    if entry is None:
        return None
    if entry.workload is None:
        known = ", ".join(name for name, each in CATALOGUE.items() if each.workload is not None)
        raise InputError(path, None, "this scenario is no program on a cluster", f"a file, or one of {known}")
    program, nodes = entry.workload
    return replace(program, tasks={name: _timed(task) for name, task in program.tasks.items()}), nodes


def _timed(task: TaskSpec) -> TaskSpec:
    body = tuple(Compute(max(1, each.duration_us)) if isinstance(each, Compute) else each for each in task.body)
    return replace(task, body=body if any(isinstance(each, Compute) for each in body) else (Compute(1), *body))


def recorded(path: Path, cluster: Path | None = None) -> Workload:
    """A recording on its own cluster or on that of a manifest. Raises `InputError`."""
    return prepare(read_workload(path), None if cluster is None else one_cluster(cluster))


def relaxed(workload: Workload) -> Instance:
    """The instance whose optimum no fault-free run of the workload can beat. Raises `InputError`."""
    return _relaxed(workload.recording.name, workload.unlowered, workload.cluster)


def _relaxed(name: str, program: Program, nodes: ClusterSpec) -> Instance:
    try:
        return from_program(program, nodes)
    except InfeasibleError as error:
        raise InputError(name, None, str(error), "a cluster that can run every task") from error
    except InstanceError as error:
        raise InputError(name, None, str(error), "a program and a cluster to bound") from error


def problem(path: Path, nodes: int = 4, cluster: Path | None = None) -> Instance:
    """The instance in a file of any known form, or of a named scenario. Raises `InputError` and `InstanceError`."""
    named = scenario_workload(path)
    if named is not None:
        program, own = named
        return _relaxed(str(path), program, own if cluster is None else one_cluster(cluster))
    if is_recording(path):
        return relaxed(recorded(path, cluster))
    if cluster is not None:
        raise InputError(path, None, "an instance has nodes of its own", "a recording (.jsonl) with --cluster")
    return read_instance(path, nodes)


def requests(path: Path, cluster: Path | None = None) -> Instance:
    """The instance in which `why` looks for what is pending. Raises `InputError` and `InstanceError`."""
    named = scenario_workload(path)
    if named is not None:
        program, own = named
        target = own if cluster is None else one_cluster(cluster)
        return Instance(
            name=str(path),
            nodes=_nodes(target),
            occupants=tuple(_tasks(program, target)),
            objective=Objective.PACKING,
        )
    if not is_recording(path):
        return problem(path, cluster=cluster)
    recording = read_workload(path)
    target = recording.cluster if cluster is None else one_cluster(cluster)
    return Instance(
        name=recording.name,
        nodes=_nodes(target),
        occupants=(*_bundles(recording, target), *_tasks(recording.program, target)),
        groups=tuple(
            Group(
                group.id,
                GroupStrategy(group.strategy),
                tuple(_bundle(group.id, at) for at in range(len(group.nodes))),
            )
            for group in recording.groups
        ),
        objective=Objective.PACKING,
    )


def _nodes(target: ClusterSpec) -> tuple[Node, ...]:
    return tuple(Node(node.id, node.total, node.labels) for node in target.nodes)


def _bundles(recording: Recording, target: ClusterSpec) -> Iterator[Occupant]:
    """Bundles where the recording reserved them, pending where it did not or the cluster is another."""
    own = target is recording.cluster
    for group in recording.groups:
        for at, (demand, node) in enumerate(zip(group.bundles, group.nodes, strict=True)):
            yield Occupant(_bundle(group.id, at), demand, node if own else None, movable=False)


def _bundle(group: str, at: int) -> str:
    return f"{group}[{at}]"


def _tasks(program: Program, target: ClusterSpec) -> Iterator[Occupant]:
    """Each task as a request on its own; left out are methods and tasks of bundles, which find their room reserved."""
    known = {node.id for node in target.nodes}
    for task in program.tasks.values():
        strategy = task.strategy
        if task.kind is TaskKind.ACTOR_METHOD or isinstance(strategy, PlacementGroup):
            continue
        hard = (strategy.node,) if isinstance(strategy, NodeAffinity) and not strategy.soft else ()
        yield Occupant(task.id, task.demand, allowed_nodes=hard if known.issuperset(hard) and hard else None)
