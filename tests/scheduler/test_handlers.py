"""Handlers of raylets and of the group manager, called one at a time: lengths of timers, shares of CPUs, views."""

from __future__ import annotations

import pytest

from rayproof.model.graph import Default, ObjectSpec, Program, Resources, Submit, TaskSpec
from rayproof.model.scheduler.ray2.group_manager import GroupManager
from rayproof.model.scheduler.ray2.lease_manager import CAP, Granted, LeaseManager
from rayproof.model.scheduler.ray2.place_hook import Seat
from rayproof.model.wire.ray2.leases import LeaseGranted, LeaseSpec, PopWorker, PushWorker
from rayproof.model.wire.ray2.objects import ObjectLocal
from tests.recorded import Recorded

OWNER = "driver.leases"


def raylet(**amounts: float) -> tuple[LeaseManager, Recorded]:
    """One node that has just started."""
    task = TaskSpec("t", (), ("o",), Resources())
    node = LeaseManager(
        order=("a",),
        seats={"a": Seat("n0", 0, Resources.from_amounts(amounts))},
        pool="pool",
        store="store",
        hub="hub",
        node_of={},
        program=Program({"t": task}, {"o": ObjectSpec("o", 3)}, (Submit("t"),)),
    )
    ctx = Recorded("a")
    node.start(ctx)
    return node, ctx


def request(number: int, of: str, cpus: float) -> LeaseSpec:
    """A request of a class with a demand of CPUs."""
    return LeaseSpec((OWNER, number), of, Resources.of(CPU=cpus), Default(), "t")


def demand_of(of: str) -> float:
    """Of the classes in these tests."""
    return {"two": 2.0, "free": 0.0}.get(of, 1.0)


def granting(node: LeaseManager, ctx: Recorded, *classes: str) -> None:
    """Leases 0, 1, ... of these classes, in this order, each with a worker."""
    for number, of in enumerate(classes):
        node.give(ctx, request(number, of, demand_of(of)))
        node.popped(ctx, (OWNER, number), f"w{number}")


def test_a_lease_takes_what_its_class_demands_and_gives_it_back() -> None:
    node, ctx = raylet(CPU=4)
    granting(node, ctx, "small", "two")
    assert ctx.sent() == [
        ("pool", PopWorker((OWNER, 0))),
        (OWNER, LeaseGranted((OWNER, 0), "w0")),
        ("pool", PopWorker((OWNER, 1))),
        (OWNER, LeaseGranted((OWNER, 1), "w1")),
    ]
    assert node.free == Resources.of(CPU=1)
    node.returned(ctx, (OWNER, 0), False)
    node.returned(ctx, (OWNER, 0), False)
    assert node.free == Resources.of(CPU=2) and ctx.sent()[4:] == [("pool", PushWorker("w0"))]


@pytest.mark.parametrize(
    ("cpus", "waiting", "granted", "has_it"),
    [
        (4, {"a": 1, "b": 2}, "aa", False),  # three are wanted, four are there: no shares
        (4, {"a": 2, "b": 2}, "aaa", False),  # four are wanted, four are there
        (2, {"a": 2, "b": 1}, "aa", True),  # two held by a, one each is fair
        (2, {"a": 2, "b": 1}, "ab", False),
        (2, {"a": 2, "b": 1}, "a", True),  # 1 > 1 // 2
        (2, {"a": 3}, "aa", False),  # alone it may have all
        (2, {"a": 2, "b": 1, "free": 1}, "ab", False),  # who wants no CPU is no rival
        (2, {"a": 2, "b": 1}, ("free", "free", "a"), True),  # and holds none
        (3, {"a": 3, "b": 1}, "aab", True),
        (4, {"two": 1, "a": 2}, "aa", False),  # one of two CPUs and two of one: four
        (3, {"two": 1, "a": 2}, "aa", True),
    ],
)
def test_a_class_has_its_share_of_scarce_cpus(cpus: int, waiting: dict[str, int], granted: str, has_it: bool) -> None:
    node, ctx = raylet(CPU=cpus)
    granting(node, ctx, *granted)
    node.to_grant = {of: [request(10 + i, of, demand_of(of)) for i in range(count)] for of, count in waiting.items()}
    assert node.has_its_share("a", "a") is has_it


