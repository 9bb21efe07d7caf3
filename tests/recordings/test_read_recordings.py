"""What each part of a recording becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from rayproof.errors import InputError
from rayproof.model.graph import (
    AwaitGroup,
    BundleStrategy,
    Compute,
    Default,
    Get,
    GiveUpGroup,
    GroupSpec,
    MakeGroup,
    NodeAffinity,
    PlacementGroup,
    Put,
    Resources,
    Spread,
    Strategy,
    Submit,
    TaskKind,
    Wait,
)
from rayproof.recordings import FaultKind, read_recording
from tests.recordings.bounds import critical_path_us
from tests.recordings.small import body, event, get, node, recorded, submit, task, thing
from tests.shared_data import EXAMPLES

N0, N1 = node("N0"), node("N1", cpu=4)
MS = 1000


def test_the_driver_computes_between_its_acts_and_not_while_it_waits(tmp_path: Path) -> None:
    recording = recorded(
        tmp_path,
        *(N0, task("T0"), task("T1"), thing("O0"), thing("O1"), thing("O2", by=None)),
        submit(10, "T0"),
        event(13, "put", obj="O2", size=10),
        submit(14, "T1"),
        get(16, 40, "O0"),
        event(45, "wait_begin", objs=["O1"], n=1),
        event(50, "wait_end", ready=["O1"], pending=[]),
        body("T0", 20, 30),
        body("T1", 42, 48),
    )
    assert recording.program.driver == (
        Submit("T0"),
        *(Compute(3 * MS), Put("O2"), Compute(1 * MS), Submit("T1"), Compute(2 * MS), Get(("O0",))),
        *(Compute(5 * MS), Wait(("O1",), 1)),
    )
    assert recording.outcome.makespan_us == 40 * MS, "from the first submit at 10 ms to the end of the wait at 50 ms"
    assert critical_path_us(recording.program) == (3 + 1 + 2 + 5) * MS + 4 * MS, "T0 ends 4 ms after the get began"


def test_a_task_submits_and_waits_within_its_body(tmp_path: Path) -> None:
    recording = recorded(
        tmp_path,
        *(N0, task("T0"), task("T1", parent="T0"), thing("O0"), thing("O1")),
        submit(0, "T0"),
        body("T0", 10, 100),
        submit(20, "T1", by="T0"),
        get(25, 80, "O1", by="T0"),
        body("T1", 30, 70),
        get(1, 101, "O0"),
    )
    assert recording.program.tasks["T0"].body == (
        *(Compute(10 * MS), Submit("T1"), Compute(5 * MS), Get(("O1",)), Compute(20 * MS)),
    )
    assert recording.program.parent("T1") == "T0"


@pytest.mark.parametrize(
    ("options", "strategy"),
    [
        ({}, Default()),
        ({"strategy": "DEFAULT"}, Default()),
        ({"strategy": "SPREAD"}, Spread()),
        ({"strategy": {"affinity": "N1", "soft": True}}, NodeAffinity("N1", soft=True)),
        ({"strategy": {"affinity": "N1", "soft": False}}, NodeAffinity("N1")),
        ({"strategy": {"pg": "P0", "bundle": 0}}, PlacementGroup("P0", 0)),
        ({"strategy": {"pg": "P0"}}, PlacementGroup("P0", -1)),
    ],
)
def test_strategies(tmp_path: Path, options: dict[str, object], strategy: Strategy) -> None:
    group = {"k": "pg", "id": "P0", "hex": "ab", "bundles": [{"i": 0, "res": {"CPU": 1}, "node": "N1"}]}
    lines = (N0, N1, group, task("T0", opts=options), thing("O0"), submit(0, "T0"), body("T0", 1, 2))
    assert recorded(tmp_path, *lines).program.tasks["T0"].strategy == strategy


def test_groups_are_made_waited_for_and_given_up_where_the_recording_says_so(tmp_path: Path) -> None:
    def pg(name: str, **more: object) -> dict[str, object]:
        bundles = [{"i": 0, "res": {"CPU": 1, "memory": 1e9}, "node": "N1"}]
        return {"k": "pg", "id": name, "hex": f"{name}ab", "bundles": bundles, **more}

    lines = (N0, N1, pg("P0"), pg("P1", strategy="SPREAD"), task("T0"), thing("O0"))
    waits = (event(1, "get_begin", objs=[], pgs=["P1"]), event(3, "get_end", ok=True))
    made, removed = event(0, "pg_create", pg="P1"), event(6, "pg_remove", pg="P1")
    recording = recorded(tmp_path, *lines, made, *waits, submit(3, "T0"), body("T0", 4, 5), removed)
    # Of P0 it is not told who made it: it was there before.
    assert recording.program.driver == (
        *(MakeGroup("P0"), AwaitGroup("P0"), MakeGroup("P1"), AwaitGroup("P1")),
        *(Submit("T0"), Compute(3 * MS), GiveUpGroup("P1")),
    )
    assert recording.program.groups["P1"] == GroupSpec("P1", (Resources.of(CPU=1),), BundleStrategy.SPREAD)
    assert [group.nodes for group in recording.groups] == [("N1",), ("N1",)]


def test_a_bundle_that_the_group_does_not_have_and_a_strategy_that_ray_does_not_have(tmp_path: Path) -> None:
    group = {"k": "pg", "id": "P0", "hex": "ab", "bundles": [{"i": 0, "res": {"CPU": 1}, "node": "N1"}]}
    rest = (thing("O0"), submit(0, "T0"), body("T0", 1, 2))
    with pytest.raises(InputError, match="asks for bundle 1 of 1"):
        recorded(tmp_path, N0, N1, group, task("T0", opts={"strategy": {"pg": "P0", "bundle": 1}}), *rest)
    with pytest.raises(InputError, match="unknown strategy 'NEAR'"):
        recorded(tmp_path, N0, N1, {**group, "strategy": "NEAR"}, task("T0"), *rest)


@pytest.mark.parametrize(
    ("fields", "demand"),
    [
        ({"req": {"CPU": 0.5, "GPU": 1}}, Resources.of(CPU=0.5, GPU=1)),
        ({"req": None}, Resources.of(CPU=1)),
        ({"req": None, "opts": {"num_cpus": 0}}, Resources()),
        ({"req": None, "opts": {"num_gpus": 2, "resources": {"x": 1}}}, Resources.of(CPU=1, GPU=2, x=1)),
        ({"req": {"CPU_group_0_ab12": 1, "CPU_group_ab12": 1, "bundle_group_0_ab12": 0.001}}, Resources.of(CPU=1)),
        ({"req": {"CPU": 1, "memory": 1e9}}, Resources.of(CPU=1)),
    ],
)
def test_demands(tmp_path: Path, fields: dict[str, object], demand: Resources) -> None:
    lines = (N0, task("T0", **fields), thing("O0"), submit(0, "T0"), body("T0", 1, 2))
    assert recorded(tmp_path, *lines).program.tasks["T0"].demand == demand


@pytest.mark.parametrize(
    ("options", "required", "demand", "restarts"),
    [
        ({}, None, Resources(), 0),
        ({"num_cpus": 0.5, "max_restarts": -1}, {"CPU": 0.5}, Resources.of(CPU=0.5), -1),
        ({"num_gpus": 1}, None, Resources.of(CPU=1, GPU=1), 0),
    ],
)
def test_an_actor_is_a_constructor_and_methods(
    tmp_path: Path, options: dict[str, object], required: dict[str, float] | None, demand: Resources, restarts: int
) -> None:
    init = task("T0", type="ACTOR_CREATION_TASK", actor="A0", name="C.__init__", args=None, rets=None, req=required)
    recording = recorded(
        tmp_path,
        *(
            N0,
            init,
            {"k": "actor", "id": "A0", "cls": "C", "state": "ALIVE", "opts": {"max_task_retries": 2, **options}},
        ),
        *(task("T1", type="ACTOR_TASK", actor="A0", req=None), thing("O1")),
        event(0, "submit", actor="A0", us=1),
        submit(5, "T1"),
        body("T1", 8, 9, actor="A0"),
    )
    constructor, method = recording.program.tasks.values()
    assert (constructor.kind, constructor.actor, constructor.demand) == (TaskKind.ACTOR_CREATION, "A0", demand)
    assert constructor.max_retries == restarts
    assert (method.kind, method.demand, method.max_retries) == (TaskKind.ACTOR_METHOD, Resources(), 2)
    assert recording.program.driver == (Submit("T0"), Compute(5 * MS), Submit("T1"))
    assert any("asked for nothing" in said for said in recording.unsupported) == (demand == Resources())


def test_a_task_submitted_past_the_recorder_is_placed_by_rays_own_time(tmp_path: Path) -> None:
    recording = recorded(
        tmp_path,
        *(N0, task("T0"), thing("O0"), task("T1", args=None, rets=None, tr=[["PENDING_ARGS_AVAIL", 7]])),
        submit(0, "T0"),
        get(2, 20, "O0"),
        body("T0", 3, 4),
    )
    assert recording.program.driver == (Submit("T0"), Compute(2 * MS), Submit("T1"), Get(("O0",)))
    said = "\n".join(recording.unsupported)
    assert "Submitted without the recorder (T1)" in said
    assert "never started or never ended in the recording (T1)" in said
    assert recording.program.tasks["T1"].body == (Compute(1 * MS),), "as long as the other body of its function"


def test_a_timeout_is_the_programs_own_time(tmp_path: Path) -> None:
    recording = recorded(
        tmp_path,
        *(N0, task("T0"), task("T1"), thing("O0"), thing("O1")),
        submit(0, "T0"),
        submit(0, "T1"),
        get(1, 31, "O0", err="GetTimeoutError"),
        event(31, "wait_begin", objs=["O1"], n=1),
        event(41, "wait_end", ready=[], pending=["O1"]),
        body("T0", 50, 55),
        body("T1", 50, 55),
    )
    assert recording.program.driver == (Submit("T0"), Submit("T1"), Compute(1 * MS), Compute(30 * MS), Compute(10 * MS))
    first, second = recording.unsupported
    assert "A get of driver timed out (once, 0.030 s in all, first in line 9)" in first
    assert "A wait of driver timed out (once, 0.010 s in all, first in line 11)" in second


def test_a_poll_is_waiting_and_not_the_programs_own_time(tmp_path: Path) -> None:
    recording = recorded(
        tmp_path,
        *(N0, task("T0"), task("T1"), thing("O0"), thing("O1")),
        submit(0, "T0"),
        submit(0, "T1"),
        get(1, 31, "O0", err="GetTimeoutError"),
        event(31, "wait_begin", objs=["O0", "O1"], n=2),
        event(41, "wait_end", ready=["O1"], pending=["O0"]),
        get(41, 60, "O0"),
        body("T0", 50, 55),
        body("T1", 30, 35),
    )
    assert recording.program.driver == (*(Submit("T0"), Submit("T1"), Compute(1 * MS), Wait(("O1",), 1), Get(("O0",))),)
    assert recording.unsupported == ()


def test_of_several_attempts_the_last_body_that_ended_counts(tmp_path: Path) -> None:
    recording = recorded(
        tmp_path,
        *(N0, N1, task("T0", node="N1", state="FAILED", err="NODE_DIED"), task("T0", attempt=1), thing("O0")),
        submit(0, "T0"),
        event(1, "exec_start", task="T0", node="N1", pid=4, att=0),
        event(3, "fault", what="kill_node", node="N1"),
        body("T0", 10, 15, att=1),
    )
    assert recording.program.tasks["T0"].body == (Compute(5 * MS),)
    lost, second = recording.outcome.attempts
    assert (lost.node, lost.start_us, lost.end_us, lost.error) == ("N1", 1 * MS, None, "NODE_DIED")
    assert (second.node, second.start_us, second.end_us, second.error) == ("N0", 10 * MS, 15 * MS, None)
    (fault,) = recording.faults
    assert (fault.kind, fault.at_us, fault.node) == (FaultKind.KILL_NODE, 3 * MS, "N1")


def test_objects_made_before_the_recording_are_set_up_where_they_were(tmp_path: Path) -> None:
    recording = recorded(
        tmp_path,
        *(N0, N1, task("T0", args=["O7"]), thing("O0"), thing("O7", size=200_000, by=None)),
        event(0, "loc", obj="O7", nodes=["N1"], size=200_000, spilled=False),
        submit(1, "T0"),
        body("T0", 2, 3),
    )
    assert recording.setup == {"setup:O7"}
    before = recording.program.tasks["setup:O7"]
    assert (before.strategy, before.demand, before.outputs) == (NodeAffinity("N1"), Resources(), ("O7",))
    assert recording.program.driver == (Submit("setup:O7"), Wait(("O7",), 1), Submit("T0"))
    assert recording.outcome.bytes_moved == 200_000, "from N1 to N0, where T0 ran"


def test_objects_of_unknown_size_are_as_large_as_their_likes(tmp_path: Path) -> None:
    objects = [thing("O0", 100), thing("O1", 300), thing("O2", -1), thing("O3", None)]
    tasks = [task("T0"), task("T1"), task("T2"), task("T3", name="g")]
    runs = [line for number in range(4) for line in (submit(number, f"T{number}"), *body(f"T{number}", 9, 10))]
    recording = recorded(tmp_path, N0, *tasks, *objects, *runs)
    assert [item.size_bytes for item in recording.program.objects.values()] == [100, 300, 200, 0]
    assert any("No size was recorded (O2, O3)" in said for said in recording.unsupported)


def test_nodes_join_late_or_were_dead_before(tmp_path: Path) -> None:
    recording = recorded(
        tmp_path,
        *(node("N5"), node("N1"), node("N2", alive_at_end=False), node("N3", alive_at_end=False), N0),
        *(task("T0"), thing("O0"), submit(5, "T0"), body("T0", 6, 7)),
        event(1, "fault", what="add_node", node="N1"),
        event(6, "fault", what="add_node", node="N5"),
        event(7, "fault", what="kill_node", node="N3"),
    )
    assert [found.id for found in recording.cluster.nodes] == ["N0", "N1", "N3", "N5"]
    assert [found.id for found in recording.initial_cluster.nodes] == ["N0", "N1", "N3"]
    assert recording.late == ("N5",)


def test_the_first_body_of_a_worker_is_cold_and_the_next_warm(tmp_path: Path) -> None:
    def waiting(name: str, since: int) -> dict[str, object]:
        return task(name, tr=[["PENDING_NODE_ASSIGNMENT", since], ["SUBMITTED_TO_WORKER", since + 1]])

    recording = recorded(
        tmp_path,
        *(node("N0", cpu=1), node("N1", cpu=1)),
        *(waiting(name, 0) for name in ("T0", "T1", "T2", "T3")),
        *(thing(f"O{number}") for number in range(4)),
        *(submit(0, name) for name in ("T0", "T1", "T2", "T3")),
        body("T0", 100, 200, pid=1),
        body("T1", 203, 300, pid=1),
        body("T2", 350, 400, pid=2),
        body("T3", 500, 510, on="N1", pid=1),
    )
    startup = recording.startup
    assert startup.first_bodies == (("N0", (100 * MS, 50 * MS)), ("N1", (500 * MS,))), "T2 had room from 300 ms on"
    assert startup.cold_us == 100 * MS
    assert startup.warm_us == 3 * MS, "T1 followed T0 in the same process"


def test_the_shipped_recordings() -> None:
    found = {path.stem: read_recording(path) for path in sorted((EXAMPLES / "recordings").glob("*.jsonl"))}
    makespans = {name: round(recording.outcome.makespan_s, 3) for name, recording in found.items()}
    assert makespans == {
        "01_default_short": 1.949,
        "10_locality_50mb": 1.672,
        "13_tree_reduce": 1.082,
        "29_policy_default": 3.467,
    }
    assert len(found["29_policy_default"].setup) == 6
    assert found["10_locality_50mb"].outcome.bytes_moved == 3 * 52_429_054
    assert not any(recording.faults for recording in found.values())
