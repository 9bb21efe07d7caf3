"""Named scenarios of actors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rayproof.model.actors.lifecycle import CreateActor, KillActor
from rayproof.model.actors.protocol import OWN_ARGUMENT, CallSpec
from rayproof.model.actors.scenarios import calls, lifecycle, migration, replayed
from rayproof.model.kernel import FaultKind, Message, Scenario
from rayproof.model.kernel.statements import Statement
from rayproof.model.scheduler.hooks import Policy
from rayproof.model.scheduler.move_hooks import has_migrate
from rayproof.properties.entry import Entry, Scope, Swap
from rayproof.properties.statements.actors import (
    CALLS,
    a_later_incarnation_answers,
    actor_serial_order_of_retries,
    no_method_twice_in_one_incarnation,
    the_read_sees_all_additions,
)
from rayproof.properties.statements.lifecycle import (
    LIFECYCLE,
    a_name_passes_on,
    detached_actors_outlive_their_owner,
    one_actor_per_name,
)
from rayproof.properties.statements.migration import MIGRATION
from rayproof.properties.statements.replay import REPLAY


def _calls(
    name: str,
    callers: Mapping[str, tuple[CallSpec, ...]],
    *more: Statement,
    idle: tuple[str, ...] = (),
    scope: Scope = Scope.TINY,
    **options: Any,
) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        made = calls(name, callers, (*CALLS, *more), replace=swap, **options)
        return Scenario(**{**vars(made), "expected_idle": frozenset(idle)})

    return Entry(name, "actors", scope, build)


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
    _calls("actor-counter", COUNTER, the_read_sees_all_additions, no_method_twice_in_one_incarnation, idle=(RETRIED,)),
    _calls(
        "actor-at-most-once",
        TWO_BY_TWO,
        no_method_twice_in_one_incarnation,
        idle=(RETRIED,),
        max_restarts=1,
        faults={FaultKind.CRASH: 1},
    ),
    _calls(
        "actor-dies",
        TWO_BY_TWO,
        no_method_twice_in_one_incarnation,
        idle=(RETRIED,),
        faults={FaultKind.CRASH: 1},
    ),
    _calls(
        "actor-retries",
        {"a": (CallSpec("a0"), CallSpec("a1"), CallSpec("a2"))},
        no_method_twice_in_one_incarnation,
        actor_serial_order_of_retries,
        max_restarts=1,
        max_task_retries=1,
        faults={FaultKind.CRASH: 1},
    ),
    _calls(
        "actor-two-callers",
        {"a": (CallSpec("a0"), CallSpec("a1")), "b": (CallSpec("b0"),)},
        no_method_twice_in_one_incarnation,
        actor_serial_order_of_retries,
        max_restarts=1,
        max_task_retries=1,
        faults={FaultKind.CRASH: 1},
    ),
    _calls(
        "actor-out-of-order",
        {"a": (CallSpec("a0"), CallSpec("a1"), CallSpec("a2", needs=(OWN_ARGUMENT,)))},
        max_restarts=1,
        max_task_retries=1,
        concurrency=2,
        faults={FaultKind.CRASH: 1},
    ),
    _calls(
        "actor-called-later",
        {"a": (CallSpec("a0"), CallSpec("a1", needs=("b0",))), "b": (CallSpec("b0", tells=("a",)),)},
        no_method_twice_in_one_incarnation,
        a_later_incarnation_answers,
        idle=(RETRIED,),
        paced=True,
        max_restarts=1,
        faults={FaultKind.CRASH: 1},
    ),
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
    ),
    _calls(
        "actor-lost-reply",
        {"a": (CallSpec("a0"), CallSpec("a1"))},
        max_task_retries=1,
        faults={FaultKind.LOSE_REPLY: 1},
    ),
    _calls(
        "actor-concurrent",
        {"a": (CallSpec("a0"), CallSpec("a1"))},
        max_task_retries=1,
        concurrency=2,
        loses_contact=True,
        faults={FaultKind.EARLY_TIMEOUT: 1},
    ),
)
"""Scenarios of actors."""


def _migration(name: str, *crashable: str, methods: int = 2) -> Entry:
    """The notes' example: actors of 70 and 20 on one node, 80 on the other, and a new one of 25."""

    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return migration(
            name,
            {"actor1": 70, "actor2": 20, "actor3": 25, "actor4": 80},
            {"node1": ("actor1", "actor2"), "node2": ("actor4",)},
            "actor3",
            "actor2",
            MIGRATION,
            methods=methods,
            crashable=crashable,
            policy=policy if has_migrate(policy) else None,
            replace=swap,
        )

    return Entry(name, "actors", Scope.TINY, build, takes_policy=True, hook="migrate")


MIGRATION_ENTRIES = (
    _migration("migration"),
    _migration("migration-source-dies", "node1"),
    _migration("migration-target-dies", "node2"),
    _migration("migration-coordinator-dies", "coordinator", methods=1),
)
"""Scenarios of moves, with a crash of each party at every step."""


def _lifecycle(
    name: str, program: tuple[Message, ...], *idle: str, more: tuple[Statement, ...] = (), **options: Any
) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        made = lifecycle(name, program, (*LIFECYCLE, *more), replace=swap, **options)
        return Scenario(**{**vars(made), "expected_idle": frozenset(idle)})

    return Entry(name, "actors", Scope.TINY, build)


RESTARTED = "an_actor_is_restarted"

LIFECYCLE_ENTRIES = (
    _lifecycle("lifecycle-fails", (CreateActor("a"),), failures=2, max_restarts=1),
    _lifecycle("lifecycle-kill", (CreateActor("a"), KillActor("a")), failures=1, max_restarts=1),
    _lifecycle(
        "lifecycle-owner-dies", (CreateActor("a"), CreateActor("b")), failures=1, max_restarts=2, owner_crashes=True
    ),
    _lifecycle(
        "lifecycle-detached",
        (CreateActor("a", detached=True), CreateActor("b")),
        failures=1,
        max_restarts=2,
        owner_crashes=True,
        more=(detached_actors_outlive_their_owner,),
    ),
    _lifecycle(
        "lifecycle-named",
        (CreateActor("a", "n"), CreateActor("b", "n"), KillActor("a"), CreateActor("c", "n")),
        failures=1,
        max_restarts=1,
        more=(one_actor_per_name, a_name_passes_on),
    ),
    _lifecycle(
        "lifecycle-churn",
        tuple(wish(name) for name in ("a", "b", "c") for wish in (CreateActor, KillActor)),
        RESTARTED,
        nodes=1,
    ),
)
"""Scenarios of creation and end; the last one creates and destroys at a rate."""


def _replay(name: str, **options: int) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return replayed(name, {"a": ("a0", "a1"), "b": ("b0", "b1")}, REPLAY, replace=swap, **options)

    return Entry(name, "actors", Scope.TINY, build)


REPLAY_ENTRIES = (_replay("replay"), _replay("replay-checkpoint", every=2))
"""Scenarios of the paper's actors."""
