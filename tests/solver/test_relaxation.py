"""The relaxation of a program is a lower bound for every run of it."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rayproof.model.graph import (
    Action,
    ClusterSpec,
    Compute,
    Get,
    NodeAffinity,
    NodeSpec,
    ObjectSpec,
    Program,
    Resources,
    Submit,
    TaskKind,
    TaskSpec,
    Wait,
)
from rayproof.solver.bounds import lower_bound
from rayproof.solver.instances import InfeasibleError, InstanceError, Until, from_program
from rayproof.solver.makespan import Status, shortest_schedule
from tests.solver.executor import Run
from tests.solver.strategies import clusters, programs


@settings(max_examples=300, deadline=None)
@given(programs(), clusters(), st.integers(0, 1000))
def test_no_run_beats_the_bound(program: Program, cluster: ClusterSpec, seed: int) -> None:
    run = Run(program, cluster, Random(seed))
    assume(not run.stuck)
    assert lower_bound(from_program(program, cluster)).value_us <= run.all_us
    assert lower_bound(from_program(program, cluster, Until.DRIVER)).value_us <= run.driver_us


@settings(max_examples=150, deadline=None)
@given(programs(), clusters(), st.integers(0, 1000))
def test_no_run_beats_the_optimum_of_the_relaxation(program: Program, cluster: ClusterSpec, seed: int) -> None:
    run = Run(program, cluster, Random(seed))
    assume(not run.stuck)
    best = shortest_schedule(from_program(program, cluster))
    assert best.status is Status.OPTIMAL
    assert best.upper_us <= run.all_us


def one_node(cpus: float = 1, gpus: float = 0) -> ClusterSpec:
    return ClusterSpec((NodeSpec("n0", Resources.of(CPU=cpus, GPU=gpus)),))


def program(driver: tuple[Action, ...], *tasks: TaskSpec) -> Program:
    made = [name for task in tasks for name in task.outputs]
    return Program({task.id: task for task in tasks}, {name: ObjectSpec(name) for name in made}, driver)


def test_a_child_starts_in_the_middle_of_its_parent() -> None:
    parent = TaskSpec("parent", body=(Compute(3), Submit("child"), Compute(5)))
    child = TaskSpec("child", body=(Compute(4),))
    both = program((Submit("parent"),), parent, child)
    assert lower_bound(from_program(both, one_node(cpus=2))).value_us == 8
    assert lower_bound(from_program(both, one_node(cpus=1))).value_us == 12


def test_a_parent_that_waits_resumes_after_its_child_and_over_its_cpus() -> None:
    parent = TaskSpec("parent", body=(Compute(3), Submit("child"), Get(("r",)), Compute(5)))
    child = TaskSpec("child", outputs=("r",), body=(Compute(4),))
    waiting = program((Submit("parent"),), parent, child)
    assert lower_bound(from_program(waiting, one_node())).value_us == 12
    segments = {task.id: task.demand for task in from_program(waiting, one_node()).tasks}
    assert segments["parent#0"] == Resources.of(CPU=1)
    assert segments["parent#1"] == Resources()


def test_cpus_once_given_back_do_not_count_again() -> None:
    children = [TaskSpec(f"c{at}", outputs=(f"r{at}",)) for at in range(2)]
    body = (Compute(1), Submit("c0"), Get(("r0",)), Compute(2), Submit("c1"), Compute(3))
    segments = from_program(program((Submit("parent"),), TaskSpec("parent", body=body), *children), one_node()).task
    parent = [segments[f"parent#{at}"] for at in range(3)]
    assert [task.duration for task in parent] == [1, 2, 3]
    assert [task.demand for task in parent] == [Resources.of(CPU=1), Resources(), Resources()]
    assert segments["c1#0"].after == ("parent#1",)


def test_a_gpu_is_kept_while_blocked() -> None:
    parent = TaskSpec("parent", demand=Resources.of(CPU=1, GPU=1), body=(Submit("child"), Get(("r",)), Compute(5)))
    child = TaskSpec("child", outputs=("r",))
    segments = from_program(program((Submit("parent"),), parent, child), one_node(gpus=1)).task
    assert segments["parent#1"].demand == Resources.of(GPU=1)


def test_the_driver_may_end_before_its_tasks() -> None:
    fire_and_forget = program((Compute(2), Submit("t")), TaskSpec("t", body=(Compute(9),)))
    assert lower_bound(from_program(fire_and_forget, one_node())).value_us == 11
    assert lower_bound(from_program(fire_and_forget, one_node(), Until.DRIVER)).value_us == 2


def test_waiting_for_one_of_two_is_certain_of_neither() -> None:
    tasks = [TaskSpec(name, outputs=(f"{name}-out",), body=(Compute(4),)) for name in "ab"]
    submits = (Submit("a"), Submit("b"))
    for count, expected in ((1, 1), (2, 5)):
        waits = program((*submits, Wait(("a-out", "b-out"), count), Compute(1)), *tasks)
        assert lower_bound(from_program(waits, one_node(cpus=2), Until.DRIVER)).value_us == expected


def test_methods_of_one_actor_queue_whoever_calls() -> None:
    make = TaskSpec("make", kind=TaskKind.ACTOR_CREATION, actor="a", body=(Compute(2),))
    calls = [TaskSpec(f"m{at}", kind=TaskKind.ACTOR_METHOD, actor="a", body=(Compute(3),)) for at in range(2)]
    caller = TaskSpec("caller", body=(Submit("m1"),))
    called = program((Submit("make"), Submit("m0"), Submit("caller")), make, *calls, caller)
    assert lower_bound(from_program(called, one_node(cpus=4))).value_us == 8


@pytest.mark.parametrize(("at_once", "expected"), [(1, 14), (2, 8), (1_000, 5)])
def test_methods_of_a_concurrent_actor_run_as_many_at_once(at_once: int, expected: int) -> None:
    make = TaskSpec("make", kind=TaskKind.ACTOR_CREATION, actor="a", body=(Compute(2),), max_concurrency=at_once)
    calls = [
        TaskSpec(f"m{at}", kind=TaskKind.ACTOR_METHOD, actor="a", body=(Compute(3),), max_concurrency=at_once)
        for at in range(4)
    ]
    called = program((Submit("make"), *(Submit(call.id) for call in calls)), make, *calls)
    assert lower_bound(from_program(called, one_node(cpus=4))).value_us == expected


def test_nodes_that_an_autoscaler_may_add_count_from_the_start() -> None:
    tasks = [TaskSpec(f"t{at}", body=(Compute(6),)) for at in range(3)]
    burst = program(tuple(Submit(task.id) for task in tasks), *tasks)
    node = NodeSpec("w0", Resources.of(CPU=1), group="worker")
    assert lower_bound(from_program(burst, ClusterSpec((node,)))).value_us == 18
    assert lower_bound(from_program(burst, ClusterSpec((node,), max_nodes=(("worker", 3),)))).value_us == 6
    with pytest.raises(InstanceError, match="a node or a template to copy, found none"):
        from_program(burst, ClusterSpec((node,), max_nodes=(("gpu", 1),)))


def test_what_fits_nowhere_is_infeasible_not_bounded() -> None:
    for task in (TaskSpec("t", demand=Resources.of(GPU=1)), TaskSpec("t", strategy=NodeAffinity("n9"))):
        with pytest.raises(InfeasibleError, match="task t needs"):
            from_program(program((Submit("t"),), task), one_node())
