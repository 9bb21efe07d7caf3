"""Scopes of leases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from rayproof.model.graph import Resources, TaskId
from rayproof.model.kernel import FaultKind, LinkKind, LinkRule, Process, Scenario, Slot, Statement
from rayproof.model.scheduler.ray2.leases.bundled import GROUP, BundleRaylet
from rayproof.model.scheduler.ray2.leases.owner import Owner
from rayproof.model.scheduler.ray2.leases.protocol import SchedulingClass
from rayproof.model.scheduler.ray2.leases.raylet import SYNC, LeaseRaylet
from rayproof.model.scheduler.ray2.leases.worker import LeasedWorker, NestingWorker
from rayproof.model.swap import Swap


def lease_scope(
    name: str,
    classes: tuple[SchedulingClass, ...],
    nodes: tuple[Resources, ...],
    statements: tuple[Statement, ...] = (),
    *,
    crashes: int = 0,
    duplicates: int = 0,
    drains: tuple[int, ...] = (),
    workers: int = 1,
    most_requests: int = 2,
    children: Mapping[TaskId, TaskId] | None = None,
    swap: Swap | None = None,
) -> Scenario:
    """One owner on node 0 with tasks of some classes.

    `drains`: nodes that an operator drains at any moment. `children`: tasks whose body submits another and gets its
    result. `workers`: on each node.
    """
    kinds = swap or {}
    known = MappingProxyType({each.id: each for each in classes})
    order = tuple(f"raylet{i}" for i in range(len(nodes)))
    totals = MappingProxyType(dict(zip(order, nodes, strict=True)))
    units = {f"node{i}": (order[i], *(f"worker{i}.{j}" for j in range(workers))) for i in range(len(nodes))}

    def made_by(kind: type[Process]) -> Callable[..., Process]:
        return kinds.get(kind, kind)

    nested: Mapping[TaskId, TaskId] = MappingProxyType(dict(children or {}))
    stays = frozenset(task for each in classes if each.stays for task in each.tasks)
    results = MappingProxyType({task: each.result for each in classes for task in each.tasks if each.result})
    bundled = any(GROUP in name for total in nodes for name, _ in total.units)

    def worker(number: int, position: int) -> Process:
        if nested:
            return made_by(NestingWorker)(
                classes=known,
                raylet=order[number],
                children=nested,
                stays=stays,
                # Apart from the driver's and from those of all other workers.
                next_lease=100 * (number * workers + position + 1),
            )
        return made_by(LeasedWorker)(raylet=order[number], stays=stays, results=results)

    def raylet(number: int) -> Process:
        return made_by(BundleRaylet if bundled else LeaseRaylet)(
            classes=known,
            order=order,
            totals=totals,
            workers=units[f"node{number}"][1:],
            drains=number in drains,
        )

    made: dict[Slot, Callable[[], Process]] = {
        "owner": lambda: made_by(Owner)(classes=known, raylet=order[0], most_requests=most_requests, children=nested),
        **{order[i]: partial(raylet, i) for i in range(len(nodes))},
        **{units[f"node{i}"][1 + j]: partial(worker, i, j) for i in range(len(nodes)) for j in range(workers)},
    }
    faults = {FaultKind.CRASH: crashes, FaultKind.DUPLICATE: duplicates}
    return Scenario(
        name,
        "scheduler",
        made,
        statements,
        links=(
            LinkRule(channel=SYNC, kind=LinkKind.LATEST, unreachable=False),
            LinkRule("owner", "raylet*", duplicating=bool(duplicates), unreachable=False),
            LinkRule(unreachable=False),
        ),
        units=units,
        crashable=tuple(f"node{i}" for i in range(1, len(nodes))) if crashes else (),
        watchers={slot: ("owner", *(other for other in order if other != slot)) for slot in order},
        faults={kind: budget for kind, budget in faults.items() if budget},
        max_incarnations=1,
        constants={"raylets": len(nodes), "tasks": sum(len(each.tasks) for each in classes), "crashes": crashes},
    )
