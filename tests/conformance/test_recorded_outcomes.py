"""What reads and calls of real Ray ended in is allowed by the models of objects and actors, and forged ends are not."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from rayproof.conformance import Answer
from rayproof.conformance.outcomes import Outcomes, check_outcomes
from rayproof.model.actors.ray2.protocol import Outcome
from rayproof.model.kernel import Verdict
from rayproof.model.lineage.ray2.programs import Failure
from tests.conformance.outcome_forgeries import KINDS, Lines, forgeries, load, write
from tests.shared_data import EXAMPLES, needs_shared_data, shared_files

NUMBERS = ("12", "13", "15", "16", "19", "20", "22", "24", "27")
"""Recordings of nested tasks, a tree, a killed node, spent retries, actors with and without restarts, spilling."""

SHARED = shared_files("ray-traces", "*.jsonl")
SHIPPED = sorted((EXAMPLES / "recordings").glob("*.jsonl"))


def about(number: str) -> Path:
    return next(path for path in SHARED if path.stem.startswith(number + "_"))


def with_line(tmp_path: Path, number: str, old: dict[str, object], **new: object) -> Path:
    """The recording with one line changed: the first that has all of `old`."""
    lines: Lines = load(about(number))
    line = next(line for line in lines if all(line.get(key) == value for key, value in old.items()))
    line.update(new)
    return write(lines, tmp_path / "forged.jsonl")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_outcome_of_a_shipped_recording_is_allowed(path: Path) -> None:
    outcomes = check_outcomes(path)
    assert outcomes.verdict is Verdict.HOLDS


@needs_shared_data("ray-traces")
def test_every_outcome_of_the_recordings_is_allowed() -> None:
    asked = {number: check_outcomes(about(number)) for number in NUMBERS}
    assert {number: len(one.decided) for number, one in asked.items()} == {
        "12": 15,
        "13": 31,
        "15": 8,
        "16": 8,
        "19": 1,
        "20": 2,
        "22": 1,
        "24": 1,
        "27": 25,
    }
    open_ones = [one for outcomes in asked.values() for one in outcomes.decided if one.answer is not Answer.ALLOWED]
    assert [(one.answer, one.why) for one in open_ones] == [(Answer.UNDETERMINED, "called past the recorder")]
    assert {number: one.verdict for number, one in asked.items() if number != "15"} == dict.fromkeys(
        set(NUMBERS) - {"15"}, Verdict.HOLDS
    )
    assert asked["15"].verdict is Verdict.UNDETERMINED


@needs_shared_data("ray-traces")
def test_no_outcome_of_the_other_recordings_is_refused() -> None:
    answers = Counter((one.answer, one.why) for path in SHARED for one in check_outcomes(path).decided)
    assert answers == {(Answer.ALLOWED, ""): 531, (Answer.UNDETERMINED, "called past the recorder"): 4}


@needs_shared_data("ray-traces")
def test_errors_have_the_names_and_the_families_of_ray() -> None:
    raised = [json.loads(line) for path in SHARED for line in path.read_text(encoding="utf-8").splitlines()]
    families = {line["err"]: line["mro"] for line in raised if line.get("e") == "get_end" and "mro" in line}
    known = {name for name in families if name in {*Failure, *Outcome}}
    assert known == {
        "ObjectReconstructionFailedError",
        "OwnerDiedError",
        "TaskUnschedulableError",
        "ActorDiedError",
        "ActorUnavailableError",
    }
    for name in known & set(Failure):
        assert Failure(name).is_loss == ("ObjectLostError" in families[name])


@needs_shared_data("ray-traces")
def test_a_value_of_a_dead_owner_is_refused_with_its_line(tmp_path: Path) -> None:
    (refused,) = check_outcomes(with_line(tmp_path, "15", {"err": "OwnerDiedError"}, ok=True, err=None)).refused
    assert refused.about == "O5"
    assert refused.line == 68
    assert refused.why == "recorded: read borrower 0 = value; the model allows: read borrower 0 = OwnerDiedError"


@needs_shared_data("ray-traces")
def test_one_restart_too_many_is_refused(tmp_path: Path) -> None:
    (refused,) = check_outcomes(with_line(tmp_path, "22", {"k": "actor"}, restarts=2)).refused
    assert refused.why == "recorded: 2 restarts, of which it has 1"


@needs_shared_data("ray-traces")
def test_a_search_that_is_cut_short_is_undetermined() -> None:
    assert check_outcomes(about("20"), limit=100).verdict is Verdict.UNDETERMINED


@needs_shared_data("ray-traces")
def test_forged_outcomes_are_refused(tmp_path: Path) -> None:
    recordings = {path.stem: load(path) for path in SHARED if path.stem[:2] in NUMBERS}
    found: Counter[tuple[str, Verdict]] = Counter()
    for kind, _, lines in forgeries(recordings, 20, seed=20260000):
        found[kind, check_outcomes(write(lines, tmp_path / "forged.jsonl")).verdict] += 1
    assert found == {(kind, Verdict.VIOLATED): 20 for kind in KINDS}
    assert sum(found.values()) == 240


@needs_shared_data("ray-traces")
def test_what_ray_may_say_as_well_is_allowed(tmp_path: Path) -> None:
    """A caller that does not learn of the actor's death in time gives up with the other error."""
    forged = with_line(tmp_path, "24", {"e": "get_end", "err": "ActorDiedError"}, err="ActorUnavailableError")
    assert check_outcomes(forged).verdict is Verdict.HOLDS


