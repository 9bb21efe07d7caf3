"""Small scopes for handlers that the other scopes leave alone: what is rejected, and what exists already."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from rayproof.model.cluster.assembly import ClusterParameters
from rayproof.model.graph import Get, ObjectSpec, Program, Resources, Submit, TaskSpec
from rayproof.model.kernel import Context, Scenario
from rayproof.model.objects.scenarios import Plane, plane
from rayproof.model.objects.worker import Job
from rayproof.model.scheduler.hooks import ClusterView, Policy, TaskView
from rayproof.model.scheduler.policies import Default
from rayproof.model.scheduler.queue_hooks import GIVE_UP, GiveUp
from rayproof.properties.entry import Entry, Scope, Swap, equal_nodes
from rayproof.properties.scheduling import scope
from rayproof.properties.statements import scheduling as statements
from rayproof.properties.statements.objects import OBJECTS
from rayproof.properties.statements.runs import comes_to_rest, the_program_ends


@dataclass(frozen=True)
class GivesUp(Default):
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


def _made_twice(policy: Policy | None, swap: Swap) -> Scenario:
    """Two workers of one node make the same object: the second is told that it exists."""
    jobs = ((0, (Job(makes=("x",)),)), (0, (Job(makes=("x",)),)))
    made = plane("store-made-twice", Plane((2,), {"x": 1}, jobs), OBJECTS, swap)
    idle = {"an_object_is_spilled", "a_request_waits_for_room", "a_pull_is_under_way"}
    return Scenario(**{**vars(made), "expected_idle": frozenset(idle)})


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


EXERCISE_ENTRIES = (
    Entry(_REJECTING.name, "scheduler", Scope.TINY, _gives_up),
    Entry("store-made-twice", "objects", Scope.TINY, _made_twice),
)
"""Each is there for the handlers it exercises."""
