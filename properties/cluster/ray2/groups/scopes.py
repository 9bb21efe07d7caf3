"""Scopes of placement groups on today's Ray: what can happen to a group, and to what runs in it.

In the first ones no task runs in a bundle; in the others a task or an actor does, and its group is given up, or its
node dies, at any moment.
"""

from __future__ import annotations

from dataclasses import replace

from rayproof.model.graph import (
    Action,
    AwaitGroup,
    BundleStrategy,
    Compute,
    Get,
    GiveUpGroup,
    GroupSpec,
    MakeGroup,
    NodeAffinity,
    ObjectSpec,
    PlacementGroup,
    Program,
    Resources,
    Submit,
    TaskKind,
    TaskSpec,
)
from rayproof.properties.cluster.ray2.groups.statements import (
    GROUPS,
    a_group_is_rescheduled,
    a_task_fails_with_its_group,
    a_worker_is_killed,
    a_worker_is_killed_before_its_task_comes,
    groups_do_not_wait_for_each_other,
    tasks_end_with_their_group,
    who_waits_waits_for_a_removed_group,
)
from rayproof.properties.cluster.ray2.scopes import nodes, scope, task
from rayproof.properties.cluster.ray2.statements import (
    a_wildcard_goes_with_its_bundles,
    no_body_waits_for_ever,
    some_task_leaves_its_driver,
)
from rayproof.properties.entry import equal_nodes

_CPU = Resources.of(CPU=1)
_GPU = Resources.of(GPU=1)
_LATER = Compute(0)
"""What follows happens at any moment."""


def _pair(name: str, strategy: BundleStrategy) -> GroupSpec:
    return GroupSpec(name, (_CPU, _CPU), strategy)


def _program(driver: tuple[Action, ...], groups: tuple[GroupSpec, ...], *tasks: TaskSpec) -> Program:
    objects = {made: ObjectSpec(made) for each in tasks for made in each.outputs}
    return Program({each.id: each for each in tasks}, objects, driver, "", {group.id: group for group in groups})


def _in(name: str, bundle: int = -1, *, retries: int = 1, function: str = "f") -> TaskSpec:
    return task(name, strategy=PlacementGroup("g", bundle), retries=retries, function=function)


def _actor(retries: int) -> tuple[TaskSpec, TaskSpec]:
    """An actor in the group, and a call of it."""
    make = TaskSpec(
        "make", (), (), _CPU, strategy=PlacementGroup("g"), kind=TaskKind.ACTOR_CREATION, actor="A", name="A"
    )
    call = TaskSpec("m", (), ("o-m",), Resources(), kind=TaskKind.ACTOR_METHOD, actor="A", max_retries=0)
    return replace(make, max_retries=retries), call


_SPREAD = _pair("g", BundleStrategy.STRICT_SPREAD)
_ONE = GroupSpec("g", (_GPU,))

