"""The solver's commands with policies of the model, recordings and clusters."""

import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from rayproof.cli import main
from tests.shared_data import EXAMPLES

RECORDING = EXAMPLES / "recordings" / "13_tree_reduce.jsonl"
CLUSTER = EXAMPLES / "clusters" / "two-unequal-nodes.yaml"


def rayproof(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str | Path
) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command."""
    monkeypatch.setattr(sys, "argv", ["rayproof", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as left:
        main()
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


def found(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Any:
    code, out, err = rayproof(monkeypatch, capsys, *arguments, "--json", "-")
    assert code == 0, err
    return json.loads(out)


def test_gap_of_policies_by_name_file_and_class(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    specs = (
        "heft",
        "spread",
        EXAMPLES / "policies" / "least_queue.py",
        "rayproof.model.scheduler.policy.built_in:LeastLoad",
    )
    options = [part for spec in specs for part in ("--policy", spec)]
    report = found(monkeypatch, capsys, "gap", *options)
    assert [each["policy"] for each in report["policies"]] == [str(spec) for spec in specs]
    means = [sum(family["mean"] for family in each["families"]) / 3 for each in report["policies"]]
    assert all(mean > 1 for mean in means) and min(means) == means[0], "heft knows every duration beforehand"


def test_gap_on_a_recording_and_on_another_cluster(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for cluster in ((), ("--cluster", CLUSTER)):
        report = found(monkeypatch, capsys, "gap", "--policy", "default", "--instances", RECORDING, *cluster)
        (family,) = report["policies"][0]["families"]
        assert (family["family"], family["instances"], family["proved"]) == ("13_tree_reduce", 1, 1)
        assert family["worst"] >= 1


def test_gap_on_a_directory_reads_recordings_and_passes_over_other_files(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "notes.md").write_text("not an instance")
    (tmp_path / "run.jsonl").write_bytes(RECORDING.read_bytes())
    report = found(monkeypatch, capsys, "gap", "--policy", "spread", "--instances", tmp_path)
    assert [family["instances"] for family in report["policies"][0]["families"]] == [1]


def test_solve_the_relaxation_of_a_recording(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = found(monkeypatch, capsys, "solve", RECORDING)
    other = found(monkeypatch, capsys, "solve", RECORDING, "--cluster", CLUSTER)
    assert own["status"] == other["status"] == "optimal"
    assert own["lower_us"] == own["upper_us"] > 0


def test_why_in_a_recording_on_a_cluster(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines = RECORDING.read_text(encoding="utf-8").splitlines()
    large = [
        line.replace('"req":{"CPU":1.0}', '"req":{"CPU":1.0,"GPU":9.0}') if '"T0"' in line else line for line in lines
    ]
    (tmp_path / "gpu.jsonl").write_text("\n".join(large) + "\n", encoding="utf-8")
    report = found(monkeypatch, capsys, "why", "T0", "--instance", tmp_path / "gpu.jsonl", "--cluster", CLUSTER)
    assert report["verdict"] == "infeasible" and "GPU:9" in report["sentence"]
    assert found(monkeypatch, capsys, "why", "T0", "--instance", RECORDING)["verdict"] == "placeable"


UNITS = ("--budget", "600", "--resource-units", "4000")


def test_worst_of_a_policy_of_the_model_is_searched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (
        "worst",
        "--policy",
        "default",
        "--tasks",
        "3",
        "--nodes",
        "2",
        "--budget",
        "600",
        "--resource-units",
        "4000",
    )
    report = found(monkeypatch, capsys, *arguments)
    assert (report["method"], report["proved"]) == ("search", False)
    # 3 is the worst there is: two remote tasks on one node, where the optimum has all at home.
    assert 2 <= Fraction(report["ratio"]) <= 3


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("gap", "--policy", "nobody"), 2, "no policy of that name"),
        (("gap", "--policy", "spread", "--instances", "absent.jsonl"), 2, "absent.jsonl"),
        (("gap", "--policy", "heft", "--instances", RECORDING), 2, "expected instances or recordings"),
        (("gap", "--policy", EXAMPLES / "policies" / "bad_always_waits.py"), 1, "progress: policy bad_always_waits"),
        (("gap", "--policy", EXAMPLES / "policies" / "bad_answer_type.py"), 1, "answer_type: "),
        (("worst", "--policy", "nobody", "--tasks", "2", "--nodes", "2"), 2, "no policy of that name"),
        (
            ("worst", "--policy", EXAMPLES / "policies" / "bad_raises.py", "--tasks", "2", "--nodes", "2"),
            1,
            "no_exception: ",
        ),
        (("solve", "some.json", "--cluster", CLUSTER), 2, "an instance has nodes of its own"),
        (("why", "nobody", "--instance", RECORDING), 2, "found nothing called nobody"),
    ],
)
def test_what_cannot_be_used_and_what_breaks_a_rule(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str | Path, ...],
    code: int,
    told: str,
) -> None:
    left, _, err = rayproof(monkeypatch, capsys, *arguments)
    assert left == code and told in err.replace("\n", " ")
