"""Traces as scripts for real Ray, without Ray: what runs, what is steered, what is claimed; and what the stage sees."""

from __future__ import annotations

import ast
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from rayproof.cli import main
from rayproof.commands.reproduce import witness
from rayproof.live.reproducing import running
from rayproof.live.reproducing.families import family_of
from rayproof.live.reproducing.happenings import Happened, happened
from rayproof.live.stage import Item, Play
from rayproof.model.kernel import FaultKind
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import build


def played(scenario: str, statement: str, bug: str | None = None) -> Happened:
    made = build(scenario, None, BUGS[bug].replaces if bug else None)
    return happened(made, witness(scenario, statement, bug).steps, family_of(made))


def written(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["rayproof", "reproduce", *words])
    with pytest.raises(SystemExit) as left:
        main()
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


def constants(text: str) -> dict[str, Any]:
    """The constants of a script."""
    tree = ast.parse(text)
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = ast.literal_eval(node.value)
    return found


def test_a_lost_reply_is_injected_into_the_client_of_its_call() -> None:
    found = played("actor-lost-reply", "a_call_is_retried")
    (struck,) = found.struck
    assert (struck.kind, struck.method.name, struck.process, struck.nth) == (
        FaultKind.LOSE_REPLY,
        "PushTask",
        "driver",
        1,
    )
    assert found.begun["a0"] == 2 and ("begins", "a0", 2) in found.order
    assert ("begins", "a0", 2) not in found.timeline, "the timeline ends with the trace"


def test_what_is_on_its_way_to_a_node_that_crashes_is_late() -> None:
    found = played("today-crash", "no_body_waits_for_ever", "waits_for_the_dead")
    assert ("crash", "n1") in found.timeline or ("crash", "n2") in found.timeline
    assert ("n1", "RequestWorkerLease") in {(each.process, each.method.name) for each in found.late}
    assert found.waits, "the run goes on behind the trace until somebody waits for ever"


