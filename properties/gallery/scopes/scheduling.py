"""Generic scopes of scheduling: the two-level scheduler, leases, placement groups."""

from __future__ import annotations

from typing import Any

from model.cluster.assembly import ClusterParameters, assemble
from model.graph import (
    Action,
    ClusterSpec,
    Compute,
    Get,
    NodeSpec,
    ObjectSpec,
    Program,
    Resources,
    Spread,
    Submit,
    TaskSpec,
)
from model.graph import NodeAffinity as To
from model.kernel import Scenario
from model.scheduler.groups.protocol import Group
from model.scheduler.groups.scenarios import group_scope
from model.scheduler.leases.protocol import SchedulingClass
from model.scheduler.leases.scenarios import lease_scope
from model.scheduler.policies import LocalityFirst
from model.scheduler.ray import BundleStrategy
from properties.entry import Swap
from properties.statements import scheduling
from properties.statements.cluster import CLUSTER
from properties.statements.groups import GROUPS
from properties.statements.leases import LEASES
from properties.statements.requests import REQUESTS

_CPU, _GPU = Resources.of(CPU=1), Resources.of(GPU=1)


def _task(name: str, inputs: tuple[str, ...] = (), demand: Resources = _CPU, **more: Any) -> TaskSpec:
    return TaskSpec(name, inputs, (f"o{name}",), demand, **more)


def _mixture() -> Program:
    """Tasks of all kinds: a parent with a child, a chain, SPREAD, GPUs, an affinity."""
    body: tuple[Action, ...] = (Submit("child"), Compute(0), Get(("ochild",)))
    tasks = (
        _task("gpu0", demand=_GPU),
        _task("gpu1", demand=_GPU),
        _task("parent", body=body),
        _task("child"),
        _task("spread", strategy=Spread()),
        _task("made"),
        _task("used", ("omade", "ospread")),
        _task("bound", strategy=To("n1", soft=True)),
    )
    roots = tuple(each.id for each in tasks if each.id != "child")
    driver: tuple[Action, ...] = (*(Submit(each) for each in roots), Get(tuple(f"o{each}" for each in roots)))
    objects = {made: ObjectSpec(made, 1 << 20) for each in tasks for made in each.outputs}
    return Program({each.id: each for each in tasks}, objects, driver, "mixture")


def cluster_scope(swap: Swap, ample: bool) -> Scenario:
    """Nested, spread, chained and GPU tasks on three nodes, one of which may crash."""
    nodes = ClusterSpec(
        (
            NodeSpec("n0", Resources.of(CPU=1)),
            NodeSpec("n1", Resources.of(CPU=1, GPU=1)),
            NodeSpec("n2", Resources.of(CPU=1, GPU=1)),
        )
    )
    statements = (
        *CLUSTER,
        scheduling.legal_placement,
        scheduling.locality_respected,
        scheduling.starvation_bound,
        scheduling.no_head_of_line_blocking_across_classes,
        scheduling.infeasible_never_blocks_feasible,
        scheduling.every_request_answered,
    )
    parameters = ClusterParameters(policy=LocalityFirst(), workers=3, crashes=1)
    return assemble("generic-cluster", _mixture(), nodes, parameters, statements, replace=dict(swap))


def leases_scope(swap: Swap, ample: bool) -> Scenario:
    """Four classes on three raylets: one may be drained, one may crash, a return may arrive twice."""
    classes = (
        SchedulingClass("c", _CPU, tasks=("a", "b", "d")),
        SchedulingClass("g", _GPU, Spread(), ("e", "f")),
        SchedulingClass("n", _CPU, To("raylet1"), ("h",)),
        SchedulingClass("s", _CPU, To("raylet0", soft=True, spill_on_unavailable=True), ("i", "j")),
    )
    nodes = (_CPU, Resources.of(CPU=1, GPU=1), Resources.of(CPU=1, GPU=1))
    return lease_scope(
        "generic-leases", classes, nodes, (*LEASES, *REQUESTS), crashes=1, duplicates=1, drains=(1,), replace=dict(swap)
    )


def groups_scope(swap: Swap, ample: bool) -> Scenario:
    """Two groups on four nodes, one of which joins late, two of which may crash; one group may be removed."""
    groups = (
        Group(1, (_CPU, _CPU), BundleStrategy.STRICT_SPREAD),
        Group(2, (_CPU, _CPU), BundleStrategy.PACK),
    )
    two = Resources.of(CPU=2)
    return group_scope(
        "generic-groups",
        groups,
        (two, two, _CPU, _CPU),
        GROUPS,
        crashes=2,
        removes=(1,),
        tasks={0: _CPU, 2: _CPU},
        late=(3,),
        replace=dict(swap),
    )
