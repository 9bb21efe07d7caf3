"""Recordings of real Ray made with `rayproof record`: schema 2 as it comes out of the recorder."""

from __future__ import annotations

from pathlib import Path

import pytest

from rayproof.check.simulation import Settings, prepare, simulate
from rayproof.model.graph import TaskKind
from rayproof.model.scheduler.policy.built_in import BUILT_IN
from rayproof.recordings import Recording, read_recording
from tests.recordings.bounds import critical_path_us

RECORDED = {path.stem: path for path in sorted((Path(__file__).parent / "recordings").glob("*.jsonl"))}


@pytest.fixture(params=RECORDED)
def recording(request: pytest.FixtureRequest) -> Recording:
    return read_recording(RECORDED[request.param])


def test_everything_that_ran_is_there(recording: Recording) -> None:
    ended = {attempt.task for attempt in recording.outcome.attempts if attempt.end_us is not None}
    wanted = set(recording.program.tasks)
    assert len(wanted - ended) <= 2, "two tasks of retries.py never run"
    assert not recording.setup
    assert not any("Submitted without the recorder" in said for said in recording.unsupported)
    assert len(recording.cluster.nodes) == 3 and recording.ray == "2.60.0"


def test_its_critical_path_is_no_longer_than_it_took(recording: Recording) -> None:
    if recording.name != "async_actors":  # there methods of one caller overlap, which the plain bound excludes
        assert critical_path_us(recording.program) <= recording.outcome.makespan_us


def test_it_runs_again_in_the_model(recording: Recording) -> None:
    ready = prepare(recording, None)
    figures = simulate(ready, BUILT_IN["default"], Settings(10**9, 50, 0), seeds=1)
    assert figures.makespan_s is not None and not figures.unfinished and not figures.error


def test_constructors_take_the_time_that_they_took() -> None:
    recording = read_recording(RECORDED["placement_groups"])
    creations = [task for task in recording.program.tasks.values() if task.kind is TaskKind.ACTOR_CREATION]
    assert len(creations) == 4 and all(attempt.end_us is not None for attempt in recording.outcome.attempts)
    assert not any("No duration was recorded of constructors" in said for said in recording.unsupported)
