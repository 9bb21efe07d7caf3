"""The dynamic task graph: edges of three kinds, and programs that make no sense."""

from typing import Any

import pytest

from rayproof.model.graph import (
    Action,
    AwaitGroup,
    Compute,
    Default,
    Get,
    GiveUpGroup,
    GroupSpec,
    MakeGroup,
    NodeAffinity,
    ObjectSpec,
    PlacementGroup,
    Program,
    ProgramError,
    Put,
    Resources,
    Submit,
    TaskKind,
    TaskSpec,
    shapes,
)
from rayproof.model.scheduler.paper.lowering import lowered, settled_strategies


def edges(program: Program, kind: str) -> set[tuple[str, str]]:
    graph: Any = program.graph()
    return {(a, b) for a, b, found in graph.edges(data="edge") if found == kind}


def actor_program() -> Program:
    """One actor, two calls by the driver and one by a task."""
    tasks = {
        "make": TaskSpec("make", kind=TaskKind.ACTOR_CREATION, actor="A"),
        "m1": TaskSpec("m1", (), ("r1",), kind=TaskKind.ACTOR_METHOD, actor="A"),
        "m2": TaskSpec("m2", (), ("r2",), kind=TaskKind.ACTOR_METHOD, actor="A"),
        "t": TaskSpec("t", body=(Submit("m3"), Compute(1))),
        "m3": TaskSpec("m3", kind=TaskKind.ACTOR_METHOD, actor="A"),
    }
    objects = {name: ObjectSpec(name) for name in ("r1", "r2")}
    driver = (Submit("make"), Submit("m1"), Submit("t"), Submit("m2"), Get(("r1", "r2")))
    return Program(tasks, objects, driver)


def test_edges_of_a_nested_program() -> None:
    program = shapes.nested(2)
    assert edges(program, "control") == {("driver", "p"), ("p", "c0"), ("p", "c1")}
    assert ("c0", "oc0") in edges(program, "data")
    assert program.parent("c0") == "p" and program.producer("op") == "p" and program.consumers("oc0") == ()
    assert shapes.diamond().consumers("o0") == ("t1", "t2")


def test_methods_of_one_caller_are_chained() -> None:
    assert edges(actor_program(), "stateful") == {("make", "m1"), ("m1", "m2")}


def test_lowering_binds_methods_to_their_actor_and_keeps_the_callers_order() -> None:
    program = lowered(actor_program())
    assert program.tasks["make"].outputs == ("actor:A",)
    assert program.tasks["m1"].inputs == ("actor:A",)
    assert program.tasks["m2"].inputs == ("actor:A", "after:m1")
    assert program.tasks["m3"].inputs == ("actor:A",)
    assert program.tasks["m2"].demand == Resources()


def test_bundles_become_affinities() -> None:
    tasks = {
        "a": TaskSpec("a", strategy=PlacementGroup("G", 1)),
        "b": TaskSpec("b", strategy=NodeAffinity("gone")),
        "c": TaskSpec("c", strategy=PlacementGroup("H")),
    }
    program = Program(tasks, {}, (Submit("a"), Submit("b"), Submit("c")))
    settled = settled_strategies(program, {("G", 1): "n1"}, frozenset({"n0", "n1"}))
    assert [task.strategy for task in settled.tasks.values()] == [NodeAffinity("n1"), Default(), Default()]


def test_bundles_as_affinities_need_no_groups() -> None:
    group = GroupSpec("G", (Resources.of(CPU=1),))
    task = TaskSpec("a", strategy=PlacementGroup("G", 0), body=(GiveUpGroup("G"),))
    program = Program({"a": task}, {}, (MakeGroup("G"), AwaitGroup("G"), Submit("a")), groups={"G": group})
    settled = settled_strategies(program, {("G", 0): "n1"}, frozenset({"n1"}))
    assert settled.driver == (Submit("a"),) and not settled.groups
    assert settled.tasks["a"].body == (Compute(0),)


@pytest.mark.parametrize(
    ("driver", "bundles", "words"),
    [
        ((), 1, "group G is never made"),
        ((MakeGroup("G"), MakeGroup("G")), 1, "group G is made twice, by driver and driver"),
        ((MakeGroup("G"),), 0, "or no bundles"),
        ((Submit("a"), MakeGroup("G")), 1, "task a asks for bundle 1 of 1"),
        ((MakeGroup("G"), Submit("b")), 1, "b waits for group G without having made it"),
    ],
)
def test_groups_that_no_execution_can_satisfy(driver: tuple[Action, ...], bundles: int, words: str) -> None:
    tasks = {
        "a": TaskSpec("a", strategy=PlacementGroup("G", 1)),
        "b": TaskSpec("b", body=(AwaitGroup("G"),)),
    }
    submitted = {name: task for name, task in tasks.items() if Submit(name) in driver}
    with pytest.raises(ProgramError, match=words):
        Program(submitted, {}, driver, groups={"G": GroupSpec("G", (Resources.of(CPU=1),) * bundles)})


OBJECT = {"o": ObjectSpec("o")}


@pytest.mark.parametrize(
    ("tasks", "objects", "driver", "words"),
    [
        ([TaskSpec("t")], {}, (), "t is never submitted"),
        ([TaskSpec("t")], {}, (Submit("t"), Submit("t")), "submitted twice"),
        ([], {}, (Submit("t"),), "submits t, which is not"),
        ([], {}, (MakeGroup("g"),), "speaks of group g, which the program does not have"),
        ([], OBJECT, (), "o has no producer"),
        ([TaskSpec("t", (), ("o",))], {}, (Submit("t"),), "not among the program's objects"),
        ([TaskSpec("t", (), ("o",))], OBJECT, (Submit("t"), Put("o")), "two producers, t and driver"),
        ([TaskSpec("t", ("x",))], {}, (Submit("t"),), "needs x, which nothing makes"),
        ([], {}, (Get(("x",)),), "waits for x, which nothing makes"),
        ([TaskSpec("t", ("o",), ("o",))], OBJECT, (Submit("t"),), "cycle"),
    ],
)
def test_programs_that_no_execution_can_satisfy(
    tasks: list[TaskSpec], objects: dict[str, ObjectSpec], driver: tuple[Action, ...], words: str
) -> None:
    with pytest.raises(ProgramError, match=words):
        Program({task.id: task for task in tasks}, objects, driver)


def test_resources_are_fixed_point() -> None:
    assert Resources.of(CPU=0.3).fixed("CPU") == 3000 and Resources.of(CPU=0.00001) == Resources()
    assert Resources.of(CPU=1, GPU=1) - Resources.of(GPU=1) == Resources.of(CPU=1)
    assert not Resources.of(GPU=0.5).fits(Resources.of(CPU=8, GPU=0.4))
