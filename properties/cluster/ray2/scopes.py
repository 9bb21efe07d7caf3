"""Scopes of today's Ray: small whole clusters, one for each thing that scheduling there must survive.

A policy can be put into each in which raylets decide freely. Exhausted within seconds; which are walked instead is said
in docs/one-ray.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rayproof.model.cluster.ray2 import TodayParameters, assemble
from rayproof.model.graph import (
    Action,
    Cancel,
    ClusterSpec,
    Compute,
    Default,
    Get,
    NodeAffinity,
    NodeSpec,
    ObjectSpec,
    Program,
    Put,
    Resources,
    Spread,
    Strategy,
    Submit,
    TaskKind,
    TaskSpec,
)
from rayproof.model.kernel import Scenario, Statement, StatementKind
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.scheduler.ray2.bundles import in_bundle, offered
from rayproof.model.swap import Swap
from rayproof.model.wire.ray2.rpc import Faults
from rayproof.properties.cluster.ray2.promises import (
    a_request_hops_once,
    bound_tasks_run_where_bound,
    spread_goes_round,
    the_most_local_node_is_asked,
)
from rayproof.properties.cluster.ray2.statements import (
    AS_RAY,
    PROGRESS,
    SAFETY,
    a_busy_node_lets_go,
    a_wildcard_goes_with_its_bundles,
    a_worker_gets_one_task_at_a_time,
    every_task_that_fits_ends,
    keeps_the_contract,
    nothing_fails_by_itself,
    some_body_overdraws,
    some_task_leaves_its_driver,
    tasks_that_fit_their_group_run,
    views_agree_at_rest,
    waiting_workers_are_capped,
)
from rayproof.properties.entry import Edition, Entry, Scope, equal_nodes

LARGE = 1 << 20
"""Bytes of an object that goes to an object store."""

_CPU = Resources.of(CPU=1)
_GPU = Resources.of(GPU=1)
_ANYWHERE = Default()


def task(
    name: str,
    *inputs: str,
    demand: Resources = _CPU,
    strategy: Strategy = _ANYWHERE,
    body: tuple[Action, ...] = (Compute(0),),
    retries: int = 1,
    function: str = "f",
) -> TaskSpec:
    """A task that makes one object, `o-NAME`, of what it is given."""
    return TaskSpec(name, inputs, (f"o-{name}",), demand, body, strategy, max_retries=retries, name=function)


def program(name: str, *tasks: TaskSpec, waits_for: tuple[str, ...] | None = None, size: int = 0) -> Program:
    """A driver that submits the tasks that no body submits, and gets the results of some (of all of these)."""
    nested = {action.task for each in tasks for action in each.body if isinstance(action, Submit)}
    own = [each.id for each in tasks if each.id not in nested]
    wanted = tuple(f"o-{each}" for each in (own if waits_for is None else waits_for))
    objects = {made: ObjectSpec(made, size) for each in tasks for made in each.outputs}
    return Program({each.id: each for each in tasks}, objects, (*map(Submit, own), Get(wanted)), name)


def nodes(*totals: Resources) -> ClusterSpec:
    """Nodes with these resources; the driver is on the first."""
    return ClusterSpec(tuple(NodeSpec(f"n{i}", total) for i, total in enumerate(totals)))


def scope(
    name: str,
    what: Program,
    cluster: ClusterSpec,
    *own: Statement,
    size: Scope = Scope.TINY,
    takes_policy: bool = True,
    hook: str = "",
    fails: bool = False,
    as_ray: tuple[Statement, ...] = AS_RAY,
    spared: tuple[Statement, ...] = (),
    **options: Any,
) -> Entry:
    """A scope of today's Ray.

    `own`: beside what is owed everywhere. `as_ray`: checked of Ray's own policy alone. What must happen some time is
    owed by that policy alone, too. `fails`: whether tasks fail there without a fault. `spared`: what is not owed there,
    as `own` says under which condition it is.
    """
    parameters = TodayParameters(**{"most_requests": 2, **options})
    suspects = bool(parameters.faults.suspicions)
    faults = parameters.crashes or parameters.drains or parameters.overfills or suspects or fails
    base = (*SAFETY, *PROGRESS, *(() if faults else (nothing_fails_by_itself,)))
    named = replace_name(what, name)

    def build(policy: Policy | None, swap: Swap) -> Scenario:
        chosen = parameters if policy is None else replace(parameters, policy=policy, repeats=16)
        contract = keeps_the_contract(named, suspects=suspects)
        checked = tuple(each for each in (contract, *base, *own, *as_ray) if each not in spared)
        if policy is not None:
            of_ray = (*as_ray, *(each for each in own if each.kind is StatementKind.SOMETIMES))
            checked = tuple(each for each in checked if each not in of_ray)
        return assemble(name, named, cluster, chosen, checked, component="scheduler", swap=swap)

    return Entry(name, "scheduler", Edition.RAY2, size, build, takes_policy, (named, cluster), hook)


def replace_name(what: Program, name: str) -> Program:
    """The same program under the name of its scope."""
    return replace(what, name=name)


_PARENT = (Submit("x"), Get(("o-x",)))
_ACTOR = Program(
    {
        "make": TaskSpec("make", (), (), _CPU, kind=TaskKind.ACTOR_CREATION, actor="A", max_retries=1, name="A"),
        "m": TaskSpec("m", (), ("o-m",), Resources(), kind=TaskKind.ACTOR_METHOD, actor="A", max_retries=0),
        "n": TaskSpec("n", ("o-t",), ("o-n",), Resources(), kind=TaskKind.ACTOR_METHOD, actor="A", max_retries=0),
        "t": task("t"),
    },
    {made: ObjectSpec(made, LARGE if made == "o-t" else 0) for made in ("o-m", "o-n", "o-t")},
    (Submit("make"), Submit("t"), Submit("m"), Submit("n"), Get(("o-m", "o-n"))),
)

_BOUND = Program(
    {
        "make": TaskSpec(
            "make", (), (), _CPU, (Compute(0),), NodeAffinity("n1"), 0, TaskKind.ACTOR_CREATION, "A", name="A"
        ),
        "t": task("t", strategy=NodeAffinity("n1"), retries=0),
        "m": TaskSpec("m", (), ("o-m",), Resources(), kind=TaskKind.ACTOR_METHOD, actor="A", max_retries=0),
        "n": TaskSpec("n", ("o-t",), ("o-n",), Resources(), kind=TaskKind.ACTOR_METHOD, actor="A", max_retries=0),
    },
    {made: ObjectSpec(made) for made in ("o-m", "o-n", "o-t")},
    (Submit("make"), Submit("t"), Submit("m"), Submit("n"), Get(("o-m", "o-n"))),
)
_NEVER_BORN = Program(
    {
        "a": task("a"),
        "make": TaskSpec("make", ("o-a",), (), _CPU, kind=TaskKind.ACTOR_CREATION, actor="A", max_retries=1, name="A"),
        "m": TaskSpec("m", (), ("o-m",), Resources(), kind=TaskKind.ACTOR_METHOD, actor="A", max_retries=0),
    },
    {made: ObjectSpec(made) for made in ("o-a", "o-m")},
    (Submit("a"), Cancel("a"), Submit("make"), Submit("m"), Get(("o-m",))),
)
_CALLED_AGAIN = Program(
    {
        "make": TaskSpec("make", (), (), _GPU, kind=TaskKind.ACTOR_CREATION, actor="A", max_retries=1, name="A"),
        "m": TaskSpec("m", (), ("o-m",), Resources(), kind=TaskKind.ACTOR_METHOD, actor="A", max_retries=1),
        "n": TaskSpec("n", (), ("o-n",), Resources(), kind=TaskKind.ACTOR_METHOD, actor="A", max_retries=1),
    },
    {made: ObjectSpec(made) for made in ("o-m", "o-n")},
    (Submit("make"), Submit("m"), Submit("n"), Get(("o-m", "o-n"))),
)
_BORROWING = Program(
    {
        "q": task("q", body=(Put("o-r"), Submit("x"), Get(("o-x", "o-r", "o-p"))), function="q"),
        "x": task("x", "o-p", function="x"),
    },
    {made: ObjectSpec(made, size) for made, size in (("o-p", 0), ("o-r", LARGE), ("o-q", 0), ("o-x", 0))},
    (Put("o-p"), Submit("q"), Get(("o-q",))),
)
_CANCELLING = Program(
    {"a": task("a"), "b": task("b"), "c": task("c", "o-a")},
    {made: ObjectSpec(made) for made in ("o-a", "o-b", "o-c")},
    (Submit("a"), Submit("b"), Submit("c"), Cancel("b"), Cancel("c"), Get(("o-a", "o-b", "o-c"))),
)
_STAYING = Program(
    {
        "t": task("t", strategy=NodeAffinity("n1")),
        "A": TaskSpec("A", (), ("o-A",), _CPU, kind=TaskKind.ACTOR_CREATION, actor="A", max_retries=0, name="A"),
        "B": TaskSpec("B", (), ("o-B",), _CPU, kind=TaskKind.ACTOR_CREATION, actor="B", max_retries=0, name="A"),
    },
    {made: ObjectSpec(made) for made in ("o-t", "o-A", "o-B")},
    (Submit("t"), Submit("A"), Submit("B"), Get(("o-A", "o-B"))),
)
_KEEPING = Program(
    {
        made: TaskSpec(made, (), (f"o-{made}",), what, kind=TaskKind.ACTOR_CREATION, actor=made, max_retries=0, name=of)
        for made, what, of in (
            ("A", in_bundle(_CPU, "g"), "small"),
            ("B", in_bundle(_CPU, "g"), "small"),
            ("C", in_bundle(_CPU + _GPU, "g"), "large"),
        )
    },
    {made: ObjectSpec(made) for made in ("o-A", "o-B", "o-C")},
    (Submit("A"), Submit("B"), Submit("C"), Get(("o-A",))),
)
_FILLING = Program(
    {each: task(each) for each in "abd"},
    {made: ObjectSpec(made, 1) for made in ("o-a", "o-b", "o-d")},
    (Submit("a"), Get(("o-a",)), Submit("b"), Submit("d"), Get(("o-b", "o-d"))),
)
_PHASES = program(
    "",
    task("a", strategy=NodeAffinity("n1")),
    task("b", "o-a", strategy=NodeAffinity("n0"), function="g"),
    task("c", strategy=NodeAffinity("n0", soft=True), function="h"),
    size=LARGE,
)
_MOVING = Program(
    {
        "make": TaskSpec(
            "make",
            (),
            (),
            _CPU,
            strategy=NodeAffinity("n1", soft=True),
            kind=TaskKind.ACTOR_CREATION,
            actor="A",
            max_retries=1,
            name="A",
        ),
        "m": TaskSpec("m", (), ("o-m",), Resources(), kind=TaskKind.ACTOR_METHOD, actor="A", max_retries=1),
    },
    {"o-m": ObjectSpec("o-m")},
    (Submit("make"), Submit("m"), Get(("o-m",))),
)
_CALLS_FAIL = {
    "lost-request": (Faults(lost_requests=1), (9_317, 33_424, 24), (8_420, 26_714, 30)),
    "lost-reply": (Faults(lost_replies=1), (11_375, 44_379, 25), (18_271, 64_545, 32)),
    "in-flight": (Faults(in_flight=1), (25_875, 104_556, 25), (45_937, 175_933, 33)),
}
"""Kind of fault, and the sizes of its scope with tasks and of the one with an actor."""

TODAY_ENTRIES = (
    # Three tasks, and one CPU on each of two nodes: one runs elsewhere, one goes on with the lease of another.
    scope(
        "today-plain", program("", task("a"), task("b"), task("d")), equal_nodes(2), some_task_leaves_its_driver
    ).sized(5_617, 19_271, 25),
    # A node of two CPUs is half full with one task: the next goes to the idle one.
    scope("today-wide", program("", task("a"), task("b")), equal_nodes(2, CPU=2), workers=3).sized(605, 1_560, 18),
    # Large results are fetched before the lease of their reader is granted.
    scope("today-chain", program("", task("a"), task("b", "o-a"), size=LARGE), equal_nodes(2)).sized(32, 48, 13),
    scope(
        "today-fetch",
        program("", task("a", strategy=NodeAffinity("n1")), task("b", "o-a", strategy=NodeAffinity("n0")), size=LARGE),
        equal_nodes(2),
        takes_policy=False,
    ).sized(247, 656, 17),
    # Two objects wait for one connection.
    scope(
        "today-transfer",
        program(
            "",
            task("a", strategy=NodeAffinity("n1")),
            task("b", strategy=NodeAffinity("n1"), function="g"),
            task("c", "o-a", "o-b", strategy=NodeAffinity("n0")),
            size=LARGE,
            waits_for=("c",),
        ),
        nodes(_CPU, _CPU + _CPU),
        hook="transfer",
        as_ray=(),
    ).sized(1_524, 5_059, 26),
    # One CPU for requests of three classes: two wait for it together, and a policy orders them.
    scope(
        "today-queue",
        program("", task("a"), task("b", function="g"), task("c", function="h")),
        equal_nodes(1),
        hook="order",
        as_ray=(),
    ).sized(27, 34, 18),
    # Requests and returns may arrive twice, at any time, also when the worker belongs to somebody else.
    scope(
        "today-duplicates",
        program("", task("a"), task("b", function="g"), task("d", function="g")),
        equal_nodes(1),
        a_worker_gets_one_task_at_a_time,
        faults=Faults(duplicates=1),
    ).sized(137, 247, 20),
    # The driver's node cannot run the tasks; of the two that can, one is drained, or dies.
    scope(
        "today-drain",
        program("", task("a", demand=_GPU), task("b", demand=_GPU)),
        nodes(_CPU, _GPU, _GPU),
        some_task_leaves_its_driver,
        a_request_hops_once,
        drains=(1,),
        most_requests=1,
    ).sized(12_165, 43_872, 25),
    scope(
        "today-crash",
        program("", task("a", demand=_GPU), task("b", "o-a", demand=_GPU)),
        nodes(_CPU, _GPU, _GPU),
        some_task_leaves_its_driver,
        crashes=1,
    ).sized(68_777, 301_047, 35),
    # What a task has made is lost with its node, and made again for who needs it.
    scope(
        "today-lineage",
        program("", task("a", strategy=NodeAffinity("n1", soft=True)), task("b", "o-a"), size=LARGE),
        equal_nodes(2),
        crashes=1,
        as_ray=(),
    ).sized(30_386, 94_525, 39),
    scope(
        "today-spread",
        program("", task("a", strategy=Spread()), task("b", strategy=Spread())),
        equal_nodes(2, CPU=2),
        some_task_leaves_its_driver,
        crashes=1,
        as_ray=(),
    ).sized(6_879, 23_910, 25),
    # A task that fits, one that no node can ever run, and one bound to a node that may be drained.
    scope(
        "today-classes",
        program(
            "",
            task("a"),
            task("x", demand=_GPU, function="g"),
            task("y", strategy=NodeAffinity("n1"), function="h"),
            waits_for=("a", "y"),
        ),
        equal_nodes(2),
        drains=(1,),
    ).sized(2_062, 7_211, 16),
    # Two parents that each get what their child makes, and a CPU for one of all these.
    scope(
        "today-nested",
        program(
            "",
            task("p", body=(Submit("x"), Get(("o-x",)), Compute(0)), function="p"),
            task("q", body=(Submit("y"), Get(("o-y",)), Compute(0)), function="p"),
            task("x", function="c"),
            task("y", function="c"),
        ),
        equal_nodes(1),
        waiting_workers_are_capped,
        some_body_overdraws,
        workers=4,
    ).sized(181, 369, 26),
    # A parent and its child in one class: the cap of one worker must give way.
    scope(
        "today-recursion",
        program("", task("p", body=_PARENT), task("x")),
        equal_nodes(1),
        waiting_workers_are_capped,
        workers=2,
    ).sized(16, 17, 13),
    scope(
        "today-nested-elsewhere",
        program("", task("p", body=_PARENT, function="p"), task("x", function="c")),
        equal_nodes(2),
        waiting_workers_are_capped,
        workers=2,
    ).sized(41, 70, 13),
    # An actor keeps one node, a bound task the other one for some time: a second actor goes where room appears.
    scope("today-stay", _STAYING, equal_nodes(2), some_task_leaves_its_driver).sized(2_826, 9_423, 25),
    # Worker processes have to be started, one at a time, while their leases hold the CPU.
    scope("today-starts", program("", task("a"), task("b")), equal_nodes(2), workers=1, prestarted=0).sized(
        1_447, 3_987, 20
    ),
    # An actor that may have to start again elsewhere, and two calls, of which the second waits for a task.
    scope("today-actor", _ACTOR, nodes(_CPU + _CPU, _CPU)).sized(2_068, 6_296, 29),
    scope("today-actor-crash", _ACTOR, nodes(_CPU + _CPU, _CPU), crashes=1, takes_policy=False).sized(
        87_899, 388_599, 40
    ),
    # A constructor whose argument is an error: who calls such an actor hears that there is none.
    scope("today-actor-never", _NEVER_BORN, equal_nodes(1), fails=True, takes_policy=False).sized(60, 138, 8),
    # Two calls are on their way when the actor's node dies, and are retried in their order.
    scope(
        "today-calls-again",
        _CALLED_AGAIN,
        nodes(_CPU, _GPU, _GPU),
        crashes=1,
        crashing=(1,),
        workers=1,
        takes_policy=False,
        as_ray=(),
    ).sized(117_668, 628_714, 42),
    # The node of a parent dies when the request for its child is on its way: nobody is there for the worker.
    scope(
        "today-owner-crash",
        program(
            "",
            task("p", strategy=NodeAffinity("n1", soft=True), body=(Submit("x"), Compute(0)), function="p", retries=0),
            task("x", strategy=NodeAffinity("n0"), function="c"),
        ),
        equal_nodes(2),
        crashes=1,
        workers=2,
        takes_policy=False,
        as_ray=(),
    ).sized(4_874, 17_418, 23),
    # The node runs out of memory at any time: the newest worker is killed, a task's or an actor's.
    scope("today-memory", program("", task("a"), task("b")), equal_nodes(1, CPU=2), overfills=(0,), workers=3).sized(
        1_037, 2_028, 20
    ),
    scope("today-actor-memory", _ACTOR, equal_nodes(1, CPU=2), overfills=(0,), workers=3, takes_policy=False).sized(
        11_760, 29_931, 31
    ),
    # An actor, and an argument of its call, that are bound to a node which may be drained before they are there.
    scope("today-actor-nowhere", _BOUND, equal_nodes(2, CPU=2), drains=(1,), takes_policy=False).sized(
        3_727, 11_868, 26
    ),
    # A body speaks of what the driver has put, gives it to a task of its own, and puts something itself.
    scope("today-borrowed", _BORROWING, equal_nodes(2), workers=2).sized(47, 80, 15),
    # Three tasks to spread on two nodes of two CPUs: nodes with room take turns.
    scope(
        "today-rounds",
        program("", *(task(name, strategy=Spread()) for name in "abc")),
        equal_nodes(2, CPU=2),
        spread_goes_round,
        a_request_hops_once,
        most_requests=1,
        takes_policy=False,
        as_ray=(),
    ).sized(7_044, 24_451, 24),
    # Tasks that ask for nothing, that are to be spread, and that would rather be on one node.
    scope(
        "today-kinds",
        program(
            "",
            task("a", demand=Resources()),
            task("b", strategy=Spread(), function="g"),
            task("c", strategy=NodeAffinity("n1", soft=True), function="h"),
        ),
        equal_nodes(2),
        workers=3,
        as_ray=(),
    ).sized(2_940, 9_951, 21),
    # Arguments lie on two nodes, more bytes on one of them; a task without demands and one that is bound beside it.
    scope(
        "today-local",
        Program(
            {
                "a": task("a", strategy=NodeAffinity("n1")),
                "b": TaskSpec(
                    "b", (), ("o-b", "o-b2"), Resources(), (Compute(0),), NodeAffinity("n2"), max_retries=1, name="g"
                ),
                "c": task("c", "o-a", "o-b", "o-b2", function="h"),
                "d": task("d", demand=Resources(), function="k"),
            },
            {"o-a": ObjectSpec("o-a", LARGE), "o-b": ObjectSpec("o-b", LARGE), "o-b2": ObjectSpec("o-b2", LARGE)}
            | {made: ObjectSpec(made) for made in ("o-c", "o-d")},
            (Submit("a"), Submit("b"), Submit("c"), Submit("d"), Get(("o-c", "o-d"))),
        ),
        equal_nodes(3),
        bound_tasks_run_where_bound,
        a_request_hops_once,
        workers=4,
        takes_policy=False,
        as_ray=(the_most_local_node_is_asked,),
    ).sized(6_972, 28_390, 30),
    # A task is cancelled while it waits for a worker, or for another one.
    scope("today-cancel", _CANCELLING, equal_nodes(1), fails=True).sized(36, 64, 10),
    # A parent in bundle 0, whose child runs outside; another task for bundle 0, and one for bundle 1.
    scope(
        "today-bundle-get",
        program(
            "",
            task("p", body=_PARENT, demand=in_bundle(_CPU, "g", 0), function="p"),
            task("x", function="c"),
            task("b", demand=in_bundle(_CPU, "g", 0), function="b"),
            task("d", demand=in_bundle(_CPU, "g", 1), function="d"),
        ),
        nodes(_CPU + offered((("g", 0, _CPU), ("g", 1, _CPU)))),
        a_wildcard_goes_with_its_bundles,
        some_body_overdraws,
        workers=4,
        as_ray=(),
    ).sized(4_280, 10_260, 26),
    # Actors in any bundle of a group take the CPU of the one that has a GPU: known of Ray.
    scope(
        "today-bundle-gpu",
        _KEEPING,
        nodes(offered((("g", 0, _CPU), ("g", 1, _CPU + _GPU))), offered((("g", 2, _CPU),))),
        a_wildcard_goes_with_its_bundles,
        tasks_that_fit_their_group_run,
        workers=2,
        takes_policy=False,
        spared=(every_task_that_fits_ends,),
        as_ray=(),
    ).sized(382, 1_107, 18),
    # The node that tasks are bound to is drained while they wait.
    scope(
        "today-bound",
        program("", *(task(each, demand=_GPU, strategy=NodeAffinity("n1")) for each in "abd")),
        nodes(_CPU, _GPU),
        drains=(1,),
    ).sized(2_272, 6_944, 23),
    # The node that tasks prefer is busy.
    scope(
        "today-leave",
        program("", *(task(each, strategy=NodeAffinity("n0", soft=True, spill_on_unavailable=True)) for each in "abd")),
        equal_nodes(2),
        a_busy_node_lets_go,
        some_task_leaves_its_driver,
    ).sized(5_617, 19_271, 25),
    # The first result fills half the store of its node before the others are submitted.
    scope(
        "today-store",
        _FILLING,
        equal_nodes(2, CPU=4, object_store_memory=2),
        some_task_leaves_its_driver,
        most_requests=1,
        inline_bytes=0,
    ).sized(54_793, 233_892, 31),
    # ---- one fault of the switch each ----
    # A request may be queued, wait for its arguments or have a worker when its call fails.
    *(
        scope(
            f"today-{what}", _PHASES, equal_nodes(2), a_worker_gets_one_task_at_a_time, faults=faults, as_ray=()
        ).sized(*size)
        for what, (faults, size, _) in _CALLS_FAIL.items()
    ),
    *(
        scope(
            f"today-actor-{what}", _ACTOR, nodes(_CPU + _CPU, _CPU), faults=faults, takes_policy=False, as_ray=()
        ).sized(*size)
        for what, (faults, _, size) in _CALLS_FAIL.items()
    ),
    scope("today-break", _STAYING, equal_nodes(2), views_agree_at_rest, faults=Faults(breaks=1), as_ray=()).sized(
        94_844, 417_326, 35
    ),
    # A node is declared dead while it works, and hears of it late.
    scope(
        "today-suspected",
        program("", task("a", strategy=NodeAffinity("n1", soft=True)), task("b", "o-a")),
        equal_nodes(2),
        faults=Faults(suspicions=1),
        as_ray=(),
    ).sized(24_946, 98_095, 28),
    scope(
        "today-actor-suspected",
        _MOVING,
        equal_nodes(2),
        faults=Faults(suspicions=1),
        takes_policy=False,
        as_ray=(),
    ).sized(173_077, 846_515, 36),
)
"""One scope for each thing that leases on today's Ray must survive."""
