"""Handlers of the GCS, called one at a time: who is believed, what a key holds, who may write."""

from __future__ import annotations

import pytest

from rayproof.model.gcs.chain.master import ChainMaster
from rayproof.model.gcs.chain.protocol import (
    ABSENT,
    Configuration,
    Entry,
    Ready,
    Resume,
    Sealed,
)
from rayproof.model.gcs.chain.replica import Replica, value_of
from rayproof.model.gcs.paper.control_store import ControlStore
from rayproof.model.gcs.paper.protocol import ExecuteAgain
from rayproof.model.gcs.paper.tables import ObjectRow, is_own, object_key
from rayproof.model.gcs.ray2.membership import HealthCheck, Healthy, Membership, NodeAgent
from rayproof.model.graph import ObjectId, ObjectSpec, Program, Submit, TaskSpec
from rayproof.model.lineage.paper.tables import TaskEntry, TaskStatus
from tests.recorded import Recorded


def test_a_key_holds_its_own_last_value() -> None:
    written = tuple(Entry("c", i, key, i) for i, key in enumerate(["a", "b", "c", "b", "c", "a"], 1))
    assert [value_of(written, key) for key in "abc"] == [6, 4, 5]
    assert value_of(written, "bb") == ABSENT
    assert value_of(written, "*0") == (("a", 6), ("b", 4), ("c", 5))


@pytest.mark.parametrize("sender", ["r0", "r2", "r3"])
def test_only_the_successor_is_resumed(sender: str) -> None:
    members = Configuration(2, ("r0", "r1", "r2.1", "r3"))
    replica, ctx = Replica(configuration=members, linked=False), Recorded("r1")
    replica.receive(ctx, sender, Resume(members, 0, 0))
    assert not replica.linked
    replica.receive(ctx, "r2.1", Resume(members, 0, 0))
    assert replica.linked


@pytest.mark.parametrize("epoch", [2, 3, 5])
def test_a_promise_counts_for_the_change_that_is_under_way(epoch: int) -> None:
    master, ctx = ChainMaster(configuration=Configuration(3, ("r0", "r1")), fail_stop=False), Recorded("master")
    master.suspect(ctx, "r1")
    master.receive(ctx, "r0", Sealed(epoch))
    assert master.unsealed == {"r0", "r1"}
    master.receive(ctx, "r0", Sealed(4))
    assert master.unsealed == {"r1"}


@pytest.mark.parametrize("sender", ["r0", "r1", "r3"])
def test_only_the_replica_that_joins_can_be_ready(sender: str) -> None:
    master, ctx = (
        ChainMaster(configuration=Configuration(3, ("r0", "r1"), joining="r2"), growing="r2"),
        Recorded("master"),
    )
    master.receive(ctx, sender, Ready(3))
    assert not master.is_ready and not ctx.sends
    master.receive(ctx, "r2", Ready(3))
    assert master.configuration.chain == ("r0", "r1", "r2")


@pytest.mark.parametrize("life", [0, 2])
def test_a_node_answers_for_its_present_id_alone(life: int) -> None:
    agent, ctx = NodeAgent(life=1), Recorded("node")
    agent.receive(ctx, "gcs", HealthCheck(f"node/{life}"))
    agent.receive(ctx, "gcs", Membership(f"node/{life}", False))
    assert (agent.life, ctx.sends) == (1, [])
    agent.receive(ctx, "gcs", HealthCheck("node/1"))
    assert ctx.sent() == [("gcs", Healthy("node/1"))]


def test_a_raylet_writes_its_own_copies_only() -> None:
    key = object_key(ObjectId("x"))
    both, one, none = (ObjectRow(names) for names in (("raylet0", "raylet1"), ("raylet1",), ()))
    assert is_own("raylet0", key, one, both) and is_own("raylet0", key, both, one)
    assert is_own("raylet0", key, one, one)
    assert not is_own("raylet0", key, none, both) and not is_own("raylet0", key, both, none)
    assert not is_own("raylet0", key, none, one)


def store(node: str | None, status: TaskStatus = TaskStatus.QUEUED) -> ControlStore:
    """A store that believes the task to be on a node; `raylet1` is dead."""
    program = Program({"t": TaskSpec("t", outputs=("x",))}, {"x": ObjectSpec("x")}, (Submit("t"),))
    entry = {} if node is None else {"t": TaskEntry(status, node)}
    return ControlStore(program=program, raylets=("raylet0", "raylet1", "raylet2"), tasks=entry, dead={"raylet1"})


@pytest.mark.parametrize(
    ("believed", "again"), [("raylet0", False), ("raylet1", True), ("raylet2", False), (None, True)]
)
def test_late_word_of_a_dead_node_counts_unless_the_task_is_elsewhere(believed: str | None, again: bool) -> None:
    sent = [("scheduler", ExecuteAgain("t"))] if again else []
    # Names are compared by what they spell: this one is another object.
    dead = "raylet{}".format(1)  # noqa: UP032
    for late in ("done", "placed"):
        gcs, ctx = store(believed), Recorded("gcs")
        if late == "done":
            gcs.done(ctx, "t", dead)
        else:
            gcs.placed(ctx, "t", dead, answers=False)
        assert ctx.sent() == sent
        assert gcs.copies == {}


def test_an_answer_that_names_a_dead_node_is_asked_for_again() -> None:
    for answers in (True, False):
        gcs, ctx = store("raylet0", TaskStatus.PLACING), Recorded("gcs")
        gcs.placed(ctx, "t", "raylet1", answers=answers)
        assert ctx.sent() == [("scheduler", ExecuteAgain("t"))] * answers
