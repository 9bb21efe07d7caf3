"""Small good files of every kind that the program reads, to be damaged."""

from __future__ import annotations

import json
from typing import Any

import yaml

from rayproof.counterexamples import to_trace
from rayproof.model.kernel import explore
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import CATALOGUE
from rayproof.solver.instances import to_json
from rayproof.solver.instances.families import heterogeneous
from tests.recordings.test_bad_recordings import SMALL
from tests.shared_data import EXAMPLES


def _trace() -> str:
    scenario = CATALOGUE["chain-3-2-1"].build(None, BUGS["answers_early"].replaces)
    violation = explore(scenario).violation
    assert violation is not None
    return to_trace(scenario, violation, "explore", 0, None, "answers_early").to_json()


def _policy_trace() -> str:
    trace = json.loads(_trace())
    trace["scenario"]["parameters"] = {"policy": "evil.py"}
    return json.dumps(trace, indent=1)


def _timeline() -> str:
    events: list[dict[str, Any]] = []
    for at in range(3):
        for category in ("task:execute", "task::f"):
            arguments = {"task_id": f"t{at}", "attempt_number": 0}
            events.append(
                {"ph": "X", "cat": category, "ts": 10 * at, "dur": 10, "pid": "n", "tid": "w", "args": arguments}
            )
    return json.dumps({"traceEvents": events}, indent=1)


WORKFLOW = {
    "name": "wf",
    "workflow": {
        "specification": {
            "tasks": [
                {"name": "a", "id": "a1", "parents": [], "children": ["b1"], "inputFiles": [], "outputFiles": ["y"]},
                {"name": "b", "id": "b1", "parents": ["a1"], "children": [], "inputFiles": ["y"], "outputFiles": []},
            ],
            "files": [{"id": "y", "sizeInBytes": 7}],
        },
        "execution": {"tasks": [{"id": "a1", "runtimeInSeconds": 1.5}, {"id": "b1", "runtimeInSeconds": 2}]},
    },
}
INSTANCE = {
    "schema": "rayproof.instance/1",
    "objective": "packing",
    "nodes": [{"id": "n0", "capacity": {"CPU": 2, "GPU": 1}}, {"id": "n1", "capacity": {"CPU": 4}}],
    "occupants": [{"id": "a", "demand": {"CPU": 2, "GPU": 0.5}}, {"id": "b", "demand": {"CPU": 1}, "node": "n1"}],
    "groups": [{"id": "g", "strategy": "STRICT_SPREAD", "bundles": ["a", "b"]}],
}
STATE = {
    "task_id": "a" * 48,
    "attempt_number": 0,
    "name": "f",
    "state": "FINISHED",
    "type": "NORMAL_TASK",
    "func_or_class_name": "f",
    "node_id": "c" * 56,
    "worker_id": "d" * 56,
    "parent_task_id": "f" * 48,
    "required_resources": {"CPU": 1.0},
    "creation_time_ms": 1000,
    "start_time_ms": 2000,
    "end_time_ms": 3000,
    "events": [
        {"state": "PENDING_NODE_ASSIGNMENT", "created_ms": 1000.0},
        {"state": "RUNNING", "created_ms": 2000.0},
        {"state": "FINISHED", "created_ms": 3000.0},
    ],
}
PROJECT = """jobs (incl. supersource/sink ):  4
PRECEDENCE RELATIONS:
jobnr.    #modes  #successors   successors
   1        1          2           2   3
   2        1          1           4
   3        1          1           4
   4        1          0
REQUESTS/DURATIONS:
jobnr. mode duration  R 1  R 2
------------------------------
  1      1     0       0    0
  2      1     3       2    0
  3      1     4       1    1
  4      1     0       0    0
RESOURCEAVAILABILITIES:
  R 1  R 2
   2    1
"""
MANIFEST = (EXAMPLES / "clusters" / "two-unequal-nodes.yaml").read_text(encoding="utf-8")


def seeds() -> dict[str, str]:
    """Text by the name of a file whose ending tells what it is."""
    return {
        "recording.jsonl": "".join(json.dumps(line) + "\n" for line in SMALL),
        "timeline.json": _timeline(),
        "states.json": json.dumps([STATE, {**STATE, "task_id": "b" * 48, "name": "g"}], indent=1),
        "states.yaml": yaml.safe_dump([STATE]),
        "trace.json": _trace(),
        "policy-trace.json": _policy_trace(),
        "packing.json": json.dumps(INSTANCE, indent=1),
        "makespan.json": json.dumps(to_json(heterogeneous(4, 2, 0)), indent=1),
        "workflow.json": json.dumps(WORKFLOW, indent=1),
        "graph.stg": "2\n0 0 0\n1 3 1 0\n2 4 1 0\n3 0 2 1 2\n",
        "project.sm": PROJECT,
        "shop.jsp": "2 2\n0 3 1 2\n1 2 0 4\n",
        "cluster.yaml": MANIFEST,
    }
