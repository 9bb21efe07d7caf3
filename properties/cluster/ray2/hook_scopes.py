"""Scopes of the hooks that Ray does not have: `retry`, asked by owners, and `preempt`, asked by raylets.

Each scope has a policy of its own; another one can be put in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rayproof.model.graph import Hints, NodeAffinity, Program, Resources, TaskId
from rayproof.model.graph.contract import ErrorKind, Failed, GivenUp
from rayproof.model.kernel import StateView, always, sometimes
from rayproof.model.scheduler.policy.built_in import DefaultPolicy
from rayproof.model.scheduler.policy.hooks import Choices, ClusterView, TaskView
from rayproof.model.scheduler.policy.queue_hooks import GIVE_UP, Backoff, GiveUp, RunningTask, WaitingTask
from rayproof.model.wire.ray2.leases import Preempted
from rayproof.properties.cluster.ray2.scopes import program, scope, task
from rayproof.properties.entry import equal_nodes

_GPU = Resources.of(GPU=1)


@dataclass(frozen=True)
class TwoLooks(DefaultPolicy):
    """Ray's default that waits twice, each time longer, and then gives up; after a death it backs off once."""

    name: str = "two_looks"

    def retry(
        self, task: TaskView, attempt: int, view: ClusterView, memory: Any, ctx: Choices
    ) -> Backoff | GiveUp | None:
        """One back-off of a second, one of two."""
        return GIVE_UP if attempt >= 2 else Backoff(1_000_000 * (attempt + 1))


@dataclass(frozen=True)
class Urgent(DefaultPolicy):
    """Ray's default that ends a task of lower priority for one of a higher."""

    name: str = "urgent"

    def preempt(
        self, task: WaitingTask, running: Sequence[RunningTask], free: Resources, memory: Any, ctx: Choices
    ) -> str | None:
        """The least urgent one that can be tried again."""
        lower = [each for each in running if each.retriable and each.hints.priority < task.hints.priority]
        return min(lower, key=lambda each: (each.hints.priority, each.id)).id if lower else None


@dataclass(frozen=True)
class UrgentAndPatient(Urgent):
    """The same, also of tasks that cannot be tried again; after a death its owner backs off."""

    name: str = "urgent_and_patient"

    def preempt(
        self, task: WaitingTask, running: Sequence[RunningTask], free: Resources, memory: Any, ctx: Choices
    ) -> str | None:
        """The least urgent one."""
        lower = [each for each in running if each.hints.priority < task.hints.priority]
        return min(lower, key=lambda each: (each.hints.priority, each.id)).id if lower else None

    def retry(
        self, task: TaskView, attempt: int, view: ClusterView, memory: Any, ctx: Choices
    ) -> Backoff | GiveUp | None:
        """Back off after a failure alone."""
        return Backoff(1_000_000 * attempt) if task.error else None


@dataclass(frozen=True, slots=True)
class Ends:
    """Monitor: whether a task was given up, and whether one was ended to make room."""

    given_up: bool = False
    preempted: bool = False

    def observe(self, event: object) -> Ends:
        """Fold one event."""
        return Ends(self.given_up or isinstance(event, GivenUp), self.preempted or isinstance(event, Preempted))


@sometimes(source="notes, idea 7: methods 1 and 2", monitors=(Ends,))
def some_task_is_given_up(view: StateView) -> str | None:
    """Some task waits for too long and is given up."""
    return "it waited for too long" if view.monitor(Ends).given_up else None


@sometimes(source="Ray #16782, #6057: priorities", monitors=(Ends,))
def some_task_makes_room(view: StateView) -> str | None:
    """Some running task is ended for a more urgent one."""
    return "one with a lower priority" if view.monitor(Ends).preempted else None


@dataclass(frozen=True, slots=True)
class Pairs:
    """Monitor: which tasks made room for which, and whether one failed by it."""

    made: frozenset[tuple[TaskId, TaskId]] = frozenset()
    twice: bool = False
    failed: bool = False

    def observe(self, event: object) -> Pairs:
        """Fold one event; where nobody else ends workers, what has died with its worker had made room."""
        match event:
            case Preempted(task, room_for):
                pair = (task, room_for)
                return replace(self, made=self.made | {pair}, twice=self.twice or pair in self.made)
            case Failed(error=ErrorKind.WORKER_DIED):
                return replace(self, failed=True)
            case _:
                return self


