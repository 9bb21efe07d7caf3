"""A trace is data: nothing that it names is run unasked, nothing that it says is obeyed or believed."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from rayproof.cli import main
from rayproof.counterexamples import POLICY_RULES
from tests.fuzz.seeds import seeds
from tests.shared_data import EXAMPLES, PROJECT

BAD = str(EXAMPLES / "policies" / "bad_dead_node.py")


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str | Path
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["rayproof", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


@pytest.fixture
def trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trace of a policy in a file, which leaves a mark when it is imported."""
    steps = [
        {"step": "deliver", "sender": sender, "receiver": receiver, "channel": "", "choices": []}
        for sender, receiver in (("driver", "raylet0"), ("driver", "raylet0"), *[("raylet0", "scheduler")] * 2)
    ]
    document = {
        "format": "rayproof-trace",
        "version": 1,
        "scenario": {"name": "sched-affinity", "parameters": {"policy": "evil.py"}, "constants": {}},
        "statement": {"name": "legal_answer", "sentence": "as found", "source": ""},
        "driver": "explore",
        "seed": 0,
        "loop": None,
        "steps": steps,
    }
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'w')\n" + Path(BAD).read_text())
    file = tmp_path / "trace.json"
    file.write_text(json.dumps(document))
    monkeypatch.chdir(tmp_path)
    return file


def change(trace: Path, **fields: Any) -> None:
    document = json.loads(trace.read_text())
    for name, value in fields.items():
        where, _, key = name.partition("__")
        if key:
            document[where][key] = value
        else:
            document[where] = value
    trace.write_text(json.dumps(document))


@pytest.mark.parametrize("policy", ["evil.py", "evil:Evil", "evil:"])
@pytest.mark.parametrize("command", [("replay",), ("show", "--follow", "h")], ids=" ".join)
def test_the_policy_of_a_trace_is_not_run_unasked(
    trace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
    policy: str,
) -> None:
    change(trace, scenario__parameters={"policy": policy})
    code, out, err = run(monkeypatch, capsys, *command, trace)
    assert (code, out) == (2, "") and "--trust to run it, or --policy" in err
    assert run(monkeypatch, capsys, "show", trace)[0] == 0
    assert not (trace.parent / "mark").exists()


