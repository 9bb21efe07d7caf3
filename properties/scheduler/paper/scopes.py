"""Scopes of the two-level scheduler: one small cluster for each thing that scheduling can get wrong."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

from rayproof.model.cluster.paper import ClusterParameters, assemble
from rayproof.model.graph import (
    Action,
    ClusterSpec,
    Default,
    Get,
    NodeAffinity,
    NodeSpec,
    ObjectSpec,
    Program,
    Resources,
    Spread,
    Strategy,
    Submit,
    TaskSpec,
    shapes,
)
from rayproof.model.graph.hints import NO_HINTS, Hints
from rayproof.model.kernel import Context, Scenario, Statement, StatementKind
from rayproof.model.scheduler.policy import built_in as policies
from rayproof.model.scheduler.policy.hooks import ClusterView, Policy, TaskView
from rayproof.model.scheduler.policy.queue_hooks import GIVE_UP, GiveUp
from rayproof.model.swap import Swap
from rayproof.properties.cluster.paper.statements import (
    assignments_remembered,
    capacity_conserved,
    eventual_scheduling,
    no_lost_objects,
    runs_after_its_inputs,
    the_program_ends,
)
from rayproof.properties.entry import Edition, Entry, Scope, equal_nodes
from rayproof.properties.scheduler.paper import statements
from rayproof.properties.scheduler.paper.statements import REPLICAS
from rayproof.properties.twins import comes_to_rest

ALWAYS = (
    statements.legal_placement,
    statements.no_head_of_line_blocking_across_classes,
    capacity_conserved,
    runs_after_its_inputs,
    assignments_remembered,
    no_lost_objects,
)
"""Checked in each of these scopes."""


PROMISES = (statements.spread_balance, statements.locality_respected, statements.starvation_bound)
"""What the built-in policies promise; another policy may have other aims."""


_ANYWHERE = Default()


def task(
    name: str, *, demand: Resources | None = None, strategy: Strategy = _ANYWHERE, hints: Hints = NO_HINTS
) -> TaskSpec:
    """A task without inputs that makes one object; one CPU unless said otherwise."""
    return TaskSpec(name, (), (f"o-{name}",), demand or Resources.of(CPU=1), strategy=strategy, hints=hints)


def submitted(name: str, tasks: tuple[TaskSpec, ...], awaited: tuple[str, ...] | None = None) -> Program:
    """A driver that submits tasks in order and gets the results of those awaited (all, unless said otherwise)."""
    wanted = tuple(f"o-{task}" for task in (awaited if awaited is not None else [task.id for task in tasks]))
    driver: tuple[Action, ...] = (*(Submit(task.id) for task in tasks), Get(wanted))
    objects = {made: ObjectSpec(made) for task in tasks for made in task.outputs}
    return Program({task.id: task for task in tasks}, objects, driver, name)


def scope(
    name: str,
    program: Program,
    nodes: ClusterSpec,
    parameters: ClusterParameters,
    own: tuple[Statement, ...],
    *,
    size: Scope = Scope.TINY,
    always: tuple[Statement, ...] = ALWAYS,
) -> Entry:
    """A scope of the scheduler, in which another policy may take the place of its own."""

    def build(policy: Policy | None, swap: Swap) -> Scenario:
        chosen = parameters if policy is None else replace(parameters, policy=policy, repeats=16)
        # What a scope must reach it reaches with its own policy; another policy owes it nothing.
        spared = (*PROMISES, *(each for each in own if each.kind is StatementKind.SOMETIMES))
        owed = own if policy is None else tuple(each for each in own if each not in spared)
        return assemble(name, program, nodes, chosen, (*always, *owed), component="scheduler", swap=swap)

    return Entry(name, "scheduler", Edition.PAPER, size, build, True, (program, nodes))


_PARENT = TaskSpec("p", (), ("o-p",), strategy=NodeAffinity("n1"), body=(Submit("c"),))


_TWO_SUBMITTERS = Program(
    {"p": _PARENT, "d": task("d"), "c": task("c")},
    {made: ObjectSpec(made) for made in ("o-p", "o-d", "o-c")},
    (Submit("p"), Submit("d"), Get(("o-d",))),
    "two submitters",
)


_GPU = Resources.of(GPU=1)


_DEVICES = ClusterSpec((NodeSpec("n0", Resources.of(CPU=1, GPU=1)),))


_LATE_GPU = ClusterSpec((NodeSpec("n0", Resources.of(CPU=1)), NodeSpec("n1", Resources.of(CPU=1, GPU=1))))


@dataclass(frozen=True)
class GivesUp(policies.Default):
    """Ray's placement; what no node can run is rejected at once."""

    def retry(
        self, task: TaskView, attempt: int, view: ClusterView, memory: Hashable, ctx: Context
    ) -> tuple[GiveUp, Hashable]:
        """Reject it."""
        return GIVE_UP, memory


