"""The exact policies agree with the tests of Ray itself, vector by vector."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from rayproof.model.graph import BundleStrategy, Default, NodeAffinity, Resources, Spread
from rayproof.model.scheduler.ray import (
    Answer,
    Argument,
    HybridOptions,
    LabelConstraint,
    LabelOperator,
    LeaseOptions,
    NodeAffinityOptions,
    NodeResources,
    Request,
    Status,
    best_for_lease,
    best_for_strategy,
    best_node,
    critical_utilization,
    hybrid,
    is_available,
    is_feasible,
    is_legal_placement,
    lease_target,
    node_affinity,
    random_node,
    round_robin,
    schedule_bundles,
)
from rayproof.model.scheduler.ray.cluster_scheduler import LeaseStrategy
from rayproof.model.scheduler.ray.locality import OwnerStrategy

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "ray-policy-vectors.json").read_text()
)["vectors"]

Fields = Mapping[str, Any]


def node(name: str, fields: Fields) -> NodeResources:
    available = Resources.from_amounts(fields["available"])
    return NodeResources(
        name,
        Resources.from_amounts(fields["total"]),
        dict(available.units),
        tuple(fields.get("labels", {}).items()),
        fields.get("draining", False),
    )


def nodes(vector: Fields) -> list[NodeResources]:
    order = vector.get("node_order") or list(vector["nodes"])
    filler = vector["options"].get("filler_nodes", 0)
    empty: Fields = {"total": {}, "available": {}}
    return [node(name, vector["nodes"][name]) for name in order] + [node(f"filler{i}", empty) for i in range(filler)]


def constraints(fields: list[Any]) -> tuple[LabelConstraint, ...]:
    return tuple(LabelConstraint(key, LabelOperator(operator), tuple(values)) for key, operator, values in fields)


def request_of(fields: Fields) -> Request:
    return Request(Resources.from_amounts(fields["resources"]), constraints(fields.get("labels", [])))


def agree(answer: Answer, expected: Fields) -> None:
    if "node_in" in expected:
        assert answer.nodes
        assert set(answer.nodes) <= set(expected["node_in"])
        if expected.get("all_reachable"):
            assert set(answer.nodes) == set(expected["node_in"])
    else:
        assert answer.nodes == (() if expected["node"] is None else (expected["node"],))


def hybrid_options(options: Fields) -> HybridOptions:
    return HybridOptions(
        options["spread_threshold"],
        options["top_k_absolute"],
        options["top_k_fraction"],
        options["avoid_gpu_nodes"],
        options["avoid_local_node"],
        options["require_node_available"],
        options["preferred_node"],
    )


def check_policy(vector: Fields) -> None:
    known, request, options = nodes(vector), request_of(vector["request"]), vector["options"]
    match vector["policy"]:
        case "HYBRID":
            answer = hybrid(known, request, vector["local"], hybrid_options(options))
        case "NODE_AFFINITY":
            answer = node_affinity(known, request, vector["local"], NodeAffinityOptions(**options))
        case "RANDOM":
            answer = random_node(known, request)
        case other:
            raise AssertionError(other)
    agree(answer, vector["expect"])


def check_sequence(vector: Fields) -> None:
    known = nodes({**vector, "options": {}})
    cursor = vector["initial_state"]["spread_next_index"]
    for step in vector["steps"]:
        answer, cursor = round_robin(
            known,
            request_of(step["request"]),
            cursor,
            local=vector["local"],
            avoid_local=step["options"]["avoid_local_node"],
            require_available=step["options"]["require_node_available"],
        )
        agree(answer, step["expect"])


def check_definition(vector: Fields) -> None:
    known = node("n", vector["node"])
    value: object
    match vector["function"]:
        case "is_feasible":
            value = is_feasible(known, request_of(vector["request"]))
        case "is_available":
            value = is_available(known, request_of(vector["request"]))
        case "critical_resource_utilization":
            value = critical_utilization(known.total, known.free)
        case other:
            raise AssertionError(other)
    assert value == vector["expect"]["value"]


def check_best_node(vector: Fields) -> None:
    answer = best_node(
        vector["scores"],
        vector["node_order"],
        vector["num_candidates"],
        vector["preferred"],
        vector["preferred_score"],
    )
    assert answer.nodes[vector.get("forced_draw", 0)] == vector["expect"]["node"]
    assert set(answer.weights) == {1}


def check_bundle(vector: Fields) -> None:
    bundles = [request_of(bundle) for bundle in vector["bundles"]]
    known, options, expected = nodes(vector), vector["options"], vector["expect"]
    strategy = BundleStrategy(vector["policy"])
    used, target = frozenset(options.get("nodes_already_used_by_group", ())), options.get("soft_target")
    before = [dict(each.free) for each in known]
    outcomes = [
        outcome
        for _, outcome in zip(
            range(50),
            schedule_bundles(known, bundles, strategy, used_by_group=used, soft_target=target),
            strict=False,
        )
    ]
    assert {outcome.status for outcome in outcomes} == {Status(expected["status"])}
    assert [dict(each.free) for each in known] == before
    for outcome in outcomes:
        if outcome.status is Status.SUCCESS:
            assert is_legal_placement(known, bundles, strategy, outcome.nodes, used_by_group=used, soft_target=target)
    if "nodes" in expected:
        assert is_legal_placement(known, bundles, strategy, expected["nodes"], used_by_group=used, soft_target=target)
        assert tuple(expected["nodes"]) in {outcome.nodes for outcome in outcomes}
    if "num_nodes" in expected:
        assert {len(outcome.nodes) for outcome in outcomes} == {expected["num_nodes"]}


def strategy_of(fields: Fields) -> LeaseStrategy:
    match fields["type"]:
        case "DEFAULT":
            return Default()
        case "SPREAD":
            return Spread()
        case "NODE_AFFINITY":
            return NodeAffinity(fields["target"], fields["soft"])
        case other:
            raise AssertionError(other)


def check_cluster_scheduler(vector: Fields) -> None:
    known, request = nodes(vector), request_of(vector["request"])
    strategy, options = strategy_of(vector["strategy"]), vector["options"]
    if vector["level"] == "strategy":
        answer, _ = best_for_strategy(
            known,
            request,
            strategy,
            vector["local"],
            0,
            force_spillback=options["force_spillback"],
            preferred=options["preferred_node"],
            actor_creation=options["actor_creation"],
        )
        agree(answer, vector["expect"])
        return
    decision = best_for_lease(
        known,
        request,
        strategy,
        vector["local"],
        0,
        LeaseOptions(
            prefer_local=options["preferred_node"] == vector["local"],
            exclude_local=options["exclude_local_node"],
            has_raylet=options["local_has_raylet"],
        ),
        [constraints(selector) for selector in vector["label_selectors_in_order"]],
    )
    agree(decision.answer, vector["expect"])
    assert decision.infeasible == vector["expect"]["is_infeasible"]


def check_lease_policy(vector: Fields) -> None:
    target = lease_target(
        [Argument(made["size"], tuple(made["nodes"])) for made in vector["objects"]],
        OwnerStrategy(vector["strategy"]),
        vector["fallback"],
        target=vector["target"],
        reachable=None if vector["addresses_known"] else (),
    )
    assert target.node == vector["expect"]["node"]
    assert target.by_locality == vector["expect"]["selected_by_locality"]


CHECKS: dict[str, Callable[[Fields], None]] = {
    "policy": check_policy,
    "policy_sequence": check_sequence,
    "definition": check_definition,
    "get_best_node": check_best_node,
    "bundle": check_bundle,
    "cluster_scheduler": check_cluster_scheduler,
    "lease_policy": check_lease_policy,
}


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["id"] for vector in VECTORS])
def test_vector(vector: dict[str, Any]) -> None:
    CHECKS[vector["kind"]](vector)


def test_all_vectors_about_scheduling_are_there() -> None:
    assert Counter(vector["kind"] for vector in VECTORS) == {
        "policy": 27,
        "cluster_scheduler": 25,
        "bundle": 20,
        "lease_policy": 8,
        "definition": 7,
        "get_best_node": 7,
        "policy_sequence": 1,
    }