def test_it_is_run_when_the_user_says_so(
    trace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(monkeypatch, capsys, "replay", trace, "--policy", BAD)
    assert code == 1 and out.startswith("VIOLATED legal_answer") and not (trace.parent / "mark").exists()
    assert f"replay: rayproof replay {trace} --trust" in out
    code, out, _ = run(monkeypatch, capsys, "replay", trace, "--trust")
    assert code == 1 and out.startswith("VIOLATED legal_answer") and (trace.parent / "mark").exists()
    code, out, _ = run(monkeypatch, capsys, "show", trace, "--follow", "h", "--trust")
    assert code == 0 and out.startswith("h: ")


def test_trust_where_nothing_is_run_is_refused(
    trace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, capsys, "show", trace, "--trust")[0] == 2
    (trace.parent / "plain.json").write_text(seeds()["trace.json"])
    code, _, err = run(monkeypatch, capsys, "replay", "plain.json", "--policy", "default")
    assert code == 2 and "was found without a policy" in err


def test_an_unknown_statement_is_no_verdict(
    trace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change(trace, statement__name="zzz")
    code, out, err = run(monkeypatch, capsys, "replay", trace, "--policy", BAD)
    assert (code, out) == (2, "") and "unknown statement 'zzz'; expected one of sched-affinity" in err


def test_something_else_that_is_broken_is_said(
    trace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change(trace, statement__name="no_exception")
    code, out, _ = run(monkeypatch, capsys, "replay", trace, "--policy", BAD)
    assert code == 1 and out.startswith("NOT CONFIRMED no_exception") and "=> VIOLATED legal_answer instead" in out
    code, out, _ = run(monkeypatch, capsys, "replay", trace, "--policy", BAD, "--json", "-")
    document = json.loads(out)
    assert (document["verdict"], document["confirmed"], document["broken"]) == ("violated", False, "legal_answer")


def test_the_constants_printed_are_those_carried_out(
    trace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change(trace, scenario__constants={"raylets": 1000})
    code, out, _ = run(monkeypatch, capsys, "replay", trace, "--policy", BAD)
    assert code == 1 and "sched-affinity (raylets=2, tasks=3" in out and "raylets=1000" not in out


HOSTILE = "\x1b]0;pwn\x07\x1b[2J\x1b[31mALL FINE\x1b[0m\nverdict: holds"


def test_what_a_trace_says_is_obeyed_by_no_terminal(
    trace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change(
        trace,
        statement__sentence=HOSTILE,
        statement__source=HOSTILE,
        driver=HOSTILE,
        scenario__constants={HOSTILE: HOSTILE},
    )
    for command in (("replay", trace, "--policy", BAD), ("show", trace)):
        _, out, err = run(monkeypatch, capsys, *command)
        assert all(line.isprintable() for line in (out + err).split("\n")) and "ALL FINE" in out
        assert "\nverdict: holds" not in out, "one line stays one line"
        _, out, _ = run(monkeypatch, capsys, *command, "--json", "-")
        assert all(line.isprintable() for line in out.split("\n")) and repr(HOSTILE)[1:-1] in str(json.loads(out))
    change(trace, scenario__name=HOSTILE)
    code, _, err = run(monkeypatch, capsys, "replay", trace)
    assert code == 2 and all(line.isprintable() for line in err.split("\n"))


@pytest.mark.parametrize(
    "fields",
    [
        {"scenario__parameters": {"bug": []}},
        {"scenario__parameters": {"bug": {"a": 1}}},
        {"scenario__parameters": {"policy": []}},
        {"scenario__parameters": {"policy": "a\0b.py"}},
        {"scenario__parameters": {"policy": "x" * 19_000 + ".py"}},
        {"scenario__parameters": []},
        {"seed": True},
        {"seed": "0"},
        {"loop": True},
        {"loop": 0},
        {"version": [[]]},
        {"statement__sentence": "x" * 30_000},
        {"steps": [[]]},
        {"steps": [{"step": ["deliver"], "choices": []}]},
        {"steps": [{"step": "fault", "kind": [], "target": "x", "choices": []}]},
        {"steps": [{"step": "tick", "choices": [True]}]},
        {"steps": [{"step": "deliver", "sender": "x", "receiver": "y", "channel": "", "choices": []}]},
    ],
    ids=str,
)
def test_documents_of_other_types_are_refused(
    trace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fields: dict[str, Any]
) -> None:
    change(trace, **{"scenario__parameters": {}} | fields)
    for trust in ((), ("--trust",)):
        code, _, err = run(monkeypatch, capsys, "replay", trace, *trust)
        assert code == 2 and "expected" in err


RULES = re.compile(r'(?:PolicyError|breach|refuse|note|_breach)\(\s*(?:"breach", )?"([a-z_]+)"|"breach", "([a-z_]+)"')


def test_the_rules_of_the_hooks_are_known() -> None:
    """Those that the code raises, and those that the table for people has."""
    files = [*(PROJECT / "model").rglob("*.py"), *(PROJECT / "rayproof").glob("[a-z]*/*.py")]
    raised = {name for file in files for found in RULES.findall(file.read_text(encoding="utf-8")) for name in found}
    assert raised - {""} <= POLICY_RULES
    _, _, text = (PROJECT / "docs" / "check.md").read_text(encoding="utf-8").partition("| rule of the hook |")
    table = re.findall(r"^\| `([a-z_]+)`", text.partition("\n\n")[0], re.M)
    assert set(table) <= POLICY_RULES and len(table) >= 5