RUNS = [path for folder in ("cold", "warm", "pred") for path in shared_files(f"ray-runs/{folder}", "*.jsonl")]


def said(outcomes: Outcomes) -> Counter[tuple[Answer, str]]:
    """Answers with the beginnings of their reasons."""
    return Counter((one.answer, one.why.partition(":")[0]) for one in outcomes.decided)


@needs_shared_data("ray-runs")
def test_no_outcome_of_unmodified_scripts_is_refused() -> None:
    """Shuffles of 12 arguments, parameter servers, nested trees, streams, async actors, policies run live."""
    found = sum((said(check_outcomes(path)) for path in RUNS), Counter[tuple[Answer, str]]())
    assert found == {
        (Answer.ALLOWED, ""): 746,
        (Answer.UNDETERMINED, "an item of the stream of T0"): 16,
        (Answer.UNDETERMINED, "an item of the stream of T1"): 16,
        # The cold runs were dumped after their actors' handles were gone.
        (Answer.UNDETERMINED, "it is DEAD, and nothing that is recorded killed it"): 6,
    }


@needs_shared_data("ray-runs")
def test_forged_outcomes_of_unmodified_scripts_are_refused(tmp_path: Path) -> None:
    recordings = {f"{path.parent.name}-{path.stem}": load(path) for path in RUNS}
    kinds = ("error_for_value", "error_of_many", "attempt_more", "other_restarts", "methods_swapped")
    found: Counter[tuple[str, Verdict]] = Counter()
    for kind, name, lines in forgeries(recordings, 20, seed=20260000, kinds=kinds):
        verdict = check_outcomes(write(lines, tmp_path / "forged.jsonl")).verdict
        # Nothing promises the order in which an asynchronous actor starts its methods.
        free = kind == "methods_swapped" and "async" in name
        found["free" if free else kind, Verdict.VIOLATED if verdict is Verdict.VIOLATED else Verdict.HOLDS] += 1
    assert {key: count for key, count in found.items() if key[1] is not Verdict.VIOLATED} == {
        ("free", Verdict.HOLDS): 10
    }
    assert sum(found.values()) == 100


@needs_shared_data("ray-runs")
@pytest.mark.parametrize("error", ["ObjectLostError", "OwnerDiedError", "ActorDiedError", "TaskCancelledError"])
def test_an_error_out_of_the_blue_in_a_get_of_many_objects_is_refused(tmp_path: Path, error: str) -> None:
    lines = load(next(path for path in RUNS if path.stem == "W1_default_0"))
    line = next(line for line in lines if line.get("e") == "get_end")
    assert line["ok"] and len(line["objs"]) == 60
    line["ok"], line["err"] = False, error
    outcomes = check_outcomes(write(lines, tmp_path / "forged.jsonl"))
    # Who cancels may be past the recorder: that no cancellation is recorded at all decides nothing here.
    cancelled = error == "TaskCancelledError"
    (found,) = (one for one in outcomes.decided if one.answer is not Answer.ALLOWED)
    assert found.answer is (Answer.UNDETERMINED if cancelled else Answer.REFUSED)
    assert (found.about, found.line) == ("driver: get of 60 objects", lines.index(line) + 1)
    assert found.why.startswith(f"recorded: {error}, in which none of them ends: ")


def test_what_fails_by_itself_is_explained() -> None:
    """Exceptions and exits that are retried, errors handed on, cancellations before, during and by force."""
    assert said(check_outcomes(SHIPPED_RUNS / "retries.jsonl")) == {(Answer.ALLOWED, ""): 14}
    assert said(check_outcomes(SHIPPED_RUNS / "cancels.jsonl")) == {(Answer.ALLOWED, ""): 28}
    assert said(check_outcomes(SHIPPED_RUNS / "shuffle.jsonl")) == {(Answer.ALLOWED, ""): 24}


def test_ends_of_actors_that_are_not_recorded_are_undetermined() -> None:
    outcomes = check_outcomes(SHIPPED_RUNS / "ends.jsonl", limit=20_000)
    answers = {one.about: (one.answer, one.why.rpartition("; ")[2]) for one in outcomes.decided}
    assert answers == {
        "O10": (Answer.ALLOWED, ""),
        "A0": (Answer.UNDETERMINED, "but when its process died is not recorded"),
        "A1": (Answer.UNDETERMINED, "but when its process died is not recorded"),
        "A2": (Answer.ALLOWED, ""),
        "A3": (Answer.UNDETERMINED, "more than 20,000 states"),
    }


