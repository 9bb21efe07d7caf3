"""Generic scopes of scheduling: the two-level scheduler, leases, placement groups."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rayproof.model.cluster.paper import ClusterParameters, assemble
from rayproof.model.cluster.ray2 import TodayParameters
from rayproof.model.cluster.ray2 import assemble as assemble_today
from rayproof.model.graph import (
    Action,
    BundleStrategy,
    ClusterSpec,
    Compute,
    Get,
    GiveUpGroup,
    GroupSpec,
    MakeGroup,
    NodeSpec,
    ObjectSpec,
    PlacementGroup,
    Program,
    Resources,
    Spread,
    Submit,
    TaskSpec,
)
from rayproof.model.graph import NodeAffinity as To
from rayproof.model.kernel import Scenario
from rayproof.model.scheduler.policy.built_in import LocalityFirst
from rayproof.model.scheduler.ray2.leases.protocol import SchedulingClass
from rayproof.model.scheduler.ray2.leases.scenarios import lease_scope
from rayproof.model.swap import Swap
from rayproof.properties.cluster.paper.statements import CLUSTER
from rayproof.properties.cluster.ray2.groups.statements import GROUPS, bundles_fit_their_node
from rayproof.properties.cluster.ray2.statements import (
    PROGRESS,
    SAFETY,
    a_wildcard_goes_with_its_bundles,
    keeps_the_contract,
)
from rayproof.properties.entry import equal_nodes
from rayproof.properties.scheduler.paper import statements as scheduling
from rayproof.properties.scheduler.ray2.leases.statements import (
    LEASES,
    blocked_workers_bounded,
    every_get_ends,
    past_the_threshold_the_less_used_goes_first,
)
from rayproof.properties.scheduler.ray2.requests.statements import REQUESTS

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
    return assemble("generic-cluster", _mixture(), nodes, parameters, statements, swap=swap)


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
        "generic-leases", classes, nodes, (*LEASES, *REQUESTS), crashes=1, duplicates=1, drains=(1,), swap=swap
    )


def nested_leases(swap: Swap) -> Scenario:
    """Parents that get what their children make, for a scope of something else."""
    classes = (
        SchedulingClass("c", _CPU, tasks=("a", "b")),
        SchedulingClass("k", _CPU, tasks=("d", "e")),
    )
    own = (*LEASES, blocked_workers_bounded, every_get_ends)
    children = {"a": "d", "b": "e"}
    made = lease_scope("nested", classes, (_CPU, _CPU), own, workers=4, children=children, swap=swap)
    # Nobody dies here, and nobody is to be suspected of it.
    return replace(made, watchers={})


def groups_scope(swap: Swap, ample: bool) -> Scenario:
    """Two groups on four nodes, one late, two of which may crash; one is given up with the task that runs in it."""
    inside: tuple[Action, ...] = (Submit("x"), Get(("ox",)))
    tasks = (
        _task("x"),
        _task("a", strategy=PlacementGroup("h"), body=inside),
        _task("b", strategy=PlacementGroup("h", 1)),
        _task("c", strategy=PlacementGroup("g")),
        _task("t"),
    )
    pair = (_CPU, _CPU)
    made: tuple[Action, ...] = (MakeGroup("g"), MakeGroup("h"), *map(Submit, "abct"))
    driver = (*made, Compute(0), GiveUpGroup("g"), Get(("oa", "ob", "ot")))
    program = Program(
        {task.id: task for task in tasks},
        {made: ObjectSpec(made) for task in tasks for made in task.outputs},
        driver,
        "generic-groups",
        {"g": GroupSpec("g", pair, BundleStrategy.STRICT_SPREAD), "h": GroupSpec("h", pair, BundleStrategy.PACK)},
    )
    return assemble_today(
        "generic-groups",
        program,
        ClusterSpec(tuple(NodeSpec(f"n{i}", Resources.of(CPU=cpus)) for i, cpus in enumerate((2, 2, 1, 1)))),
        TodayParameters(workers=5, prestarted=1, most_requests=2, crashes=2, joining=(3,)),
        (
            keeps_the_contract(program),
            *SAFETY,
            *PROGRESS,
            a_wildcard_goes_with_its_bundles,
            # A worker that waits gives its CPU to a bundle, and takes it again in spite of it.
            *(each for each in GROUPS if each is not bundles_fit_their_node),
        ),
        swap=swap,
    )


def restarted_groups(swap: Swap) -> Scenario:
    """A group manager that comes back, for a scope of something else."""
    group = GroupSpec("g", (_CPU, _CPU), BundleStrategy.STRICT_SPREAD)
    driver = (MakeGroup("g"), Compute(0), GiveUpGroup("g"))
    return assemble_today(
        "restarted",
        Program({}, {}, driver, "restarted", {"g": group}),
        equal_nodes(3),
        TodayParameters(restarts=1, views=False),
        GROUPS,
        swap=swap,
    )


def stored_results(swap: Swap, ample: bool) -> Scenario:
    """Leased tasks whose results fill the stores of their nodes, for a scope of something else."""
    made = SchedulingClass("c", _CPU, tasks=("a", "b", "d", "e"), result=Resources.of(object_store_memory=2.5))
    node = Resources.of(CPU=4, object_store_memory=100 if ample else 10)
    own = (*LEASES, past_the_threshold_the_less_used_goes_first)
    return lease_scope("results", (made,), (node,) * 2, own, most_requests=1, swap=swap)
