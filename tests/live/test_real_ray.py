"""Scripts on real Ray, recorded and under a policy. Runs with `make test-ray` only; no figure of time is asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rayproof.check.simulation import Settings, prepare, simulate
from rayproof.model.graph import TaskKind
from rayproof.model.scheduler.policy.built_in import BUILT_IN
from rayproof.recordings import FaultKind, Recording, read_recording
from tests.shared_data import EXAMPLES, PROJECT

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(
        "RAYPROOF_ON_LOOPBACK" not in os.environ,
        reason="not in tests/live/on_loopback.sh, which make test-ray starts",
    ),
]

POLICY = '''
class WithRoom:
    """Waits until a node has room, the last one first."""

    def place(self, task, view, memory, ctx):
        for node in reversed(view.options):
            if node.fits_now(task.demand):
                return node.name
        return None
'''

NESTED = """
import ray

@ray.remote
def inner(i):
    return i

@ray.remote
def outer(i):
    return sum(ray.get([inner.remote(i), inner.remote(i + 1)]))

ray.init()
print("sum", sum(ray.get([outer.remote(i) for i in range(3)])))
"""

KILLED = """
import os, signal, ray

@ray.remote
def f(i):
    return i

ray.init(num_cpus=7)
print(ray.get([f.remote(i) for i in range(4)]))
os.kill(os.getpid(), signal.SIGKILL)
"""


def rayproof(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-m", "rayproof", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, timeout=300)


def recorded(folder: Path, script: Path, *options: str, code: int = 0) -> Recording:
    done = rayproof(folder, "record", "--out", "run.jsonl", *options, "--", script)
    assert done.returncode == code, done.stderr
    return read_recording(folder / "run.jsonl")


def runs_in_the_model(recording: Recording) -> None:
    figures = simulate(prepare(recording, None), BUILT_IN["default"], Settings(10**9, 50, 0), seeds=1)
    assert figures.makespan_s is not None and not figures.unfinished and not figures.error


def test_a_tree_of_tasks_on_two_nodes(tmp_path: Path) -> None:
    recording = recorded(tmp_path, EXAMPLES / "scripts" / "nested_tree.py", "--nodes", "2,1")
    assert [node.total["CPU"] for node in recording.cluster.nodes] == [2, 1]
    assert len(recording.program.tasks) == 15
    for attempt in recording.outcome.attempts:
        assert attempt.state == "FINISHED" and attempt.worker and attempt.start_us and attempt.end_us
        assert attempt.waiting_us is not None and attempt.node is not None
    followed = rayproof(tmp_path, "conform", "run.jsonl")
    assert followed.returncode == 0 and "verdict: holds" in followed.stdout, followed.stdout
    leaves = [task for task in recording.program.tasks if recording.program.parent(task) != "driver"]
    assert len(leaves) == 14 and recording.unsupported == ()
    runs_in_the_model(recording)


def test_event_loops_threads_and_awaited_objects(tmp_path: Path) -> None:
    recording = recorded(tmp_path, EXAMPLES / "scripts" / "async_actors.py", "--nodes", "2,2")
    names = [task.name for task in recording.program.tasks.values()]
    assert (names.count("lookup"), names.count("Counter.add"), names.count("Cache.many")) == (8, 3, 1) or (
        # Two clients may miss the same key at the same time.
        names.count("lookup") > 8
    )
    runs_in_the_model(recording)


def test_what_goes_wrong_on_a_cluster_of_the_scripts_own(tmp_path: Path) -> None:
    recording = recorded(tmp_path, EXAMPLES / "scripts" / "retries.py")
    kinds = [fault.kind for fault in recording.faults]
    assert sorted(kinds) == [FaultKind.ACTOR_EXIT, FaultKind.CANCEL, FaultKind.WORKER_EXIT]
    attempts = [attempt.attempt for attempt in recording.outcome.attempts]
    assert attempts.count(1) >= 3, "an exception, a dead worker and a restarted actor"
    assert sum(task.kind is TaskKind.ACTOR_METHOD for task in recording.program.tasks.values()) == 1


def test_a_script_that_is_killed_leaves_a_recording(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    recording = recorded(tmp_path, script, "--nodes", "2", code=3)
    assert len(recording.program.tasks) == 4
    assert any("exit code -9" in said for said in recording.unsupported)
    # What the driver had not reported yet is gone, and its bodies are not; the cluster was asked by somebody else.
    assert all(attempt.end_us is not None for attempt in recording.outcome.attempts)
    nodes = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines() if '"k":"node"' in line]
    assert [set(node["store"]) >= {"spilled_bytes", "restored_bytes"} for node in nodes] == [True]


def test_a_policy_decides_for_nested_submitters_and_may_wait(tmp_path: Path) -> None:
    (tmp_path / "policy.py").write_text(POLICY)
    script = tmp_path / "nested.py"
    script.write_text(NESTED)
    done = rayproof(
        tmp_path, "run", "--policy", "policy.py", "--record", "run.jsonl", "--nodes", "1,1", "--", "nested.py"
    )
    assert done.returncode == 0 and "sum 9" in done.stdout, done.stderr
    assert "answers let a task wait" in done.stderr
    lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    chosen = [line["opts"]["strategy"]["affinity"] for line in lines if line["k"] == "task" and line.get("opts")]
    assert len(chosen) == 9 and set(chosen) == {"N0", "N1"}


def test_a_trace_is_carried_out(tmp_path: Path) -> None:
    """The reply of a call is lost: its retry runs the body again, in the model and on real Ray."""
    options = ("--times", "1", "--patience", "30", "--out", "twice.py", "--json", "report.json")
    done = rayproof(tmp_path, "reproduce", "actor-lost-reply:a_call_is_retried", *options)
    assert done.returncode == 0 and done.stdout.endswith("verdict: seen 1 of 1\n"), done.stdout + done.stderr
    (run,) = json.loads((tmp_path / "report.json").read_text())["runs"]
    assert [body for body in run["told"] if body[:2] == ["begins", "a0"]] == [["begins", "a0", n, "n1"] for n in (1, 2)]
    assert not run["driver"] and run["claims"] == [["runs", "a0", 2, True]]
