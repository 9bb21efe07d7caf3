"""`rayproof bugs` as a user meets it."""

import json

import pytest

import rayproof.commands.bugs as command
from rayproof.properties.gallery.entry import GalleryEntry
from rayproof.properties.gallery.hunt import Driver, Finding, Outcome
from tests.cli.test_commands import rayproof

FIELDS = ["id", "source", "result", "statement", "driver", "steps", "cpu_s", "length", "shortest", "reason"]


def test_in_words(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = rayproof(monkeypatch, capsys, "bugs", "D01", "d57", "D60")
    assert code == 0
    assert "assignments_remembered" in out and "4/4" in out and "ray#1180" in out
    assert "1 killed, 1 known, 1 later" in out


def test_in_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = rayproof(monkeypatch, capsys, "bugs", "D01", "D57", "D60", "--json", "-")
    document = json.loads(out)
    assert code == 0 and list(document) == ["bugs"]
    assert all(list(bug) == FIELDS for bug in document["bugs"])
    killed, known, later = document["bugs"]
    assert (killed["result"], killed["driver"], killed["length"], killed["shortest"]) == ("killed", "directed", 4, 4)
    assert (known["result"], known["statement"]) == ("known", "groups_do_not_wait_for_each_other")
    assert later["result"] == "later" and later["reason"]


def test_by_a_walk_from_a_seed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("bugs", "D41", "--driver", "walk", "--seed", "4", "--budget", "10", "--json", "-")
    (first,), (second,) = (json.loads(rayproof(monkeypatch, capsys, *arguments)[1])["bugs"] for _ in range(2))
    assert first["result"] == "killed" and first["length"] >= first["shortest"] > 0
    assert {**first, "cpu_s": 0} == {**second, "cpu_s": 0}


def test_the_ladder(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = rayproof(monkeypatch, capsys, "bugs", "D08", "D27", "--ladder", "--budget", "5")
    assert code == 0
    assert "(a) invariants only: 1 of 2" in out and "(e) and memory that runs short: 2 of 2" in out


def test_an_unknown_id(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = rayproof(monkeypatch, capsys, "bugs", "D99")
    assert code == 2 and "D99" in err and "one of D01 to D75" in err


def test_a_survivor_is_a_failure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = rayproof(monkeypatch, capsys, "bugs", "D05", "--driver", "walk")
    assert code == 1 and "1 survived" in out


def test_an_interrupt_shows_what_is_known(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(entry: GalleryEntry, driver: Driver, *, seed: int, budget: float) -> Finding:
        if entry.id == "D02":
            raise KeyboardInterrupt
        return Finding(entry.id, entry.source, Outcome.KILLED, entry.statement, driver, 1, 0.1, 1, 1)

    monkeypatch.setattr(command, "hunt", interrupted)
    code, out, err = rayproof(monkeypatch, capsys, "bugs", "--json", "-")
    assert code == 130 and [bug["id"] for bug in json.loads(out)["bugs"]] == ["D01"]
    assert "interrupted" in err
