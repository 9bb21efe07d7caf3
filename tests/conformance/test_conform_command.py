"""`rayproof conform` says what is allowed, refused and undetermined, and leaves with the code of that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rayproof.cli import app, main
from rayproof.commands import conform
from rayproof.errors import InputError
from tests.conformance.outcome_forgeries import load, write
from tests.shared_data import EXAMPLES, needs_shared_data, shared_files

RECORDINGS = Path(__file__).parents[1] / "data" / "recordings"

SHARED = [
    *shared_files("ray-traces", "*.jsonl"),
    *(path for folder in ("cold", "warm", "pred") for path in shared_files(f"ray-runs/{folder}", "*.jsonl")),
]


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["conform", *map(str, arguments)], env={"COLUMNS": "200"})
    return result.exit_code, result.stdout


def test_what_is_allowed_holds() -> None:
    code, printed = run(EXAMPLES / "recordings" / "13_tree_reduce.jsonl")
    assert code == 0
    assert "13_tree_reduce, Ray 2.60.0" in printed and printed.endswith("verdict: holds\n")
    assert "placements     31       31        0             0" in printed


def test_what_is_refused_is_named_with_its_line(tmp_path: Path) -> None:
    lines = load(RECORDINGS / "shuffle.jsonl")
    line = next(line for line in lines if line.get("e") == "get_end")
    line["ok"], line["err"] = False, "OwnerDiedError"
    file = write(lines, tmp_path / "forged.jsonl")
    code, printed = run(file)
    assert code == 1
    assert f"line {lines.index(line) + 1}: driver: get of 8 objects: recorded: OwnerDiedError" in printed
    assert printed.endswith("verdict: violated\n")


def test_what_the_recording_leaves_open_is_undetermined() -> None:
    code, printed = run(RECORDINGS / "spill.jsonl")
    assert code == 3
    assert "T4 on N2, T5" not in printed, "T4 ran elsewhere"
    assert "whether _spill_on_unavailable was given is not recorded" in printed
    assert printed.count("\n  - ") == 1, "what is said of many is said once"


def test_the_same_as_json(tmp_path: Path) -> None:
    code, printed = run(RECORDINGS / "spill.jsonl", "--json", "-")
    document: dict[str, Any] = json.loads(printed)
    assert code == 3 and document["verdict"] == "undetermined" and not document["interrupted"]
    assert document["counts"]["placements"] == {"allowed": 13, "refused": 0, "undetermined": 11}
    one = next(placed for placed in document["placements"] if placed["answer"] == "undetermined")
    assert (one["rule"], one["attempt"]) == ("affinity", 0) and one["line"] > 1
    assert {decided["answer"] for decided in document["outcomes"]} == {"allowed"}
    code, printed = run(RECORDINGS / "spill.jsonl", "--json", tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text()) == document and "undetermined" in printed


def test_caps_leave_things_undetermined() -> None:
    code, printed = run(RECORDINGS / "shuffle.jsonl", "--max-looks", "3")
    assert code == 3 and "too many moments at which it may have been decided" in printed
    code, printed = run(RECORDINGS / "ends.jsonl", "--max-states", "100")
    assert code == 3 and "A3: more than 100 states" in printed
    code, printed = run(RECORDINGS / "ends.jsonl", "--max-all-states", "1")
    assert code == 3 and "A3: more than 100 states" in printed


def test_what_is_no_recording_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        CliRunner().invoke(app, ["conform", str(tmp_path / "missing.jsonl")], catch_exceptions=False)


def test_an_interruption_keeps_what_was_decided(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(conform, "check_outcomes", interrupted)
    # Whoever calls the application gets the interrupt; `main` makes it 130.
    monkeypatch.setattr("sys.argv", ["rayproof", "conform", str(EXAMPLES / "recordings" / "13_tree_reduce.jsonl")])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 130
    printed = capsys.readouterr().out
    assert "placements     31       31" in printed and "verdict: undetermined" in printed


@needs_shared_data("ray-runs")
@needs_shared_data("ray-traces")
@pytest.mark.parametrize("path", SHARED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_nothing_that_real_ray_did_is_refused(path: Path) -> None:
    report = conform.conform(path, 20_000, 200_000, 50_000)
    counts = [conform._counts(lines) for lines in report.parts.values()]
    assert [count["refused"] for count in counts] == [0, 0]
    assert sum(count["allowed"] for count in counts) > 0 or "param_server" in path.stem
