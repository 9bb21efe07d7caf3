"""The named scenarios of clusters whose control state lies on chains."""

from __future__ import annotations

from dataclasses import replace

from rayproof.model.cluster.paper import ClusterParameters, assemble
from rayproof.model.gcs.paper.shards import Chains
from rayproof.model.graph import (
    ClusterSpec,
    Get,
    NodeAffinity,
    NodeSpec,
    ObjectSpec,
    Program,
    Put,
    Resources,
    Submit,
    TaskKind,
    TaskSpec,
    Wait,
    shapes,
)
from rayproof.model.kernel import FaultKind, Scenario, Statement, StatementKind
from rayproof.model.scheduler.paper.lowering import lowered
from rayproof.model.scheduler.policy.built_in import Default, LowestEstimatedWait
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.cluster.paper.statements import (
    CHAINED,
    CLUSTER,
    CLUSTER_RUNS,
    a_lost_task_is_placed_again,
    a_request_waits_for_another,
    actors_are_replayed,
    at_rest,
    the_program_ends,
)
from rayproof.properties.entry import Edition, Entry, Scope, equal_nodes
from rayproof.properties.scheduler.paper.statements import one_replica_places_a_task, replicas_count_what_others_assign


def _runs(scope: Scope, statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """Claims about runs need the whole state graph in memory: they are checked where it is small."""
    return statements if scope is Scope.TINY else ()


def _cluster(
    name: str,
    program: Program,
    nodes: ClusterSpec,
    *,
    scope: Scope = Scope.TINY,
    own: Policy | None = None,
    idle: tuple[str, ...] = (),
    crashes: int = 0,
    threshold: int = 1,
    workers: int | None = None,
    immediate_store: bool = True,
    task_us: int = 0,
) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        parameters = ClusterParameters(
            policy=policy or own or Default(),
            threshold=threshold,
            workers=workers,
            immediate_store=immediate_store,
            crashes=crashes,
            task_us=task_us,
            repeats=1 if policy is None else 16,
        )
        checked = (*CLUSTER, *_runs(scope, CLUSTER_RUNS))
        # What a scope must reach it reaches with its own policy; another policy owes it nothing.
        owed = tuple(s for s in checked if policy is None or s.kind is not StatementKind.SOMETIMES)
        made = assemble(name, program, nodes, parameters, owed, swap=swap)
        expected = {*idle, *(() if crashes else ("a_lost_task_is_placed_again",))}
        if policy is not None:
            expected |= {s.name for s in owed if s.kind is StatementKind.LEADS_TO}
        return Scenario(**{**vars(made), "expected_idle": frozenset(expected)})

    return Entry(name, "cluster", Edition.PAPER, scope, build, True, (program, nodes))


_SIZED = 8 * 1024

CLUSTER_ENTRIES = (
    _cluster("cluster-3-3-0", shapes.chain(3), equal_nodes(3), idle=("tasks_find_room",)),
    _cluster("cluster-3-3-1", shapes.chain(3), equal_nodes(3), crashes=1),
    _cluster("cluster-wide", shapes.wide(3), equal_nodes(2), threshold=0),
    _cluster("cluster-readers", shapes.readers(2), equal_nodes(2), crashes=1),
    _cluster("cluster-nested", shapes.nested(2), equal_nodes(2), workers=3, crashes=1),
    _cluster(
        "cluster-estimates",
        shapes.fan_in(2, _SIZED),
        ClusterSpec(equal_nodes(2).nodes, bandwidth_bytes_per_s=1024),
        own=LowestEstimatedWait(),
        crashes=1,
        threshold=0,
        task_us=5_000_000,
    ),
    _cluster(
        "cluster-3-3-1-messages",
        shapes.chain(3),
        equal_nodes(3),
        crashes=1,
        immediate_store=False,
        scope=Scope.SMALL,
    ),
    _cluster("cluster-3-3-2", shapes.chain(3), equal_nodes(3), crashes=2, scope=Scope.SMALL),
    _cluster("cluster-3-4-1", shapes.diamond(), equal_nodes(3), crashes=1, scope=Scope.SMALL),
)
"""Programs with a shape, with and without crashes."""

READS_WHAT_WAS_PUT = Program(
    {"t": TaskSpec("t", ("x",), (), Resources.of(CPU=1))}, {"x": ObjectSpec("x")}, (Put("x"), Submit("t")), "put"
)
"""The driver puts an object and submits a task that reads it. Only the store can tell the task where it is."""


WITHOUT_CPU = ClusterSpec((NodeSpec("n0", Resources.of(GPU=1)), NodeSpec("n1", Resources.of(CPU=1))))
"""The driver's node cannot run the task."""


def _chained(
    name: str,
    program: Program,
    nodes: ClusterSpec,
    chains: Chains,
    *,
    crashes: int = 0,
    schedulers: int = 1,
    scope: Scope = Scope.TINY,
) -> Entry:
    # The tables are on the chains: the front end's own are empty between two requests.
    cluster = tuple(s for s in CLUSTER if s is not a_lost_task_is_placed_again)
    several = (replicas_count_what_others_assign, one_replica_places_a_task) if schedulers > 1 else ()
    # A driver that gets nothing has ended before anything happens.
    ends = (the_program_ends,) if any(isinstance(action, Get) for action in program.driver) else ()
    checked = (*cluster, *ends, *(CHAINED if chains.crashes else (a_request_waits_for_another,)), *several)

    def build(policy: Policy | None, swap: Swap) -> Scenario:
        parameters = ClusterParameters(
            policy=Default(), threshold=0, chains=chains, crashes=crashes, schedulers=schedulers
        )
        made = assemble(name, program, nodes, parameters, checked, swap=swap)
        lost = {FaultKind.TRUNCATE: 1} if chains.answers_get_lost else {}
        return replace(made, faults={**made.faults, **lost})

    # A policy changes nothing here: each task has one node that it can run on, or one that is as good as the other.
    return Entry(name, "cluster", Edition.PAPER, scope, build, workload=(program, nodes))


CHAINED_ENTRIES = (
    _chained("cluster-chain", READS_WHAT_WAS_PUT, WITHOUT_CPU, Chains(1)),
    _chained("cluster-two-chains", READS_WHAT_WAS_PUT, WITHOUT_CPU, Chains(2)),
    _chained("cluster-chain-get", shapes.wide(1), WITHOUT_CPU, Chains(1)),
    _chained("cluster-chain-1", shapes.wide(1), equal_nodes(2), Chains(1), crashes=1),
    _chained("cluster-chain-schedulers", READS_WHAT_WAS_PUT, WITHOUT_CPU, Chains(1, crashes=0), schedulers=2),
    _chained("cluster-chain-lost", READS_WHAT_WAS_PUT, WITHOUT_CPU, Chains(1, 3, 1, True), scope=Scope.SMALL),
)
"""A replica of one chain may crash, of either of two, or a replica or a node; the third gets a result from afar.

Then there are two global schedulers, of which one places and the other hears of it; and a replica whose last word is
lost with it.
"""


WHOLE = (*CLUSTER, at_rest, actors_are_replayed)
"""Everything that is checked of a whole cluster."""


_CPU = Resources.of(CPU=1)


def _whole(program: Program, *, threshold: int = 0, crashes: int = 0) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        parameters = ClusterParameters(
            policy=policy or Default(),
            threshold=threshold,
            workers=len(program.tasks),
            crashes=crashes,
            repeats=1 if policy is None else 16,
        )
        owed = tuple(s for s in WHOLE if policy is None or s.kind is not StatementKind.SOMETIMES)
        made = assemble(program.name, program, equal_nodes(2), parameters, owed, swap=swap)
        idle = () if crashes else ("a_lost_task_is_placed_again",)
        return Scenario(**{**vars(made), "expected_idle": frozenset(idle)})

    return Entry(program.name, "cluster", Edition.PAPER, Scope.TINY, build, True)


def _objects(*names: str) -> dict[str, ObjectSpec]:
    return {name: ObjectSpec(name) for name in names}


PUT_IS_LOST = Program(
    {
        "maker": TaskSpec("maker", (), ("result",), _CPU, (Put("put"),), NodeAffinity("n1", soft=True)),
        "reader": TaskSpec("reader", ("put",), ("end",), _CPU),
    },
    _objects("result", "put", "end"),
    (Submit("maker"), Get(("result",)), Submit("reader"), Get(("end",))),
    "cluster-put-is-lost",
)
"""A task's result has been copied to the head when the node dies that has what the task put."""


WAITS = Program(
    {
        "parent": TaskSpec("parent", ("x",), ("p",), _CPU, body=(Submit("child"), Put("y"))),
        "child": TaskSpec("child", ("x",), ("c",), _CPU),
        "other": TaskSpec("other", (), ("o",), _CPU),
    },
    _objects("x", "p", "y", "c", "o"),
    (Put("x"), Submit("parent"), Submit("other"), Wait(("p", "o")), Get(("o",))),
    "cluster-waits",
)
"""The driver waits for one of two, then gets one; nobody gets what the child makes."""


ACTOR = lowered(
    Program(
        {
            "make": TaskSpec("make", strategy=NodeAffinity("n1", soft=True), kind=TaskKind.ACTOR_CREATION, actor="a"),
            "first": TaskSpec("first", kind=TaskKind.ACTOR_METHOD, actor="a"),
            "second": TaskSpec("second", (), ("r",), kind=TaskKind.ACTOR_METHOD, actor="a"),
        },
        _objects("r"),
        (Submit("make"), Submit("first"), Submit("second"), Get(("r",))),
        "cluster-actor",
    )
)
"""The driver calls an actor twice on a node that may die: constructor and methods run again elsewhere, in order."""


HOPELESS = lowered(
    Program(
        {
            "make": TaskSpec("make", strategy=NodeAffinity("n1"), kind=TaskKind.ACTOR_CREATION, actor="a"),
            "call": TaskSpec("call", (), ("r",), kind=TaskKind.ACTOR_METHOD, actor="a"),
            "other": TaskSpec("other", (), ("o",), _CPU),
        },
        _objects("r", "o"),
        (Submit("make"), Submit("call"), Submit("other"), Get(("r", "o"))),
        "cluster-actor-hopeless",
    )
)
"""An actor that may live on one node alone, which dies: its methods end in an error."""


WHOLE_ENTRIES = (
    _whole(PUT_IS_LOST, crashes=1),
    _whole(WAITS),
    _whole(ACTOR, crashes=1),
    _whole(HOPELESS, crashes=1),
)
"""Scopes of the whole cluster."""
