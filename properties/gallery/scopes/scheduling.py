"""Generic scopes of scheduling: the two-level scheduler, leases, placement groups."""

from __future__ import annotations

from typing import Any

from rayproof.model.cluster import ray2 as today
from rayproof.model.cluster.paper import ClusterParameters, assemble
from rayproof.model.graph import (
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
from rayproof.model.graph import NodeAffinity as To
from rayproof.model.kernel import Scenario, Statement
from rayproof.model.scheduler.policy.built_in import LocalityFirst
from rayproof.model.scheduler.ray import BundleStrategy
from rayproof.model.scheduler.ray2.bundles import in_bundle, offered
from rayproof.model.scheduler.ray2.groups.protocol import Group
from rayproof.model.scheduler.ray2.groups.scenarios import group_scope
from rayproof.model.swap import Swap
from rayproof.model.wire.ray2.rpc import Faults
from rayproof.properties.cluster.paper.statements import CLUSTER
from rayproof.properties.cluster.ray2.statements import (
    PROGRESS,
    SAFETY,
    a_busy_node_lets_go,
    a_wildcard_goes_with_its_bundles,
    a_worker_gets_one_task_at_a_time,
    the_less_used_node_goes_first,
    waiting_workers_are_capped,
)
from rayproof.properties.gallery.scopes.base import side_by_side
from rayproof.properties.scheduler.paper import statements as scheduling
from rayproof.properties.scheduler.ray2.groups.statements import GROUPS

_CPU, _GPU = Resources.of(CPU=1), Resources.of(GPU=1)
_RARE = Resources.of(rare=1)
"""Unlike a GPU, no reason to keep other tasks away."""


def _task(id: str, inputs: tuple[str, ...] = (), demand: Resources = _CPU, **more: Any) -> TaskSpec:
    return TaskSpec(id, inputs, (f"o{id}",), demand, **more)


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
    return assemble("generic-cluster", _mixture(), nodes, parameters, statements, swap=swap)


def leases_scope(swap: Swap, ample: bool) -> Scenario:
    """Tasks of four strategies on three raylets, of which one may be drained or crash; a message may arrive twice.

    What they make fills the stores of their nodes.
    """
    soft = To("n0", soft=True, spill_on_unavailable=True)
    tasks = (
        *(_task(each, name="c") for each in "abd"),
        *(_task(each, demand=_RARE, strategy=Spread(), name="g") for each in "ef"),
        _task("h", strategy=To("n1"), name="n"),
        *(_task(each, strategy=soft, name="s") for each in "ij"),
    )
    store = Resources.of(object_store_memory=100 if ample else 2)
    nodes = (_CPU + store, _CPU + _RARE + store, _CPU + _RARE + store)
    return _today(
        "generic-leases",
        tasks,
        nodes,
        (a_busy_node_lets_go, a_worker_gets_one_task_at_a_time, the_less_used_node_goes_first),
        swap,
        crashes=1,
        crashing=(1,),
        faults=Faults(duplicates=1),
        drains=(1,),
        workers=2,
        inline_bytes=0,
    )


def nested_leases(swap: Swap) -> Scenario:
    """Parents that get what their children make, for a scope of something else."""
    tasks = (
        _task("a", body=(Submit("d"), Get(("od",))), name="c"),
        _task("b", body=(Submit("e"), Get(("oe",))), name="c"),
        _task("d", name="k"),
        _task("e", name="k"),
    )
    return _today("nested", tasks, (_CPU,), (waiting_workers_are_capped,), swap, workers=4)


def _today(
    name: str,
    tasks: tuple[TaskSpec, ...],
    nodes: tuple[Resources, ...],
    own: tuple[Statement, ...],
    swap: Swap,
    **options: Any,
) -> Scenario:
    """A cluster of today's Ray; its driver submits what no body submits, and gets what these make."""
    nested = {action.task for each in tasks for action in each.body if isinstance(action, Submit)}
    roots = tuple(each.id for each in tasks if each.id not in nested)
    driver: tuple[Action, ...] = (*map(Submit, roots), Get(tuple(f"o{each}" for each in roots)))
    objects = {made: ObjectSpec(made, 1) for each in tasks for made in each.outputs}
    program = Program({each.id: each for each in tasks}, objects, driver, name)
    cluster = ClusterSpec(tuple(NodeSpec(f"n{i}", total) for i, total in enumerate(nodes)))
    parameters = today.TodayParameters(most_requests=2, **options)
    statements = (*SAFETY, *PROGRESS, *own)
    return today.assemble(name, program, cluster, parameters, statements, component="scheduler", swap=swap)


def groups_scope(swap: Swap, ample: bool) -> Scenario:
    """Two groups on four nodes, one late, two of which may crash; beside a node whose bundles have tasks."""
    groups = (
        Group(1, (_CPU, _CPU), BundleStrategy.STRICT_SPREAD),
        Group(2, (_CPU, _CPU), BundleStrategy.PACK),
    )
    two = Resources.of(CPU=2)
    reserved = group_scope(
        "groups",
        groups,
        (two, two, _CPU, _CPU),
        GROUPS,
        crashes=2,
        removes=(1,),
        tasks={0: _CPU, 2: _CPU},
        late=(3,),
        swap=swap,
    )
    tasks = (
        _task("a", body=(Submit("x"), Get(("ox",))), demand=in_bundle(_CPU, "g", 0), name="p"),
        _task("b", demand=in_bundle(_CPU, "g", 0), name="q"),
        _task("d", demand=in_bundle(_CPU, "g", 1), name="r"),
        _task("x"),
    )
    node = _CPU + offered((("g", 0, _CPU), ("g", 1, _CPU)))
    used = _today("bundles", tasks, (node,), (a_wildcard_goes_with_its_bundles,), swap, workers=4)
    return side_by_side("generic-groups", reserved, used)


def restarted_groups(swap: Swap) -> Scenario:
    """A group manager that comes back, for a scope of something else."""
    group = Group(1, (_CPU, _CPU), BundleStrategy.STRICT_SPREAD)
    return group_scope("restarted", (group,), (_CPU,) * 3, GROUPS, restarts=1, removes=(1,), swap=swap)
