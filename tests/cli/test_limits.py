"""A limit that ends any part of a command leaves it undetermined; no number beside it is called exact."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rayproof.cli import main
from rayproof.model.kernel import INTERRUPTED_NOTE, Limits, Result, Scenario, Verdict
from rayproof.model.scheduler.policy.built_in import BUILT_IN
from rayproof.properties.cluster.ray2.differences import differences
from rayproof.properties.gallery.entries import GALLERY
from rayproof.properties.gallery.entry import Standing
from rayproof.properties.gallery.hunt import Driver, Outcome, hunt

SHUFFLES = """\
class Shuffles:
    locality = False

    def place(self, task, view, memory, ctx):
        left = list(view.nodes)
        while left:
            left.remove(ctx.choose(left))
        return view.options[0].name
"""

BACKS_OFF = """\
from rayproof.model.scheduler.policy.queue_hooks import Backoff

class BacksOff:
    def place(self, task, view, memory, ctx):
        return None

    def retry(self, task, attempt, view, memory, ctx):
        return Backoff(1)
"""


def rayproof(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["rayproof", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


@pytest.mark.parametrize("standing", [Standing.EXPRESSIBLE, Standing.KNOWN])
@pytest.mark.parametrize("driver", [Driver.DIRECTED, Driver.EXPLORE])
def test_a_defect_that_was_not_looked_for_to_the_end_is_no_survivor(
    standing: Standing, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rayproof.properties.gallery.hunt.MOST_STATES", 2)
    entry = next(each for each in GALLERY.values() if each.standing is standing)
    assert hunt(entry, driver).result is Outcome.UNDETERMINED


def test_bugs_that_a_limit_ended_are_undetermined(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rayproof.properties.gallery.hunt.MOST_STATES", 2)
    code, out, _ = rayproof(monkeypatch, capsys, "bugs", "D01")
    assert code == 3 and "1 undetermined" in out


def test_a_comparison_with_rays_own_policy_that_was_cut_short_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    found, ended = differences(BUILT_IN["spread"], Limits(states=5))
    assert not found and ended

    def interrupted(scenario: Scenario, **named: object) -> Result:
        return Result(scenario.name, "", "explore", Verdict.UNDETERMINED, 0, 0, 0, 0.0, (), note=INTERRUPTED_NOTE)

    monkeypatch.setattr("rayproof.properties.cluster.ray2.differences.explore", interrupted)
    with pytest.raises(KeyboardInterrupt):
        differences(BUILT_IN["spread"], Limits())


@pytest.mark.parametrize("instances", ["tiny", "examples/recordings/01_default_short.jsonl"])
def test_a_run_that_its_cap_ended_has_no_ratio(
    instances: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "backs_off.py").write_text(BACKS_OFF)
    monkeypatch.setattr("rayproof.check.simulation.LEAST_CAP", 300)
    monkeypatch.setattr("rayproof.check.simulation.CAP_PER_TASK", 1)
    command = ("gap", "--policy", str(tmp_path / "backs_off.py"), "--instances", instances, "--out", str(tmp_path))
    code, out, err = rayproof(monkeypatch, capsys, *command)
    assert (code, out) == (3, "") and err.startswith("undetermined: policy BacksOff: the run was ended by its cap")


def test_draws_that_are_not_all_tried_make_no_golden_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shuffles.py").write_text(SHUFFLES)
    command = ("golden", str(tmp_path / "shuffles.py"), "--nodes", "7", "--rows")
    code, out, err = rayproof(monkeypatch, capsys, *command, "3")
    assert (code, out) == (3, "") and "policy Shuffles draws in more than 1,000 ways" in err


def test_golden_of_a_policy_that_breaks_a_rule_is_a_violation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = rayproof(monkeypatch, capsys, "golden", "examples/policies/bad_raises.py")
    assert (code, out) == (1, "") and err.startswith("no_exception: policy")


def test_a_name_that_abstract_policies_have_too_is_that_of_the_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = "examples/recordings/01_default_short.jsonl"
    command = ("gap", "--policy", "spread", "--instances", recording, "--out", str(tmp_path))
    assert rayproof(monkeypatch, capsys, *command)[0] in (0, 3)
    code, _, err = rayproof(monkeypatch, capsys, "gap", "--policy", "alpha_beta:3,1")
    assert code == 2 and "an abstract policy, which cannot be run" in err


@pytest.mark.parametrize("command", [("gap",), ("golden",), ("check",)], ids=lambda each: each[0])
@pytest.mark.parametrize("spec", ["alpha_beta:1/0,1", "module:", "a..b:C", "some-module:C"])
def test_what_cannot_be_the_name_of_a_class_is_not_imported(
    command: tuple[str, ...], spec: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    named = ("--policy", spec) if command[0] == "gap" else (spec,)
    workload = ("--workload", "examples/recordings/01_default_short.jsonl") if command[0] == "check" else ()
    code, _, err = rayproof(monkeypatch, capsys, *command, *named, *workload)
    assert code == 2 and "ModuleNotFoundError" not in err
    assert "is no name of a module or class" in err or "an abstract policy, which cannot be run" in err
