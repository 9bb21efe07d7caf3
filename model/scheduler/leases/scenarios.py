"""Scopes of leases."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import MappingProxyType

from model.graph import Resources
from model.kernel import FaultKind, LinkKind, LinkRule, Process, Scenario, Slot, Statement
from model.scheduler.leases.owner import LeasedWorker, Owner
from model.scheduler.leases.protocol import SchedulingClass
from model.scheduler.leases.raylet import SYNC, LeaseRaylet


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
    replace: dict[type[Process], type[Process]] | None = None,
) -> Scenario:
    """One owner on node 0 with tasks of some classes. `drains`: nodes that an operator drains at any moment."""
    swap = replace or {}
    known = MappingProxyType({each.id: each for each in classes})
    order = tuple(f"raylet{i}" for i in range(len(nodes)))
    totals = MappingProxyType(dict(zip(order, nodes, strict=True)))
    units = {f"node{i}": (order[i], *(f"worker{i}.{j}" for j in range(workers))) for i in range(len(nodes))}

    def made_by(kind: type[Process]) -> Callable[..., Process]:
        return swap.get(kind, kind)

    def raylet(number: int) -> Process:
        return made_by(LeaseRaylet)(
            classes=known,
            order=order,
            totals=totals,
            workers=units[f"node{number}"][1:],
            drains=number in drains,
        )

    made: dict[Slot, Callable[[], Process]] = {
        "owner": lambda: made_by(Owner)(classes=known, raylet=order[0], most_requests=most_requests),
        **{order[i]: partial(raylet, i) for i in range(len(nodes))},
        **{worker: made_by(LeasedWorker) for unit in units.values() for worker in unit[1:]},
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
