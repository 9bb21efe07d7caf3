"""JSON, print and exit code of every command say the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from rayproof.cli import app, main
from rayproof.exits import Exit
from tests.fuzz.seeds import seeds
from tests.shared_data import EXAMPLES

ROOT = Path(__file__).parents[2]
RECORDING = str(EXAMPLES / "recordings" / "13_tree_reduce.jsonl")
POLICIES = EXAMPLES / "policies"
CODES = {"holds": 0, "known": 0, "violated": 1, "undetermined": 3}
UNITS = ("--budget", "600", "--resource-units")

NEVER = """class P:
    name = "never"
    def place(self, task, view, memory, ctx):
        free = [n for n in view.options if n.fits_now(task.demand)]
        return free[0].name if free and len(view.nodes) < 4 else None
"""

VERDICTS: dict[str, tuple[str, ...]] = {
    "verify holds": ("verify", "cluster-3-3-0"),
    "verify violated": ("verify", "chain-3-2-1", "--bug", "answers_early"),
    "verify undetermined": ("verify", "cluster-3-3-0", "--max-states", "50"),
    "verify walks": ("verify", "cluster-3-3-0", "--driver", "walk", "--walks", "20"),
    "check undetermined": ("check", "default", "--workload", RECORDING, "--max-states", "20"),
    "check violated": ("check", str(POLICIES / "bad_dead_node.py"), "--workload", RECORDING, "--max-states", "500"),
    "conform holds": ("conform", str(EXAMPLES / "recordings" / "01_default_short.jsonl")),
    "conform undetermined": ("conform", str(EXAMPLES / "recordings" / "01_default_short.jsonl"), "--max-looks", "1"),
    "replay violated": ("replay", "trace.json"),
    "replay holds": ("replay", "mended.json"),
}
"""Commands whose JSON and print have a verdict, by what is expected of them."""


def both(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...], json_too: bool
) -> tuple[int, str, Any, str]:
    """Exit code and print of one run, the JSON of another, and what went to standard error."""
    code, out, err = _run(monkeypatch, capsys, command)
    if not json_too:
        return code, out, None, err
    again, text, _ = _run(monkeypatch, capsys, (*command, "--json", "-"))
    assert again == code, "with --json it leaves as without"
    return code, out, json.loads(text), err


def _run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["rayproof", *command])
    with pytest.raises(SystemExit) as left:
        main()
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name, text in seeds().items():
        (tmp_path / name).write_text(text)
    mended = json.loads(seeds()["trace.json"])
    mended["steps"] = mended["steps"][:1]
    (tmp_path / "mended.json").write_text(json.dumps(mended))
    (tmp_path / "never.py").write_text(NEVER)
    return tmp_path


@pytest.mark.parametrize("case", VERDICTS)
def test_verdicts_agree(case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, document, _ = both(monkeypatch, capsys, VERDICTS[case], True)
    expected = "holds" if case == "verify walks" else case.split()[1]
    assert document["verdict"] == expected and code == CODES[expected]
    if VERDICTS[case][0] == "replay":
        assert out.startswith("VIOLATED" if expected == "violated" else "NOT CONFIRMED")
        assert document["confirmed"] == (document["broken"] is not None) == (expected == "violated")
    else:
        assert re.findall(r"^verdict: (\w+)", out, re.M)[-1] == expected
    if VERDICTS[case][0] == "verify":
        found = re.findall(r"^[\w-]+  (\w+)(?: \(p <= \S+\))?  [\d,]+ (?:states|walks)", out, re.M)
        assert found == [scenario["verdict"] for scenario in document["scenarios"]]
        files = [scenario["counterexample"] for scenario in document["scenarios"]]
        assert all((file is not None) == (scenario["verdict"] == "violated") for file, scenario in
                   zip(files, document["scenarios"], strict=True))  # fmt: skip
        assert all(Path(file).is_file() for file in files if file is not None)
    if VERDICTS[case][0] == "check":
        for policy in document["policies"]:
            assert ("breaks" in out) == (policy["broken"] is not None)
            assert policy["broken"] is None or f"{policy['name']} breaks {policy['broken']}" in out
            assert re.search(rf"^verdict +{policy['verdict']}\s*$", out, re.M)
            assert all(note in " ".join(out.split()) for note in policy["notes"])


def test_work_that_never_ends_is_violated_in_all_three(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("check", "never.py", "--workload", str(EXAMPLES / "recordings" / "29_policy_default.jsonl"))
    monkeypatch.setattr("rayproof.check.verdict.policy_scenarios", lambda policy, edition: ())
    code, out, document, _ = both(monkeypatch, capsys, command, True)
    (policy,) = document["policies"]
    assert code == 1 and document["verdict"] == policy["verdict"] == "violated" and "verdict: violated" in out
    assert policy["never_ends"]["by_policy"] is True and policy["makespan_s"] is None
    assert "never ends: it waits for a node" in out and policy["never_ends"]["last_decision"] in out


def status(code: int, document: Any) -> bool:
    undetermined = "undetermined" in str(document.get("status", document.get("verdict")))
    return undetermined == (code == Exit.UNDETERMINED)


def rows(code: int, document: Any) -> bool:
    return bool(document["undetermined"]) == (code == Exit.UNDETERMINED)


SMALL, SEVEN = ("--tasks", "3", "--nodes", "2"), ("--tasks", "7", "--nodes", "3")

ANSWERS: dict[str, tuple[tuple[str, ...], int, Callable[[int, Any], bool], str]] = {
    "solve": (("solve", "makespan.json"), 0, status, "optimal"),
    "solve, cut short": (("solve", "workflow.json", "--budget", "0"), 0, status, "optimal"),
    "solve a packing": (("solve", "packing.json"), 0, status, "optimal"),
    "why": (("why", "a", "--instance", "packing.json"), 0, status, "has a place"),
    "why, cut short": (("why", "a", "--instance", "packing.json", "--budget", "0"), 3, status, "undetermined"),
    "gap": (("gap", "--policy", "heft", "--instances", "makespan.json"), 0, rows, "times the optimum"),
    "worst": (("worst", "--policy", "lpt", "--tasks", "3", "--nodes", "2"), 0, status, "the supremum"),
    "worst, cut short": (("worst", "--policy", "lpt", *SEVEN, *UNITS, "1000"), 3, status, "undetermined"),
    "worst by search": (("worst", "--policy", "default", *SMALL, *UNITS, "200"), 0, status, "the worst that was met"),
    "worst, nothing met": (("worst", "--policy", "default", *SMALL, "--budget", "0"), 3, status, "undetermined"),
}  # fmt: skip


@pytest.mark.parametrize("case", ANSWERS)
def test_answers_agree(case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    command, expected, agrees, said = ANSWERS[case]
    code, out, document, _ = both(monkeypatch, capsys, command, True)
    assert code == expected and agrees(code, document) and said in out
    if command[0] == "worst":
        witness = document["witness"]
        assert witness is None or Path(witness).is_file(), "no file is named that is not there"
        assert (document["ratio"] is None) == (witness is None)


PLAIN: dict[str, tuple[tuple[str, ...], int, str]] = {
    "explore": (("explore", "cluster-3-3-0"), 0, "3,644 states"),
    "explore, cut short": (("explore", "cluster-3-3-0", "--max-states", "9"), 3, "not exhausted"),
    "explore a picture": (("explore", "sched-affinity", "--graph", "s.dot"), 0, "s.dot: "),
    "bounds": (("bounds", "cluster-3-3-0"), 0, "at most"),
    "bounds, cut short": (("bounds", "cluster-3-3-0", "--max-states", "9"), 3, "undetermined"),
    "golden": (("golden", "default", "--rows", "2"), 0, '"rows"'),
    "new-policy": (("new-policy", "mine"), 0, "next: "),
    "show": (("show", "trace.json"), 0, "found by explore"),
    "traceability": (("traceability", "--markdown", "-"), 0, "# Traceability"),
}  # fmt: skip


@pytest.mark.parametrize("case", PLAIN)
def test_commands_without_json_say_what_their_code_says(
    case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command, expected, said = PLAIN[case]
    code, out, _, err = both(monkeypatch, capsys, command, False)
    assert code == expected and said in out + err
    assert (code == Exit.UNDETERMINED) == bool(re.search("undetermined|not exhausted", out + err))


@pytest.mark.parametrize("command", ["scenarios", "statements", "policies"])
def test_lists_agree(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, document, _ = both(monkeypatch, capsys, (command,), True)
    assert code == 0 and all(row["name"] in out for row in document)


def test_bugs_agree(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, document, _ = both(monkeypatch, capsys, ("bugs", "D15"), True)
    (row,) = document["bugs"]
    assert (code, row["result"]) == (0, "killed") and "1 killed" in out


def test_doctor_agrees(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, document, _ = both(monkeypatch, capsys, ("doctor",), True)
    assert code == 0 and out.count("works") == len(document["checks"]) == 3
    assert not any(check["problem"] for check in document["checks"])


def test_doctor_names_what_does_not_work(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def no_solver(*arguments: object, **named: object) -> None:
        raise OSError("libz3 cannot be loaded")

    monkeypatch.setattr("rayproof.commands.doctor.shortest_schedule", no_solver)
    code, out, document, _ = both(monkeypatch, capsys, ("doctor",), True)
    assert code == Exit.DEFECT and "OSError: libz3 cannot be loaded" in out
    assert [check["problem"] for check in document["checks"]] == ["", "", "OSError: libz3 cannot be loaded"]


def test_no_command_is_left_out() -> None:
    asked = {case[0] for case in VERDICTS.values()}
    asked |= {command[0] for command, *_ in ANSWERS.values()} | {command[0] for command, *_ in PLAIN.values()}
    asked |= {"scenarios", "statements", "policies", "bugs", "doctor"}
    asked |= {"record", "run", "compare-live"}  # These need real Ray.
    asked |= {"reproduce"}  # tests/live/test_reproducing.py
    assert asked == set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


ONE_MEANING = {"--json", "--budget", "--max-states", "--max-memory", "--seed", "--only", "--reduce", "--engine"}
OTHERS = {("golden", "--json"), ("conform", "--max-states"), ("explore", "--max-states")}
"""A table that is all the command makes; states of one outcome's search; a cap that depends on --graph."""


def test_an_option_means_the_same_in_every_command() -> None:
    told: dict[str, set[tuple[Any, ...]]] = {}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        for param in command.params:
            if ONE_MEANING & set(param.opts) and (name, param.opts[0]) not in OTHERS:
                told.setdefault(param.opts[0], set()).add((param.help, param.metavar, param.is_flag))
    assert set(told) == ONE_MEANING
    assert {option: meanings for option, meanings in told.items() if len(meanings) > 1} == {}


def test_what_is_light_imports_nothing_heavy() -> None:
    heavy = {"numpy", "z3", "rayproof.properties.catalogue", "rayproof.solver"}
    code = f"import sys; from rayproof.cli import app; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
