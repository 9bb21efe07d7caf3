"""The commands: definite answers leave with 0, unusable input with 2 and a sentence, undetermined ones with 3."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from rayproof.cli import main
from rayproof.model.graph import Resources
from rayproof.solver.gap import RunHeuristic
from rayproof.solver.instances import Instance, Node, Objective, Occupant, load, save
from rayproof.solver.instances.families import heterogeneous
from rayproof.solver.schedules import heft


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands write into the present folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def run(*arguments: str | Path) -> tuple[int, str]:
    """Exit code and what was said, on either stream."""
    said = StringIO()
    with (
        mock.patch.object(sys, "argv", ["rayproof", *map(str, arguments)]),
        mock.patch.dict("os.environ", COLUMNS="200"),
        redirect_stdout(said),
        redirect_stderr(said),
        pytest.raises(SystemExit) as left,
    ):
        main()
    return int(left.value.code or 0), said.getvalue()


def found(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    code, output = run(*arguments, "--json", "-")
    data = json.loads(output)
    assert isinstance(data, dict)
    return code, data


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """The notes' case: 70 and 20 per cent on one node, 80 on the other, 25 pending."""
    amounts = {"actor1": (0.7, "node1"), "actor2": (0.2, "node1"), "actor4": (0.8, "node2"), "actor3": (0.25, None)}
    instance = Instance(
        (Node("node1", Resources.of(CPU=1)), Node("node2", Resources.of(CPU=1))),
        occupants=tuple(Occupant(name, Resources.of(CPU=cpu), node) for name, (cpu, node) in amounts.items()),
        objective=Objective.MIGRATIONS,
    )
    save(instance, tmp_path / "notes.json")
    return tmp_path / "notes.json"


def test_solve_a_makespan(tmp_path: Path) -> None:
    save(heterogeneous(8, 2, 2), tmp_path / "h.json")
    code, data = found("solve", tmp_path / "h.json")
    assert (code, data["status"], data["lower_us"], data["upper_us"]) == (0, "optimal", 48, 48)
    code, output = run("solve", tmp_path / "h.json")
    assert code == 0
    assert "optimal: 48 us, by unsat" in output


def test_solve_undetermined_is_3_and_an_interval(tmp_path: Path) -> None:
    save(heterogeneous(30, 3, 2), tmp_path / "h.json")
    code, data = found("solve", tmp_path / "h.json", "--resource-units", "1000")
    assert (code, data["status"]) == (3, "undetermined")
    assert data["lower_us"] < data["upper_us"]


def test_solve_migrations_as_the_instance_asks(notes: Path) -> None:
    code, data = found("solve", notes)
    assert (code, data["static_minimum"]) == (0, 1)
    assert data["moves"] == [{"occupant": "actor2", "from": "node1", "to": "node2"}]
    assert "1. actor2 (node1 -> node2)\nthen actor3 on node1" in run("solve", notes)[1]


def test_solve_packing(notes: Path) -> None:
    code, data = found("solve", notes, "--objective", "packing", "--aim", "utilisation")
    assert (code, data["status"], data["value"]) == (0, "optimal", "1")


def test_why(notes: Path) -> None:
    code, output = run("why", "actor3", "--instance", notes)
    assert code == 0
    assert "actor3 needs CPU:0.25; every node has it, node1 held by actor1 and actor2, node2 held by actor4" in output


def test_gap_saves_the_worst_case(tmp_path: Path) -> None:
    code, data = found("gap", "--policy", "heft")
    assert (code, data["undetermined"], data["seed"]) == (0, 0, 0)
    saved = Path(data["worst_saved"])
    assert saved.parent == Path("rayproof-out")
    assert load(saved).name == data["worst"]["instance"]
    again = found("gap", "--policy", "heft", "--instances", saved)[1]
    assert again["worst"]["ratio"] == data["worst"]["ratio"]


def test_gap_says_what_was_worst_and_where_it_is(tmp_path: Path) -> None:
    code, output = run("gap", "--policy", "heft", "--out", tmp_path, "--seed", "3")
    assert code == 0
    assert "seed 3" in output
    assert "worst: heft on " in output
    assert f"saved: {tmp_path}" in output.replace("\n", "")


def test_the_seed_of_gap_is_the_seed_of_what_a_policy_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def find(name: str, seed: int) -> RunHeuristic:
        seen.append(seed)
        return heft

    monkeypatch.setattr("rayproof.commands.solving._run_of", lambda name, seed: None)
    monkeypatch.setattr("rayproof.commands.solving._heuristic", find)
    assert run("gap", "--policy", "any", "--seed", "7")[0] == 0
    assert seen == [7]


