"""The placements of real Ray are legal in the model, and forged ones mostly are not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from rayproof.conformance import Answer, Conformance, Evidence, check_placements, read_evidence
from tests.conformance.forgeries import KINDS, forge
from tests.conformance.outcome_forgeries import load, write
from tests.shared_data import EXAMPLES, needs_shared_data, shared_files

SHARED = shared_files("ray-traces", "*.jsonl")
SHIPPED = sorted((EXAMPLES / "recordings").glob("*.jsonl"))


def worst(conformance: Conformance) -> Answer:
    answers = {placement.answer for placement in conformance.placements}
    return next(one for one in (Answer.REFUSED, Answer.UNDETERMINED, Answer.ALLOWED) if one in answers)


def answers(recordings: list[Evidence], count: int, *, fresh_worker: bool) -> Counter[tuple[str, Answer]]:
    random = Random(20260000)
    found: Counter[tuple[str, Answer]] = Counter()
    while sum(found.values()) < count:
        kind = KINDS[sum(found.values()) % len(KINDS)]
        forged = forge(random.choice(recordings), kind, random, fresh_worker=fresh_worker)
        if forged is not None:
            found[kind, worst(check_placements(forged))] += 1
    return found


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_placement_of_a_shipped_recording_is_legal(path: Path) -> None:
    conformance = check_placements(read_evidence(path))
    assert conformance.decisions > 0
    assert conformance.refusals == ()


@needs_shared_data("ray-traces")
def test_every_placement_of_the_shared_recordings_is_legal() -> None:
    results = [check_placements(read_evidence(path)) for path in SHARED]
    assert sum(result.decisions for result in results) == 530
    assert [refusal for result in results for refusal in result.refusals] == []


@needs_shared_data("ray-traces")
def test_nine_of_ten_forgeries_are_refused() -> None:
    recordings = [evidence for path in SHARED if len((evidence := read_evidence(path)).placed) > 1]
    found = answers(recordings, 200, fresh_worker=False)
    assert found == {
        ("affinity", Answer.REFUSED): 62,
        # A soft affinity may have been told to spill, which these recordings do not tell.
        ("affinity", Answer.UNDETERMINED): 4,
        ("capacity", Answer.REFUSED): 67,
        ("moved", Answer.REFUSED): 57,
        ("moved", Answer.ALLOWED): 10,
    }


@needs_shared_data("ray-traces")
def test_forgeries_that_also_hide_the_worker_are_mostly_refused() -> None:
    recordings = [evidence for path in SHARED if len((evidence := read_evidence(path)).placed) > 1]
    found = answers(recordings, 200, fresh_worker=True)
    assert found == {
        ("affinity", Answer.REFUSED): 62,
        ("affinity", Answer.UNDETERMINED): 4,
        ("capacity", Answer.REFUSED): 67,
        ("moved", Answer.REFUSED): 36,
        ("moved", Answer.UNDETERMINED): 1,
        ("moved", Answer.ALLOWED): 30,
    }


RECORDINGS = Path(__file__).parents[1] / "data" / "recordings"
RUNS = [path for folder in ("cold", "warm", "pred") for path in shared_files(f"ray-runs/{folder}", "*.jsonl")]


@needs_shared_data("ray-runs")
def test_every_placement_of_unmodified_scripts_is_legal() -> None:
    """Sizes of dropped objects are missing in some of them, and bodies' nodes are those of methods and nested tasks."""
    found = Counter(placement.answer for path in RUNS for placement in check_placements(read_evidence(path)).placements)
    assert found == {Answer.ALLOWED: 740}


@pytest.mark.parametrize("name", ["retries", "cancels", "shuffle"])
def test_bodies_without_an_end_hold_nothing_for_certain(name: str) -> None:
    """Workers that died, and bodies that were cancelled, left their resources at a time that is not recorded."""
    answers = {
        placement.answer for placement in check_placements(read_evidence(RECORDINGS / f"{name}.jsonl")).placements
    }
    assert answers == {Answer.ALLOWED}


def test_a_soft_affinity_may_have_been_told_to_spill() -> None:
    placements = check_placements(read_evidence(RECORDINGS / "spill.jsonl")).placements
    assert Counter((placement.answer, placement.rule) for placement in placements) == {
        (Answer.ALLOWED, ""): 13,
        (Answer.UNDETERMINED, "affinity"): 11,
    }


@pytest.mark.parametrize(("spill", "answer"), [(False, Answer.REFUSED), (True, Answer.ALLOWED)])
def test_what_the_recording_tells_of_spilling_decides(tmp_path: Path, spill: bool, answer: Answer) -> None:
    lines = load(RECORDINGS / "spill.jsonl")
    for line in lines:
        if line["k"] == "task":
            line["opts"]["strategy"]["spill"] = spill
    conformance = check_placements(read_evidence(write(lines, tmp_path / "told.jsonl")))
    assert worst(conformance) is answer
    assert len(conformance.refusals) == (0 if spill else 11)


def test_a_size_that_is_not_recorded_leaves_a_placement_undetermined(tmp_path: Path) -> None:
    evidence = read_evidence(RECORDINGS / "shuffle.jsonl")
    unsized = replace(evidence, sizes={})
    refused = 0
    for at, placed in enumerate(evidence.placed):
        for node in ("N0", "N1", "N2", "N3"):
            if not evidence.program.tasks[placed.task].inputs or node == placed.node:
                continue
            moved = replace(placed, node=node, worker="nobody else's")
            forged = (*evidence.placed[:at], moved, *evidence.placed[at + 1 :])
            told, untold = (
                check_placements(replace(known, placed=forged)).placements[at].answer for known in (evidence, unsized)
            )
            refused += told is Answer.REFUSED
            assert untold is not Answer.REFUSED
    assert refused > 0
