"""A policy from the template works as it is; golden tables say what a policy answers."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from rayproof.cli import main
from rayproof.commands import golden
from rayproof.commands.new_policy import next_commands, register, write_policy
from rayproof.errors import InputError
from rayproof.golden import golden_table
from rayproof.model.graph import Resources
from rayproof.model.scheduler.policy.built_in import BUILT_IN
from rayproof.model.scheduler.ray import HybridOptions, NodeResources, Request, hybrid
from rayproof.policies import load_policy
from tests.shared_data import EXAMPLES, PROJECT

PROPOSALS = (
    "alpha_beta",
    "spread_with_locality",
    "waiting_time_bound",
    "soft_deadline",
    "backoff_three",
    "backoff_and_migration",
    "priority_transfer",
    "three_seconds",
    "packing",
    "fair_share",
    "priority_preemption",
    "label_affinity",
    "memory_aware_spread",
)


def test_the_command_writes_a_policy_and_a_test_that_passes(tmp_path: Path) -> None:
    app = typer.Typer()
    register(app)
    app.command("other")(lambda: None)
    result = CliRunner().invoke(app, ["new-policy", "my_idea", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert load_policy(str(tmp_path / "my_idea.py")).name == "my_idea"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path / "test_my_idea.py")]
    ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


def test_what_the_command_says_to_type_next_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rayproof.check.verdict.policy_scenarios", lambda policy, edition: ())
    commands = [shlex.split(command) for command in next_commands(*write_policy("my_idea", tmp_path))]
    assert [command[0] for command in commands] == ["pytest", "rayproof", "pytest"]
    assert commands[0][1] == str(tmp_path / "test_my_idea.py"), "which the test above runs"
    monkeypatch.setattr(sys, "argv", [*commands[1], "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0 and "verdict: holds" in capsys.readouterr().out
    collected = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", *commands[2][1:]]
    ran = subprocess.run(collected, cwd=Path.cwd(), capture_output=True, text=True, check=False)
    assert ran.returncode == 0 and "error" not in ran.stdout.splitlines()[-1], ran.stdout[-500:]


def test_a_bad_name_or_a_file_that_is_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a name"):
        write_policy("My Idea", tmp_path)
    write_policy("mine", tmp_path)
    with pytest.raises(InputError, match="there already"):
        write_policy("mine", tmp_path)


def test_a_golden_table_of_default_is_that_of_hybrid() -> None:
    table = golden_table(BUILT_IN["default"], 200, 7)
    assert json.loads(json.dumps(table)) == table
    waits = 0
    for row in table["rows"]:
        nodes = [
            NodeResources(
                node["name"],
                Resources.from_amounts(node["total"]),
                dict(Resources.from_amounts(node["available"]).units),
                draining=node["draining"],
                alive=node["alive"],
            )
            for node in row["nodes"]
        ]
        request = Request(Resources.from_amounts(row["demand"]))
        exact = hybrid(nodes, request, row["local"], HybridOptions(require_available=True))
        assert row["node_in"] == sorted(exact.nodes)
        waits += not row["node_in"]
    assert 0 < waits < 100


def test_the_command_writes_a_table(tmp_path: Path) -> None:
    app = typer.Typer()
    golden.register(app)
    app.command("other")(lambda: None)
    file = tmp_path / "spread.json"
    command = ["golden", "spread", "--rows", "9", "--seed", "3", "--json", str(file)]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert json.loads(file.read_text()) == golden_table(BUILT_IN["spread"], 9, 3)
    raises = str(EXAMPLES / "policies" / "bad_raises.py")
    refused = CliRunner().invoke(app, ["golden", raises])
    assert isinstance(refused.exception, InputError)


@pytest.mark.parametrize("name", PROPOSALS)
def test_a_proposal_is_short_and_loads(name: str) -> None:
    path = EXAMPLES / "policies" / f"{name}.py"
    assert load_policy(str(path)).name == name
    assert len(path.read_text().splitlines()) < 60
