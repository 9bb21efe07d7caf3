"""Files of the literature are read as they are meant, and broken ones are named with the line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rayproof.solver.bounds import lower_bound
from rayproof.solver.engine import Limits
from rayproof.solver.instances import Instance, InstanceError
from rayproof.solver.placement import best_placement
from rayproof.solver.readers import (
    VARIABLE,
    directory,
    gpu_cluster,
    job_shops,
    projects,
    read_job_shop,
    read_psplib,
    read_stg,
    read_wfcommons,
    recorded_workflows,
    task_graphs,
)
from rayproof.solver.schedules import require_valid, upper_bound
from tests.solver.brute import least_makespan

STG = """3
0 0 0
1 4 1 0
2 3 1 0
3 2 1 1
4 0 2 2 3
# Part of the generator's comments
"""

SM = """************************************************************************
jobs (incl. supersource/sink ):  4
RESOURCES
  - renewable                 :  2   R
************************************************************************
PRECEDENCE RELATIONS:
jobnr.    #modes  #successors   successors
   1        1          2           2   3
   2        1          1           4
   3        1          1           4
   4        1          0
************************************************************************
REQUESTS/DURATIONS:
jobnr. mode duration  R 1  R 2
------------------------------------------------------------------------
  1      1     0       0    0
  2      1     3       2    0
  3      1     4       1    1
  4      1     0       0    0
************************************************************************
RESOURCEAVAILABILITIES:
  R 1  R 2
   2    1
************************************************************************
"""

WORKFLOW = {
    "name": "wf",
    "workflow": {
        "specification": {
            "tasks": [
                {"name": "a", "id": "a1", "parents": [], "children": ["b1"], "inputFiles": ["x"], "outputFiles": ["y"]},
                {"name": "b", "id": "b1", "parents": ["a1"], "children": [], "inputFiles": ["y"], "outputFiles": []},
            ],
            "files": [{"id": "x", "sizeInBytes": 5}, {"id": "y", "sizeInBytes": 7}],
        },
        "execution": {"tasks": [{"id": "a1", "runtimeInSeconds": 1.5}, {"id": "b1", "runtimeInSeconds": 2}]},
    },
}


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_stg(tmp_path: Path) -> None:
    instance = read_stg(written(tmp_path, "g.stg", STG)).instance(2)
    assert (instance.name, least_makespan(instance), lower_bound(instance).value_us) == ("g@2", 6, 6)
    assert instance.task["t4"].after == ("t2", "t3")


def test_psplib(tmp_path: Path) -> None:
    instance = read_psplib(written(tmp_path, "p.sm", SM)).instance()
    assert [task.duration for task in instance.tasks] == [0, 3, 4, 0]
    assert instance.task["t2"].demand.amounts() == {"R1": 1, "R2": 1}
    assert least_makespan(instance) == 7


def test_job_shop(tmp_path: Path) -> None:
    instance = read_job_shop(written(tmp_path, "j", "# two jobs\n2 2\n0 3 1 2\n1 4 0 1\n")).instance()
    assert instance.task["j1.1"].allowed_nodes == ("m0",)
    assert least_makespan(instance) == 6


def test_wfcommons(tmp_path: Path) -> None:
    instance = read_wfcommons(written(tmp_path, "w.json", json.dumps(WORKFLOW))).instance(2, 1_000_000)
    assert [task.duration for task in instance.tasks] == [1_500_000, 2_000_000]
    assert instance.predecessors(instance.task["t1"]) == {"t0": 7}


@pytest.mark.parametrize(
    ("read", "text", "told"),
    [
        (read_stg, STG.replace("3 2 1 1", "3 2 2 1"), ":5: expected '3 length predecessors"),
        (read_stg, "3\n0 0 0\n", "expected 5 tasks"),
        (read_stg, "many\n", "expected numbers"),
        (read_stg, "", "empty file"),
        (read_psplib, SM.replace("RESOURCEAVAIL", "RESOURCE"), "expected a section RESOURCEAVAILABILITIES"),
        (read_psplib, SM.replace("  4      1     0       0    0\n", ""), "expected 4 rows under REQUESTS/DURATIONS"),
        (read_job_shop, "2 2\n0 3 1 2\n1 4 0\n", ":3: expected 2 'machine length' pairs, found 3 numbers"),
        (read_job_shop, "2 2\n0 3 1 2\n", "expected 2 jobs, found 1"),
        (read_wfcommons, "{}", "'workflow' is missing"),
        (read_wfcommons, "[", "expected a WfCommons 1.5 workflow"),
    ],
)
def test_a_broken_file_is_named_with_what_was_expected(
    read: Callable[[Path], object], text: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(InstanceError) as raised:
        read(written(tmp_path, "broken", text))
    assert str(tmp_path / "broken") in str(raised.value)
    assert told in str(raised.value)


def test_an_absent_set_says_which_variable_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(InstanceError, match=VARIABLE):
        list(task_graphs())


shared = pytest.mark.skipif(not directory().is_dir(), reason=f"no published sets; {VARIABLE} names their directory")


@shared
def test_published_optima_lie_between_the_bounds() -> None:
    closed, seen = 0, 0
    for published in [*list(task_graphs())[::6], *list(projects())[::6], *list(job_shops())[:1]]:
        bound = lower_bound(published.instance).value_us
        found = upper_bound(published.instance, target=bound)
        require_valid(published.instance, found)
        assert bound <= published.optimum <= found.makespan(published.instance)
        seen += 1
        closed += bound == found.makespan(published.instance)
    assert closed * 2 > seen


@shared
def test_recorded_workflows_are_planned_within_their_bounds() -> None:
    plans: list[Instance] = list(recorded_workflows())
    assert len(plans) >= 7
    for plan in plans:
        found = upper_bound(plan, restarts=2)
        require_valid(plan, found)
        assert lower_bound(plan).value_us <= found.makespan(plan)


@shared
def test_pods_of_a_gpu_cluster_are_packed_device_by_device() -> None:
    cluster = gpu_cluster(0, 60)
    assert any(0 < pod.demand["GPU"] < 10_000 for pod in cluster.occupants)
    found = best_placement(cluster, limits=Limits(10))
    assert found.value is not None
    assert found.lower <= found.value <= len(cluster.nodes)
