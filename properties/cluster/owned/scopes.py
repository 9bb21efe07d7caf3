"""Small scopes of whole clusters of today's Ray: one for each place where two parts meet."""

from __future__ import annotations

from types import MappingProxyType

from rayproof.model.cluster.owned import (
    CPU,
    PLAIN,
    SPREAD,
    OwnedProgram,
    class_in,
    owned_cluster,
)
from rayproof.model.graph import GiveUpGroup, GroupSpec, MakeGroup, Submit
from rayproof.model.kernel import Scenario, Statement, StatementKind
from rayproof.model.lineage.ray2.programs import Drop, GetOne, Task
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.scheduler.ray2.owned.protocol import (
    Cancel,
    Deed,
    EndActor,
    MakeActor,
)
from rayproof.model.swap import Swap
from rayproof.properties.cluster.owned.calls import (
    a_call_fails_with_its_actor,
    a_call_is_executed_again,
    a_restarted_actor_is_called,
)
from rayproof.properties.cluster.owned.statements import (
    OF_CALLS,
    OWNED_CLUSTER,
    a_lease_is_granted_in_a_bundle,
    a_task_ends_cancelled,
    a_worker_is_killed,
    an_actor_is_restarted,
)
from rayproof.properties.cluster.ray2.groups.statements import a_group_is_rescheduled
from rayproof.properties.entry import Edition, Entry, Scope
from rayproof.properties.lineage.ray2.statements import a_task_is_executed_again


def _owned(
    name: str,
    tasks: tuple[tuple[Task, str], ...],
    deeds: tuple[Deed, ...],
    cpus: tuple[int, ...],
    happens: tuple[Statement, ...] = (),
    *,
    crashes: int = 0,
    driver_crashes: bool = False,
    lost_replies: int = 0,
    retries: int = 0,
) -> Entry:
    """Tasks with their class; the class of a call is its actor."""
    made = [deed.actor for deed in deeds if isinstance(deed, MakeActor)]
    groups = (GroupSpec("0", (CPU,)),) if MakeGroup("0") in deeds else ()
    program = OwnedProgram(
        tuple(task for task, _ in tasks),
        deeds,
        MappingProxyType(
            {task.name: scheduling_class for task, scheduling_class in tasks if scheduling_class not in made}
        ),
        groups,
        MappingProxyType(
            {task.name: "0" for task, scheduling_class in tasks if scheduling_class not in (PLAIN, SPREAD, *made)}
        ),
        actor_of=MappingProxyType(
            {task.name: scheduling_class for task, scheduling_class in tasks if scheduling_class in made}
        ),
        max_task_retries=retries,
    )
    idle = () if program.actor_of else OF_CALLS
    claims = (*(s for s in OWNED_CLUSTER if s.kind is not StatementKind.SOMETIMES and s not in idle), *happens)

    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return owned_cluster(
            name,
            program,
            cpus,
            claims,
            crashes=crashes,
            driver_crashes=driver_crashes,
            lost_replies=lost_replies,
            swap=swap,
        )

    return Entry(name, "cluster", Edition.RAY2, Scope.TINY, build)


def _task(name: str, *arguments: str, retries: int = 1) -> Task:
    return Task(name, arguments, f"o{name}", retries)


def _call(name: str, *arguments: str) -> Task:
    return Task(name, arguments, f"o{name}", 0, small=True)


