"""Programs that no execution can satisfy are refused with the task or object that is wrong."""

from dataclasses import replace

import pytest

from rayproof.model.graph import (
    Compute,
    Default,
    Get,
    NodeAffinity,
    ObjectSpec,
    PlacementGroup,
    Program,
    ProgramError,
    Put,
    Spread,
    Strategy,
    Submit,
    TaskSpec,
    Wait,
)
from rayproof.model.scheduler.paper.lowering import settled_strategies

TASKS = {
    "a": TaskSpec("a", (), ("oa",)),
    "b": TaskSpec("b", ("oa",), ("ob",), body=(Submit("c"), Compute(1), Get(("oc",)))),
    "c": TaskSpec("c", ("oa",), ("oc",)),
}
OBJECTS = {name: ObjectSpec(name) for name in ("oa", "ob", "oc", "p")}
DRIVER = (Put("p"), Submit("a"), Submit("b"), Wait(("oa", "ob"), 1), Get(("ob",)))

WRONG = {
    "a makes ox, which is not among": ({**TASKS, "a": TaskSpec("a", (), ("oa", "ox"))}, OBJECTS, DRIVER),
    "oa has two producers, a and c": ({**TASKS, "c": TaskSpec("c", (), ("oa",))}, OBJECTS, DRIVER),
    "p has two producers": (TASKS, OBJECTS, (Put("p"), *DRIVER)),
    "submits x, which is not among": (TASKS, OBJECTS, (*DRIVER, Submit("x"))),
    "c is submitted twice, by driver and b": (TASKS, OBJECTS, (*DRIVER, Submit("c"))),
    "b is filed under the name other": ({"a": TASKS["a"], "other": TASKS["b"], "c": TASKS["c"]}, OBJECTS, DRIVER),
    "d is never submitted": ({**TASKS, "d": TaskSpec("d")}, OBJECTS, DRIVER),
    "x has no producer": (TASKS, {**OBJECTS, "x": ObjectSpec("x")}, DRIVER),
    "driver waits for x, which nothing makes": (TASKS, OBJECTS, (*DRIVER, Get(("x",)))),
    "a needs x, which nothing makes": ({**TASKS, "a": TaskSpec("a", ("x",), ("oa",))}, OBJECTS, DRIVER),
    "has a cycle": ({**TASKS, "a": TaskSpec("a", ("ob",), ("oa",))}, OBJECTS, DRIVER),
}


def test_the_program_that_is_damaged_below_is_sound() -> None:
    program = Program(TASKS, OBJECTS, DRIVER)
    assert (program.parent("c"), program.producer("p"), program.consumers("oa")) == ("b", "driver", ("b", "c"))


@pytest.mark.parametrize("complaint", WRONG)
def test_a_program_that_cannot_run_is_refused(complaint: str) -> None:
    with pytest.raises(ProgramError, match=complaint):
        Program(*WRONG[complaint])


SETTLED: dict[Strategy, Strategy] = {
    PlacementGroup("g", 1): NodeAffinity("n1"),
    PlacementGroup("g"): NodeAffinity("n0"),
    PlacementGroup("nowhere"): Default(),
    NodeAffinity("n1"): NodeAffinity("n1"),
    NodeAffinity("another cluster's"): Default(),
    Spread(): Spread(),
}
"""Strategy -> what a cluster of two nodes understands, on which the bundles of group g are reserved."""


@pytest.mark.parametrize("strategy", SETTLED, ids=str)
def test_bundles_become_affinities_to_the_nodes_on_which_they_are(strategy: Strategy) -> None:
    program = Program({"a": replace(TASKS["a"], strategy=strategy)}, {"oa": OBJECTS["oa"]}, (Submit("a"),))
    found = settled_strategies(program, {("g", 0): "n0", ("g", 1): "n1"}, frozenset({"n0", "n1"}))
    assert found.tasks["a"].strategy == SETTLED[strategy]
    assert (found.objects, found.driver) == (program.objects, program.driver)
