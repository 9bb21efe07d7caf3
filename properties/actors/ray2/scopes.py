"""Named scenarios of actors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rayproof.model.actors.ray2.protocol import OWN_ARGUMENT, CallSpec
from rayproof.model.actors.ray2.scenarios import calls
from rayproof.model.kernel import FaultKind, Scenario, Statement
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.actors.ray2.statements import (
    CALLS,
    a_later_incarnation_answers,
    actor_serial_order_of_retries,
    no_method_twice_in_one_incarnation,
    the_read_sees_all_additions,
)
from rayproof.properties.entry import Edition, Entry, Scope


def _calls(
    name: str,
    callers: Mapping[str, tuple[CallSpec, ...]],
    *more: Statement,
    idle: tuple[str, ...] = (),
    scope: Scope = Scope.TINY,
    **options: Any,
) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        made = calls(name, callers, (*CALLS, *more), swap=swap, **options)
        return Scenario(**{**vars(made), "expected_idle": frozenset(idle)})

    return Entry(name, "actors", Edition.RAY2, scope, build)


RETRIED = "a_call_is_retried"


COUNTER = {
    "node1": (CallSpec("add1", tells=("driver",)),),
    "node3": (CallSpec("add2", tells=("driver",)),),
    "driver": (CallSpec("read", needs=("add1", "add2")),),
}
"""The notes' counter: cnt++ from two nodes, then a read."""


TWO_BY_TWO = {
    "a": (CallSpec("a0", needs=(OWN_ARGUMENT,)), CallSpec("a1")),
    "b": (CallSpec("b0"), CallSpec("b1")),
}


ACTOR_ENTRIES = (
    _calls(
        "actor-counter", COUNTER, the_read_sees_all_additions, no_method_twice_in_one_incarnation, idle=(RETRIED,)
    ).sized(82, 157, 12),
    _calls(
        "actor-at-most-once",
        TWO_BY_TWO,
        no_method_twice_in_one_incarnation,
        idle=(RETRIED,),
        max_restarts=1,
        faults={FaultKind.CRASH: 1},
    ).sized(29_344, 101_676, 21),
    _calls(
        "actor-dies",
        TWO_BY_TWO,
        no_method_twice_in_one_incarnation,
        idle=(RETRIED,),
        faults={FaultKind.CRASH: 1},
    ).sized(6_804, 18_136, 18),
    _calls(
        "actor-retries",
        {"a": (CallSpec("a0"), CallSpec("a1"), CallSpec("a2"))},
        no_method_twice_in_one_incarnation,
        actor_serial_order_of_retries,
        max_restarts=1,
        max_task_retries=1,
        faults={FaultKind.CRASH: 1},
    ).sized(24_840, 90_990, 26),
    _calls(
        "actor-two-callers",
        {"a": (CallSpec("a0"), CallSpec("a1")), "b": (CallSpec("b0"),)},
        no_method_twice_in_one_incarnation,
        actor_serial_order_of_retries,
        max_restarts=1,
        max_task_retries=1,
        faults={FaultKind.CRASH: 1},
    ).sized(88_714, 378_301, 27),
    _calls(
        "actor-out-of-order",
        {"a": (CallSpec("a0"), CallSpec("a1"), CallSpec("a2", needs=(OWN_ARGUMENT,)))},
        max_restarts=1,
        max_task_retries=1,
        concurrency=2,
        faults={FaultKind.CRASH: 1},
    ).sized(90_446, 338_825, 27),
    _calls(
        "actor-called-later",
        {"a": (CallSpec("a0"), CallSpec("a1", needs=("b0",))), "b": (CallSpec("b0", tells=("a",)),)},
        no_method_twice_in_one_incarnation,
        a_later_incarnation_answers,
        idle=(RETRIED,),
        paced=True,
        max_restarts=1,
        faults={FaultKind.CRASH: 1},
    ).sized(12_058, 42_491, 21),
    _calls(
        "actor-retried-later",
        {"a": (CallSpec("a0"), CallSpec("a1")), "b": (CallSpec("b0"),)},
        no_method_twice_in_one_incarnation,
        actor_serial_order_of_retries,
        scope=Scope.SMALL,
        paced=True,
        max_restarts=1,
        max_task_retries=1,
        faults={FaultKind.CRASH: 1},
    ).sized(137_012, 569_288, 30),
    _calls(
        "actor-lost-reply",
        {"a": (CallSpec("a0"), CallSpec("a1"))},
        max_task_retries=1,
        faults={FaultKind.LOSE_REPLY: 1},
    ).sized(72, 134, 12),
    _calls(
        "actor-concurrent",
        {"a": (CallSpec("a0"), CallSpec("a1"))},
        max_task_retries=1,
        concurrency=2,
        loses_contact=True,
        faults={FaultKind.EARLY_TIMEOUT: 1},
    ).sized(570, 1_489, 16),
)
"""Scenarios of actors."""
