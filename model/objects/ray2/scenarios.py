"""Scopes of the object plane: a few nodes with tiny stores, workers with fixed jobs, one owner."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from rayproof.model.graph import ObjectId
from rayproof.model.kernel import FaultKind, LinkKind, LinkRule, Process, Scenario, Slot, Statement
from rayproof.model.objects.ray2.directory import Directory
from rayproof.model.objects.ray2.programs import Call, Function
from rayproof.model.objects.ray2.protocol import RAYLET
from rayproof.model.objects.ray2.references import CoreWorker
from rayproof.model.objects.ray2.store import Store
from rayproof.model.objects.ray2.transfer import ObjectManager
from rayproof.model.objects.ray2.worker import Job, ObjectWorker
from rayproof.model.swap import Swap

IN_ONE_RAYLET = (
    LinkRule("manager*", "store*", kind=LinkKind.IMMEDIATE),
    LinkRule("store*", "manager*", kind=LinkKind.IMMEDIATE),
)
"""The object manager and the store are parts of one raylet."""


ON_ONE_NODE = (
    LinkRule("worker*", "store*", RAYLET),
    LinkRule("worker*", "store*", kind=LinkKind.IMMEDIATE),
    LinkRule("store*", "worker*", kind=LinkKind.IMMEDIATE),
    LinkRule("worker*", "manager*", kind=LinkKind.IMMEDIATE),
    LinkRule("worker*", "owner", kind=LinkKind.IMMEDIATE),
    LinkRule("owner", "worker*", kind=LinkKind.IMMEDIATE),
    LinkRule("manager*", "owner", kind=LinkKind.IMMEDIATE),
)
"""Calls of the own store and of the owner take no time; requests for pins, the stores' reports, what the owner tells
object managers and everything between nodes travel."""


@dataclass(frozen=True)
class Plane:
    """What a scope of the object plane is made of."""

    capacities: tuple[int, ...]
    """Units of each node's store."""
    sizes: Mapping[ObjectId, int]
    jobs: tuple[tuple[int, tuple[Job, ...]], ...]
    """Each worker's node and jobs."""
    again: Mapping[ObjectId, tuple[int, ...]] | None = None
    """Workers that can make an object again after its first maker."""
    rebuild: tuple[Job, ...] = ()
    """Jobs that are only done to make a lost object again, if they differ from the first maker's."""
    crashes: tuple[str, ...] = ()
    """Units that may crash, one of them: "n1" is a node, "worker0" a worker alone."""
    failing_writes: int = 0
    calls_take_time: bool = False
    """Whether calls of the own store and of the owner are messages like all others."""
    fallback: bool = False
    priorities: Mapping[ObjectId, int] | None = None
    """What the user says of objects; only a proposal looks at it."""


def plane(
    name: str,
    made_of: Plane,
    statements: tuple[Statement, ...] = (),
    swap: Swap | None = None,
    policy: object = None,
) -> Scenario:
    """A scope of the object plane. `replace` puts another class in the place of one (a planted bug)."""

    def kind(usual: type[Process]) -> Callable[..., Process]:
        return (swap or {}).get(usual, usual)

    nodes = tuple(range(len(made_of.capacities)))
    workers = tuple(f"worker{i}" for i in range(len(made_of.jobs)))
    sizes = tuple(sorted(made_of.sizes.items()))
    makers = [
        (object_id, worker)
        for worker, (_, jobs) in zip(workers, made_of.jobs, strict=True)
        for job in jobs
        for object_id in job.makes
    ]
    recipes = made_of.rebuild or tuple(job for _, jobs in made_of.jobs for job in jobs if job.makes)
    for object_id, able in sorted((made_of.again or {}).items()):
        makers += [(object_id, f"worker{i}") for i in able]
    priorities = tuple(sorted((made_of.priorities or {}).items()))
    processes: dict[Slot, Callable[[], Process]] = {}
    for node, capacity in enumerate(made_of.capacities):
        processes[f"manager{node}"] = partial(kind(ObjectManager), node, "owner", policy, priorities)
        processes[f"store{node}"] = partial(kind(Store), node, capacity, "owner", f"manager{node}", made_of.fallback)
    processes["owner"] = partial(kind(Directory), sizes, workers, tuple(makers), nodes)
    watchers: dict[Slot, tuple[Slot, ...]] = {f"store{node}": ("owner",) for node in nodes}
    units: dict[str, tuple[Slot, ...]] = {f"n{node}": (f"store{node}", f"manager{node}") for node in nodes}
    for worker, (node, jobs) in zip(workers, made_of.jobs, strict=True):
        processes[worker] = partial(kind(ObjectWorker), node, "owner", sizes, recipes, jobs)
        watchers[worker] = (f"store{node}", f"manager{node}", "owner")
        units[f"n{node}"] += (worker,)
    return Scenario(
        name,
        "objects",
        processes,
        statements,
        links=IN_ONE_RAYLET if made_of.calls_take_time else (*IN_ONE_RAYLET, *ON_ONE_NODE),
        units=units,
        crashable=made_of.crashes,
        watchers=watchers,
        faults={
            **({FaultKind.CRASH: 1} if made_of.crashes else {}),
            **({FaultKind.FAIL_WRITE: made_of.failing_writes} if made_of.failing_writes else {}),
        },
        max_incarnations=1,
        constants={
            "capacities": list(made_of.capacities),
            "sizes": dict(sizes),
            "workers": len(workers),
            "crashable": list(made_of.crashes),
            "failing writes": made_of.failing_writes,
        },
    )


def references(
    name: str,
    functions: Mapping[str, Function],
    owners: Mapping[ObjectId, str],
    statements: tuple[Statement, ...] = (),
    *,
    crashes: tuple[str, ...] = (),
    swap: Swap | None = None,
) -> Scenario:
    """Processes that pass references around; the driver's body is the function of its own name."""
    made: Callable[..., Process] = (swap or {}).get(CoreWorker, CoreWorker)
    called = {a.to for f in functions.values() for a in f.body if isinstance(a, Call)}
    names = ("driver", *sorted(called))
    bodies, owned = tuple(sorted(functions.items())), tuple(sorted(owners.items()))
    return Scenario(
        name,
        "objects",
        {slot: partial(made, bodies, owned) for slot in names},
        statements,
        crashable=crashes,
        watchers={slot: tuple(other for other in names if other != slot) for slot in crashes},
        faults={FaultKind.CRASH: 1} if crashes else {},
        max_incarnations=1,
        constants={"processes": len(names), "objects": len(owned), "crashable": list(crashes)},
    )
