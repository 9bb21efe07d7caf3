"""What the solver says about input it cannot use, and the limits of what it takes on."""

from __future__ import annotations

import ast
import json
from fractions import Fraction
from pathlib import Path

import pytest

from rayproof.commands.solving import worst
from rayproof.model.graph import Resources
from rayproof.solver.engine import Budget, Limits, Stop
from rayproof.solver.instances import Instance, InstanceError, Node, Objective, Occupant, Task
from rayproof.solver.makespan import Status, shortest_schedule
from rayproof.solver.readers import read_instance
from rayproof.solver.why import Verdict, why_not
from rayproof.solver.worst import worst_by_search
from tests.fuzz.seeds import seeds
from tests.shared_data import PROJECT

NODE = Node("n", Resources.of(CPU=2, GPU=2))


def test_every_message_about_an_instance_says_what_was_expected() -> None:
    silent = []
    for path in sorted((PROJECT / "solver").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                name = getattr(node.exc.func, "id", "")
                if name in ("InstanceError", "InfeasibleError", "_FormatError", "ValueError"):
                    text = ast.unparse(node.exc)
                    if "expected" not in text.lower() and "found" not in text and "{error}" not in text:
                        silent.append(f"{path.name}:{node.lineno}: {text}")
    assert not silent


JOB = "2        1          1           4"
MADE, NAMED = "outputFiles: expected a list", "outputFiles: expected what the file describes, found y"

WRONG = {
    "a successor beyond the last job": ("project.sm", JOB, "2 1 1 9", ":5: expected '2 1 succ"),
    "a successor 0": ("project.sm", JOB, "2 1 1 0", ":5: expected '2 1 succ"),
    "two modes": ("project.sm", "3        1          1           4", "3 2 1 4", ":6: expected '3 1 succ"),
    "a request too few": ("project.sm", "2      1     3       2    0", "2 1 3 2", ":12: expected '2 1 duration' and 2"),
    "a predecessor beyond the last": ("graph.stg", "2 4 1 0", "2 4 1 9", ":4: expected '2 length"),
    "a long number": ("graph.stg", "1 3 1 0", f"1 {'9' * 5000} 1 0", ":3: expected '1 length"),
    "a machine beyond the last": ("shop.jsp", "1 2 0 4", "5 2 0 4", ":3: expected machines from 0 to 1"),
    "no jobs": ("shop.jsp", "2 2\n", "0 2\n", ":1: expected at least one job"),
    "a file that is null": ("workflow.json", '"outputFiles": ["y"]', '"outputFiles": [null]', MADE),
    "a file nobody describes": ("workflow.json", '{"id": "y"', '{"id": "z"', NAMED),
    "a task that ran twice": ("workflow.json", '{"id": "b1"', '{"id": "a1"', "expected each id once, found a1 twice"),
    "a time without end": ("workflow.json", "1.5", "1e308", "runtimeInSeconds: expected a number from 0"),
    "a parent nobody knows": ("workflow.json", '"parents": ["a1"]', '"parents": ["zz"]', "parents: expected what"),
    "a key twice": ("packing.json", '"objective"', '"schema": 1, "objective"', "key 'schema' is given twice"),
    "a name that a terminal obeys": ("packing.json", '"id": "a"', '"id": "a\\u001b[2J"', "printable characters"),
    "one and a half GPUs": ("packing.json", '"GPU": 0.5', '"GPU": 1.5', "demand of a: expected a part of one GPU"),
}


@pytest.mark.parametrize("case", WRONG)
def test_files_of_others_that_are_wrong_are_named_with_the_place(case: str, tmp_path: Path) -> None:
    name, old, new, said = WRONG[case]
    text = seeds()[name]
    if name == "workflow.json":
        text = json.dumps(json.loads(text))
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new, 1))
    with pytest.raises(InstanceError) as refused:
        read_instance(tmp_path / name)
    assert said in str(refused.value) and str(refused.value).startswith(str(tmp_path / name))
    assert all(line.isprintable() for line in str(refused.value).splitlines())


