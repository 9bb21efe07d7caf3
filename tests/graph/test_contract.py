"""The contract allows what Ray does, and each of its rules refuses a run that no other rule refuses."""

from dataclasses import replace

import pytest

from rayproof.model.graph import (
    Get,
    NodeAffinity,
    ObjectSpec,
    PlacementGroup,
    Program,
    Put,
    Submit,
    TaskKind,
    TaskSpec,
    Wait,
)
from rayproof.model.graph.contract import (
    RULES,
    Began,
    CancelAsked,
    Contract,
    CopiesLost,
    DriverEnded,
    Ended,
    ErrorKind,
    Fact,
    Failed,
    Got,
    GotError,
    GroupRemoved,
    Made,
    PlaceDied,
    PlaceGone,
    Standing,
    TaskSubmitted,
)

TASKS = {
    "a": TaskSpec("a", (), ("x",), max_retries=1),
    "b": TaskSpec("b", ("x",), ("y",), body=(Submit("c"), Get(("z",)))),
    "c": TaskSpec("c", (), ("z",), strategy=NodeAffinity("n1")),
    "make": TaskSpec("make", (), (), kind=TaskKind.ACTOR_CREATION, actor="A", max_retries=0),
    "m1": TaskSpec("m1", (), ("r1",), kind=TaskKind.ACTOR_METHOD, actor="A", max_retries=0),
    "m2": TaskSpec("m2", (), ("r2",), kind=TaskKind.ACTOR_METHOD, actor="A", max_retries=0),
}
PROGRAM = Program(
    TASKS,
    {name: ObjectSpec(name) for name in ("x", "y", "z", "p", "r1", "r2")},
    (Submit("a"), Submit("b"), Put("p"), Submit("make"), Submit("m1"), Submit("m2"), Get(("y",)), Wait(("r1",))),
)

A, B, C = TaskSubmitted("a", "driver"), TaskSubmitted("b", "driver"), TaskSubmitted("c", "b")
A_RUNS = (A, Began("a", "w0"), Made("x", 1, "w0"), Ended("a", "w0"))
B_RUNS = (*A_RUNS, B, Began("b", "w0"), C, Began("c", "w1"))
ACTOR = (TaskSubmitted("make", "driver"), Began("make", "w2"), Ended("make", "w2"))

WHOLE = (
    *B_RUNS,
    Made("z", 1, "w1"),
    Ended("c", "w1"),
    Got("b", "z", 1),
    # The node of both workers dies, and with them the running task and the only copy of its input.
    PlaceDied("w0"),
    PlaceDied("w1"),
    CopiesLost("x"),
    Began("a", "w3"),
    Made("x", 2, "w3"),
    Ended("a", "w3"),
    Began("b", "w4"),
    C,
    Began("c", "w5"),
    Made("z", 2, "w5"),
    Ended("c", "w5"),
    Got("b", "z", 1),
    Made("y", 1, "w4"),
    Ended("b", "w4"),
    *ACTOR,
    TaskSubmitted("m1", "driver"),
    TaskSubmitted("m2", "driver"),
    Began("m1", "w2"),
    PlaceDied("w2"),
    Failed("m1", ErrorKind.WORKER_DIED),
    GotError("driver", "r1"),
    Got("driver", "y", 1),
    DriverEnded(),
)


def first_refusal(facts: tuple[Fact, ...], *without: str) -> str:
    machine = Contract(PROGRAM, frozenset(without))
    return next((refusal for fact in facts if (refusal := machine.observe(fact))), "")


def test_what_ray_does_is_allowed() -> None:
    assert first_refusal(WHOLE) == ""


