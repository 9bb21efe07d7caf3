"""The command line as a user meets it: answers, exit codes, errors that say where."""

import json
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from rayproof import reducing
from rayproof.cli import main
from rayproof.model.kernel import Result
from rayproof.properties.catalogue import Entry
from tests.shared_data import EXAMPLES


def rayproof(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command."""
    monkeypatch.setattr(sys, "argv", ["rayproof", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


def test_verify_in_words_and_in_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = rayproof(monkeypatch, capsys, "verify", "cluster-3-3-0", "chain-3-2-1")
    assert code == 0 and "cluster-3-3-0  holds  3,644 states" in out and "exhausted within scope" in out
    code, out, _ = rayproof(monkeypatch, capsys, "verify", "cluster-3-3-0", "--json", "-", "--seed", "7")
    report = json.loads(out)
    assert (code, report["verdict"], report["seed"]) == (0, "holds", 7)
    (scenario,) = report["scenarios"]
    assert {
        "name",
        "component",
        "scope",
        "driver",
        "states",
        "transitions",
        "depth",
        "cpu_s",
        "reductions",
        "reduced",
        "verdict",
    } <= set(scenario)
    assert {s["name"]: s["verdict"] for s in scenario["statements"]}["no_lost_objects"] == "holds"
    assert {"rayproof", "python", "z3-solver"} <= set(report["versions"])


def test_a_report_that_cannot_be_written_is_refused_before_the_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A minute's work, were it begun.
    code, out, err = rayproof(monkeypatch, capsys, "verify", "cluster-3-4-1", "--json", "/nowhere/x.json")
    assert (code, out) == (2, "") and "a file that can be written" in err


@pytest.mark.parametrize(("columns", "folded"), [("", False), ("60", True)])
def test_what_is_piped_is_not_folded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: str, folded: bool
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    _, out, _ = rayproof(monkeypatch, capsys, "bugs", "D15")
    assert ("a_wildcard_goes_with_its_bundles" not in out) == folded


def test_verify_by_walks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = rayproof(monkeypatch, capsys, "verify", "cluster-3-3-1", "--driver", "walk", "--walks", "200")
    assert code == 0 and "200 walks" in out


@pytest.mark.parametrize("driver", ["explore", "walk"])
def test_a_planted_bug_is_reported_and_replayed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, driver: str
) -> None:
    arguments = ("chain-3-2-1", "--bug", "answers_early", "--driver", driver, "--out", str(tmp_path))
    code, out, _ = rayproof(monkeypatch, capsys, "verify", *arguments)
    assert code == 1
    (file,) = tmp_path.iterdir()
    assert f"replay: rayproof replay {file}" in out
    assert re.search(r"^  \d other statements: undetermined  \(the \w+ ended at another violation\)$", out, re.M)
    assert out.count("ended at another violation") == 1, "not a line for each"
    prints = [rayproof(monkeypatch, capsys, "replay", str(file)) for _ in range(2)]
    assert prints[0] == prints[1] and prints[0][0] == 1
    assert prints[0][1] in out, "the replay prints the same bytes"
    code, out, _ = rayproof(monkeypatch, capsys, "show", str(file))
    assert code == 0 and "bug: answers_early" in out
    code, out, _ = rayproof(monkeypatch, capsys, "replay", str(file), "--json", "-")
    assert json.loads(out)["verdict"] == "violated"


@pytest.mark.parametrize("option", [("--max-states", "50"), ("--budget", "0.001")])
def test_a_cap_is_undetermined(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: tuple[str, str]
) -> None:
    code, out, _ = rayproof(monkeypatch, capsys, "verify", "cluster-3-3-1", *option)
    assert code == 3 and "verdict: undetermined" in out


@pytest.mark.parametrize("command", ["scenarios", "statements", "policies"])
def test_lists(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, out, _ = rayproof(monkeypatch, capsys, command)
    assert code == 0 and out.startswith("name")
    rows = json.loads(rayproof(monkeypatch, capsys, command, "--json", "-")[1])
    assert len(rows) >= 4 and all(row["name"] for row in rows)


RECORDING = str(EXAMPLES / "recordings" / "01_default_short.jsonl")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("chek",), "Did you mean 'check'"),
        (("check", "--polcy", "x"), "No such option: --polcy"),
        (("check",), "Missing option"),
        (("check", "nobody", "--workload", RECORDING), "no policy of that name"),
        (("check", "none.py", "--workload", RECORDING), "no such file"),
        (("check", "no.such.module:Policy", "--workload", RECORDING), "importing no.such.module raised"),
        (("check", "math:pi", "--workload", RECORDING), "float has no hook"),
        (("check", "math:nothing", "--workload", RECORDING), "has no 'nothing'"),
        (("check", "--workload", "nowhere.jsonl"), "nowhere.jsonl: the file does not exist"),
        (("check", "--workload", "x.csv"), "unknown kind of workload"),
        (("check", "--workload", RECORDING, "--cluster", "nowhere.yaml"), "nowhere.yaml"),
        (("check", "--workload", RECORDING, "--seed", "-1"), "Invalid value for '--seed'"),
        (("check", "--workload", RECORDING, "--bandwidth", "0"), "Invalid value for '--bandwidth'"),
        (("verify", "nothing"), "neither a component nor a scenario"),
        (("verify", "actors", "--scope", "huge"), "Invalid value for '--scope'"),
        (("verify", "--bug", "beetle"), "unknown planted bug 'beetle'"),
        (("verify", "--bug", "answers_erly"), "the nearest: answers_early"),
        (("verify", "today-plain", "--bug", "answers_early"), "answers_early takes no part in what was asked for"),
        (("verify", "cluster-wide", "--json", "/nowhere/x.json"), "a file that can be written"),
        (("verify", "chian-3-2-1"), "the nearest: chain-3-2-1"),
        (("replay", "nowhere.json"), "does not exist"),
        (("replay", RECORDING), "expected"),
        (("replay", str(EXAMPLES)), "directory"),
    ],
    ids=lambda value: " ".join(value)[-40:] if isinstance(value, tuple) else "",
)
def test_bad_input_leaves_with_2_and_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    code, _, err = rayproof(monkeypatch, capsys, *arguments)
    assert code == 2 and words in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def place(:", "policy.py:1: not Python"),
        ("\nraise ValueError('no')", "policy.py:2: importing it raised ValueError: no"),
        ("x = 1", "classes with a hook: none"),
        ("class A:\n def place(self): ...\nclass B(A): ...", "A, B"),
        ("class A:\n def __init__(self, x): ...\n def place(self): ...", "A() raised TypeError"),
        ("class A:\n memory = []\n def place(self, *a): ...", "not hashable"),
        ("policy = 3", "int has no hook"),
    ],
)
def test_policy_files_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, words: str
) -> None:
    file = tmp_path / "policy.py"
    file.write_text(text)
    code, _, err = rayproof(monkeypatch, capsys, "check", str(file), "--workload", RECORDING)
    assert code == 2 and words in err and "Traceback" not in err


def test_no_arguments_show_the_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = rayproof(monkeypatch, capsys)
    assert code == 2 and "verify" in out + err and "error:" not in err


def test_an_interrupt_is_clean_and_keeps_what_was_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    explored = reducing.explore_entry

    def interrupted_at_the_second(entry: Entry, *arguments: Any, **named: Any) -> Result:
        if entry.name != "cluster-3-3-0":
            signal.raise_signal(signal.SIGINT)
        return explored(entry, *arguments, **named)

    monkeypatch.setattr("rayproof.verify.explore_entry", interrupted_at_the_second)
    code, out, err = rayproof(monkeypatch, capsys, "verify", "cluster-3-3-0", "cluster-3-3-1-messages")
    assert code == 130 and "interrupted: 1 of 2 scenarios were decided" in err
    assert "verdict: undetermined" in out
    assert "cluster-3-3-0  holds" in out and "interrupted" in out


def test_show_marks_the_loop_of_a_lasso(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ("today-classes", "--bug", "asks_for_the_impossible", "--out", str(tmp_path))
    code, _, _ = rayproof(monkeypatch, capsys, "verify", *arguments)
    assert code == 1
    (file,) = tmp_path.glob("*.json")
    _, out, _ = rayproof(monkeypatch, capsys, "show", str(file))
    lines = out.splitlines()
    assert lines[lines.index("  -- the loop begins --") + 1].startswith("   11. ")
    assert lines[-2] == "  -- and again from the loop's beginning, for ever --"
    assert lines[-1].startswith("  => ")
