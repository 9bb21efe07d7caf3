"""What reads and calls of real Ray ended in is allowed by the models of objects and actors, and forged ends are not."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from rayproof.conformance.outcomes import Answer, check_outcomes
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
    assert outcomes.uncovered == ()


@needs_shared_data("ray-traces")
def test_every_outcome_of_the_recordings_is_allowed() -> None:
    asked = {number: check_outcomes(about(number)) for number in NUMBERS}
    assert {one.verdict for one in asked.values()} == {Verdict.HOLDS}
    assert {number: len(one.decided) for number, one in asked.items()} == {
        "12": 15,
        "13": 31,
        "15": 7,
        "16": 8,
        "19": 1,
        "20": 2,
        "22": 1,
        "24": 1,
        "27": 25,
    }
    assert [one.uncovered for one in asked.values() if one.uncovered] == [asked["15"].uncovered]
    assert [one.reason for one in asked["15"].uncovered] == ["called past the recorder"]


@needs_shared_data("ray-traces")
def test_no_outcome_of_the_other_recordings_is_refused() -> None:
    answers = Counter(one.answer for path in SHARED for one in check_outcomes(path).decided)
    assert answers == {Answer.ALLOWED: 529}


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
    assert refused.why == "recorded: 2 restarts; the model has 1"


@needs_shared_data("ray-traces")
def test_a_search_that_is_cut_short_is_undetermined() -> None:
    assert check_outcomes(about("20"), limit=50).verdict is Verdict.UNDETERMINED


@needs_shared_data("ray-traces")
def test_forged_outcomes_are_refused(tmp_path: Path) -> None:
    recordings = {path.stem: load(path) for path in SHARED if path.stem[:2] in NUMBERS}
    found: Counter[tuple[str, Verdict]] = Counter()
    for kind, _, lines in forgeries(recordings, 20, seed=20260000):
        found[kind, check_outcomes(write(lines, tmp_path / "forged.jsonl")).verdict] += 1
    assert found == {(kind, Verdict.VIOLATED): 20 for kind in KINDS}
    assert sum(found.values()) == 220


@needs_shared_data("ray-traces")
def test_what_ray_may_say_as_well_is_allowed(tmp_path: Path) -> None:
    """A caller that does not learn of the actor's death in time gives up with the other error."""
    forged = with_line(tmp_path, "24", {"e": "get_end", "err": "ActorDiedError"}, err="ActorUnavailableError")
    assert check_outcomes(forged).verdict is Verdict.HOLDS
