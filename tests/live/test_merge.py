"""From files of processes to a recording: clocks, order, crashes, what is left out. No Ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rayproof.errors import InputError
from rayproof.live.merge import merge, write_recording
from rayproof.live.raw import read_raw
from rayproof.model.graph import Compute, Get, NodeAffinity, Put, Submit, TaskKind, Wait
from rayproof.recordings import FaultKind, Recording, read_recording
from tests.live.raws import (
    MS,
    Host,
    Written,
    actor_id,
    creation,
    driver,
    folder,
    node_id,
    result,
    task_id,
)

HERE = Host("here")


def lines(path: Path, **more: Any) -> list[dict[str, Any]]:
    return merge(read_raw(path), "script", **more)


def recorded(path: Path, **more: Any) -> Recording:
    write_recording(lines(path, **more), path / "run.jsonl")
    return read_recording(path / "run.jsonl")


def events(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [line for line in found if line["k"] == "ev" and line["e"] == kind]


def row(number: int, **more: Any) -> dict[str, Any]:
    """What Ray tells of a task."""
    told = {"task": task_id(number), "attempt": 0, "job": "01000000", "type": "NORMAL_TASK", "name": "f"}
    told |= {"parent": "f" * 48, "actor": None, "group": None, "required": {"CPU": 1.0}, "node": node_id(0)}
    return told | {"worker": "w2", "state": "FINISHED", "error": None, "reached": {}} | more


def test_two_processes_become_one_program(tmp_path: Path) -> None:
    me = driver(HERE).submit(1, 1).submit(2, 2, result(1), nested=[result(1)]).get(3, 20, result(2))
    worker = Written(HERE, 2).body(5, 8, 1)(8, "out", task=task_id(1), index=1, size=70).body(10, 14, 2)
    recording = recorded(folder(tmp_path, me, worker))
    assert recording.program.driver == (*(Submit("T0"), Compute(1000), Submit("T1"), Compute(1000), Get(("O1",))),)
    assert recording.program.tasks["T1"].inputs == ("O0",) and recording.program.objects["O0"].size_bytes == 70
    assert [task.body for task in recording.program.tasks.values()] == [(Compute(3000),), (Compute(4000),)]
    assert recording.outcome.makespan_us == 19_000


@pytest.mark.parametrize("skew_ms", [-40_000.0, 0.0, 7_000.0])
def test_clocks_of_other_hosts_do_not_show(tmp_path: Path, skew_ms: float) -> None:
    there = Host("there", skew_ms, booted_ms=5_000_000)
    me = driver(HERE, 2)
    for i in range(1, 4):
        me.submit(10 * i, i).get(10 * i + 1, 10 * i + 8, result(i))
    worker = Written(there, 2, node=1)
    for i in range(1, 4):
        worker.body(10 * i + 2, 10 * i + 7, i)
    collected = {
        "tasks": [
            row(1, node=node_id(1), reached={"PENDING_NODE_ASSIGNMENT": HERE.wall(10.5), "RUNNING": there.wall(12)})
        ]
    }
    found = lines(folder(tmp_path, me, worker, collected=collected))
    (start, *_), (end, *_) = events(found, "exec_start"), events(found, "exec_end")
    # The first message there took 2 ms at most, the way back 1 ms: the middle is half a millisecond off.
    assert start["ms"] == pytest.approx(12, abs=1.5) and end["ms"] - start["ms"] == pytest.approx(5)
    hosts = found[0]["hosts"]
    assert [host["id"] for host in hosts] == ["H0", "H1"]
    assert hosts[1]["offset_ms"] == pytest.approx(skew_ms, abs=1.5) and hosts[1]["error_ms"] == 1.5
    (first, *_) = [line for line in found if line["k"] == "task"]
    assert dict(first["tr"])["PENDING_NODE_ASSIGNMENT"] == 10.5, "the owner's clock"
    assert dict(first["tr"])["RUNNING"] == pytest.approx(12, abs=1.5), "the worker's clock"


def test_pings_bound_a_clock_where_no_task_does(tmp_path: Path) -> None:
    there = Host("there", 500)
    me = driver(HERE, 2).submit(1, 1)
    at = there.mono(4.1)
    me(4, "ping", host="there", received=at, replied=at, back=HERE.mono(4.2))
    hosts = lines(folder(tmp_path, me, Written(there, 2, node=1)))[0]["hosts"]
    assert hosts[1]["offset_ms"] == pytest.approx(500, abs=0.1) and hosts[1]["error_ms"] == 0.1


def test_files_that_end_anywhere_are_read(tmp_path: Path) -> None:
    me = driver(HERE).submit(1, 1).submit(2, 2).get(3, 9, result(1)).get(10, None, result(2))
    worker = Written(HERE, 2).body(4, 8, 1).body(9, None, 2)
    folder(tmp_path, me, worker)
    whole = [path.read_bytes() for path in sorted(tmp_path.glob("*.raw"))]
    assert recorded(tmp_path).program.driver[-1] == Get(("O1",))
    cuts = 0
    for i, text in enumerate(whole):
        # Everything after the driver's first submission may be missing.
        least = text.index(b"submit") + 400 if i == 0 else 0
        for cut in range(least, len(text), 37):
            (tmp_path / f"{i}.raw").write_bytes(text[:cut])
            recording = recorded(tmp_path, exit_code=-9)
            assert any("exit code -9" in said for said in recording.unsupported)
            assert any("could not be asked" in said for said in recording.unsupported)
            cuts += 1
        (tmp_path / f"{i}.raw").write_bytes(text)
    assert cuts > 10


def test_without_a_driver_nothing_was_recorded(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="never connected"):
        read_raw(folder(tmp_path, Written(HERE, 2).body(4, 8, 1)))


def test_threads_of_one_process_become_one_sequence(tmp_path: Path) -> None:
    """One thread waits from 2 to 20 while another submits and gets: the process is blocked when all of them are."""
    me = driver(HERE).submit(1, 1)
    me(2, "get_begin", objs=[result(1)], by=None)
    me.submit(5, 2, th=7).get(6, 12, result(2), th=7)
    me(20, "get_end", by=None, ok=True)
    worker = Written(HERE, 2).body(7, 11, 2).body(13, 18, 1)
    recording = recorded(folder(tmp_path, me, worker))
    assert recording.program.driver == (
        *(Submit("T0"), Compute(4000), Submit("T1"), Compute(1000), Get(("O1",)), Get(("O0",))),
    )


def test_awaited_objects_of_a_coroutine(tmp_path: Path) -> None:
    """`asyncio.gather` of two: blocked until the later one, and nothing in between is time of its own."""
    by = task_id(1)
    me = driver(HERE).submit(0, 1).get(1, 30, result(1))
    actor = Written(HERE, 2)(2, "start", task=by, att=0).submit(3, 2, by=by).submit(3.5, 3, by=by)
    actor(10, "awaited", obj=result(3), by=by, since=4)(20, "awaited", obj=result(2), by=by, since=4)
    actor(21, "end", task=by, ok=True)(25, "awaited", obj=result(2), by=by, since=22)
    worker = Written(HERE, 3).body(5, 9, 3).body(6, 19, 2)
    body = recorded(folder(tmp_path, me, actor, worker)).program.tasks["T0"].body
    assert body == (
        *(Compute(1000), Submit("T1"), Compute(500), Submit("T2"), Compute(500)),
        *(Get(("O2",)), Get(("O1",)), Compute(1000)),
    )


def test_what_is_awaited_may_end_in_an_error(tmp_path: Path) -> None:
    me = driver(HERE).submit(0, 1)(9, "awaited", obj=result(1), by=None, since=2, ok=False, err="ActorDiedError")
    worker = Written(HERE, 2).body(3, 8, 1)
    (end,) = events(lines(folder(tmp_path, me, worker)), "get_end")
    assert (end["ok"], end["err"]) == (False, "ActorDiedError")


def test_items_of_a_generator_are_its_results(tmp_path: Path) -> None:
    own = result(1)
    me = driver(HERE).submit(1, 1, streaming=True, rets=[own])
    me(6, "item", obj=result(1, 2), by=None, since=2)(9, "item", obj=result(1, 3), by=None, since=7)
    worker = Written(HERE, 2)(3, "start", task=task_id(1), att=0)
    worker(5, "out", task=task_id(1), index=2, size=11)(8, "out", task=task_id(1), index=3, size=12)
    worker(9, "end", task=task_id(1), ok=True)(9.1, "out", task=task_id(1), index=4, size=13)
    recording = recorded(folder(tmp_path, me, worker))
    spec = recording.program.tasks["T0"]
    assert sorted(recording.program.objects[name].size_bytes for name in spec.outputs) == [11, 12, 12, 13]
    assert [action for action in recording.program.driver if isinstance(action, Wait)] == [
        *(Wait((name,), 1) for name in spec.outputs[:2]),
    ]


def test_attempts_that_only_bodies_tell_of(tmp_path: Path) -> None:
    me = driver(HERE).submit(1, 1).get(2, 30, result(1))
    first = Written(HERE, 2)(3, "start", task=task_id(1), att=0)
    first(4, "fault", what="worker_exit", task=task_id(1), by=task_id(1), code=1)
    second = Written(HERE, 3).body(10, 12, 1, att=1)
    recording = recorded(folder(tmp_path, me, first, second))
    assert [(a.attempt, a.state, a.end_us) for a in recording.outcome.attempts] == [
        (0, "RUNNING", None),
        (1, "FINISHED", 11_000),
    ]
    assert [fault.kind for fault in recording.faults] == [FaultKind.WORKER_EXIT]


def test_actors_made_here_and_by_others(tmp_path: Path) -> None:
    me = driver(HERE)
    me(1, "submit", kind="actor", actor=actor_id(1), name="A", by=None, ns=1000, args=[], is_async=True)
    me.submit(2, 1, kind="method", actor=actor_id(1)).submit(3, 2, kind="method", actor=actor_id(9))
    me.get(4, 20, result(1), result(2))(21, "drop_handle", actor=actor_id(1), by=None)
    worker = Written(HERE, 2)(2, "start", task=creation(1), att=0)(4, "end", task=creation(1), ok=True).body(5, 6, 1)
    ended = {"actor": actor_id(1), "class": "A", "state": "DEAD", "job": "01000000", "node": node_id(0), "restarts": 0}
    ended |= {"ended_ms": HERE.wall(25) // MS, "reason": "OUT_OF_SCOPE", "detached": False, "name": ""}
    path = folder(tmp_path, me, worker, collected={"actors": [ended]})
    found = lines(path)
    a0, a1 = (line for line in found if line["k"] == "actor")
    assert (a0["reason"], a0["ended_ms"], a0["opts"]) == ("OUT_OF_SCOPE", 25.0, {"async": True})
    assert events(found, "drop_actor") == [{"k": "ev", "ms": 21.0, "e": "drop_actor", "actor": a0["id"]}]
    kinds = [task.kind for task in recorded(path).program.tasks.values()]
    assert kinds.count(TaskKind.ACTOR_CREATION) == 2, "one that somebody else has made stands in the program, too"
    assert a1["id"] == "A1"


def test_the_process_that_a_method_ends_is_its_actors(tmp_path: Path) -> None:
    me = driver(HERE)
    me(1, "submit", kind="actor", actor=actor_id(1), name="A", by=None, ns=1000, args=[])
    me.submit(2, 1, kind="method", actor=actor_id(1)).get(3, 8, result(1), ok=False, err="ActorDiedError")
    worker = Written(HERE, 2)(2, "start", task=creation(1), att=0)(4, "end", task=creation(1), ok=True)
    worker(5, "start", task=task_id(1), att=0)
    worker(6, "fault", what="worker_exit", task=task_id(1), by=task_id(1), code=1)
    (fault,) = recorded(folder(tmp_path, me, worker)).faults
    assert (fault.kind, fault.actor) == (FaultKind.ACTOR_EXIT, "A0")


def test_an_actor_that_leaves_does_so_after_its_body(tmp_path: Path) -> None:
    me = driver(HERE)
    me(1, "submit", kind="actor", actor=actor_id(1), name="A", by=None, ns=1000, args=[])
    me.submit(2, 1, kind="method", actor=actor_id(1)).get(3, 8, result(1), ok=False, err="ActorDiedError")
    worker = Written(HERE, 2)(2, "start", task=creation(1), att=0)(4, "end", task=creation(1), ok=True)
    worker(5, "start", task=task_id(1), att=0)(6, "fault", what="actor_exit", task=task_id(1), by=task_id(1))
    worker(6.5, "end", task=task_id(1), ok=False, err="SystemExit")
    found = [line["e"] for line in lines(folder(tmp_path, me, worker)) if line["k"] == "ev" and line["ms"] >= 6]
    assert found == ["exec_end", "fault", "get_end"]


def test_an_actor_that_ended_goes_on_holding_and_that_is_said(tmp_path: Path) -> None:
    me = driver(HERE)
    made: dict[str, Any] = {"kind": "actor", "actor": actor_id(1), "name": "A", "by": None, "ns": 1000, "args": []}
    me(1, "submit", **made, opts={"num_cpus": 1}).submit(2, 1, kind="method", actor=actor_id(1)).get(3, 8, result(1))
    worker = Written(HERE, 2)(2, "start", task=creation(1), att=0)(4, "end", task=creation(1), ok=True).body(5, 6, 1)
    ended = {"actor": actor_id(1), "class": "A", "state": "DEAD", "job": "01000000", "node": node_id(0), "restarts": 0}
    ended |= {"ended_ms": HERE.wall(25) // MS, "reason": "RAY_KILL", "detached": False, "name": ""}
    recording = recorded(folder(tmp_path, me, worker, collected={"actors": [ended]}))
    assert any("Actor A0 ended at 0.024 s in the recording (RAY_KILL)" in said for said in recording.unsupported)


def test_groups_with_their_nodes_and_waits(tmp_path: Path) -> None:
    me = driver(HERE, 2)(1, "group", group="ab", bundles=[{"CPU": 1}, {"CPU": 1}], strategy="SPREAD", by=None)
    ready = "00" + "f" * 38 + "01000000" + (100_000_002).to_bytes(4, "little").hex()
    me(2, "group_ref", group="ab", obj=ready).get(3, 5, ready)
    me.submit(6, 1, opts={"strategy": {"pg": "ab", "bundle": 1}}).get(7, 20, result(1))
    me(21, "remove_group", group="ab", by=None, nodes=[node_id(0), node_id(1)])
    path = folder(tmp_path, me, Written(HERE, 2, node=1).body(8, 9, 1))
    found = lines(path)
    assert [line["bundles"] for line in found if line["k"] == "pg"] == [
        [{"i": 0, "res": {"CPU": 1}, "node": "N0"}, {"i": 1, "res": {"CPU": 1}, "node": "N1"}]
    ]
    assert events(found, "get_begin")[0]["pgs"] == ["P0"] and events(found, "get_begin")[0]["objs"] == []
    recording = recorded(path)
    assert recording.groups[0].strategy == "SPREAD" and recording.groups[0].nodes == ("N0", "N1")
    assert not recording.setup, "the object that stands for a reservation is no input of the program"


def test_options_of_all_kinds(tmp_path: Path) -> None:
    hints = {"priority": "2", "waiting_timeout": "4", "deadline": "1.5", "team": "blue"}
    affinity = {"affinity": node_id(1), "soft": True, "spill": True}
    me = driver(HERE, 2).submit(1, 1, opts={"strategy": affinity, "_labels": hints})
    me.submit(2, 2, opts={"strategy": {"affinity": "beef", "soft": True}})
    me(3, "put", obj=result(3, 100_000_001), by=None, size=5, ns=10, nested=[result(1)])
    me(4, "drop", obj=result(3, 100_000_001), by=None)
    path = folder(tmp_path, me)
    recording = recorded(path)
    first = recording.program.tasks["T0"]
    assert first.strategy == NodeAffinity("N1", soft=True, spill_on_unavailable=True)
    assert (first.hints.priority, first.hints.waiting_timeout_us, first.hints.deadline_us) == (2, 4_000_000, 1_500_000)
    assert any("T1 has a scheduling strategy that is not modelled" in said for said in recording.unsupported)
    assert ("team", "blue") in first.hints.labels, "a team is no hint, but policies see it"
    assert not any("_labels" in said for said in recording.unsupported)
    assert Put("O2") in recording.program.driver
    (stored,) = [line for line in lines(path) if line.get("holds")]
    assert (stored["id"], stored["holds"], stored["size"]) == ("O2", ["O0"], 5)
    assert [line["obj"] for line in events(lines(path), "drop")] == ["O2"]


def test_nodes_that_come_and_go(tmp_path: Path) -> None:
    me = driver(HERE, 2).submit(1, 1).get(2, 90, result(1))
    told = {"address": "127.0.0.1", "head": False, "resources": {"CPU": 1.0}, "labels": {}, "death": "UNEXPECTED"}
    late = told | {"node": node_id(5), "alive": True, "started_ms": HERE.wall(30) // MS, "ended_ms": None}
    gone = told | {"node": node_id(1), "alive": False, "started_ms": 1, "ended_ms": HERE.wall(60) // MS}
    path = folder(tmp_path, me, Written(HERE, 2).body(80, 85, 1), collected={"nodes": [late, gone]})
    recording = recorded(path)
    assert [(fault.kind, fault.at_us) for fault in recording.faults] == [
        *((FaultKind.ADD_NODE, 29_000), (FaultKind.KILL_NODE, 59_000), (FaultKind.NODE_DEAD_SEEN, 59_000)),
    ]
    assert len(recording.late) == 1 and len(recording.cluster.nodes) == 3


def test_what_rays_own_rows_add(tmp_path: Path) -> None:
    me = driver(HERE).submit(1, 1).get(2, 30, result(1))
    rows = [
        row(1, reached={"PENDING_NODE_ASSIGNMENT": HERE.wall(1.2), "SUBMITTED_TO_WORKER": HERE.wall(4)}),
        row(7, parent=task_id(1), reached={"PENDING_ARGS_AVAIL": HERE.wall(6)}),
        row(8, job="02000000"),
    ]
    path = folder(tmp_path, me, Written(HERE, 2).body(5, 9, 1), collected={"tasks": rows})
    recording = recorded(path)
    (attempt, other) = recording.outcome.attempts
    assert (attempt.waiting_us, attempt.placed_us, attempt.worker) == (200, 3000, "W0")
    assert other.task == "T1" and recording.program.parent("T1") == "T0", "submitted where nobody looked"
    assert any("Submitted without the recorder (T1)" in said for said in recording.unsupported)