@always(source="Ray 2.60 task_manager.cc, RetryTaskIfPossible; notes: what is ended is tried again", monitors=(Pairs,))
def who_makes_room_is_tried_again(view: StateView) -> str | None:
    """No task fails for good because it made room for another one."""
    return "one has failed" if view.monitor(Pairs).failed else None


@always(source="progress: what comes back again and again goes on for ever", monitors=(Pairs,))
def no_task_makes_room_twice_for_another(view: StateView) -> str | None:
    """No task makes room twice for the same other one: without faults, that one has made room meanwhile, and so on."""
    return "one did" if view.monitor(Pairs).twice else None


def hinted(program: Program, **hints: Hints) -> Program:
    """The program with hints for some of its tasks."""
    tasks = {name: replace(each, hints=hints.get(name, each.hints)) for name, each in program.tasks.items()}
    return Program(tasks, program.objects, program.driver, program.name)


HOOK_ENTRIES = (
    # Two tasks take turns, and no node can run a third: any may be given up, early time-outs permitting.
    scope(
        "today-waits-too-long",
        program(
            "",
            task("a"),
            task("x", demand=_GPU, function="g"),
            task("y", function="h"),
            waits_for=("a", "y"),
        ),
        equal_nodes(1),
        some_task_is_given_up,
        hook="retry",
        policy=TwoLooks(),
        early_timeouts=2,
        fails=True,
        as_ray=(),
    ).sized(320, 682, 17),
    # The node of a task dies, and its owner backs off before it tries again.
    scope(
        "today-retry",
        program("", task("a", strategy=NodeAffinity("n1", soft=True)), task("b", "o-a", function="g")),
        equal_nodes(2),
        hook="retry",
        policy=TwoLooks(),
        crashes=1,
        as_ray=(),
    ).sized(1_016, 2_703, 21),
    # Two tasks want the node, and an urgent one comes.
    scope(
        "today-preempts",
        hinted(
            program("", task("a", function="low"), task("b", function="low"), task("u", function="high")),
            u=Hints(priority=1),
        ),
        equal_nodes(1),
        some_task_makes_room,
        no_task_makes_room_twice_for_another,
        hook="preempt",
        policy=Urgent(),
        workers=2,
        fails=True,
        as_ray=(who_makes_room_is_tried_again,),
    ).sized(684, 1_283, 25),
    # What is not tried again runs when an urgent task comes.
    scope(
        "today-preempts-nobody",
        hinted(
            program("", task("a", function="low", retries=0), task("u", function="high")),
            u=Hints(priority=1),
        ),
        equal_nodes(1),
        no_task_makes_room_twice_for_another,
        hook="preempt",
        policy=Urgent(),
        workers=2,
        fails=True,
        as_ray=(who_makes_room_is_tried_again,),
    ).sized(17, 20, 12),
    # Two tasks that may be tried again without end: whoever lets them make room for each other never ends.
    scope(
        "today-preempts-in-turn",
        hinted(
            program("", task("a", function="low", retries=-1), task("u", function="high", retries=-1)),
            u=Hints(priority=1),
        ),
        equal_nodes(1),
        no_task_makes_room_twice_for_another,
        some_task_makes_room,
        hook="preempt",
        policy=Urgent(),
        workers=2,
        as_ray=(),
    ).sized(105, 156, 18),
    # Tasks make room again and again, and back off in between: their retries are counted.
    scope(
        "today-preempts-again",
        hinted(
            program("", task("a", function="low", retries=0), task("u", function="high"), task("v", function="high")),
            a=Hints(priority=-1),
            u=Hints(priority=1),
            v=Hints(priority=2),
        ),
        equal_nodes(1),
        hook="preempt",
        policy=UrgentAndPatient(),
        workers=2,
        fails=True,
        as_ray=(),
    ).sized(770, 1_510, 26),
)
"""One scope for each thing that these hooks may meet."""
