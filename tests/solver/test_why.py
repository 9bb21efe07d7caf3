"""Reasons for pending: together they leave no room, without any one of them there is room, and they read well."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from rayproof.model.graph import Resources
from rayproof.solver.engine import Limits
from rayproof.solver.instances import Group, GroupStrategy, Instance, InstanceError, Node, Occupant, Task
from rayproof.solver.why import Holds, Needs, NeedsLabel, NeedsNode, NeedsStrategy, Reason, Verdict, why_not
from tests.solver.brute import all_placements
from tests.solver.strategies import clusters_with_occupants


def room_under(instance: Instance, pending: str, reasons: tuple[Reason, ...]) -> bool:
    """Whether the pending one fits when only these facts are as they are."""
    groups = tuple(group for group in instance.groups if group.id == pending)
    names = set(groups[0].bundles) if groups else {pending}
    held = {reason.who for reason in reasons if isinstance(reason, Holds)}
    needs = {(reason.who, reason.resource) for reason in reasons if isinstance(reason, Needs)}
    labels = {(reason.who, (reason.key, reason.value)) for reason in reasons if isinstance(reason, NeedsLabel)}
    named = {reason.who for reason in reasons if isinstance(reason, NeedsNode)}
    occupants = []
    for item in instance.occupants:
        if item.id in names:
            occupants.append(
                replace(
                    item,
                    demand=Resources.from_units({key: n for key, n in item.demand if (item.id, key) in needs}),
                    labels=tuple(label for label in item.labels if (item.id, label) in labels),
                    allowed_nodes=item.allowed_nodes if item.id in named else None,
                )
            )
        elif item.id in held:
            occupants.append(replace(item, movable=False))
    strict = any(isinstance(reason, NeedsStrategy) for reason in reasons)
    relaxed = replace(instance, occupants=tuple(occupants), groups=groups if strict else ())
    return any(True for _ in all_placements(relaxed))


@settings(max_examples=200, deadline=None)
@given(clusters_with_occupants(max_occupants=5, settled=True))
def test_reasons_suffice_and_none_is_idle(instance: Instance) -> None:
    in_groups = {bundle for group in instance.groups for bundle in group.bundles}
    pending = [item.id for item in instance.occupants if item.node is None and item.id not in in_groups]
    for name in [*pending, *(group.id for group in instance.groups)]:
        found = why_not(instance, name)
        if found.verdict is Verdict.PLACEABLE:
            assert set(found.seats) >= {name} or name == "g"
            continue
        assert found.minimal
        assert not room_under(instance, name, found.reasons)
        for reason in found.reasons:
            assert room_under(instance, name, tuple(other for other in found.reasons if other != reason)), reason
        assert (found.verdict is Verdict.INFEASIBLE) != any(isinstance(reason, Holds) for reason in found.reasons)


SPOT = (("market", "spot"),)
NODES = (
    Node("node-1", Resources.of(CPU=4, GPU=1)),
    Node("node-2", Resources.of(CPU=4), SPOT),
    Node("node-3", Resources.of(CPU=4, GPU=1), SPOT),
)
ASKED = Occupant("train", Resources.of(CPU=1, GPU=1), labels=SPOT)


def test_the_sentence_names_who_has_it_and_who_holds_it() -> None:
    bundle = Occupant("p1-0", Resources.of(GPU=1), "node-3")
    group = Group("p1", GroupStrategy.PACK, ("p1-0",))
    found = why_not(Instance(NODES, occupants=(bundle, ASKED), groups=(group,)), "train")
    assert found.verdict is Verdict.UNAVAILABLE
    assert found.sentence == "train needs GPU:1 and label market=spot; only node-3 has both, held by group p1"


def test_nobody_is_blamed_for_what_no_cluster_could_do() -> None:
    holder = Occupant("other", Resources.of(CPU=4), "node-1")
    found = why_not(Instance(NODES[:2], occupants=(holder, ASKED)), "train")
    assert found.verdict is Verdict.INFEASIBLE
    assert found.sentence == (
        "train needs GPU:1 and label market=spot; no node has both (node-1 has GPU:1 but not label market=spot)"
    )


def test_a_group_that_needs_more_nodes_than_there_are() -> None:
    bundles = tuple(Occupant(f"b{at}", Resources.of(GPU=1)) for at in range(3))
    group = Group("g", GroupStrategy.STRICT_SPREAD, tuple(item.id for item in bundles))
    found = why_not(Instance(NODES, occupants=bundles, groups=(group,)), "g")
    assert found.verdict is Verdict.INFEASIBLE
    assert found.sentence.startswith("group g needs GPU:1 for 3 of its bundles")
    assert found.sentence.endswith("; only node-1 and node-3 have it")


def test_a_task_pends_too() -> None:
    holders = tuple(Occupant(f"a{at}", Resources.of(CPU=3), f"node-{at + 1}") for at in range(3))
    instance = Instance(NODES, tasks=(Task("t", 1, Resources.of(CPU=2)),), occupants=holders)
    found = why_not(instance, "t")
    assert found.sentence == (
        "t needs CPU:2; every node has it, node-1 held by a0, node-2 held by a1, node-3 held by a2"
    )


def test_gpu_fragments_are_told() -> None:
    halves = tuple(Occupant(f"a{at}", Resources.of(GPU=0.6), "n") for at in range(2))
    found = why_not(
        Instance((Node("n", Resources.of(GPU=2)),), occupants=(*halves, Occupant("b", Resources.of(GPU=0.6)))), "b"
    )
    assert found.sentence == "b needs GPU:0.6; n has it, held by a0 and a1"


def test_what_has_a_place_is_told_so() -> None:
    found = why_not(Instance(NODES, occupants=(ASKED,)), "train")
    assert (found.verdict, found.seats["train"]) == (Verdict.PLACEABLE, ("node-3", None))


def test_unknown_names_and_limits() -> None:
    instance = Instance(NODES, occupants=(ASKED, Occupant("here", Resources(), "node-1")))
    with pytest.raises(InstanceError, match="nothing called nobody"):
        why_not(instance, "nobody")
    with pytest.raises(InstanceError, match="here is not pending: it sits on node-1"):
        why_not(instance, "here")
    assert why_not(instance, "train", Limits(0.0)).verdict is Verdict.UNDETERMINED