OWNED_ENTRIES = (
    # A task in a bundle that is given up under it, beside one that is not.
    _owned(
        "ray2-bundle",
        ((_task("a"), class_in("0", 0)), (_task("b"), PLAIN)),
        (MakeGroup("0"), Submit("a"), Submit("b"), GetOne("ob"), GiveUpGroup("0"), GetOne("oa")),
        (2,),
        (a_lease_is_granted_in_a_bundle, a_worker_is_killed),
    ).sized(3_205, 10_528, 27),
    # The node may die on which the bundle is; the group and its task come back on the other.
    _owned(
        "ray2-bundle-crash",
        ((_task("a"), class_in("0", -1)),),
        (MakeGroup("0"), Submit("a"), GetOne("oa")),
        (1, 2),
        (a_lease_is_granted_in_a_bundle, a_group_is_rescheduled, a_task_is_executed_again),
        crashes=1,
    ).sized(23_959, 105_753, 35),
    # One of two tasks is cancelled before, while or after it runs; the other needs its CPU.
    _owned(
        "ray2-cancel",
        ((_task("a"), PLAIN), (_task("b"), PLAIN)),
        (Submit("a"), Cancel("a"), Submit("b"), GetOne("ob"), Drop("oa"), Drop("ob")),
        (1,),
        (a_task_ends_cancelled,),
    ).sized(752, 1_780, 22),
    # An argument may be lost when the only CPU left is leased for the task that needs it.
    _owned(
        "ray2-lost-argument",
        ((_task("a"), SPREAD), (_task("b"), SPREAD), (_task("c", "ob"), PLAIN)),
        (Submit("a"), Submit("b"), Submit("c")),
        (1, 1),
        (a_task_is_executed_again,),
        crashes=1,
    ).sized(237_163, 1_207_941, 49),
    # Two actors on nodes of which one may die, and one of them is killed at some time.
    _owned(
        "ray2-actor",
        (),
        (MakeActor("m"), MakeActor("n"), EndActor("n")),
        (1, 1),
        (an_actor_is_restarted,),
        crashes=1,
    ).sized(25_268, 122_179, 21),
    _owned(
        "ray2-driver-dies",
        ((_task("a"), PLAIN), (_task("b"), PLAIN)),
        (MakeActor("m"), Submit("a"), Submit("b"), GetOne("ob")),
        (1,),
        (),
        crashes=1,
        driver_crashes=True,
    ).sized(6_301, 21_862, 23),
    # The node of an actor may die before, between and under its calls.
    _owned(
        "ray2-calls",
        ((_call("a"), "m"), (_call("b"), "m")),
        (MakeActor("m"), Submit("a"), Submit("b"), GetOne("ob")),
        (1, 1),
        (an_actor_is_restarted, a_call_fails_with_its_actor, a_restarted_actor_is_called),
        crashes=1,
        retries=1,
    ).sized(99_509, 542_455, 33),
    # The same without retries, on what may be the actor's second worker.
    _owned(
        "ray2-calls-once",
        ((_call("a"), "m"),),
        (MakeActor("m"), Submit("a"), GetOne("oa")),
        (1, 1),
        (an_actor_is_restarted, a_call_fails_with_its_actor, a_restarted_actor_is_called),
        crashes=1,
    ).sized(8_882, 41_941, 22),
    # A call behind one whose argument may be cancelled, and one that may come after the end of the actor.
    _owned(
        "ray2-calls-argument",
        ((_task("x"), PLAIN), (_call("a", "ox"), "m"), (_call("b"), "m"), (_call("c"), "m")),
        (MakeActor("m"), Submit("x"), Submit("a"), Submit("b"), Cancel("x"), GetOne("ob"), EndActor("m"), Submit("c")),
        (2,),
        (a_call_fails_with_its_actor, a_task_ends_cancelled),
    ).sized(6_483, 20_118, 32),
    # An argument for which there is never room: who calls the dead does not wait for it.
    _owned(
        "ray2-calls-dead",
        ((_task("x"), PLAIN), (_call("a", "ox"), "m"), (_call("b"), "m")),
        (MakeActor("n"), MakeActor("m"), Submit("x"), Submit("a"), Submit("b"), EndActor("m"), GetOne("ob")),
        (1,),
        (a_call_fails_with_its_actor,),
    ).sized(994, 3_145, 22),
    # The connection may break under the reply of either call; each is made again, which the actor may have done. It is
    # killed under the second one.
    _owned(
        "ray2-calls-lost-reply",
        ((_call("a"), "m"), (_call("b"), "m")),
        (MakeActor("m"), Submit("a"), Submit("b"), GetOne("oa"), EndActor("m"), GetOne("ob")),
        (1,),
        (a_call_is_executed_again,),
        lost_replies=1,
        retries=1,
    ).sized(1_199, 2_998, 27),
)
"""Exhausted in seconds, each."""