def _rejected() -> Program:
    """A task for a GPU that no node has, one that needs its result, and one that stands alone."""
    one = Resources.of(CPU=1)
    tasks = (
        TaskSpec("g", (), ("og",), Resources.of(GPU=1)),
        TaskSpec("d", ("og",), ("od",), one),
        TaskSpec("c", (), ("oc",), one),
    )
    objects = {made: ObjectSpec(made) for made in ("og", "od", "oc")}
    return Program(
        {task.id: task for task in tasks},
        objects,
        (*(Submit(task.id) for task in tasks), Get(("od", "oc"))),
        "rejected",
    )


_REJECTING = scope(
    "sched-gives-up",
    _rejected(),
    equal_nodes(2),
    ClusterParameters(policy=GivesUp(), threshold=0),
    (statements.every_request_answered, the_program_ends, comes_to_rest),
)


def _gives_up(policy: Policy | None, swap: Swap) -> Scenario:
    """A policy that gives up; another one, put in its place, might rightly wait for ever."""
    return _REJECTING.build(None, swap)


SCHEDULING_ENTRIES = (
    scope(
        "sched-classes",
        submitted("classes", (task("g0", demand=_GPU), task("g1", demand=_GPU), task("g2", demand=_GPU), task("c0"))),
        _DEVICES,
        ClusterParameters(threshold=9, workers=2),
        (statements.starvation_bound, statements.every_request_answered, eventual_scheduling),
    ),
    scope(
        "sched-affinity",
        submitted(
            "affinity",
            (
                task("h", strategy=NodeAffinity("n1")),
                task("s", strategy=NodeAffinity("n1", soft=True)),
                task("d"),
            ),
        ),
        equal_nodes(2),
        ClusterParameters(threshold=0),
        (statements.bounded_hops, statements.every_request_answered, eventual_scheduling),
    ),
    scope(
        "sched-spread",
        submitted("spread", tuple(task(f"s{i}", strategy=Spread()) for i in range(3))),
        equal_nodes(2, CPU=2),
        ClusterParameters(threshold=0),
        (statements.spread_balance, statements.bounded_hops, statements.every_request_answered),
    ),
    scope(
        "sched-locality",
        shapes.chain(3, 1 << 20),
        equal_nodes(2),
        ClusterParameters(policy=policies.LocalityFirst(), threshold=0),
        (statements.locality_respected, statements.bounded_hops, statements.every_request_answered),
    ),
    scope(
        "sched-infeasible",
        submitted("infeasible", (task("a", demand=Resources.of(A100=1)), task("b"), task("c")), ("b", "c")),
        equal_nodes(1),
        ClusterParameters(threshold=0),
        (statements.infeasible_never_blocks_feasible, statements.every_request_answered, eventual_scheduling),
    ),
    scope(
        "sched-booting",
        submitted("booting", (task("g", demand=_GPU), task("c"))),
        _LATE_GPU,
        ClusterParameters(booting=((1, 10_000_000),), early_timeouts=4),
        (statements.no_feasible_work_rejected, statements.every_request_answered, eventual_scheduling),
    ),
    # Tasks that are submitted on either node, each of which another replica serves.
    scope(
        "sched-replicas",
        _TWO_SUBMITTERS,
        equal_nodes(2),
        ClusterParameters(threshold=0, schedulers=2, workers=1),
        (*REPLICAS, statements.bounded_hops, statements.every_request_answered, eventual_scheduling),
        always=tuple(each for each in ALWAYS if each is not assignments_remembered),
    ),
    Entry(_REJECTING.name, "scheduler", Edition.PAPER, Scope.TINY, _gives_up),
)
"""One scope for each part of scheduling."""
