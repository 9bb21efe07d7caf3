"""The cases of Ray's own unit tests on eviction and pull admission."""

import json
from pathlib import Path
from typing import Any

import pytest

from rayproof.model.objects.ray2.admission import Bundle, PullClass, admit
from rayproof.model.objects.ray2.eviction import lru_choose, require_space

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "data" / "object-vectors.json").read_text(encoding="utf-8")
)["vectors"]

CLASSES = {"GET_REQUEST": PullClass.GET, "WAIT_REQUEST": PullClass.WAIT, "TASK_ARGS": PullClass.TASK_ARGS}


def of_kind(kind: str) -> pytest.MarkDecorator:
    """Parametrise a test by the vectors of a kind."""
    found = [vector for vector in VECTORS if vector["kind"] == kind]
    return pytest.mark.parametrize("case", found, ids=[vector["id"] for vector in found])


def test_every_vector_has_a_test() -> None:
    assert len(VECTORS) == 9
    assert {v["kind"] for v in VECTORS} == {"eviction", "lru_choose", "pull_admission", "pull_sequence"}


@of_kind("eviction")
def test_vector_of_eviction(case: dict[str, Any]) -> None:
    found = require_space(case["capacity"], case["allocated"], case["lru_oldest_first"], case["require"])
    assert {"still_needed": found.still_needed, "num_evicted": found.count} == case["expect"]


@of_kind("lru_choose")
def test_vector_of_lru_choose(case: dict[str, Any]) -> None:
    count, freed = lru_choose(case["lru_oldest_first"], case["require"])
    assert {"bytes": freed, "num_evicted": count} == case["expect"]


@of_kind("pull_admission")
def test_vector_of_pull_admission(case: dict[str, Any]) -> None:
    kind = CLASSES[case["priority"]]
    bundles = []
    sizes: dict[str, int] = {}
    for number, parts in enumerate(case["bundles"]):
        names = tuple(f"{number}.{i}" for i in range(len(parts)))
        bundles.append(Bundle(number, kind, names))
        sizes.update(zip(names, parts, strict=True))
    active = [len(admit(bundles, (), sizes, capacity)) for capacity in case["capacities"]]
    assert active == case["expect"]["active_bundles"]


@of_kind("pull_sequence")
def test_vector_of_pull_sequence(case: dict[str, Any]) -> None:
    bundles: dict[str, Bundle] = {}
    sizes: dict[str, int] = {}
    active: tuple[Bundle, ...] = ()
    available = 0
    checked = 0
    for number, taken in enumerate(case["steps"]):
        match taken["op"]:
            case "pull":
                bundles[taken["id"]] = Bundle(number, CLASSES[taken["priority"]], (taken["id"],))
            case "size":
                sizes[taken["id"]] = case["object_size"]
            case "capacity":
                available = taken["bytes"]
            case "cancel":
                del bundles[taken["id"]]
        active = admit(bundles.values(), (bundle.number for bundle in active), sizes, available)
        if "expect_active" in taken:
            assert sorted(bundle.objects[0] for bundle in active) == sorted(taken["expect_active"]), taken
            checked += 1
    assert checked == 11


def test_a_shared_object_counts_once_and_an_unknown_one_holds_nobody_up() -> None:
    first = Bundle(0, PullClass.TASK_ARGS, ("unknown",))
    second = Bundle(1, PullClass.TASK_ARGS, ("a", "b"))
    third = Bundle(2, PullClass.TASK_ARGS, ("b",))
    assert admit([first, second, third], (), {"a": 1, "b": 1}, 2) == (second, third)
