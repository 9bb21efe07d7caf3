"""Scopes of the hooks that Ray does not have: `retry`, asked by owners, and `preempt`, asked by raylets.

Each scope has a policy of its own; another one can be put in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rayproof.model.graph import Hints, NodeAffinity, Program, Resources
from rayproof.model.graph.contract import GivenUp
from rayproof.model.kernel import StateView, always, sometimes
from rayproof.model.scheduler.policy.built_in import DefaultPolicy
from rayproof.model.scheduler.policy.hooks import Choices, ClusterView, TaskView
from rayproof.model.scheduler.policy.queue_hooks import GIVE_UP, Backoff, GiveUp, RunningTask, WaitingTask
from rayproof.model.wire.ray2.leases import Preempted
from rayproof.model.workers.ray2.body import Body
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
        return Backoff(1_000_000 * attempt) if task.again else None


@dataclass(frozen=True, slots=True)
class Ends:
    """Monitor: whether a task was given up, and whether one was ended to make room."""

    given_up: bool = False
    preempted: bool = False

    def observe(self, event: object) -> Ends:
        """Fold one event."""
        return Ends(self.given_up or isinstance(event, GivenUp), self.preempted or isinstance(event, Preempted))


@sometimes(source="notes, idea 7: methods 1 and 2", monitors=(Ends,))
def some_task_is_given_up(view: StateView) -> bool:
    """Some task waits for too long and is given up."""
    return view.monitor(Ends).given_up


@sometimes(source="Ray #16782, #6057: priorities", monitors=(Ends,))
def some_task_makes_room(view: StateView) -> bool:
    """Some running task is ended for a more urgent one."""
    return view.monitor(Ends).preempted


@always(Body, source="Ray 2.60 task_manager.cc: an attempt is sent once")
def an_attempt_runs_in_one_place(view: StateView) -> bool:
    """No attempt of a task runs in two workers."""
    running = [(name, frame.attempt) for body in view.of(Body).values() for name, frame in body.frames.items()]
    return len(running) == len(set(running))


def hinted(program: Program, **hints: Hints) -> Program:
    """The program with hints for some of its tasks."""
    tasks = {name: replace(each, hints=hints.get(name, each.hints)) for name, each in program.tasks.items()}
    return Program(tasks, program.objects, program.driver, program.name)


HOOK_ENTRIES = (
    # Two tasks take turns, and no node can run a third: any may be given up, early time-outs permitting.
    scope(
        "today-patience",
        program(
            "",
            task("a"),
            task("x", demand=_GPU, function="g"),
            task("y", function="h"),
            waits_for=("a", "y"),
        ),
        equal_nodes(1),
        an_attempt_runs_in_one_place,
        some_task_is_given_up,
        hook="retry",
        policy=TwoLooks(),
        early_timeouts=2,
        fails=True,
        as_ray=(),
    ).sized(320, 682, 17),
    # The node of a task dies, and its owner backs off before it tries again.
    scope(
        "today-backs-off",
        program("", task("a", strategy=NodeAffinity("n1", soft=True)), task("b", "o-a", function="g")),
        equal_nodes(2),
        an_attempt_runs_in_one_place,
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
        an_attempt_runs_in_one_place,
        some_task_makes_room,
        hook="preempt",
        policy=Urgent(),
        workers=2,
        fails=True,
        as_ray=(),
    ).sized(768, 1_417, 25),
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
        an_attempt_runs_in_one_place,
        hook="preempt",
        policy=UrgentAndPatient(),
        workers=2,
        fails=True,
        as_ray=(),
    ).sized(2_647, 5_985, 26),
)
"""One scope for each thing that these hooks may meet."""