def test_a_class_at_its_cap_gets_one_worker_more_each_time_its_timer_fires() -> None:
    node, ctx = raylet(CPU=1)
    granting(node, ctx, "free", "a")
    node.block("w1")
    node.to_grant = {"a": [request(7, "a", 1), request(8, "a", 1)]}
    node.go_on(ctx)
    assert node.lifted == {} and ctx.lengths == [1_000_000]
    node.fire(ctx, f"{CAP}a")
    assert node.lifted == {"a": 1}
    assert {number for _, number in node.granted} == {0, 1, 7}
    node.popped(ctx, (OWNER, 7), "w7")
    node.block("w7")
    node.go_on(ctx)
    # Now there is a CPU, but one more would be two beyond the cap, and waits twice as long.
    assert {number for _, number in node.granted} == {0, 1, 7}
    assert ctx.lengths[-1] == 2_000_000
    node.fire(ctx, f"{CAP}a")
    assert node.lifted == {"a": 2}
    assert {number for _, number in node.granted} == {0, 1, 7, 8}


def test_the_cap_is_what_could_run_at_once_rounded() -> None:
    for cpus, demand, cap in ((4, 2, 2), (4, 3, 1), (5, 2, 3), (1, 2, 1)):
        node, ctx = raylet(CPU=cpus)
        node.to_grant = {"a": [request(99, "a", demand)]}
        node.granted = {(OWNER, i): Granted(request(i, "a", demand), Resources(), f"w{i}") for i in range(cap - 1)}
        node.blocked = {(OWNER, 100)}
        assert not node.is_at_its_cap(ctx, "a")
        node.granted[OWNER, 9] = Granted(request(9, "a", demand), Resources(), "w9")
        assert node.is_at_its_cap(ctx, "a")


def test_the_patience_of_a_class_at_its_cap_ends_at_ten_seconds() -> None:
    node, ctx = raylet(CPU=1)
    node.to_grant = {"a": [request(99, "a", 1)]}
    node.granted = {(OWNER, i): Granted(request(i, "a", 1), Resources(), f"w{i}") for i in range(20)}
    node.blocked = {(OWNER, 0)}
    assert node.is_at_its_cap(ctx, "a")
    assert ctx.lengths == [10_000_000]


def test_what_is_overdrawn_is_told_as_nothing() -> None:
    node, _ = raylet(CPU=2)
    node.free = Resources.of(CPU=1) - Resources.of(CPU=3)
    assert node.own_view("a").available == Resources()
    node.free = Resources.of(CPU=1)
    assert node.own_view("a").available == Resources.of(CPU=1)


def test_an_object_takes_room_once_where_the_store_has_a_bound() -> None:
    node, ctx = raylet(CPU=1, object_store_memory=8)
    for _ in range(2):
        node.receive(ctx, "store", ObjectLocal("o", 1))
    assert node.free == Resources.of(CPU=1, object_store_memory=5) and node.stored["object_store_memory"] == 3
    node, ctx = raylet(CPU=1)
    node.receive(ctx, "store", ObjectLocal("o", 1))
    assert node.free == Resources.of(CPU=1)


def test_a_group_waits_longer_each_time_but_no_longer_than_a_second() -> None:
    manager, ctx = GroupManager(groups={}, totals=()), Recorded("gcs")
    for _ in range(9):
        manager.back_off(ctx, "g")
    assert ctx.lengths == [100_000, 150_000, 225_000, 337_500, 506_250, 759_375, 1_000_000, 1_000_000, 1_000_000]