FORBIDDEN: dict[str, tuple[Fact, ...]] = {
    "submits_while_it_runs": (*B_RUNS[:-2], PlaceDied("w0"), C),
    "submits_once_a_run": (A, A),
    "begins_after_its_submission": (Began("a", "w0"),),
    "begins_after_its_inputs": (A, B, Began("b", "w0")),
    "attempts_are_counted": (
        *(A, Began("a", "w0"), PlaceDied("w0"), Began("a", "w1"), PlaceDied("w1"), Began("a", "w2")),
    ),
    "an_attempt_has_its_cause": (A, Began("a", "w0"), Began("a", "w1")),
    "one_body_a_process": (*B_RUNS[:-1], Began("c", "w0")),
    "the_dead_do_nothing": (PlaceDied("w0"), A, Began("a", "w0")),
    "ends_where_it_runs": (A, Began("a", "w0"), Ended("a", "w1")),
    "made_by_its_body": (A, Began("a", "w0"), Made("x", 1, "w1")),
    "a_get_returns_what_was_made": (*A_RUNS, Got("driver", "x", 2)),
    "a_get_fails_with_its_task": (*A_RUNS, GotError("driver", "x")),
    "an_error_has_its_cause": (A, Failed("a", ErrorKind.OBJECT_LOST)),
    "retries_are_used_up_first": (A, Began("a", "w0"), PlaceDied("w0"), Failed("a", ErrorKind.WORKER_DIED)),
    "calls_begin_in_order": (*ACTOR, TaskSubmitted("m1", "driver"), TaskSubmitted("m2", "driver"), Began("m2", "w2")),
    "the_driver_waits_for_its_gets": (*A_RUNS, DriverEnded()),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_contract_without_a_rule_allows_a_run_that_the_rule_refuses(rule: str) -> None:
    assert first_refusal(FORBIDDEN[rule]).startswith(f"{rule}: "), "noticed, by this rule"
    assert first_refusal(FORBIDDEN[rule], rule) == "", "and by no other"


@pytest.mark.parametrize("error", ErrorKind)
def test_no_error_comes_out_of_the_blue(error: ErrorKind) -> None:
    assert first_refusal((A, Failed("a", error))).startswith("an_error_has_its_cause")


def test_errors_with_their_causes() -> None:
    assert not first_refusal((A, CancelAsked("a"), Failed("a", ErrorKind.CANCELLED), GotError("driver", "x")))
    assert not first_refusal((*B_RUNS[:-1], Failed("c", ErrorKind.UNSCHEDULABLE), GotError("b", "z")))
    assert not first_refusal(
        (A, B, CancelAsked("a"), Failed("a", ErrorKind.CANCELLED), Failed("b", ErrorKind.DEPENDENCY))
    )


def test_the_end_of_another_group_is_no_cause() -> None:
    tasks = TASKS | {"a": replace(TASKS["a"], strategy=PlacementGroup("g"))}
    program = Program(tasks, PROGRAM.objects, PROGRAM.driver)
    for removed, allowed in (("g", True), ("h", False)):
        machine = Contract(program)
        assert not machine.observe(A) and not machine.observe(GroupRemoved(removed))
        refusal = machine.observe(Failed("a", ErrorKind.GROUP_REMOVED))
        assert refusal.startswith("an_error_has_its_cause") is not allowed
        without = Contract(program, frozenset({"an_error_has_its_cause"}))
        facts: tuple[Fact, ...] = (A, GroupRemoved(removed), Failed("a", ErrorKind.GROUP_REMOVED))
        assert not any(without.observe(fact) for fact in facts)


def test_concurrent_actors_owe_no_order() -> None:
    tasks = {name: replace(task, max_concurrency=2) if task.actor else task for name, task in TASKS.items()}
    machine = Contract(Program(tasks, PROGRAM.objects, PROGRAM.driver))
    calls = (TaskSubmitted("m1", "driver"), TaskSubmitted("m2", "driver"), Began("m2", "w2"), Began("m1", "w2"))
    assert not any(machine.observe(fact) for fact in (*ACTOR, *calls))


def test_a_standing_is_the_machine_after_the_same_facts() -> None:
    machine, standing = Contract(PROGRAM), Standing()
    for fact in WHOLE:
        assert not machine.observe(fact)
        standing = standing.after(PROGRAM, fact)
        assert standing.state == machine.frozen() and not standing.refusal
    broken = standing.after(PROGRAM, Began("a", "w0"))
    assert broken.refusal and broken.after(PROGRAM, A).refusal == broken.refusal and hash(broken)


BEGUN = (A, Began("a", "n1/w"), PlaceGone("n1"))


@pytest.mark.parametrize(
    "facts",
    [
        # It goes on, and its end is no answer.
        (*BEGUN, Made("x", 1, "n1/w"), Ended("a", "n1/w"), Began("a", "n2/w")),
        # What was on its way begins there as well, before or after the attempt that takes its place.
        (A, PlaceGone("n1"), Began("a", "n1/w"), Began("a", "n2/w")),
        (A, PlaceGone("n1"), Began("a", "n2/w"), Began("a", "n1/w")),
    ],
)
def test_who_was_only_declared_dead_may_go_on(facts: tuple[Fact, ...]) -> None:
    assert first_refusal(facts) == ""


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ((*BEGUN, PlaceDied("n1"), Ended("a", "n1/w")), "the_dead_do_nothing"),
        ((*BEGUN, Began("a", "n2/w"), Began("a", "n1/v")), "attempts_are_counted"),
        ((A, Began("a", "n2/w"), PlaceGone("n1"), Began("a", "n2/v")), "an_attempt_has_its_cause"),
    ],
)
def test_it_is_excused_for_nothing_else(facts: tuple[Fact, ...], rule: str) -> None:
    assert first_refusal(facts).startswith(rule)
