"""The placements of real Ray are legal in the model, and forged ones mostly are not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from rayproof.conformance import Answer, Conformance, Evidence, check_placements, read_evidence
from tests.conformance.forgeries import KINDS, forge
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
