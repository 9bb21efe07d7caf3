"""Scopes of placement groups: groups, nodes, what may crash, who removes."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from model.graph import Resources
from model.kernel import FaultKind, LinkKind, LinkRule, Process, Scenario, Slot, Statement
from model.scheduler.groups.manager import GroupManager
from model.scheduler.groups.node import USAGE, BundleNode
from model.scheduler.groups.protocol import Group
from model.scheduler.groups.user import GroupUser


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
    replace: dict[type[Process], type[Process]] | None = None,
) -> Scenario:
    """Users that create groups on nodes.

    `crashable`: numbers of the nodes that may crash, all by default. `removes`: groups that may be given up. `tasks`:
    what the own tasks of a node need. `late`: nodes that join some time.
    """
    swap = replace or {}
    wanted = MappingProxyType({group.id: group for group in groups})
    slots = tuple(f"node{i}" for i in range(len(nodes)))

    def made(kind: type[Process]) -> Callable[..., Process]:
        return swap.get(kind, kind)

    def node(number: int) -> Callable[[], Process]:
        return lambda: made(BundleNode)(
            groups=wanted,
            total=nodes[number],
            tasks=(tasks or {}).get(number, Resources()),
            late=number in late,
        )

    def user(group: Group) -> Callable[[], Process]:
        return lambda: made(GroupUser)(group=group.id, removes=group.id in removes)

    processes: dict[Slot, Callable[[], Process]] = {
        "manager": lambda: made(GroupManager)(
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
        crashable=tuple(slots[i] for i in targets) if crashes else (),
        watchers=dict.fromkeys(slots, ("manager",)),
        faults={FaultKind.CRASH: crashes} if crashes else {},
        max_incarnations=1,
        constants={"groups": len(groups), "nodes": len(nodes), "crashes": crashes, "removed": len(removes)},
    )
