"""Scopes of placement groups."""

from __future__ import annotations

from typing import Any

from rayproof.model.graph import Resources
from rayproof.model.kernel import Scenario, Statement
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.scheduler.ray import BundleStrategy
from rayproof.model.scheduler.ray2.groups.protocol import Group
from rayproof.model.scheduler.ray2.groups.scenarios import group_scope
from rayproof.model.swap import Swap
from rayproof.properties.entry import Edition, Entry, Scope
from rayproof.properties.scheduler.ray2.groups.statements import (
    GROUPS,
    a_group_is_rescheduled,
    groups_do_not_wait_for_each_other,
)

_CPU = Resources.of(CPU=1)
_TWO = Resources.of(CPU=2)


def _scope(
    name: str,
    groups: tuple[Group, ...],
    nodes: tuple[Resources, ...],
    own: tuple[Statement, ...] = (),
    **options: Any,
) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return group_scope(name, groups, nodes, (*GROUPS, *own), swap=swap, **options)

    return Entry(name, "scheduler", Edition.RAY2, Scope.TINY, build)


def _pair(number: int, strategy: BundleStrategy) -> Group:
    return Group(number, (_CPU, _CPU), strategy)


GROUP_ENTRIES = (
    # Given up at any moment, while a node's own task comes and goes.
    _scope("groups-removed", (_pair(1, BundleStrategy.STRICT_SPREAD),), (_CPU,) * 3, removes=(1,), tasks={0: _CPU}),
    # A node dies at any moment; the only spare one has a task of its own.
    _scope(
        "groups-crash",
        (_pair(1, BundleStrategy.STRICT_SPREAD),),
        (_CPU,) * 3,
        (a_group_is_rescheduled,),
        crashes=1,
        removes=(1,),
        tasks={2: _CPU},
    ),
    _scope("groups-two-crashes", (_pair(1, BundleStrategy.SPREAD),), (_CPU,) * 4, (a_group_is_rescheduled,), crashes=2),
    # One group cannot fit before the second node is there; the other one must not wait for it.
    _scope(
        "groups-parked",
        (_pair(1, BundleStrategy.STRICT_SPREAD), Group(2, (_CPU,), BundleStrategy.PACK)),
        (_CPU, _CPU),
        late=(1,),
        removes=(2,),
    ),
    _scope(
        "groups-two",
        (_pair(1, BundleStrategy.STRICT_SPREAD), _pair(2, BundleStrategy.PACK)),
        (_TWO, _TWO),
        crashes=1,
        removes=(1,),
    ),
    # The manager comes back at any moment; what it had reserved and not put on record must be free again.
    _scope(
        "groups-restart",
        (_pair(1, BundleStrategy.STRICT_SPREAD),),
        (_CPU, _CPU),
        restarts=1,
        removes=(1,),
    ),
    # Two groups that keep half each and wait for each other: known of Ray.
    _scope(
        "groups-halves",
        (_pair(1, BundleStrategy.STRICT_SPREAD), _pair(2, BundleStrategy.STRICT_SPREAD)),
        (_CPU,) * 4,
        (groups_do_not_wait_for_each_other,),
        crashes=2,
    ),
)
"""One scope for each thing that can happen to a group."""
