"""The hooks that today's Ray does not have: what they are shown, what they do, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rayproof.check.simulation import Decides, Settings, prepare, simulate
from rayproof.model.graph import Action, Compute, Get, Hints, ObjectSpec, Program, Resources, Submit, TaskSpec
from rayproof.model.kernel import Verdict, explore
from rayproof.model.scheduler.policy.built_in import BUILT_IN
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.scheduler.policy.prioritizer import PrioritizedTask, labels, prioritized
from rayproof.model.scheduler.policy.queue_hooks import LocalView, RunningTask, WaitingTask
from rayproof.policies import load_policy
from rayproof.properties.catalogue import CATALOGUE
from rayproof.properties.cluster.ray2.hook_scopes import HOOK_ENTRIES
from rayproof.properties.entry import Edition, equal_nodes
from rayproof.recordings import Recording, read_recording
from tests.shared_data import EXAMPLES

WISHES = ("fair_share", "priority_preemption", "label_affinity", "memory_aware_spread", "ray_prioritizer")
SECOND = 1_000_000


def example(name: str) -> Policy:
    return load_policy(str(EXAMPLES / "policies" / f"{name}.py")).policy


@pytest.mark.parametrize("name", [*WISHES, "backoff_three", "three_seconds"])
def test_what_others_wish_for_holds_in_the_scopes_of_its_hooks(name: str) -> None:
    policy = example(name)
    for entry in (*HOOK_ENTRIES, CATALOGUE["today-queue"], CATALOGUE["today-wide"]):
        if entry.concerns(policy):
            assert explore(entry.build(policy, {})).verdict is Verdict.HOLDS, entry.name


def recorded(driver: list[TaskSpec]) -> Recording:
    """A recording of independent tasks on one node of one CPU."""
    base = read_recording(EXAMPLES / "recordings" / "13_tree_reduce.jsonl")
    objects = {made: ObjectSpec(made) for task in driver for made in task.outputs}
    first, rest = driver[0], driver[1:]
    later: list[Action] = [Submit(task.id) for task in rest]
    body: tuple[Action, ...] = (Submit(first.id), Compute(SECOND), *later, Get(tuple(objects)))
    program = Program({task.id: task for task in driver}, objects, body, "made")
    startup = replace(base.startup, first_loads=())
    return replace(
        base, program=program, cluster=equal_nodes(1), startup=startup, groups=(), late=(), setup=frozenset()
    )


def long(name: str, hints: Hints, seconds: int = 5, function: str = "f") -> TaskSpec:
    return TaskSpec(
        name, (), (f"o-{name}",), Resources.of(CPU=1), (Compute(seconds * SECOND),), name=function, hints=hints
    )


def test_an_urgent_task_does_not_wait_and_the_work_that_this_costs_is_told() -> None:
    work = recorded([long("low", Hints()), long("high", Hints(priority=1), 1, "g")])
    settings = Settings(10**9, 0, 0, Edition.RAY2, Decides.RAYLET)
    plain = simulate(prepare(work, None), BUILT_IN["default"], settings, seeds=1)
    ended = simulate(prepare(work, None), example("priority_preemption"), settings, seeds=1)
    assert plain.preempted == 0 and ended.preempted == 1
    assert 0.5 < ended.work_lost_s < 1.5
    assert plain.makespan_s is not None and ended.makespan_s is not None
    assert ended.makespan_s > plain.makespan_s + 0.5, "the work that was lost is done again"


def test_who_waits_for_too_long_is_given_up_when_its_owner_says_so() -> None:
    work = recorded([long("a", Hints(), 20), long("b", Hints())])
    figures = simulate(prepare(work, None), example("backoff_three"), Settings(10**9, 0, 0, Edition.RAY2), seeds=1)
    assert figures.rejected == ("b",), "after 1 + 2 + 4 seconds"
    patient = simulate(prepare(work, None), BUILT_IN["default"], Settings(10**9, 0, 0, Edition.RAY2), seeds=1)
    assert patient.rejected == ()


class Shortest:
    """A prioritizer of the draft."""

    def __init__(self) -> None:
        self.asked: list[PrioritizedTask] = []

    def name(self) -> str:
        return "shortest"

    def calculate_priority(self, task: PrioritizedTask) -> float:
        self.asked.append(task)
        return -float(task.labels.get("duration", "inf"))

    def should_recalculate_priority(self) -> bool:
        return False


def test_a_prioritizer_is_asked_once_a_task_in_its_own_words() -> None:
    shortest = Shortest()
    policy = prioritized(shortest)
    queue = [
        WaitingTask(name, Resources.of(CPU=1), Hints(duration_us=seconds * SECOND), 0, "f")
        for name, seconds in (("a", 3), ("b", 1), ("c", 1))
    ]
    view = LocalView("raylet0", {"CPU": 10_000}, 0)
    first, memory = policy.order(queue, view, (), None)
    second, _ = policy.order(queue[:1] + queue[2:], view, memory, None)
    assert (policy.name, first, second) == ("shortest", "b", "c")
    assert [(task.task_id, task.function_name, dict(task.labels)) for task in shortest.asked] == [
        ("a", "f", {"duration": "3"}),
        ("b", "f", {"duration": "1"}),
        ("c", "f", {"duration": "1"}),
    ]


def test_hints_are_labels_again() -> None:
    hints = Hints(priority=2, deadline_us=1_500_000, waiting_timeout_us=4_000_000, job="team")
    assert labels(hints) == {"priority": "2", "deadline": "1.5", "waiting_timeout": "4", "job": "team"}


def test_fair_share_takes_from_the_job_that_holds_least() -> None:
    def running(name: str, job: str, cpus: int) -> RunningTask:
        return RunningTask(name, "f", Resources.of(CPU=cpus), Hints(job=job), True)

    queue = [WaitingTask(name, Resources.of(CPU=1), Hints(job=job), 0) for name, job in (("a", "x"), ("b", "y"))]
    holding = (running("c", "x", 2), running("d", "y", 1), running("e", "y", 2))
    policy: Any = example("fair_share")

    class Draws:
        def choose(self, options: Any, *, random: bool = False) -> Any:
            return options[0]

    for shown, expected in ((holding, "a"), (holding[:2], "b"), ((), "a")):
        chosen, _ = policy.order(queue, LocalView("raylet0", {"CPU": 10_000}, 3, shown), (), Draws())
        assert chosen == expected
