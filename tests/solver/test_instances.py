"""The instance form: it round-trips, and what is wrong with a file is said in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from rayproof.model.graph import Resources
from rayproof.solver.instances import (
    Group,
    GroupStrategy,
    InfeasibleError,
    Instance,
    InstanceError,
    Node,
    Occupant,
    Task,
    from_json,
    index,
    load,
    save,
    to_json,
)
from tests.solver.strategies import instances


@given(instances())
def test_json_keeps_every_field(instance: Instance) -> None:
    assert from_json(json.loads(json.dumps(to_json(instance)))) == instance


def test_occupants_and_groups_survive_a_file(tmp_path: Path) -> None:
    instance = Instance(
        nodes=(Node("n", Resources.of(CPU=1.5), (("market", "spot"),)),),
        occupants=(
            Occupant("a", Resources.of(CPU=0.3), "n", 7, False, ("n",), (("market", "spot"),)),
            Occupant("b", Resources.of(CPU=1), allowed_nodes=()),
        ),
        groups=(Group("g", GroupStrategy.STRICT_SPREAD, ("a",)),),
    )
    save(instance, tmp_path / "instance.json")
    assert load(tmp_path / "instance.json") == instance


GOOD: dict[str, Any] = {
    "schema": "rayproof.instance/1",
    "nodes": [{"id": "n", "capacity": {"CPU": 1}}],
    "tasks": [{"id": "t", "duration": 1, "demand": {"CPU": 1}}],
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": "rayproof.instance/9"}, "expected 'rayproof.instance/1'"),
        ({"nodes": []}, "at least one node"),
        ({"nodes": [{"id": "n", "capacity": {"CPU": -1}}]}, "nodes[0]: capacity: expected an object of amounts"),
        ({"tasks": [{"id": "t"}]}, "tasks[0]: expected a field 'duration', a whole number of 0 or more"),
        ({"tasks": [{"id": "t", "duration": 1.5}]}, "found 1.5"),
        ({"tasks": [{"id": "t", "duration": 1, "colour": "red"}]}, "tasks[0]: unknown field 'colour'"),
        ({"tasks": [{"id": "t", "duration": 1, "after": ["u"]}]}, "comes after u, which is not among the tasks"),
        ({"tasks": [{"id": "t", "duration": 1, "after": ["t"]}]}, "cycle"),
        ({"tasks": [{"id": "t", "duration": 1, "allowed_nodes": ["m"]}]}, "not among the nodes"),
        ({"tasks": [{"id": "t", "duration": 1}] * 2}, "task t appears twice"),
        ({"groups": [{"id": "g", "strategy": "LOOSE", "bundles": []}]}, "expected one of PACK, SPREAD"),
        ({"objective": "speed"}, "expected one of makespan, packing, migrations"),
        ({"bandwidth_bytes_per_s": 0}, "more than 0 bytes per second"),
        ({"tasks": [{"id": "t", "duration": 10**16}]}, "found 10000000000000000"),
        ({"nodes": [{"id": "n", "capacity": {"CPU": float("nan")}}]}, "expected an object of amounts"),
    ],
)
def test_a_malformed_instance_is_named(change: dict[str, Any], told: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(GOOD | change))
    with pytest.raises(InstanceError) as raised:
        load(path)
    assert str(path) in str(raised.value)
    assert told in str(raised.value)


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    for text in ("tasks:", "[" * 100_000, "\x00", ""):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(InstanceError, match=r"bad\.json: expected JSON"):
            load(tmp_path / "bad.json")
    with pytest.raises(InstanceError, match=r"absent\.json: expected a readable file"):
        load(tmp_path / "absent.json")


def test_a_task_that_fits_nowhere_is_infeasible() -> None:
    with pytest.raises(InfeasibleError, match="fits no node"):
        Instance((Node("n", Resources.of(CPU=1)),), (Task("t", 1, Resources.of(GPU=1)),))


def test_index_counts_in_the_largest_common_unit() -> None:
    instance = Instance(
        (Node("n", Resources.of(CPU=3, memory=5)),),
        (Task("a", 1, Resources.of(CPU=0.5)), Task("b", 1, Resources.of(CPU=2), after=("a",))),
    )
    dense = index(instance)
    assert (dense.resources, dense.demand, dense.capacity) == (("CPU",), ((1,), (4,)), ((6,),))
    assert dense.succs == ({1: 0}, {})