def test_a_kill_of_a_dead_actor_is_no_death(tmp_path: Path) -> None:
    lines = load(SHIPPED_RUNS / "ends.jsonl")
    at, kill = next((i, line) for i, line in enumerate(lines) if line.get("what") == "kill_actor")
    again = write([*lines[: at + 1], kill | {"ms": kill["ms"] + 0.001}, *lines[at + 1 :]], tmp_path / "again.jsonl")
    assert {one.about: one.answer for one in check_outcomes(again, limit=1_000).decided}["A2"] is Answer.ALLOWED


SHIPPED_RUNS = Path(__file__).parents[1] / "data" / "recordings"


@pytest.mark.parametrize(
    ("name", "old", "new", "why"),
    [
        ("retries", {"k": "task", "id": "T3", "attempt": 0}, {"opts": {"max_retries": 0}}, "which has 0 retries"),
        ("retries", {"e": "exec_end", "task": "T0", "ok": True}, {"ok": False}, "a value, but the body of T0 raised"),
        ("cancels", {"e": "get_end", "ok": True}, {"ok": False, "err": "TaskCancelledError"}, "nobody cancelled T1"),
        ("cancels", {"e": "get_end", "ok": True}, {"ok": False, "err": "WorkerCrashedError"}, "last body of T1 ended"),
        ("ends", {"k": "actor", "id": "A2"}, {"restarts": 1}, "recorded: 1 restarts, of which it has 0"),
        ("ends", {"e": "exec_start", "actor": "A1"}, {"pid": 1}, "0 restarts, but its methods ran in 2 processes"),
        ("shuffle", {"e": "get_end"}, {"ok": False, "err": "ObjectLostError"}, "in which none of them ends"),
    ],
)  # fmt: skip
def test_what_does_not_explain_itself_is_refused(
    tmp_path: Path, name: str, old: dict[str, object], new: dict[str, object], why: str
) -> None:
    lines = load(SHIPPED_RUNS / f"{name}.jsonl")
    line = next(line for line in lines if all(line.get(key) == value for key, value in old.items()))
    if "task" in old and old.get("ok"):
        line = [line for line in lines if all(line.get(key) == value for key, value in old.items())][-1]
    line.update(new)
    refused = check_outcomes(write(lines, tmp_path / "forged.jsonl"), limit=1_000).refused
    assert any(why in one.why for one in refused)


def many_calls(path: Path, count: int, *, swapped: int | None = None, overlap: bool = False) -> Path:
    """`count` calls of one actor, all made at once; two that follow each other may be swapped, or methods overlap."""
    lines: Lines = [
        {"k": "meta", "scenario": "many", "schema": 1, "dur_ms": 1000, "system_config": {}},
        {"k": "node", "id": "N0", "hex": "aa" * 28, "head": True, "cpu": 4},
        {"k": "task", "id": "C", "type": "ACTOR_CREATION_TASK", "actor": "A0", "state": "FINISHED"},
        {"k": "actor", "id": "A0", "cls": "A", "state": "ALIVE", "restarts": 0},
        {"k": "ev", "ms": 0, "e": "submit", "actor": "A0"},
    ]  # fmt: skip
    order = list(range(count))
    if swapped is not None:
        order[swapped : swapped + 2] = reversed(order[swapped : swapped + 2])
    for place, number in enumerate(order):
        task, start = f"T{number}", 100 + place
        row = {
            "k": "task",
            "id": task,
            "type": "ACTOR_TASK",
            "name": "A.f",
            "actor": "A0",
            "args": [],
            "state": "FINISHED",
        }
        lines += [row | {"rets": [f"O{number}"], "node": "N0"}, {"k": "object", "id": f"O{number}", "by": task}]
        lines += [{"k": "ev", "ms": 1 + number * 0.01, "e": "submit", "task": task}]
        body = {"k": "ev", "task": task, "node": "N0", "actor": "A0", "pid": 1, "att": 0}
        lines += [
            body | {"ms": start, "e": "exec_start"},
            body | {"ms": start + 0.5 + overlap, "e": "exec_end", "ok": True},
        ]
    objects = [f"O{number}" for number in range(count)]
    lines += [{"k": "ev", "ms": 50, "e": "get_begin", "objs": objects}]
    lines += [{"k": "ev", "ms": 200 + count, "e": "get_end", "ok": True, "objs": objects}]
    return write(lines, path)


def test_hundreds_of_calls_in_flight_end(tmp_path: Path) -> None:
    file = tmp_path / "many.jsonl"
    assert said(check_outcomes(many_calls(file, 300))) == {(Answer.ALLOWED, ""): 1}
    for swapped in (0, 39, 150, 298):
        (refused,) = check_outcomes(many_calls(file, 300, swapped=swapped)).refused
        assert f"begin T{swapped + 1}" in refused.why
    overlapping = check_outcomes(many_calls(file, 300, overlap=True)).decided
    assert [(one.answer, one.why.partition(":")[0]) for one in overlapping] == [
        (Answer.UNDETERMINED, "its methods overlap")
    ]
