"""A timeline is a wide workload, and says what it lacks."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from rayproof.errors import InputError
from rayproof.model.graph import Compute, Get, Resources, Submit
from rayproof.timelines import read_timeline
from rayproof.workloads import read_workload
from tests.mutations import damaged
from tests.recordings.bounds import area_us, critical_path_us

START = 1_795_445_507_958_202


def event(task: str, category: str, ts: float, dur: float, **more: Any) -> dict[str, Any]:
    found = {"cat": category, "name": category, "pid": "192.0.2.1", "tid": "worker:1", "ph": "X"}
    return found | {"ts": START + ts, "dur": dur, "args": {"task_id": task}} | more


TIMELINE = [
    {"ph": "M", "name": "process_name", "pid": "192.0.2.1", "args": {"name": "Node 192.0.2.1"}},
    event("aa", "task::f", 0.8, 100.35),
    event("aa", "task:deserialize_arguments", 1, 9),
    event("aa", "task:execute", 10, 80),
    event("bb", "task::f", 50, 100, tid="worker:2"),
    event("cc", "task::C.m", 200, 40, pid="192.0.2.2"),
    event("dd", "submit_task", 0, 5),
]


def written(folder: Path, content: object) -> Path:
    file = folder / "timeline.json"
    file.write_text(json.dumps(content, indent=1))
    return file


@pytest.mark.parametrize("wrapped", [False, True])
def test_tasks_become_independent_and_the_driver_waits_for_all(tmp_path: Path, wrapped: bool) -> None:
    recording = read_timeline(written(tmp_path, {"traceEvents": TIMELINE} if wrapped else TIMELINE))
    first, second, third = recording.program.tasks.values()
    assert (first.name, first.body, first.inputs) == ("f", (Compute(80),), ())
    assert (second.body, third.body) == ((Compute(100),), (Compute(40),))
    assert recording.program.driver == (Submit("T0"), Submit("T1"), Submit("T2"), Get(("O0", "O1", "O2")))
    assert [(node.id, node.total) for node in recording.cluster.nodes] == [
        ("192.0.2.1", Resources.of(CPU=2)),
        ("192.0.2.2", Resources.of(CPU=1)),
    ]
    assert recording.outcome.makespan_us == 230, "from the body of aa at 10 to the end of cc at 240"
    assert critical_path_us(recording.program) <= recording.outcome.makespan_us
    assert area_us(recording.program, recording.cluster)["CPU"] <= recording.outcome.makespan_us


def test_what_a_timeline_lacks_is_said(tmp_path: Path) -> None:
    again = event("bb", "task::f", 300, 10, args={"task_id": "bb", "attempt_number": 1})
    said = read_workload(written(tmp_path, [*TIMELINE, again])).unsupported
    for word in ("dependencies", "submissions", "demands", "object sizes", "nodes", "decisions"):
        assert any(f"no {word}" in sentence for sentence in said)
    assert "1 tasks look like methods of actors: they are read as tasks, in no order." in said
    assert "1 earlier attempts of retried tasks are left out." in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "no event of a task"),
        ({}, "no list of events"),
        ([7], "event 0: found 7"),
        ([event("a", "task::f", 0, -1)], "event 0: field 'dur' is -1"),
        ([event("a", "task::f", 0, 1) | {"ts": "now"}], "event 0: field 'ts' is \"now\""),
        ([event("a", "task::f", 0, 1, args={})], "event 0: field 'task_id' is missing"),
        ([event("a", "task::f", 0, 1)] * 2, "event 1: task a, attempt 0, is told twice"),
    ],
)
def test_what_is_wrong_with_a_timeline_is_named(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_timeline(written(tmp_path, content))
    assert message in caught.value.message


def test_damaged_timelines_read_or_raise_input_error(tmp_path: Path) -> None:
    refused = 0
    text = written(tmp_path, TIMELINE).read_text()
    file = tmp_path / "damaged.json"
    for content in islice(damaged(text, seed=2605), 100):
        file.write_bytes(content)
        try:
            read_timeline(file)
        except InputError:
            refused += 1
    assert refused >= 30
