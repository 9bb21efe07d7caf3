"""Puts a driver's program, nodes, groups and actors of today's Ray together into a scenario.

A node is its raylet, its bundles and what executes on it; a driver is its tasks and its leases. What belongs together
crashes together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

from rayproof.model.actors.ray2.protocol import CallSpec
from rayproof.model.graph import Default, GroupId, GroupSpec, ObjectId, Resources, Spread, TaskId
from rayproof.model.kernel import FaultKind, LinkKind, LinkRule, Process, Scenario, Slot, Statement
from rayproof.model.lineage.ray2.execution import Borrower
from rayproof.model.lineage.ray2.programs import Task
from rayproof.model.scheduler.ray2.bundle_manager import BundleManager
from rayproof.model.scheduler.ray2.bundles import in_bundle
from rayproof.model.scheduler.ray2.group_manager import GroupManager
from rayproof.model.scheduler.ray2.owned.actors import ActorTable
from rayproof.model.scheduler.ray2.owned.calls import ActorCalls, ActorHome, caller_of, home_of
from rayproof.model.scheduler.ray2.owned.driver import SUBMITTER, TaskManager
from rayproof.model.scheduler.ray2.owned.node import LeasedExecutor
from rayproof.model.scheduler.ray2.owned.protocol import Deed, SchedulingClass
from rayproof.model.scheduler.ray2.owned.raylet import ACTOR, ClusterRaylet
from rayproof.model.scheduler.ray2.owned.submitter import Submitter
from rayproof.model.swap import Swap
from rayproof.model.wire.ray2.groups import USAGE
from rayproof.model.wire.ray2.leases import INSIDE, SYNC, ClassId

CPU = Resources.of(CPU=1)
"""What a task and an actor need."""

PLAIN, SPREAD = "plain", "spread"


def class_in(group: GroupId, bundle: int) -> ClassId:
    """The class of tasks in a bundle; -1 for any bundle of the group."""
    return f"group{group}.{bundle}" if bundle >= 0 else f"group{group}"


@dataclass(frozen=True)
class OwnedProgram:
    """A driver's program, and what its tasks need."""

    tasks: tuple[Task, ...]
    deeds: tuple[Deed, ...]
    classes: Mapping[TaskId, ClassId]
    """Class of each task: `PLAIN`, `SPREAD`, or that of a bundle."""
    groups: tuple[GroupSpec, ...] = ()
    group_of: Mapping[TaskId, GroupId] = field(default_factory=lambda: MappingProxyType({}))
    spills: frozenset[ObjectId] = frozenset()
    borrows: ObjectId = ""
    """What another process reads."""
    max_restarts: int = 1
    """Of each actor."""
    actor_of: Mapping[TaskId, str] = field(default_factory=lambda: MappingProxyType({}))
    """Tasks that are calls of an actor, in the order in which they are made."""
    max_task_retries: int = 0
    """Of each call."""

    def __post_init__(self) -> None:
        for task in self.tasks:
            if task.name in self.actor_of and (not task.small or task.max_retries):
                raise ValueError(f"call {task.name}: its result is small, and its caller retries it")

    def calls_of(self, actor: str) -> tuple[CallSpec, ...]:
        """The calls of one actor; each waits for its own arguments."""
        return tuple(CallSpec(call, needs=(call,)) for call, called in self.actor_of.items() if called == actor)


def classes_of(groups: tuple[GroupSpec, ...]) -> Mapping[ClassId, SchedulingClass]:
    """Every class that a task can be of."""
    made = [SchedulingClass(PLAIN, CPU, Default()), SchedulingClass(SPREAD, CPU, Spread())]
    made.append(SchedulingClass(ACTOR, CPU))
    made += [
        SchedulingClass(class_in(group.id, bundle), in_bundle(CPU, group.id, bundle))
        for group in groups
        for bundle in range(-1, len(group.bundles))
    ]
    return MappingProxyType({each.id: each for each in made})


