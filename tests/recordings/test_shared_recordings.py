"""Every recording there is reads, and what it says about itself is consistent."""

from __future__ import annotations

from pathlib import Path

import pytest

from rayproof.model.graph import TaskKind
from rayproof.model.graph.program import DRIVER
from rayproof.recordings import FaultKind, read_recording
from tests.recordings.bounds import area_us, critical_path_us
from tests.recordings.replay import replayed_makespan_us
from tests.shared_data import EXAMPLES, needs_shared_data, shared_files

SHARED = shared_files("ray-traces", "*.jsonl")
SHIPPED = sorted((EXAMPLES / "recordings").glob("*.jsonl"))
EVERY = [*SHIPPED, *SHARED]


def _id(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.fixture(scope="module", params=EVERY, ids=_id)
def path(request: pytest.FixtureRequest) -> Path:
    found = request.param
    assert isinstance(found, Path)
    return found


@needs_shared_data("ray-traces")
def test_the_shared_recordings_are_there() -> None:
    assert len(SHARED) == 26


def test_a_bound_for_every_policy_is_a_bound_for_the_recorded_run(path: Path) -> None:
    recording = read_recording(path)
    if recording.faults:
        pytest.skip("a fault makes tasks run twice or not at all")
    makespan = recording.outcome.makespan_us
    assert 0 < critical_path_us(recording.program) <= makespan
    for resource, area in area_us(recording.program, recording.cluster).items():
        assert area <= makespan, f"{resource} was needed longer than the recording lasted"


def test_the_estimate_of_startup_explains_the_recorded_makespan(path: Path) -> None:
    recording = read_recording(path)
    tasks = recording.program.tasks.values()
    if recording.faults or any(task.actor for task in tasks):
        pytest.skip("faults and actors take their own time to start")
    if any(recording.program.parent(task.id) != DRIVER for task in tasks):
        pytest.skip("the plain replay knows no nested tasks")
    assert replayed_makespan_us(recording) == pytest.approx(recording.outcome.makespan_us, rel=0.15)


def test_every_task_is_told_once_and_every_body_ran_on_a_node_of_the_cluster(path: Path) -> None:
    recording = read_recording(path)
    nodes = {node.id for node in recording.cluster.nodes}
    attempts = {(attempt.task, attempt.attempt) for attempt in recording.outcome.attempts}
    assert len(attempts) == len(recording.outcome.attempts)
    assert {task for task, _ in attempts} == set(recording.program.tasks) - recording.setup
    for attempt in recording.outcome.attempts:
        if attempt.start_us is not None:
            assert attempt.node in nodes
            assert attempt.end_us is None or attempt.start_us <= attempt.end_us <= recording.outcome.makespan_us


def test_what_ran_fitted_on_the_node_where_it_ran(path: Path) -> None:
    recording = read_recording(path)
    total = {node.id: node.total for node in recording.cluster.nodes}
    for attempt in recording.outcome.attempts:
        if attempt.start_us is not None and attempt.node is not None:
            assert recording.program.tasks[attempt.task].demand.fits(total[attempt.node])


def test_faults_are_named_among_what_is_not_supported(path: Path) -> None:
    recording = read_recording(path)
    for fault in recording.faults:
        assert any(str(fault.kind) in sentence for sentence in recording.unsupported)
    for late in recording.late:
        assert late in {fault.node for fault in recording.faults if fault.kind is FaultKind.ADD_NODE}
        assert late not in {node.id for node in recording.initial_cluster.nodes}


def test_reading_twice_gives_equal_recordings(path: Path) -> None:
    first, second = read_recording(path), read_recording(path)
    assert first.unsupported == second.unsupported
    assert first.outcome == second.outcome
    assert dict(first.program.tasks) == dict(second.program.tasks)


def test_methods_of_an_actor_hold_nothing_beside_it(path: Path) -> None:
    for task in read_recording(path).program.tasks.values():
        assert (task.actor is None) == (task.kind is TaskKind.NORMAL)
        if task.kind is TaskKind.ACTOR_METHOD:
            assert not task.demand