GROUP_ENTRIES = (
    # Given up at any moment, while a task comes and goes.
    scope(
        "today-group-removed",
        _program((MakeGroup("g"), Submit("t"), _LATER, GiveUpGroup("g"), Get(("o-t",))), (_SPREAD,), task("t")),
        equal_nodes(3),
        *GROUPS,
        takes_policy=False,
        as_ray=(),
        views=False,
    ).sized(4_307, 13_634, 28),
    # A node dies at any moment; the only spare one has a task of its own.
    scope(
        "today-group-crash",
        _program(
            (MakeGroup("g"), Submit("t"), _LATER, GiveUpGroup("g"), Get(("o-t",))),
            (_SPREAD,),
            task("t", strategy=NodeAffinity("n3")),
        ),
        nodes(_GPU, _CPU, _CPU, _CPU),
        *GROUPS,
        a_group_is_rescheduled,
        takes_policy=False,
        as_ray=(),
        views=False,
        crashes=1,
        crashing=(1, 2),
    ).sized(13_039, 45_304, 27),
    scope(
        "today-group-two-crashes",
        _program((MakeGroup("g"),), (_pair("g", BundleStrategy.SPREAD),)),
        equal_nodes(4),
        *GROUPS,
        a_group_is_rescheduled,
        takes_policy=False,
        as_ray=(),
        views=False,
        crashes=2,
    ).sized(1_109, 2_348, 24),
    # One group cannot fit before the second node is there; the other one must not wait for it.
    scope(
        "today-group-parked",
        _program(
            (MakeGroup("g"), MakeGroup("h"), _LATER, GiveUpGroup("h")),
            (_SPREAD, GroupSpec("h", (_CPU,))),
        ),
        equal_nodes(2),
        *GROUPS,
        takes_policy=False,
        as_ray=(),
        views=False,
        joining=(1,),
    ).sized(271, 577, 21),
    scope(
        "today-group-two",
        _program(
            (MakeGroup("g"), MakeGroup("h"), _LATER, GiveUpGroup("g")), (_SPREAD, _pair("h", BundleStrategy.PACK))
        ),
        equal_nodes(2, CPU=2),
        *GROUPS,
        takes_policy=False,
        as_ray=(),
        views=False,
        crashes=1,
    ).sized(1_349, 3_517, 30),
    # The manager comes back at any moment; what it had reserved and not put on record must be free again.
    scope(
        "today-group-restart",
        _program((MakeGroup("g"), _LATER, GiveUpGroup("g")), (_SPREAD,)),
        equal_nodes(2),
        *GROUPS,
        takes_policy=False,
        as_ray=(),
        views=False,
        restarts=1,
    ).sized(23_668, 114_507, 24),
    # Two groups that keep half each and wait for each other: known of Ray.
    scope(
        "today-group-halves",
        _program((MakeGroup("g"), MakeGroup("h")), (_SPREAD, _pair("h", BundleStrategy.STRICT_SPREAD))),
        equal_nodes(4),
        *GROUPS,
        groups_do_not_wait_for_each_other,
        takes_policy=False,
        as_ray=(),
        views=False,
        crashes=2,
    ).sized(3_163, 8_000, 27),
    # Tasks for one bundle, and for any: the wildcard goes with the bundles. One outside obeys a policy.
    scope(
        "today-bundles",
        _program(
            (MakeGroup("g"), *map(Submit, "abt"), Get(("o-a", "o-b", "o-t"))),
            (_pair("g", BundleStrategy.PACK),),
            _in("a", 0),
            _in("b", function="g"),
            task("t", function="h"),
        ),
        nodes(_CPU, _CPU + _CPU),
        *GROUPS,
        a_wildcard_goes_with_its_bundles,
        some_task_leaves_its_driver,
        workers=2,
        as_ray=(),
    ).sized(65_582, 297_336, 34),
    # Given up under one task, before another: what was queued fails, and a retry waits for ever. Known of Ray.
    scope(
        "today-group-running",
        _program(
            (MakeGroup("g"), *map(Submit, "ab"), _LATER, GiveUpGroup("g"), Get(("o-a", "o-b"))),
            (_ONE,),
            replace(_in("a"), demand=_GPU),
            replace(_in("b", function="g"), demand=_GPU),
        ),
        nodes(_CPU, _GPU),
        *GROUPS,
        tasks_end_with_their_group,
        who_waits_waits_for_a_removed_group,
        a_task_fails_with_its_group,
        a_worker_is_killed,
        a_worker_is_killed_before_its_task_comes,
        takes_policy=False,
        as_ray=(),
        fails=True,
        spared=(no_body_waits_for_ever,),
    ).sized(7_414, 21_318, 30),
    # The same without retries, on a node whose workers have to start; what begins in the group ends.
    scope(
        "today-group-once",
        _program(
            (MakeGroup("g"), AwaitGroup("g"), *map(Submit, "ab"), _LATER, GiveUpGroup("g"), Get(("o-a", "o-b"))),
            (_ONE,),
            replace(_in("a", retries=0), demand=_GPU),
            replace(_in("b", retries=0, function="g"), demand=_GPU),
        ),
        nodes(_CPU + _GPU),
        *GROUPS,
        tasks_end_with_their_group,
        who_waits_waits_for_a_removed_group,
        a_task_fails_with_its_group,
        a_worker_is_killed,
        takes_policy=False,
        as_ray=(),
        fails=True,
        spared=(no_body_waits_for_ever,),
        workers=2,
        prestarted=0,
    ).sized(132, 207, 22),
    # An actor is killed with its group, while it is called or not; it may be restarted, and is not.
    *(
        scope(
            name,
            _program(
                (MakeGroup("g"), *map(Submit, ("make", "m")), _LATER, GiveUpGroup("g"), Get(("o-m",))),
                (GroupSpec("g", (_CPU,)),),
                *_actor(restarts),
            ),
            nodes(_CPU, _CPU),
            *GROUPS,
            tasks_end_with_their_group,
            who_waits_waits_for_a_removed_group,
            a_worker_is_killed,
            takes_policy=False,
            as_ray=(),
            fails=True,
            spared=(no_body_waits_for_ever,),
        ).sized(*size)
        for name, restarts, size in (
            ("today-group-actor", 0, (3_306, 10_342, 24)),
            ("today-group-actor-restarts", 1, (3_886, 12_576, 25)),
        )
    ),
    # The node dies on which the bundle is: the group is placed again, and its task runs there.
    scope(
        "today-group-moves",
        _program((MakeGroup("g"), Submit("a"), Get(("o-a",))), (_ONE,), replace(_in("a"), demand=_GPU)),
        nodes(_CPU, _GPU, _GPU),
        *GROUPS,
        a_group_is_rescheduled,
        some_task_leaves_its_driver,
        takes_policy=False,
        as_ray=(),
        crashes=1,
        crashing=(1,),
    ).sized(350_043, 1_962_444, 40),
)
"""One scope for each thing that can happen to a group."""
