"""Where answers may be written, and that none is lost on the way."""

import json
import os
import sys
from pathlib import Path

import pytest

from rayproof.cli import run
from rayproof.counterexamples import kept, load, save
from rayproof.errors import InputError
from rayproof.exits import guarded
from rayproof.targets import make_folder, require_file, require_folder, write_text
from tests.fuzz.seeds import seeds


@pytest.fixture
def strange(tmp_path: Path) -> dict[str, Path]:
    """Targets that take nothing, by what they are."""
    found = {name: tmp_path / name for name in ("folder", "pipe", "dangling", "loop", "device", "file")}
    found["folder"].mkdir()
    os.mkfifo(found["pipe"])
    found["dangling"].symlink_to("nowhere")
    found["loop"].symlink_to("loop")
    found["device"].symlink_to("/dev/full")
    found["file"].write_text("")
    return found | {
        "below a file": tmp_path / "file" / "x",
        "in no folder": tmp_path / "no" / "x",
        "nul": tmp_path / "a\0b",
        "long": tmp_path / ("x" * 300),
    }


@pytest.mark.parametrize(
    "what", ["folder", "pipe", "dangling", "loop", "device", "below a file", "in no folder", "nul", "long"]
)
def test_a_file_that_cannot_be_written_is_refused(strange: dict[str, Path], what: str) -> None:
    with pytest.raises(InputError, match="expected a file that can be written"):
        require_file(strange[what])
    with pytest.raises(InputError):
        write_text("x", strange[what])


def test_what_a_command_reads_is_not_replaced_by_its_report(tmp_path: Path) -> None:
    read, link = tmp_path / "read.jsonl", tmp_path / "link.jsonl"
    read.write_text("{}\n")
    link.symlink_to(read)
    for target in (read, link, str(tmp_path / ".." / tmp_path.name / "read.jsonl")):
        with pytest.raises(InputError, match="by this very command; expected another file"):
            require_file(target, "default", None, read)
    require_file(read, "default", tmp_path / "other.jsonl")


@pytest.mark.parametrize(
    "command",
    [
        ("check", "--workload"),
        ("replay",),
        ("show",),
        ("conform",),
        ("golden",),
        ("verify",),
        ("explore",),
        ("bounds",),
        ("solve",),
        ("solve", "other", "--cluster"),
        ("why", "a", "--instance"),
        ("gap", "--instances", "tiny", "--policy"),
        ("gap", "--policy", "default", "--instances"),
        ("worst", "--tasks", "2", "--nodes", "2", "--policy"),
        ("compare-live", "--nodes", "1", "--policy"),
        ("compare-live", "--nodes", "1", "--workload"),
    ],
    ids="-".join,
)
def test_no_command_replaces_what_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    read = tmp_path / "read.py"
    read.write_text("x\n")
    monkeypatch.setattr(sys, "argv", ["rayproof", *command, str(read), "--json", str(read)])
    assert guarded(run) == 2
    assert "by this very command" in capsys.readouterr().err
    assert read.read_text() == "x\n"


@pytest.mark.parametrize(
    "command",
    [
        ("record", "--out", "read.jsonl", "read.jsonl"),
        ("record", "--out", "read.jsonl", "script.py", "read.jsonl"),
        ("run", "--policy", "default", "--record", "read.jsonl", "read.jsonl"),
        ("compare-live", "--nodes", "1", "--record", "read.jsonl", "--workload", "read.jsonl", "script.py"),
        ("compare-live", "--nodes", "1", "--record", "new.jsonl", "--json", "new.jsonl", "script.py"),
        ("worst", "--policy", "read.jsonl", "--tasks", "2", "--nodes", "2", "--witness", "read.jsonl"),
        ("worst", "--policy", "rank", "--tasks", "2", "--nodes", "2", "--witness", "new.json", "--json", "new.json"),
        ("explore", "read.gv:S", "--graph", "read.gv"),
    ],
    ids="-".join,
)
def test_no_other_target_replaces_what_is_read_or_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    for name in ("read.jsonl", "script.py", "read.gv"):
        (tmp_path / name).write_text("x\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["rayproof", *command])
    assert guarded(run) == 2
    assert "by this very command" in capsys.readouterr().err
    assert {each.read_text() for each in tmp_path.iterdir()} == {"x\n"}


def test_a_worst_case_is_not_written_beside_the_instances(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.json").write_text("{}")
    command = ["gap", "--policy", "default", "--instances", str(tmp_path), "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["rayproof", *command])
    assert guarded(run) == 2 and "the instances are read from there" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["file", "pipe", "dangling", "loop", "device", "below a file", "nul", "long"])
def test_a_folder_that_cannot_be_made_is_refused(strange: dict[str, Path], what: str) -> None:
    with pytest.raises(InputError, match="expected a folder that can be written"):
        require_folder(strange[what])
    with pytest.raises(InputError):
        make_folder(strange[what])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written"):
        require_file(tmp_path / "x")
    with pytest.raises(InputError, match="cannot be written"):
        require_folder(tmp_path / "x" / "y")


def test_what_can_be_written_is(tmp_path: Path) -> None:
    require_file(None)
    require_file("-")
    require_folder(tmp_path / "a" / "b")
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    for path in (tmp_path / "new", tmp_path / "real", tmp_path / "link"):
        require_file(path)
        write_text(f"to {path.name}", path)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "to link"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "new", "real"]


def test_a_counterexample_is_written_through_no_link_and_over_no_file(tmp_path: Path) -> None:
    (tmp_path / "trace.json").write_text(seeds()["trace.json"])
    trace, out = load(tmp_path / "trace.json"), tmp_path / "out"
    stem = f"{trace.scenario}--{trace.statement}"
    out.mkdir()
    (out / f"{stem}.json").symlink_to(tmp_path / "elsewhere")
    (out / f"{stem}-2.json").mkdir()
    os.mkfifo(out / f"{stem}-3.json")
    (out / f"{stem}-4.json").write_text("another")
    assert save(trace, out).name == f"{stem}-5.json" == save(trace, out).name
    assert not (tmp_path / "elsewhere").exists()
    assert load(out / f"{stem}-5.json") == trace


def test_a_counterexample_that_cannot_be_written_is_printed_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "trace.json").write_text(seeds()["trace.json"])
    trace = load(tmp_path / "trace.json")
    assert kept(trace, tmp_path / "trace.json" / "below") is None
    err = capsys.readouterr().err
    said, _, text = err.partition("\n")
    assert "the counterexample, to be saved as a .json file:" in said
    assert json.loads(text) == json.loads(trace.to_json())


def test_verify_keeps_its_verdict_when_the_counterexample_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rayproof.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rayproof.commands.verifying.require_folder", lambda folder: None)
    Path("file").write_text("")
    monkeypatch.setattr(sys, "argv", ["rayproof", "verify", "chain-3-2-1", "--bug", "answers_early", "--out", "file"])
    with pytest.raises(SystemExit) as left:
        main()
    out, err = capsys.readouterr()
    assert left.value.code == 1 and "verdict: violated" in out and '"format": "rayproof-trace"' in err
