"""Random runs as they are drawn: each another one, and each as small as it may be once it fails."""

import pytest
from hypothesis import given, seed, settings

from rayproof.properties.suite.byte_runs import FAULT_BYTES, Run, runs
from rayproof.properties.suite.shared import PATIENT


def test_every_run_is_another_one() -> None:
    seen: list[Run] = []

    @seed(0)
    @settings(PATIENT, max_examples=500)
    @given(runs(80, shortest=100))
    def collect(run: Run) -> None:
        seen.append(run)

    collect()
    assert len(seen) == 500
    assert len({run.shape for run in seen}) > 490 and len({run.schedule for run in seen}) > 490
    assert sum(not any(run.shape) for run in seen) <= 2, "empty programs"
    assert {len(run.faults) for run in seen} == set(range(FAULT_BYTES + 1))
    assert all(len(run.shape) == 80 and 100 <= len(run.schedule) <= 300 for run in seen)


def test_a_failing_run_shrinks() -> None:
    failed: list[Run] = []

    @seed(0)
    @settings(PATIENT, max_examples=500)
    @given(runs(10))
    def fails(run: Run) -> None:
        if run.shape[3] >= 100 and len(run.faults) > 1:
            failed.append(run)
            raise AssertionError

    with pytest.raises(AssertionError):
        fails()
    last = failed[-1]
    assert last.shape == bytes([0, 0, 0, 100]) + bytes(6)
    assert not any(last.schedule) and len(last.schedule) == 40 and last.faults == bytes(2)
