"""Handlers of lineage, called one at a time: what a death ends, what a budget allows, how long retries wait."""

from __future__ import annotations

import pytest

from rayproof.model.kernel import Down
from rayproof.model.lineage.ray2.attempts import (
    AttemptEnded,
    AttemptNode,
    Ending,
    RunAttempt,
    Submitter,
    TaskShape,
)
from rayproof.model.lineage.ray2.execution import DISK, Executor, PutValue
from rayproof.model.lineage.ray2.keeping import Keeper
from rayproof.model.lineage.ray2.programs import Task
from rayproof.model.lineage.ray2.streams import Item, StreamOwner
from tests.recorded import Recorded


def test_nothing_of_a_dead_owner_is_moved_to_disk() -> None:
    node, ctx = Executor(spills=frozenset({"x"})), Recorded("node")
    node.receive(ctx, "owner", PutValue("x"))
    assert list(ctx.timers) == [f"{DISK}x"]
    node.receive(ctx, "owner", Down("owner"))
    assert (ctx.timers, node.memory) == ({}, set())


@pytest.mark.parametrize("max_retries", range(5))
def test_a_budget_of_retries_counts_from_the_second_attempt(max_retries: int) -> None:
    task = Task("t", (), "x", max_retries=max_retries)
    owner = Keeper(tasks=(task,), program=(), nodes=("node",))
    left = []
    for sent in range(1, max_retries + 3):
        owner.attempts["t"] = sent
        left.append((owner.retries_left(task), owner.can_run_again(task)))
    assert left == [(n, n > 0) for n in range(max_retries, -2, -1)]


def test_kills_for_memory_wait_twice_as_long_each_time_and_crashes_do_not() -> None:
    owner, ctx = Submitter(shapes=(TaskShape("t", max_retries=1),)), Recorded("owner")
    owner.start(ctx)
    for attempt, ending in enumerate([*[Ending.OUT_OF_MEMORY] * 4, Ending.CRASHED], 1):
        owner.receive(ctx, "node", AttemptEnded("t", attempt, ending))
        owner.retry(ctx, "t")
    assert ctx.lengths == [1, 2, 4, 8, 0]
    owner.receive(ctx, "node", AttemptEnded("t", 6, Ending.CRASHED))
    assert owner.endings == {"t": Ending.CRASHED}


def test_a_node_runs_what_it_has_workers_for_in_order() -> None:
    shapes = tuple(TaskShape(name, ticks=ticks) for name, ticks in (("a", 3), ("b", 0), ("c", 5)))
    node, ctx = AttemptNode(shapes=shapes, workers=2), Recorded("node")
    for shape in shapes:
        node.receive(ctx, "owner", RunAttempt(shape.name, 1))
    assert (node.running, node.queue) == ((("a", 1), ("b", 1)), (("c", 1),))
    assert ctx.lengths == [3, 0]


def test_what_a_dead_node_had_of_a_stream_is_lost_and_what_others_have_is_not() -> None:
    # Names are compared by what they spell: this one is another object.
    dead = "node{}".format(1)  # noqa: UP032
    items = {0: Item.HERE, 1: Item.DROPPED, 2: Item.HERE, 3: Item.HERE}
    places = {0: "node1", 1: "node1", 2: "node0", 3: "node1"}
    owner = StreamOwner(nodes=("node0", "node1"), items=items, places=places, attempt=2, runs_on="node1", seen=4)
    owner.node_died(Recorded("owner"), dead)
    assert (owner.runs_on, owner.end) == ("", 4)
    assert owner.items == {0: Item.FAILED, 1: Item.DROPPED, 2: Item.HERE, 3: Item.FAILED}


def test_what_a_dead_node_had_is_made_again_within_the_budget() -> None:
    owner, ctx = (
        StreamOwner(nodes=("node0", "node1"), items={0: Item.HERE}, places={0: "node1"}, attempt=1),
        Recorded("o"),
    )
    owner.node_died(ctx, "node1")
    assert (owner.items, owner.attempt, owner.runs_on) == ({0: Item.LOST}, 2, "node0")
