"""Scopes of leases, the scheduling of Ray 2."""

from __future__ import annotations

from typing import Any

from rayproof.model.graph import NodeAffinity, Resources, Spread
from rayproof.model.kernel import Scenario, Statement
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.scheduler.ray2.leases.bundled import bundles_on_node, in_bundle
from rayproof.model.scheduler.ray2.leases.protocol import SchedulingClass
from rayproof.model.scheduler.ray2.leases.scenarios import lease_scope
from rayproof.model.swap import Swap
from rayproof.properties.entry import Edition, Entry, Scope
from rayproof.properties.scheduler.ray2.leases.statements import (
    LEASES,
    a_task_runs_elsewhere,
    blocked_workers_bounded,
    cpus_are_overdrawn,
    every_get_ends,
    every_lease_request_answered,
    past_the_threshold_the_less_used_goes_first,
    tasks_that_fit_their_group_run,
    wildcard_is_the_sum_of_its_bundles,
)

_CPU = Resources.of(CPU=1)
_GPU = Resources.of(GPU=1)
_BOTH = Resources.of(CPU=1, GPU=1)
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
        # Where tasks never end, what fits is claimed of bundles, and known to be broken.
        held = {each.name: each for each in (*own, *LEASES)}
        if tasks_that_fit_their_group_run in own:
            del held[every_lease_request_answered.name]
        return lease_scope(name, classes, nodes, tuple(held.values()), swap=swap, **options)

    return Entry(name, "scheduler", Edition.RAY2, Scope.TINY, build)


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
    # Two parents that each get what their child makes, and CPUs for one of all these.
    _scope(
        "leases-nested",
        (SchedulingClass("p", _CPU, tasks=("a", "b")), SchedulingClass("k", _CPU, tasks=("x", "y"))),
        (_CPU,),
        (blocked_workers_bounded, every_get_ends),
        children={"a": "x", "b": "y"},
        workers=4,
    ),
    # A parent and its child in one class: the cap of one worker must give way.
    _scope(
        "leases-recursion",
        (SchedulingClass("c", _CPU, tasks=("a", "b")),),
        (_CPU,),
        (blocked_workers_bounded, every_get_ends),
        children={"a": "b"},
        workers=2,
    ),
    # A task that is bound to the second node keeps it busy for some time, while two actors are asked for.
    _scope(
        "leases-stay",
        (
            SchedulingClass("n", _CPU, NodeAffinity("raylet1"), ("t",)),
            SchedulingClass("s", _CPU, tasks=("a", "b"), stays=True),
        ),
        (_CPU, _CPU),
        (a_task_runs_elsewhere,),
    ),
    # Each result fills the store of its node by a quarter.
    _scope(
        "leases-store",
        (SchedulingClass("c", _CPU, tasks=("a", "b", "d", "e"), result=Resources.of(object_store_memory=2.5)),),
        (Resources.of(CPU=4, object_store_memory=10),) * 2,
        (past_the_threshold_the_less_used_goes_first, a_task_runs_elsewhere),
        most_requests=1,
    ),
    # A parent in bundle 0, whose child runs outside; a task for bundle 0, and one that keeps bundle 1.
    _scope(
        "leases-bundles",
        (
            SchedulingClass("k", _CPU, tasks=("x",)),
            SchedulingClass("p", in_bundle(_CPU, "g", 0), tasks=("a", "b")),
            SchedulingClass("q", in_bundle(_CPU, "g", 1), tasks=("d",), stays=True),
        ),
        (_CPU + bundles_on_node("g", ((0, _CPU), (1, _CPU))),),
        (wildcard_is_the_sum_of_its_bundles, every_get_ends, cpus_are_overdrawn),
        children={"a": "x"},
        workers=4,
    ),
    # Tasks for any bundle of a group take the CPU of the one that has a GPU: known of Ray.
    _scope(
        "leases-bundle-gpu",
        (
            SchedulingClass("c", in_bundle(_CPU, "g"), tasks=("a", "b"), stays=True),
            SchedulingClass("g", in_bundle(_BOTH, "g"), tasks=("d",), stays=True),
        ),
        (bundles_on_node("g", ((0, _CPU), (1, _BOTH))), bundles_on_node("g", ((2, _CPU),))),
        (wildcard_is_the_sum_of_its_bundles, tasks_that_fit_their_group_run),
        workers=2,
    ),
)
"""One scope for each thing that leases must survive."""