@pytest.mark.parametrize(
    "name", [name for name in seeds() if name.endswith((".stg", ".sm", ".jsp"))] + ["workflow.json"]
)
def test_the_same_files_when_they_are_right(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(seeds()[name])
    assert read_instance(tmp_path / name).tasks


def test_why_refuses_a_part_of_several_gpus() -> None:
    task = Instance((NODE,), (Task("t", 1, Resources.of(GPU=1.5)),))
    with pytest.raises(InstanceError, match=r"expected a part of one GPU or whole GPUs, found 1\.5"):
        why_not(task, "t")
    assert why_not(Instance((NODE,), (Task("t", 1, Resources.of(GPU=2)),)), "t").verdict is Verdict.PLACEABLE


@pytest.mark.parametrize(
    "policy", ["alpha_beta:1/0,1", "alpha_beta:1e99999999,1", "alpha_beta:1", "alpha_beta:1,2,3", "alpha_beta:-1,1"]
)
def test_weights_that_are_no_weights_are_refused(policy: str) -> None:
    with pytest.raises(InstanceError, match="expected two weights"):
        worst(policy, 2, 2)


@pytest.mark.parametrize("policy", ["alpha_beta:1/3,0.5", "alpha_beta:3,1"])
def test_weights_that_are(policy: str) -> None:
    assert worst(policy, 2, 2, limits=Limits(None, 1)).data["policy"] == policy


@pytest.mark.parametrize(("tasks", "nodes"), [(0, 1), (1, 0), (2, 100_000_000), (100_000_000, 2)])
def test_sizes_beyond_what_can_be_tried_are_refused(tasks: int, nodes: int) -> None:
    for policy in ("lpt", "list", "least_load"):
        with pytest.raises(InstanceError, match="at most 32 tasks on 32 nodes"):
            worst(policy, tasks, nodes)


# ---- ends that come from outside ------------------------------------------------------------------------------------


def hard() -> Instance:
    lengths = [100 + 37 * at % 900 for at in range(40)]
    return Instance(
        tuple(Node(f"n{at}", Resources.of(CPU=1)) for at in range(7)),
        tuple(Task(f"t{at}", length, Resources.of(CPU=1)) for at, length in enumerate(lengths)),
    )


def test_who_has_asked_for_an_end_gets_what_is_known() -> None:
    stop = Stop(asked=True)
    found = shortest_schedule(hard(), Limits(None, None, stop))
    assert found.lower.value_us <= found.upper_us
    assert found.status is Status.OPTIMAL or found.status is Status.UNDETERMINED
    packing = Instance((NODE,), occupants=(Occupant("a", Resources.of(CPU=1)),), objective=Objective.PACKING)
    assert why_not(packing, "a", Limits(None, None, stop)).verdict is Verdict.UNDETERMINED
    assert worst_by_search(lambda view: 0, 3, 2, limits=Limits(600, None, stop)).ratio is None


def test_a_call_that_was_cancelled_within_its_limits_was_cancelled_by_the_user() -> None:
    stop = Stop()
    Budget(Limits(None, 10, stop), resource_units=10).cancelled("canceled")
    Budget(Limits(0.0, None, stop)).cancelled("canceled")
    Budget(Limits(None, None, stop)).cancelled("(incomplete quantifiers)")
    assert not stop.asked
    Budget(Limits(None, 10, stop)).cancelled("canceled")
    assert (
        stop.asked and Budget(Limits(None, None, stop)).exhausted and Budget(Limits(None, None, stop)).half().exhausted
    )
    with pytest.raises(KeyboardInterrupt):
        Budget(Limits(None, 10)).cancelled("canceled")


def test_limits_beyond_what_the_solver_takes_are_none() -> None:
    assert Budget(Limits(None, None)).z3_milliseconds == Budget(Limits(float("inf"))).z3_milliseconds == 2**32 - 1
    assert (Budget(Limits(None, 10**30)).z3_units, Budget(Limits(None, None)).z3_units) == (2**32 - 1, 0)


def test_resource_units_limit_the_search_and_repeat_it() -> None:
    one, other = (worst_by_search(lambda view: 0, 3, 2, limits=Limits(None, 700), seed=5) for _ in range(2))
    assert one.resource_units == other.resource_units == 700
    assert (one.ratio, one.witness) == (other.ratio, other.witness) and one.ratio is not None
    nothing = worst_by_search(lambda view: 0, 3, 2, limits=Limits(0.0))
    assert (nothing.ratio, nothing.witness, nothing.attained) == (None, None, False)
    assert one.ratio >= Fraction(1)
