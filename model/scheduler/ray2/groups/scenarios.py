"""Scopes of placement groups: groups, nodes, what may crash, who removes."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from rayproof.model.graph import Resources
from rayproof.model.kernel import FaultKind, LinkKind, LinkRule, Process, Scenario, Slot, Statement
from rayproof.model.scheduler.ray2.groups.manager import GroupManager
from rayproof.model.scheduler.ray2.groups.node import USAGE, BundleNode
from rayproof.model.scheduler.ray2.groups.protocol import Group
from rayproof.model.scheduler.ray2.groups.restart import LoyalNode, RestartableManager
from rayproof.model.scheduler.ray2.groups.user import GroupUser
from rayproof.model.swap import Swap


def group_scope(
    name: str,
    groups: tuple[Group, ...],
    nodes: tuple[Resources, ...],
    statements: tuple[Statement, ...] = (),
    *,
    crashes: int = 0,
    crashable: tuple[int, ...] | None = None,
    removes: tuple[int, ...] = (),
    tasks: dict[int, Resources] | None = None,
    late: tuple[int, ...] = (),
    restarts: int = 0,
    swap: Swap | None = None,
) -> Scenario:
    """Users that create groups on nodes.

    `crashable`: numbers of the nodes that may crash, all by default. `removes`: groups that may be given up. `tasks`:
    what the own tasks of a node need. `late`: nodes that join some time. `restarts`: of the manager, in the place of
    crashes of nodes.
    """
    kinds = swap or {}
    wanted = MappingProxyType({group.id: group for group in groups})
    slots = tuple(f"node{i}" for i in range(len(nodes)))

    def made(kind: type[Process]) -> Callable[..., Process]:
        return kinds.get(kind, kind)

    def node(number: int) -> Callable[[], Process]:
        return lambda: made(LoyalNode if restarts else BundleNode)(
            groups=wanted,
            total=nodes[number],
            tasks=(tasks or {}).get(number, Resources()),
            late=number in late,
        )

    def user(group: Group) -> Callable[[], Process]:
        return lambda: made(GroupUser)(group=group.id, removes=group.id in removes)

    processes: dict[Slot, Callable[[], Process]] = {
        "manager": lambda: made(RestartableManager if restarts else GroupManager)(
            groups=wanted,
            totals=tuple((slot, nodes[i]) for i, slot in enumerate(slots) if i not in late),
            users=MappingProxyType({group.id: f"user{group.id}" for group in groups}),
        ),
        **{slot: node(i) for i, slot in enumerate(slots)},
        **{f"user{group.id}": user(group) for group in groups},
    }
    targets = range(len(nodes)) if crashable is None else crashable
    return Scenario(
        name,
        "scheduler",
        processes,
        statements,
        links=(LinkRule(channel=USAGE, kind=LinkKind.LATEST, unreachable=False), LinkRule(unreachable=False)),
        services=frozenset({"manager"}) if restarts else frozenset(),
        crashable=("manager",) if restarts else tuple(slots[i] for i in targets) if crashes else (),
        recoverable=frozenset({"manager"}) if restarts else frozenset(),
        watchers=dict.fromkeys(slots, ("manager",)),
        faults={FaultKind.CRASH: crashes + restarts} if crashes + restarts else {},
        max_incarnations=1 + restarts,
        constants={
            "groups": len(groups),
            "nodes": len(nodes),
            "crashes": crashes,
            "restarts": restarts,
            "removed": len(removes),
        },
    )
