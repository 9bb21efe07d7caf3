"""What Ray itself keeps of a run is a workload, in whichever form it comes, and says what it lacks."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from rayproof.errors import InputError
from rayproof.model.graph import Compute, Get, Resources, Submit, TaskKind
from rayproof.recordings import Recording
from rayproof.timelines import is_state, read_states
from rayproof.workloads import read_workload
from tests.mutations import damaged
from tests.recordings.bounds import area_us, critical_path_us
from tests.shared_data import needs_shared_data, shared_files

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
    recording = read_states(written(tmp_path, {"traceEvents": TIMELINE} if wrapped else TIMELINE))
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
    again = event("bb", "task::f", 300, 10)
    said = read_workload(written(tmp_path, [*TIMELINE, again])).unsupported
    for word in ("dependencies", "submissions", "demands", "object sizes", "nodes", "decisions"):
        assert any(f"no {word}" in sentence for sentence in said)
    assert "3 tasks have no event 'task:execute'" in " ".join(said)
    assert "1 tasks look like methods of actors: they are read as tasks, in no order." in said
    assert "1 earlier attempts of retried tasks are left out." in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "no event of a task"),
        ({}, "no list of events"),
        ([7], "item 0: found 7"),
        ([event("a", "task::f", 0, -1)], "item 0: field 'dur' is -1"),
        ([event("a", "task::f", 0, 1) | {"ts": "now"}], "item 0: field 'ts' is \"now\""),
        ([event("a", "task::f", 0, 1, args={})], "item 0: field 'task_id' is missing"),
        ([{"no": "row"}], "item 0: neither an event nor a row of a listing that is known"),
        (
            [{"task_id": "a", "name": "f", "state": "FINISHED"}],
            "no task with times (a listing without `--detail` has none)",
        ),
        ([{"task_id": "a", "events": [{"state": "RUNNING", "created_ms": "soon"}]}], "item 0: field 'created_ms'"),
        ({"source_type": "EXPORT_TASK", "event_data": {"task_id": "?"}}, "item 0: field 'task_id' is no base64"),
    ],
)
def test_what_is_wrong_with_a_timeline_is_named(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_states(written(tmp_path, content))
    assert message in caught.value.message


def test_damaged_timelines_read_or_raise_input_error(tmp_path: Path) -> None:
    refused = 0
    text = written(tmp_path, TIMELINE).read_text()
    file = tmp_path / "damaged.json"
    for content in islice(damaged(text, seed=2605), 100):
        file.write_bytes(content)
        try:
            read_states(file)
        except InputError:
            refused += 1
    assert refused >= 30


STATES = Path(__file__).parents[1] / "data" / "states"
LISTINGS = [STATES / f"list_{what}.json" for what in ("nodes", "actors", "objects")]


def by_name(recording: Recording) -> dict[str, list[int]]:
    """Durations of bodies in milliseconds, by function."""
    found: dict[str, list[int]] = {}
    for task in recording.program.tasks.values():
        spent = sum(action.duration_us for action in task.body if isinstance(action, Compute))
        found.setdefault(task.name, []).append(round(spent / 1000))
    return {name: sorted(times) for name, times in found.items()}


@pytest.mark.parametrize(
    "files",
    [
        ["list_tasks.json"],
        ["list_tasks.json", "timeline.json"],
        ["timeline.json", "list_tasks.json"],
        ["export_events"],
    ],
    ids="+".join,
)
def test_every_form_gives_the_same_tasks(files: list[str]) -> None:
    recording = read_workload(*(STATES / name for name in files))
    times = by_name(recording)
    assert {name: len(several) for name, several in times.items()} == {
        "A.__init__": 1,
        "S.__init__": 1,
        "S.g": 2,
        "A.f": 2,
        "leaf": 3,
        "mid": 1,
        "bad": 1,
        "dies": 1,
    }
    assert all(98 <= spent <= 115 for spent in times["leaf"])
    assert times["mid"][0] < 300, "of 577 ms the time for which it waited for its children is not its own"
    kinds = {task.name: task.kind for task in recording.program.tasks.values()}
    assert kinds["A.f"] is TaskKind.ACTOR_METHOD and kinds["A.__init__"] is TaskKind.ACTOR_CREATION
    (parent,) = (task for task in recording.program.tasks.values() if task.name == "mid")
    children = [action.task for action in parent.body if isinstance(action, Submit)]
    assert [recording.program.tasks[child].name for child in children] == ["leaf", "leaf"]
    created = next(task for task in recording.program.tasks.values() if task.name == "A.__init__")
    assert created.demand == Resources.of(CPU=0.5)
    assert "no dependencies" in recording.unsupported[0]
    assert [attempt.error for attempt in recording.outcome.attempts if attempt.state == "FAILED"].count(None) <= 1
    assert {a.node for a in recording.outcome.attempts if a.start_us is not None} == {"N0"}


def test_local_times_of_the_command_line_are_put_on_the_clock_of_the_timeline(tmp_path: Path) -> None:
    rows = json.loads((STATES / "list_tasks.json").read_text())
    away = [
        row | {"events": [e | {"created_ms": e["created_ms"].replace(" 23:", " 18:")} for e in row["events"]]}
        for row in rows
    ]
    file = tmp_path / "elsewhere.json"
    file.write_text(json.dumps(away))
    assert read_states(file).outcome == read_states(STATES / "list_tasks.json").outcome


def test_yaml_and_the_reply_of_the_api_are_read_as_well(tmp_path: Path) -> None:
    rows = json.loads((STATES / "list_tasks.json").read_text())[:6]
    file = tmp_path / "reply.json"
    file.write_text(json.dumps({"result": True, "data": {"result": {"result": rows, "total": 6}}}))
    assert is_state(file)
    assert by_name(read_workload(STATES / "list_tasks.yaml")) == by_name(read_workload(file))


def test_listings_beside_it_tell_nodes_and_sizes() -> None:
    recording = read_workload(STATES / "list_tasks.json", *LISTINGS)
    assert [(node.id, node.total) for node in recording.cluster.nodes] == [("N0", Resources.of(CPU=4))]
    said = " ".join(recording.unsupported)
    assert "no nodes but" not in said and "no object sizes" not in said
    alone = read_workload(STATES / "list_tasks.json")
    assert alone.cluster.nodes[0].total == Resources.of(CPU=2.5), "as much as was held at one time"


def test_the_dashboard_names_processes_and_threads_by_events_of_their_own() -> None:
    recording = read_workload(STATES / "dashboard.json")
    assert [node.id for node in recording.cluster.nodes] == ["127.0.0.1"]
    assert {attempt.worker is not None and len(attempt.worker) for attempt in recording.outcome.attempts} == {56}
    assert all(49 <= spent <= 60 for spent in by_name(recording)["f"])


def test_bodies_of_a_timeline_without_ids_are_those_within_a_task(tmp_path: Path) -> None:
    bare = [entry | {"args": {}} if entry["cat"] == "task:execute" else entry for entry in TIMELINE[1:]]
    assert read_states(written(tmp_path, bare)).program == read_states(written(tmp_path, TIMELINE)).program


def test_attempts_without_numbers_are_counted_in_order(tmp_path: Path) -> None:
    recording = read_states(written(tmp_path, [*TIMELINE, event("bb", "task::f", 300, 10)]))
    assert [(a.attempt, a.start_us) for a in recording.outcome.attempts if a.task == "T1"] == [(0, 40), (1, 290)]


def test_a_recording_stands_alone(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_text("{}")
    with pytest.raises(InputError, match="a recording beside other files"):
        read_workload(tmp_path / "run.jsonl", STATES / "timeline.json")
    with pytest.raises(InputError, match="a directory without export events"):
        read_workload(tmp_path)


@needs_shared_data("ray-runs")
def test_every_real_form_is_read() -> None:
    files = {path.stem: path for path in shared_files("ray-runs/timelines", "*.json")}
    found = {name: read_workload(path) for name, path in files.items()}
    assert {name: len(recording.program.tasks) for name, recording in found.items()} == {
        "state_small": 32,
        "timeline_dash": 30,
        "timeline_one": 30,
        "timeline_small": 32,
    }
    assert found["timeline_one"].outcome.makespan_us == found["timeline_dash"].outcome.makespan_us
    both = read_workload(files["state_small"], files["timeline_small"])
    assert len(both.program.tasks) == 32 and both.startup.cold_us > found["state_small"].startup.cold_us
    assert [node.id for node in both.cluster.nodes] == ["N0", "N1"]
