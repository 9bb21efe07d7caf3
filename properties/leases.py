"""Scopes of leases, the scheduling of Ray 2."""

from __future__ import annotations

from typing import Any

from model.graph import NodeAffinity, Resources, Spread
from model.kernel import Scenario, Statement
from model.scheduler.hooks import Policy
from model.scheduler.leases.protocol import SchedulingClass
from model.scheduler.leases.scenarios import lease_scope
from properties.entry import Entry, Scope, Swap
from properties.statements.leases import LEASES, a_task_runs_elsewhere

_CPU = Resources.of(CPU=1)
_GPU = Resources.of(GPU=1)
_THREE = (SchedulingClass("c", _CPU, tasks=("a", "b", "d")),)
_REMOTE = (SchedulingClass("g", _GPU, tasks=("a", "b")),)
# Two classes, so that the lease of the one cannot serve the other.
_APART = (SchedulingClass("g", _GPU, tasks=("a",)), SchedulingClass("h", _GPU, Spread(), ("b",)))


def _scope(
    name: str,
    classes: tuple[SchedulingClass, ...],
    nodes: tuple[Resources, ...],
    own: tuple[Statement, ...] = (),
    **options: Any,
) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return lease_scope(name, classes, nodes, (*LEASES, *own), replace=dict(swap), **options)

    return Entry(name, "scheduler", Scope.TINY, build)


LEASE_ENTRIES = (
    _scope("leases-plain", _THREE, (_CPU, _CPU), (a_task_runs_elsewhere,)),
    # A return may arrive twice, the second time when the worker belongs to somebody else.
    _scope(
        "leases-duplicates",
        (SchedulingClass("c", _CPU, tasks=("a",)), SchedulingClass("e", _CPU, Spread(), ("b", "d"))),
        (_CPU,),
        duplicates=1,
    ),
    # The owner's node cannot run the tasks; of the two that can, one is drained, or dies.
    _scope("leases-drain", _REMOTE, (_CPU, _GPU, _GPU), (a_task_runs_elsewhere,), drains=(1,)),
    _scope("leases-crash", _APART, (_CPU, _GPU, _GPU), (a_task_runs_elsewhere,), crashes=1),
    # A class that fits, one that no node can ever run, and one bound to a node that may be drained.
    _scope(
        "leases-classes",
        (
            SchedulingClass("c", _CPU, tasks=("a", "b")),
            SchedulingClass("g", _GPU, tasks=("x",)),
            SchedulingClass("n", _CPU, NodeAffinity("raylet1"), ("y",)),
        ),
        (_CPU, _CPU),
        drains=(1,),
    ),
    _scope(
        "leases-spread",
        (SchedulingClass("s", _CPU, Spread(), ("a", "b")),),
        (_CPU,) * 3,
        (a_task_runs_elsewhere,),
        crashes=1,
    ),
)
"""One scope for each thing that leases must survive."""
