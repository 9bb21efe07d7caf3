"""`rayproof show TRACE --follow ID`: the path of one task or call through a counterexample."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rayproof.properties.bugs import BUGS
from tests.cli.test_commands import rayproof


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> object:
    """Makes the counterexample of a planted bug; whatever terminal the tests run in, lines have 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")

    def make(bug: str) -> Path:
        code, _, _ = rayproof(monkeypatch, capsys, "verify", BUGS[bug].scenario, "--bug", bug, "--out", str(tmp_path))
        assert code == 1
        (file,) = tmp_path.iterdir()
        return file

    return make


def test_a_task_is_followed_from_its_submit_over_its_waits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: object
) -> None:
    file = found("believes_late_replies")  # type: ignore[operator]
    code, out, _ = rayproof(monkeypatch, capsys, "show", str(file), "--follow", "t1")
    assert code == 0
    assert out == (
        "t1: 5 of 6 steps; handled by owner, node0\n"
        "  1. owner: timer go on fires\n"
        "     owner.attempts: t1 = 1\n"
        "     owner.placed: t1 = node0\n"
        "     owner.stage: t1 = submitted\n"
        "  2. owner -> node0  Execute(task=t1, attempt=1, arguments=(), result=x,\n"
        "      small=False)\n"
        "     node0.attempts: t1 = Execute(task=t1, attempt=1, arguments=(), result=x,\n"
        "         small=False)\n"
        "     node0.running: (t1)\n"
        "  3. node0: timer body t1 fires\n"
        "     node0.attempts: gone\n"
        "     node0.running: gone\n"
        "     ... 1 other step until node0 -> owner [down]; it is in: owner.attempts,\n"
        "         owner.placed, owner.stage\n"
        "  5. node0 -> owner [down]  Down(name=node0)\n"
        "     owner.attempts: t1 = 2\n"
        "     owner.placed: t1 = node1\n"
        "  6. node0 -> owner  TaskReply(task=t1, attempt=1, error=)\n"
        "     owner.stage: t1 = done\n"
    )


@pytest.mark.parametrize(
    ("bug", "id"),
    [
        ("tells_only_the_prefix", "a2"),
        ("retries_the_cancelled", "t"),
        ("forgets_lost_inputs", "t2"),
        ("returns_by_worker", ""),
        ("forgets_pending_workers", "a"),
    ],
)
def test_traces_of_every_component_with_tasks_or_calls_are_followed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: object, bug: str, id: str
) -> None:
    file = found(bug)  # type: ignore[operator]
    code, _, err = rayproof(monkeypatch, capsys, "show", str(file), "--follow", "no such id")
    assert code == 2 and "names 'no such id'; expected one of " in err
    wanted = id or err.rstrip().rpartition("one of ")[2].split(", ")[0]
    monkeypatch.setenv("COLUMNS", "40")
    code, out, _ = rayproof(monkeypatch, capsys, "show", str(file), "--follow", wanted)
    assert code == 0 and out.startswith(f"{wanted}: ")
    assert max(map(len, out.splitlines())) <= 40
    code, out, _ = rayproof(monkeypatch, capsys, "show", str(file), "--follow", wanted, "--json", "-")
    document = json.loads(out)
    assert (code, document["follow"]) == (0, wanted)
    assert document["path"] and document["handlers"]
    steps = [stop["step"] for stop in document["path"]]
    assert steps == sorted(set(steps)) and steps[-1] <= document["steps"]


def test_a_trace_without_tasks_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: object
) -> None:
    file = found("answers_early")  # type: ignore[operator]
    code, out, err = rayproof(monkeypatch, capsys, "show", str(file), "--follow", "t1")
    assert (code, out) == (2, "")
    assert "expected a trace whose messages name a task or a call" in err
