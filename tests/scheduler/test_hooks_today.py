"""The hooks that today's Ray does not have: what they are shown, what they do, and what it costs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rayproof.check.reach import strategies_in_force
from rayproof.check.simulation import Decides, Settings, prepare, simulate
from rayproof.check.today import TodayMeasures, run_today
from rayproof.model.graph import (
    Action,
    Compute,
    Get,
    Hints,
    NodeAffinity,
    ObjectSpec,
    Program,
    Resources,
    Submit,
    TaskSpec,
    Wait,
)
from rayproof.model.graph.labels import written
from rayproof.model.kernel import Verdict, explore
from rayproof.model.scheduler.policy.built_in import BUILT_IN, DefaultPolicy
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.scheduler.policy.prioritizer import PrioritizedTask, labels, prioritized
from rayproof.model.scheduler.policy.queue_hooks import LocalView, RunningTask, WaitingTask
from rayproof.policies import load_policy
from rayproof.properties.catalogue import CATALOGUE
from rayproof.properties.cluster.ray2.hook_scopes import HOOK_ENTRIES
from rayproof.properties.cluster.ray2.labels import LABEL_ENTRIES
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
    """A prioritizer of the draft, without state."""

    def name(self) -> str:
        return "shortest"

    def calculate_priority(self, task: PrioritizedTask) -> float:
        assert task.function_name == "f" and task.resources == Resources.of(CPU=1)
        return -float(task.labels["duration"])

    def should_recalculate_priority(self) -> bool:
        return False


def waiting(name: str, hints: Hints) -> WaitingTask:
    return WaitingTask(name, Resources.of(CPU=1), hints, 0, "f")


def node(used: float = 0.0) -> LocalView:
    return LocalView("raylet0", {"CPU": 10_000}, 0, store_used=used)


def test_a_prioritizer_is_asked_in_its_own_words() -> None:
    policy = prioritized(Shortest)
    queue = [waiting(name, Hints(duration_us=seconds * SECOND)) for name, seconds in (("a", 3), ("b", 1), ("c", 1))]
    first, memory = policy.order(queue, node(), (), None)
    second, _ = policy.order(queue[:1] + queue[2:], node(), memory, None)
    assert (policy.name, first, second) == ("shortest", "b", "c")


def test_the_drafts_own_example_decides_by_what_the_store_has_left() -> None:
    policy: Any = example("ray_prioritizer")

    def says(low: int, high: int) -> Hints:
        label = "plugin.object_store_memory_based_prioritizer"
        given = ((f"{label}.high_object_mem_priority", str(high)), (f"{label}.low_object_mem_priority", str(low)))
        return Hints(labels=given)

    queue = [waiting("consumer", says(10, 1)), waiting("producer", says(1, 10))]
    memory: Any = ()
    for used, expected in ((0.1, "producer"), (0.9, "consumer"), (0.95, "consumer"), (0.2, "producer")):
        chosen, memory = policy.order(queue, node(used), memory, None)
        assert chosen == expected, used


def test_a_prioritizer_keeps_its_numbers_until_it_says_otherwise() -> None:
    asked = []

    class Counts(Shortest):
        """Its numbers stay."""

        def calculate_priority(self, task: PrioritizedTask) -> float:
            asked.append(task.task_id)
            return 0

    policy, queue = prioritized(Counts()), [waiting(name, Hints()) for name in "ab"]
    _, memory = policy.order(queue, node(), (), None)
    policy.order([*queue, waiting("c", Hints())], node(), memory, None)
    assert asked == ["a", "b", "c"]


def test_hints_are_labels_again() -> None:
    given = (("zone", "x"),)
    hints = Hints(priority=2, deadline_us=1_500_000, waiting_timeout_us=4_000_000, job="team", labels=given)
    said = {"priority": "2", "deadline": "1.5", "waiting_timeout": "4", "job": "team", "zone": "x"}
    assert labels(hints) == said


def test_fair_share_takes_from_the_job_that_holds_least() -> None:
    def running(name: str, job: str, cpus: int) -> RunningTask:
        return RunningTask(name, "f", Resources.of(CPU=cpus), Hints(job=job), 1)

    queue = [WaitingTask(name, Resources.of(CPU=1), Hints(job=job), 0) for name, job in (("a", "x"), ("b", "y"))]
    holding = (running("c", "x", 2), running("d", "y", 1), running("e", "y", 2))
    policy: Any = example("fair_share")

    class Draws:
        def choose(self, options: Any, *, random: bool = False) -> Any:
            return options[0]

    for shown, expected in ((holding, "a"), (holding[:2], "b"), ((), "a")):
        chosen, _ = policy.order(queue, LocalView("raylet0", {"CPU": 10_000}, 3, shown), (), Draws())
        assert chosen == expected


def test_tasks_of_one_function_with_other_hints_are_told_apart_where_a_policy_chooses_among_them() -> None:
    tasks = [long(name, Hints(priority=int(name == "z")), 1) for name in ("a", "b", "c", "z")]
    settings = Settings(10**9, 0, 0, Edition.RAY2, Decides.RAYLET)
    began = {}
    for name in ("default", "priority_preemption"):
        policy = BUILT_IN["default"] if name == "default" else example(name)
        workload = prepare(recorded(tasks), None)
        measures = TodayMeasures(workload.program, workload.cluster, frozenset(), 0)
        run_today(workload, policy, settings, 0, measures, None)
        began[name] = sorted("bcz", key=lambda task: measures.times[task].began or 0)
    assert began["default"] == ["b", "c", "z"] and began["priority_preemption"][0] == "z"


def test_who_makes_room_in_turn_is_refused() -> None:
    entry = CATALOGUE["today-preempts-in-turn"]
    found = explore(entry.build(example("bad_makes_room_in_turn"), {})).violation
    assert found is not None and found.statement == "no_task_makes_room_twice_for_another"


def test_nobody_makes_room_on_a_node_that_the_labels_of_a_task_do_not_allow() -> None:
    for entry in LABEL_ENTRIES:
        assert explore(entry.build(example("bad_makes_room_in_turn"), {})).verdict is Verdict.HOLDS, entry.name


def test_retry_is_told_why_an_attempt_failed() -> None:
    seen = set()

    class Notes(DefaultPolicy):
        """Waits, and remembers what it was asked."""

        def retry(self, task: Any, attempt: int, view: Any, memory: Any, ctx: Any) -> Any:
            seen.add((task.id, attempt, task.again, task.error))

    explore(CATALOGUE["today-retry"].build(Notes(), {}))
    assert {("a", 0, False, ""), ("a", 1, True, "worker_died"), ("a", 0, True, "")} <= seen


def test_an_urgent_object_leaves_beside_a_large_one_and_both_share_the_bandwidth() -> None:
    large, small = 60_000_000, 6_000_000
    tasks = {
        "make": TaskSpec("make", (), ("o-l", "o-s"), Resources(), (Compute(0),), NodeAffinity("n1"), name="make"),
        "l": TaskSpec("l", ("o-l",), ("r-l",), Resources(), (Compute(0),), NodeAffinity("n0"), name="l"),
        "s": TaskSpec(
            "s", ("o-s",), ("r-s",), Resources(), (Compute(0),), NodeAffinity("n0"), name="s", hints=Hints(priority=1)
        ),
    }
    sizes = {"o-l": large, "o-s": small, "r-l": 0, "r-s": 0}
    driver: tuple[Action, ...] = (
        Submit("make"),
        Wait(("o-l", "o-s"), 2),
        Submit("l"),
        Compute(SECOND // 10),
        Submit("s"),
        Get(("r-l", "r-s")),
    )
    program = Program(tasks, {made: ObjectSpec(made, size) for made, size in sizes.items()}, driver, "made")
    base = read_recording(EXAMPLES / "recordings" / "13_tree_reduce.jsonl")
    work = replace(
        base, program=program, cluster=equal_nodes(2), startup=replace(base.startup, first_loads=()), groups=(), late=()
    )
    ended: dict[str, list[float]] = {}
    for name in ("priority_transfer", "urgent_channel"):
        workload = prepare(replace(work, setup=frozenset()), None)
        measures = TodayMeasures(workload.program, workload.cluster, frozenset(), 0)
        run_today(workload, example(name), Settings(100_000_000, 0, 0, Edition.RAY2), 0, measures, None)
        times = measures.times
        ended[name] = [((times[task].began or 0) - (times[task].submitted or 0)) / SECOND for task in "ls"]
    (large_after, small_behind), (large_beside, small_beside) = ended["priority_transfer"], ended["urgent_channel"]
    assert 0.55 < large_after < 0.75 and 0.5 < small_behind < 0.75, "the large one first, then the urgent one"
    assert small_beside < 0.25, "half of the bandwidth at once"
    assert large_after + 0.03 < large_beside < large_after + 0.12, "which the large one pays for"


def test_a_recorded_selector_reaches_the_program_and_the_raylets(tmp_path: Path) -> None:
    lines = (EXAMPLES / "recordings" / "01_default_short.jsonl").read_text().splitlines()
    told = []
    for line in map(json.loads, lines):
        if line["k"] == "task":
            line["opts"] = {
                "label_selector": {"zone": "in(a, b)", "ray.io/node-id": "!x"},
                "fallback_strategy": [{"label_selector": {"zone": "!c"}}],
                "_labels": {"plugin.mine": "7"},
            }
        told.append(json.dumps(line))
    (tmp_path / "labelled.jsonl").write_text("\n".join(told))
    recording = read_recording(tmp_path / "labelled.jsonl")
    task = next(iter(recording.program.tasks.values()))
    assert [written(selector) for selector in task.selectors] == [
        "ray.io/node-id=!x and zone=in(a, b)",
        "zone=!c",
    ]
    assert task.hints.labels == (("plugin.mine", "7"),)
    assert not any("not modelled" in said for said in recording.unsupported)
    assert any("label selector" in said for said in strategies_in_force(recording.program))
    in_paper = prepare(recording, None, Edition.PAPER)
    assert not any(each.selectors for each in in_paper.program.tasks.values())
    assert any("Label selectors are not" in said for said in in_paper.unsupported)


def test_what_cannot_matter_on_a_workload_is_said() -> None:
    workload = prepare(read_recording(EXAMPLES / "recordings" / "13_tree_reduce.jsonl"), None)
    settings = Settings(300_000_000, 0, 0, Edition.RAY2)
    (said,) = simulate(workload, example("urgent_channel"), settings, seeds=1).idle
    assert said == "its hook transfer cannot matter on this workload: never did two objects wait for one connection"
    two = recorded(
        [long("a", Hints(), 1), long("b", Hints(), 1), long("c", Hints(), 1, "g"), long("d", Hints(), 1, "h")]
    )
    assert simulate(prepare(two, None), example("fair_share"), settings, seeds=1).idle == (
        "no task of this workload has hints (`_labels`), which its hooks may read: order",
    )
