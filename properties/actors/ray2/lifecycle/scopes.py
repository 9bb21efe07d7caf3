"""The named scenarios of the creation and end of actors."""

from __future__ import annotations

from typing import Any

from rayproof.model.actors.ray2.lifecycle import CreateActor, KillActor
from rayproof.model.actors.ray2.scenarios import lifecycle
from rayproof.model.kernel import Message, Scenario, Statement
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.actors.ray2.lifecycle.statements import (
    LIFECYCLE,
    a_name_passes_on,
    detached_actors_outlive_their_owner,
    one_actor_per_name,
)
from rayproof.properties.entry import Edition, Entry, Scope


def _lifecycle(
    name: str, program: tuple[Message, ...], *idle: str, more: tuple[Statement, ...] = (), **options: Any
) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        made = lifecycle(name, program, (*LIFECYCLE, *more), swap=swap, **options)
        return Scenario(**{**vars(made), "expected_idle": frozenset(idle)})

    return Entry(name, "actors", Edition.RAY2, Scope.TINY, build)


RESTARTED = "an_actor_is_restarted"


LIFECYCLE_ENTRIES = (
    _lifecycle("lifecycle-fails", (CreateActor("a"),), failures=2, max_restarts=1).sized(54, 59, 12),
    _lifecycle("lifecycle-kill", (CreateActor("a"), KillActor("a")), failures=1, max_restarts=1).sized(183, 308, 14),
    _lifecycle(
        "lifecycle-owner-dies", (CreateActor("a"), CreateActor("b")), failures=1, max_restarts=2, owner_crashes=True
    ).sized(4_492, 11_245, 24),
    _lifecycle(
        "lifecycle-detached",
        (CreateActor("a", detached=True), CreateActor("b")),
        failures=1,
        max_restarts=2,
        owner_crashes=True,
        more=(detached_actors_outlive_their_owner,),
    ).sized(2_877, 7_210, 23),
    _lifecycle(
        "lifecycle-named",
        (CreateActor("a", "n"), CreateActor("b", "n"), KillActor("a"), CreateActor("c", "n")),
        failures=1,
        max_restarts=1,
        more=(one_actor_per_name, a_name_passes_on),
    ).sized(3_537, 9_352, 26),
    _lifecycle(
        "lifecycle-churn",
        tuple(wish(name) for name in ("a", "b", "c") for wish in (CreateActor, KillActor)),
        RESTARTED,
        nodes=1,
    ).sized(493, 1_146, 24),
)
"""Scenarios of creation and end; the last one creates and destroys at a rate."""
