"""Generic scopes of scheduling: the two-level scheduler, leases, placement groups."""

from __future__ import annotations

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
from rayproof.model.kernel import Scenario, Statement
from rayproof.model.scheduler.policy.built_in import LocalityFirst
from rayproof.model.swap import Swap
from rayproof.model.wire.ray2.rpc import Faults
from rayproof.properties.cluster.paper.statements import CLUSTER
from rayproof.properties.cluster.ray2.groups.statements import GROUPS, bundles_fit_their_node
from rayproof.properties.cluster.ray2.statements import (
    PROGRESS,
    SAFETY,
    a_busy_node_lets_go,
    a_wildcard_goes_with_its_bundles,
    a_worker_gets_one_task_at_a_time,
    keeps_the_contract,
    the_less_used_node_goes_first,
    waiting_workers_are_capped,
)
from rayproof.properties.entry import equal_nodes
from rayproof.properties.scheduler.paper import statements as scheduling

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
    parameters = TodayParameters(most_requests=2, **options)
    statements = (*SAFETY, *PROGRESS, *own)
    return assemble_today(name, program, cluster, parameters, statements, component="scheduler", swap=swap)


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
