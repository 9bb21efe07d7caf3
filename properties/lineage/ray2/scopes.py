"""Named scenarios of lineage and recovery."""

from __future__ import annotations

from typing import Any

from rayproof.model.graph import Submit, Wait
from rayproof.model.kernel import Scenario, Statement
from rayproof.model.lineage.ray2.programs import Action, Drop, GetOne, PutAt, Task
from rayproof.model.lineage.ray2.scenarios import ownership
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.entry import Edition, Entry, Scope
from rayproof.properties.lineage.ray2.statements import (
    OWNERSHIP,
    hard_affinity_is_kept,
    lineage_bounded,
    small_values_are_with_their_owner,
)


def _owned(
    name: str,
    tasks: tuple[Task, ...],
    program: tuple[Action, ...],
    *idle: str,
    scope: Scope = Scope.TINY,
    more: tuple[Statement, ...] = (),
    **options: Any,
) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        made = ownership(name, tasks, program, (*OWNERSHIP, *more), swap=swap, **options)
        return Scenario(**{**vars(made), "expected_idle": frozenset(idle)})

    return Entry(name, "lineage", Edition.RAY2, scope, build)


AGAIN, ERROR = "a_task_is_executed_again", "a_get_ends_in_an_error"


CHAIN_OF_TWO = (Task("t1", (), "x"), Task("t2", ("x",), "y"))


LINEAGE_ENTRIES = (
    _owned(
        "lineage-chain",
        CHAIN_OF_TWO,
        (Submit("t1"), Submit("t2"), Drop("x"), GetOne("y")),
        crashes=2,
        spills=frozenset({"x"}),
    ).sized(84_662, 314_742, 32),
    _owned(
        "lineage-copies",
        (Task("t1", (), "x"), Task("t2", ("x",), "y")),
        (Submit("t1"), Submit("t2"), GetOne("y"), Drop("y"), GetOne("x")),
        crashes=2,
    ).sized(18_642, 50_711, 32),
    # One of two is enough, and an error is one.
    _owned(
        "lineage-wait",
        (Task("t1", (), "x", max_retries=0), Task("t2", (), "y", max_retries=0)),
        (Submit("t1"), Submit("t2"), Wait(("x", "y"), 1), Wait(("x", "y"), 2), GetOne("y")),
        AGAIN,
        nodes=2,
        crashable=("node0",),
        crashes=1,
    ).sized(524, 1_249, 13),
    # The only copy is on the disk of a node.
    _owned(
        "lineage-spilled",
        (Task("t", (), "x"),),
        (Submit("t"), GetOne("x")),
        ERROR,
        nodes=2,
        crashable=("node0",),
        crashes=1,
        spills=frozenset({"x"}),
    ).sized(151, 337, 13),
    _owned(
        "lineage-put",
        (Task("t", ("p",), "y"),),
        (PutAt("p", "node0"), Submit("t"), Drop("p"), GetOne("y")),
        crashable=("node0", "node1"),
    ).sized(1_335, 3_520, 24),
    # A copy of the lost value is reported too late to help, and is deleted in the end.
    _owned(
        "lineage-put-late-copy",
        (Task("t", ("p",), "y", max_retries=0),),
        (PutAt("p", "node0"), Submit("t"), Drop("p"), GetOne("y")),
        AGAIN,
        crashable=("node0",),
        nodes=2,
    ).sized(294, 668, 18),
    _owned(
        "lineage-no-retries",
        (Task("t1", (), "x", max_retries=0), Task("t2", ("x",), "y")),
        (Submit("t1"), Submit("t2"), GetOne("y")),
    ).sized(2_141, 4_917, 23),
    _owned(
        "lineage-affinity",
        (Task("t1", (), "x", only_on="node0"), Task("t2", ("x",), "y")),
        (Submit("t1"), Submit("t2"), GetOne("y")),
        more=(hard_affinity_is_kept,),
    ).sized(638, 1_440, 23),
    _owned(
        "lineage-bounded",
        CHAIN_OF_TWO,
        (Submit("t1"), Submit("t2"), GetOne("y"), GetOne("x")),
        more=(lineage_bounded,),
        max_lineage_bytes=1,
    ).sized(3_730, 8_460, 24),
    _owned(
        "lineage-fetched",
        (Task("t1", (), "x"),),
        (Submit("t1"), GetOne("x")),
        crashes=2,
        fetches=True,
    ).sized(844, 2_060, 15),
    _owned(
        "lineage-small-values",
        (Task("t1", (), "x", small=True), Task("t2", ("x",), "y")),
        (Submit("t1"), Submit("t2"), Drop("x"), GetOne("y")),
        ERROR,
        more=(small_values_are_with_their_owner,),
    ).sized(1_556, 3_668, 14),
    _owned(
        "lineage-small-borrowed",
        (Task("t1", (), "x", small=True),),
        (Submit("t1"), GetOne("x")),
        AGAIN,
        ERROR,
        more=(small_values_are_with_their_owner,),
        crashable=("owner",),
        nodes=2,
        borrows="x",
    ).sized(198, 547, 12),
    _owned(
        "lineage-owner-dies",
        CHAIN_OF_TWO,
        (Submit("t1"), Submit("t2"), GetOne("y")),
        AGAIN,
        ERROR,
        crashable=("owner",),
        nodes=2,
        borrows="y",
    ).sized(862, 2_552, 20),
    _owned(
        "lineage-owner-alone-dies",
        CHAIN_OF_TWO,
        (Submit("t1"), Submit("t2"), GetOne("y")),
        AGAIN,
        ERROR,
        crashable=("owner",),
        nodes=2,
    ).sized(195, 437, 14),
    _owned(
        "lineage-three",
        (Task("t1", (), "x", max_retries=0), Task("t2", ("x",), "y"), Task("t3", ("x", "y"), "z")),
        (Submit("t1"), Submit("t2"), Submit("t3"), Drop("x"), Drop("y"), GetOne("z")),
        scope=Scope.SMALL,
    ).sized(95_684, 293_656, 52),
)
"""Scenarios of recovery."""