def test_gap_of_a_directory(tmp_path: Path) -> None:
    for seed in range(2):
        save(heterogeneous(6, 2, seed), tmp_path / f"{seed}.json")
    code, data = found("gap", "--policy", "heft", "--instances", tmp_path)
    assert code == 0
    assert [family["instances"] for family in data["policies"][0]["families"]] == [2]


def test_worst_with_proof(tmp_path: Path) -> None:
    code, data = found(
        "worst", "--policy", "lowest_estimated_wait", "--tasks", "3", "--nodes", "2", "--witness", tmp_path / "w.json"
    )
    assert code == 0
    assert {key: data[key] for key in ("ratio", "attained", "proved", "method")} == {
        "ratio": "8/3", "attained": True, "proved": True, "method": "symbolic"
    }  # fmt: skip
    assert data["witness"] == str(tmp_path / "w.json")
    assert len(json.loads((tmp_path / "w.json").read_text())["tasks"]) == 3
    assert found("worst", "--policy", "alpha_beta:3,1", "--tasks", "4", "--nodes", "2")[1]["ratio"] == "10/3"


def test_worst_list_shows_the_graph() -> None:
    code, output = run("worst", "--policy", "list", "--tasks", "3", "--nodes", "2")
    assert code == 0
    assert "ratio 3/2, the supremum" in output
    assert "the list starts it at" in output


UNITS = ("--resource-units", "2000")


def test_worst_by_search_says_so() -> None:
    code, data = found("worst", "--policy", "default", "--tasks", "4", "--nodes", "2", "--budget", "600", *UNITS)
    assert (code, data["method"], data["proved"]) == (0, "search", False)
    assert "the worst that was met" in run(
        "worst", "--policy", "default", "--tasks", "2", "--nodes", "2", "--budget", "600", *UNITS
    )[1]  # fmt: skip


def test_worst_writes_the_worst_instance_by_itself() -> None:
    data = found("worst", "--policy", "least_load", "--tasks", "3", "--nodes", "2")[1]
    assert data["witness"] == "rayproof-out/worst--least_load--3-2.json"
    assert len(json.loads(Path(data["witness"]).read_text())["tasks"]) == 3


@pytest.mark.parametrize("command", [("gap",), ("worst", "--tasks", "3", "--nodes", "2")])
def test_a_folder_that_cannot_be_written_is_said(command: tuple[str, ...]) -> None:
    Path("file").write_text("")
    policy = "heft" if command == ("gap",) else "least_load"
    code, output = run(*command, "--policy", policy, "--out", "file/below")
    assert (code, "can be written" in output) == (2, True)


def test_a_scenario_by_name_has_unit_times() -> None:
    code, data = found("solve", "cluster-3-3-0")
    assert (code, data["status"], data["lower_us"], data["upper_us"]) == (0, "optimal", 3, 3)
    code, output = run("solve", "chain-3-2-1")
    assert code == 2
    assert "cluster-3-3-0" in output
    assert "t0" in run("why", "t0", "--instance", "cluster-3-3-0")[1]


def test_a_timeline_is_a_recording(tmp_path: Path) -> None:
    events = [
        {"ph": "X", "cat": "task:execute", "ts": 10 * at, "dur": 10, "pid": "n", "tid": "w", "name": "x",
         "args": {"task_id": f"t{at}", "attempt_number": 0}}
        for at in range(2)
    ]  # fmt: skip
    whole = [{**event, "cat": "task::f"} for event in events]
    (tmp_path / "timeline.json").write_text(json.dumps([*events, *whole]))
    code, data = found("solve", tmp_path / "timeline.json")
    assert (code, data["lower_us"], data["upper_us"]) == (0, 20, 20)


def test_worst_out_of_budget_is_3() -> None:
    code, data = found("worst", "--policy", "lpt", "--tasks", "7", "--nodes", "3", "--resource-units", "1000")
    assert (code, data["ratio"], data["proved"]) == (3, None, False)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("solve", "absent.json"), "absent.json: the file does not exist; expected an instance (.json)"),
        (("solve", "strange.xyz"), "strange.xyz: expected an instance (.json)"),
        (("why", "nobody", "--instance", "NOTES"), "found nothing called nobody"),
        (("gap", "--policy", "nobody"), "nobody: no policy of that name; expected one of heft, default"),
        (
            ("worst", "--policy", "nobody", "--tasks", "2", "--nodes", "2"),
            "no policy of that name; expected one of least_load",
        ),
        (("worst", "--policy", "lpt", "--tasks", "0", "--nodes", "2"), "expected at least one of each"),
        (("worst", "--policy", "alpha_beta:1", "--tasks", "2", "--nodes", "2"), "expected two weights"),
    ],
)
def test_bad_input_is_2_and_says_what_was_expected(arguments: tuple[str, ...], told: str, notes: Path) -> None:
    code, output = run(*(notes if argument == "NOTES" else argument for argument in arguments))
    assert code == 2
    assert told in output.replace("\n", " ")