def owned_cluster(
    name: str,
    program: OwnedProgram,
    cpus: tuple[int, ...],
    statements: tuple[Statement, ...] = (),
    *,
    crashes: int = 0,
    driver_crashes: bool = False,
    lost_replies: int = 0,
    swap: Swap | None = None,
) -> Scenario:
    """A driver at the first of some nodes.

    `cpus`: of each node. `crashes`: of other nodes, or of the driver. `lost_replies`: of calls, with their connections.
    """
    kinds = swap or {}

    def made(kind: type[Process]) -> Callable[..., Process]:
        return kinds.get(kind, kind)

    numbers = range(len(cpus))
    raylets, bundles, executors = (tuple(f"{part}{i}" for i in numbers) for part in ("raylet", "bundles", "node"))
    totals = MappingProxyType({raylets[i]: Resources.of(CPU=cpus[i]) for i in numbers})
    classes = classes_of(program.groups)
    groups = MappingProxyType({group.id: group for group in program.groups})
    called = tuple(sorted(set(program.actor_of.values())))
    callers = tuple(map(caller_of, called))
    homes = {i: tuple(home_of(actor, i) for actor in called) for i in numbers}
    processes: dict[Slot, Callable[[], Process]] = {
        "owner": lambda: made(TaskManager)(
            program.tasks,
            program.deeds,
            executors,
            class_of=program.classes,
            group_of=program.group_of,
            actor_of=program.actor_of,
        ),
        SUBMITTER: lambda: made(Submitter)(
            classes=classes,
            raylet=raylets[0],
            executors=MappingProxyType(dict(zip(raylets, executors, strict=True))),
        ),
        "manager": lambda: made(GroupManager)(
            groups=groups,
            totals=tuple((bundles[i], totals[raylets[i]]) for i in numbers),
        ),
        "actors": lambda: made(ActorTable)(raylets, program.max_restarts, called=called),
    }
    for actor in called:
        calls = program.calls_of(actor)
        processes[caller_of(actor)] = partial(made(ActorCalls), calls, program.max_task_retries, actor="")
    for i in numbers:
        processes[raylets[i]] = partial(
            made(ClusterRaylet),
            classes=classes,
            order=raylets,
            totals=totals,
            # A worker that waits for arguments gives its CPU back and stays.
            workers=tuple(f"worker{i}.{j}" for j in range(cpus[i] + len(program.tasks))),
            executor=executors[i],
            bundles=bundles[i],
            called=called,
        )
        processes[bundles[i]] = partial(made(BundleManager), groups=groups, total=totals[raylets[i]], raylet=raylets[i])
        processes[executors[i]] = partial(made(LeasedExecutor), "owner", program.spills, raylet=raylets[i])
        processes |= {home: made(ActorHome) for home in homes[i]}
    if program.borrows:
        processes["borrower"] = partial(made(Borrower), program.borrows)
    readers = ("borrower",) if program.borrows else ()
    others = tuple(f"host{i}" for i in numbers if i)
    return Scenario(
        name,
        "cluster",
        processes,
        statements,
        links=LINKS,
        units={
            "driver": ("owner", SUBMITTER, *callers),
            **{f"host{i}": (raylets[i], bundles[i], executors[i], *homes[i]) for i in numbers},
        },
        crashable=((*others, "driver") if driver_crashes else others) if crashes else (),
        watchers={
            **{r: (SUBMITTER, "actors", *(other for other in raylets if other != r)) for r in raylets},
            **dict.fromkeys(bundles, ("manager",)),
            SUBMITTER: (*raylets, "actors"),
            "owner": (*executors, *readers),
        },
        faults={
            kind: budget
            for kind, budget in ((FaultKind.CRASH, crashes), (FaultKind.LOSE_REPLY, lost_replies))
            if budget
        },
        max_incarnations=1,
        constants={"nodes": len(cpus), "tasks": len(program.tasks), "crashes": crashes, "lost_replies": lost_replies},
    )


LINKS = (
    *(
        LinkRule(sender, receiver, kind=LinkKind.IMMEDIATE, unreachable=False)
        for sender, receiver in (
            ("owner", SUBMITTER),
            (SUBMITTER, "owner"),
            ("raylet*", "bundles*"),
            ("raylet*", "node*"),
            ("node*", "raylet*"),
            ("owner", "calls-*"),
            ("calls-*", "owner"),
            ("raylet*", "home-*"),
        )
    ),
    LinkRule(channel=INSIDE, kind=LinkKind.IMMEDIATE, unreachable=False),
    # The reply of a call may be lost when its connection breaks.
    LinkRule("home-*", reply=True),
    LinkRule(channel=SYNC, kind=LinkKind.LATEST, unreachable=False),
    LinkRule(channel=USAGE, kind=LinkKind.LATEST, unreachable=False),
    # Deaths of these are learnt from notices.
    *(LinkRule(receiver=slots, unreachable=False) for slots in ("raylet*", "bundles*", SUBMITTER)),
    *(LinkRule(sender=slots, unreachable=False) for slots in ("raylet*", "bundles*", SUBMITTER, "manager", "actors")),
)
"""The parts of one process reach each other at once."""
