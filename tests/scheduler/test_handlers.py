"""Handlers of raylets and of the group manager, called one at a time: lengths of timers, shares of CPUs, views."""

from __future__ import annotations

import pytest

from rayproof.model.graph import Resources
from rayproof.model.kernel import Context
from rayproof.model.scheduler.ray2.group_manager import GroupManager
from rayproof.model.scheduler.ray2.leases.local import CAP
from rayproof.model.scheduler.ray2.leases.protocol import LeaseGranted, SchedulingClass
from rayproof.model.scheduler.ray2.leases.raylet import LeaseRaylet
from tests.recorded import Recorded


def raylet(cpus: float, **demands: float) -> tuple[LeaseRaylet, Recorded]:
    """One node that has just started, with four workers and classes of these demands."""
    total = Resources.of(CPU=cpus)
    node = LeaseRaylet(
        classes={name: SchedulingClass(name, Resources.of(CPU=demand)) for name, demand in demands.items()},
        order=("a",),
        totals={"a": total},
        workers=("w0", "w1", "w2", "w3"),
    )
    ctx = Recorded("a")
    node.start(ctx)
    return node, ctx


def granting(node: LeaseRaylet, ctx: Context, *classes: str) -> None:
    """Leases 0, 1, ... of these classes, in this order."""
    for lease, scheduling_class in enumerate(classes):
        node.give(ctx, scheduling_class, (lease, "owner", False))


def test_workers_are_leased_in_order_of_their_numbers_and_take_what_the_class_demands() -> None:
    node, ctx = raylet(4, small=1, large=2)
    granting(node, ctx, "small", "large")
    assert ctx.sent() == [("owner", LeaseGranted(0, "w0")), ("owner", LeaseGranted(1, "w1"))]
    assert node.free == Resources.of(CPU=1)
    node.returned(0, "w0")
    assert (node.idle, node.free) == (["w0", "w2", "w3"], Resources.of(CPU=2))


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
    node, ctx = raylet(cpus, a=1, b=1, two=2, free=0)
    granting(node, ctx, *granted)
    node.to_grant = {
        scheduling_class: [(10 + i, "owner", False) for i in range(count)]
        for scheduling_class, count in waiting.items()
    }
    assert node.has_its_share(ctx, "a") is has_it


def test_a_class_at_its_cap_gets_one_worker_more_each_time_its_timer_fires() -> None:
    node, ctx = raylet(1, a=1, free=0)
    granting(node, ctx, "free", "a")
    assert node.is_at_its_cap(ctx, "a") and not node.is_at_its_cap(ctx, "free")
    assert ctx.lengths == [1_000_000]
    node.block("w1")
    node.to_grant = {"a": [(7, "owner", False), (8, "owner", False)]}
    node.fire(ctx, f"{CAP}a")
    assert node.lifted == {"a": 1}
    assert set(node.granted) == {0, 1, 7}
    node.block("w2")
    node.go_on(ctx)
    # Now there is a CPU, but one more would be two beyond the cap, and waits twice as long.
    assert set(node.granted) == {0, 1, 7}
    assert ctx.lengths[-1] == 2_000_000
    node.fire(ctx, f"{CAP}a")
    assert node.lifted == {"a": 2}
    assert set(node.granted) == {0, 1, 7, 8}


def test_the_cap_is_what_could_run_at_once_rounded() -> None:
    for cpus, demand, cap in ((4, 2, 2), (4, 3, 1), (5, 2, 3), (1, 2, 1)):
        node, ctx = raylet(cpus, a=demand)
        granting(node, ctx, *["a"] * (cap - 1))
        assert not node.is_at_its_cap(ctx, "a")
        node.give(ctx, "a", (9, "owner", False))
        assert node.is_at_its_cap(ctx, "a")


def test_the_patience_of_a_class_at_its_cap_ends_at_ten_seconds() -> None:
    node, ctx = raylet(1, a=1)
    node.granted = {lease: ("a", f"w{lease}", Resources()) for lease in range(20)}
    assert node.is_at_its_cap(ctx, "a")
    assert ctx.lengths == [10_000_000]


def test_what_is_overdrawn_is_told_as_nothing() -> None:
    node, _ = raylet(2, a=1)
    node.free = Resources.of(CPU=1) - Resources.of(CPU=3)
    assert node.own_view("a").available == Resources()
    node.free = Resources.of(CPU=1)
    assert node.own_view("a").available == Resources.of(CPU=1)


def test_a_group_waits_longer_each_time_but_no_longer_than_a_second() -> None:
    manager, ctx = GroupManager(groups={}, totals=()), Recorded("gcs")
    for _ in range(9):
        manager.back_off(ctx, "g")
    assert ctx.lengths == [100_000, 150_000, 225_000, 337_500, 506_250, 759_375, 1_000_000, 1_000_000, 1_000_000]
