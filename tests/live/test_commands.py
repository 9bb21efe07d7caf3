"""`rayproof record` where it cannot record: one line, exit code 2, nothing written."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from pathlib import Path

import pytest

from rayproof.cli import main
from rayproof.errors import InputError
from rayproof.live import session
from rayproof.live.session import parse_nodes, parse_script, probe

HAS_RAY = importlib.util.find_spec("ray") is not None


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    monkeypatch.setattr(sys, "argv", ["rayproof", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    captured = capsys.readouterr()
    assert (left.value.code, captured.out) == (2, "")
    return captured.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no script was given"),
        (("nowhere.py",), "nowhere.py: no such file"),
        (("--nodez", "2", "script.py"), "--nodez: no such option"),
        (("-m",), "no module was given"),
        (("--nodes", "2,x", "--", "script.py"), "'x' is not a node"),
        (("--nodes", "2,-1", "--", "script.py"), "'-1' is not a node"),
        (("--nodes", "2", "--address", "h:1", "script.py"), "given together with --nodes"),
        (("--out", "run.json", "script.py"), "does not end in .jsonl"),
        (("--out", "nowhere/run.jsonl", "script.py"), "there is no folder nowhere"),
    ],
)
def test_bad_arguments(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "script.py").write_text("import ray\n")
    assert said in refused(monkeypatch, capsys, "record", *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["script.py"]


@pytest.mark.skipif(HAS_RAY, reason="Ray is installed here")
def test_without_ray(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import ray\n")
    monkeypatch.chdir(tmp_path)
    said = refused(monkeypatch, capsys, "record", str(script))
    assert "this Python has no Ray; expected Ray 2.60.x: pip install 'rayproof[ray]'" in said


def test_another_version_of_ray_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2.61.0")
    with pytest.raises(InputError, match=r"Ray 2\.61\.0 is installed; expected Ray 2\.60\.x"):
        session.require_ray()


def test_words_after_the_script_are_the_scripts() -> None:
    script = parse_script([__file__, "--nodes", "3", "-m"])
    assert script.words[1:] == ("--nodes", "3", "-m") and script.name == "test_commands"
    assert parse_script(["-m", "package.module", "x"]).name == "package.module"
    assert [node.cpus for node in parse_nodes("4,2:1,0.5")] == [4, 2, 0.5]


def test_private_names_of_ray_stand_in_one_module() -> None:
    """Nothing else in the project may say `ray._` or import from there."""
    internals = Path(probe("internals").__file__ or "")
    found = [
        str(path)
        for path in session.PROJECT.joinpath("rayproof").rglob("*.py")
        if path.resolve() != internals.resolve()
        and any(word in path.read_text() for word in ("ray._private", "ray._raylet"))
    ]
    assert found == []