def test_the_script_of_a_known_defect(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, text, _ = written(monkeypatch, capsys, "today-bundle-gpu:tasks_that_fit_their_group_run", "--only-write")
    found = constants(text)
    assert code == 0 and set(found["NODES"]) == {"n0", "n1"} and found["NODES"]["n0"]["num_gpus"] == 1
    assert found["CLAIMS"] == (("waits", "o_C"),)
    assert found["TIMELINE"][:2] == (("begins", "A", 1), ("begins", "B", 1))
    assert 'play.group("g", [{"CPU": 1, "on:n0": 0.001}, {"CPU": 1, "GPU": 1, "on:n0": 0.001}' in text


def test_a_group_that_is_given_up_at_a_moment_of_the_driver(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, text, _ = written(monkeypatch, capsys, "today-group-running:tasks_end_with_their_group", "--only-write")
    found = constants(text)
    assert found["CLAIMS"] == (("waits", "o_a", "o_b"),) and ("driver", 4) in found["TIMELINE"]
    body = text.partition("def driver(play):")[2]
    order = [
        body.index(part) for part in ("play.group(", '.remote("a")', "play.at(4)", 'play.remove("g")', "play.get(")
    ]
    assert order == sorted(order)


def test_nodes_are_crashed_by_the_bundles_that_they_have() -> None:
    found = played("today-group-halves", "groups_do_not_wait_for_each_other")
    assert [item[:2] for item in found.timeline if item[0] != "created"] == [("crash with", "g"), ("crash with", "h")]
    assert set(found.groups) == {"g", "h"}


def test_drains_are_struck_and_seen() -> None:
    found = played("today-drain", "the_draining_grant_nothing", "grants_while_draining")
    assert ("drain", "n1") in found.timeline
    assert found.order.index(("drains", "n1", 0)) < found.order.index(("begins", "a", 1))


def test_bodies_are_given_the_references_that_they_speak_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, text, _ = written(monkeypatch, capsys, "today-nested:no_body_waits_for_ever", "--bug", "keeps_the_cpu",
                         "--only-write")  # fmt: skip
    functions = {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}
    assert functions == {"f_p", "f_p_2", "c", "driver"}, "two parents that submit different children are two functions"
    assert "stage.get(o_x=o_x)" in text and "play.get(o_p=o_p, o_q=o_q)" in text


def test_what_cannot_be_steered_or_seen_is_said_with_its_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    inside = ("today-duplicates:a_request_is_known_once", "--bug", "knows_no_ids")
    code, out, _ = written(monkeypatch, capsys, *inside)
    assert code == 3 and "step 2: a_request_is_known_once is about what Ray's processes hold" in out
    assert out.endswith("verdict: cannot be steered\n")
    monkeypatch.chdir(tmp_path)
    code, out, _ = written(monkeypatch, capsys, "ray2-driver-dies:no_lease_is_held_in_vain", "--bug",
                           "grants_to_the_orphaned", "--out", "s.py", "--json", "-")  # fmt: skip
    report = json.loads(out)
    assert code == 3 and report["verdict"] == "cannot be steered" and "would end with it" in report["why"][0]
    assert (tmp_path / "s.py").exists(), "the rest of the script is written all the same"


def test_a_trace_of_no_program_is_refused_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = written(
        monkeypatch, capsys, "long-poll-1-1:a_subscriber_catches_up", "--bug", "replies_empty_the_mailbox"
    )
    assert code == 3 and "runs no program of tasks" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere.json",), "nowhere.json: the file does not exist"),
        (("today-plain:nothing",), "today-plain has no statement 'nothing'"),
        (("today-plain:no_body_waits_for_ever",), "nothing in today-plain breaks no_body_waits_for_ever"),
        (("today-plain:no_body_waits_for_ever", "--bug", "none"), "unknown planted bug 'none'"),
        (("today-plain:some_task_leaves_its_driver", "--out", "no/where.py"), "there is no folder no"),
    ],
)
def test_bad_arguments(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    words: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, error = written(monkeypatch, capsys, *words)
    assert (code, out) == (2, "") and said in error


def test_seen_not_seen_and_not_played(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    target = "actor-lost-reply:a_call_is_retried"
    monkeypatch.setattr("rayproof.commands.reproduce.require_ray", lambda: None)
    monkeypatch.setattr("rayproof.commands.reproduce.require_namespace", lambda: None)
    one = {"seen": True, "missed": [], "outcomes": {"o_a0": "value 2"}, "groups": {}}
    for reports, code, verdict in (
        ([one, {**one, "seen": False}], 0, "seen 1 of 2"),
        ([{**one, "seen": False}] * 2, 3, "not seen in 2"),
        ([{"error": "no room"}] * 2, 3, "nothing was played"),
        ([{**one, "seen": False}, {"error": "no room"}], 3, "not seen in 1"),
    ):
        left = list(reports)
        monkeypatch.setattr("rayproof.commands.reproduce.run_once", lambda script, limit, left=left: left.pop(0))
        found, out, _ = written(monkeypatch, capsys, target, "--times", "2")
        assert found == code and out.endswith(f"verdict: {verdict}\n")


TOLD = [
    (1.0, "begins", "a", 1, "n0", 7),
    (2.0, "begins", "b", 1, "n0", 8),
    (3.0, "ends", "a", 1, "n0", 7),
    (4.0, "begins", "a", 2, "n1", 9),
    (5.0, "ends", "b", 1, "n0", 8),
    (6.0, "begins", "c", 1, "n2", 0),
    (7.0, "begins", "c", 2, "n2", os.getpid()),
    (8.0, "begins", "e", 1, "n2", 6),
    (9.0, "stops", "e", 1, "n2", 6),
]


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        (("waits", "x", "y"), False),
        (("waits", "x"), True),
        (("raises", "z", "ObjectLostError"), True),
        (("raises", "z", "ActorDiedError"), False),
        (("fails", "z"), True),
        (("fails", "x"), False),
        (("gives", "y", 1), True),
        (("wrong value", "y"), False),
        (("runs", "a", 2), True),
        (("runs", "b", 2), False),
        (("never runs", "d"), True),
        (("never runs", "a"), False),
        (("out of order", "a", "b"), True),
        (("out of order", "b"), False),
        (("early", "b", "a"), True),
        (("early", "a", "b"), True),
        (("early", "b", "d"), True),
        (("at once", "a", "b"), True),
        (("at once", "a", "a"), False),
        (("at once", "c", "c"), False),
        (("at once", "c", "e"), True),
        (("together", "n0", "a", "b"), True),
        (("together", "n1", "a", "b"), False),
        (("on", "a", "n1"), True),
        (("on", "b", "n1"), False),
        (("is left", "CPU", 1), True),
        (("is left", "GPU", 1), False),
        (("group", "g", "PENDING"), True),
        (("group", "g", "CREATED"), False),
    ],
)
def test_claims(tmp_path: Path, claim: Item, holds: bool) -> None:
    (tmp_path / "told").write_text("".join(json.dumps(each) + "\n" for each in TOLD))
    play = Play(tmp_path, (), 1)
    play.outcomes = {"x": "waits", "y": "value 1", "z": "ObjectLostError"}
    play.left, play.states = {"CPU": 1.0}, {"g": "PENDING"}
    assert play._holds(claim) == holds


def test_a_script_that_says_nothing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "ENTER", ("env",))
    script = tmp_path / "script.py"
    script.write_text("import sys\nsys.exit('no cluster today')\n")
    assert running.run_once(script, 60) == {"error": "no cluster today"}
    script.write_text("import time\ntime.sleep(60)\n")
    assert running.run_once(script, 0.5) == {"error": "it did not end in 0 s"}
