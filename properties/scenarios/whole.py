"""Scopes of the whole cluster beyond chains and trees: objects that tasks put, waits, children that nobody gets."""

from __future__ import annotations

from rayproof.model.cluster.assembly import ClusterParameters, assemble
from rayproof.model.cluster.lowering import lowered
from rayproof.model.graph import (
    Get,
    NodeAffinity,
    ObjectSpec,
    Program,
    Put,
    Resources,
    Submit,
    TaskKind,
    TaskSpec,
    Wait,
)
from rayproof.model.kernel import Scenario, StatementKind
from rayproof.model.scheduler.hooks import Policy
from rayproof.model.scheduler.policies import Default
from rayproof.properties.entry import Entry, Scope, Swap, equal_nodes
from rayproof.properties.statements.cluster import CLUSTER
from rayproof.properties.statements.rest import actors_are_replayed, at_rest

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
        made = assemble(program.name, program, equal_nodes(2), parameters, owed, replace=dict(swap))
        idle = () if crashes else ("a_lost_task_is_placed_again",)
        return Scenario(**{**vars(made), "expected_idle": frozenset(idle)})

    return Entry(program.name, "cluster", Scope.TINY, build, True)


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
