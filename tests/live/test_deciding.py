"""The decisions of `rayproof run` and the verdicts of `compare-live`, without Ray."""

from __future__ import annotations

from typing import Any

import pytest

from rayproof.errors import InputError
from rayproof.live.comparing import Compared, as_json, as_text, pairs
from rayproof.live.decider import Decider, Node, Question, demand_of
from rayproof.live.running import Forcing
from rayproof.model.graph import Hints, Resources
from rayproof.model.kernel import PolicyError
from rayproof.model.scheduler.policy.hooks import ClusterView, TaskView
from rayproof.policies import LoadedPolicy, load_policy

CPU = Resources.of(CPU=1)
NODES = [Node("aa", Resources.of(CPU=2)), Node("bb", Resources.of(CPU=1, GPU=1))]


class Shown:
    """Answers as it is told, and keeps what it was shown."""

    def __init__(self, answer: Any = "N0") -> None:
        self.answer = answer
        self.seen: list[tuple[TaskView, ClusterView, Any]] = []

    def place(self, task: TaskView, view: ClusterView, memory: Any, ctx: Any) -> Any:
        self.seen.append((task, view, memory))
        return self.answer(task, view, memory, ctx) if callable(self.answer) else self.answer


def question(*inputs: str, demand: Resources = CPU, **more: Any) -> Question:
    return Question("f", demand, inputs, "bb", **more)


def test_what_is_sent_holds_its_demand_until_its_body_has_ended() -> None:
    policy = Shown()
    decider = Decider(policy, NODES)
    assert decider.place(question()) == "aa"
    decider.submitted("t0", "aa", question())
    decider.submitted("t1", "aa", question())
    decider.place(question())
    _, view, _ = policy.seen[-1]
    first, second = view.nodes
    assert (first.available["CPU"], first.queue_length, first.utilization) == (0, 2, 1.0)
    assert (second.available["CPU"], second.queue_length, second.gpu) == (10_000, 0, True)
    assert (view.origin, [node.name for node in view.options]) == ("N1", ["N0", "N1"])
    before = decider.version
    decider.started("t0", "aa", 10.0)
    decider.ended("t0", 10.25)
    assert decider.version > before
    decider.place(question())
    assert policy.seen[-1][1].nodes[0].available["CPU"] == 10_000
    assert policy.seen[-1][1].nodes[0].task_us == 250_000 and policy.seen[-1][1].nodes[0].queued_us == 250_000


def test_what_blocks_gives_back_its_cpu_and_no_gpu() -> None:
    policy = Shown("N1")
    decider = Decider(policy, NODES)
    asked = question(demand=Resources.of(CPU=1, GPU=1))
    decider.submitted("t0", "bb", asked)
    decider.started("t0", "bb", 0)
    assert not decider.hopeless()
    decider.blocked("t0", True)
    assert decider.hopeless(), "nothing that runs could change the view"
    decider.place(question())
    assert dict(policy.seen[-1][1].nodes[1].available) == {"CPU": 10_000, "GPU": 0}
    decider.blocked("t0", False)
    decider.place(question())
    assert dict(policy.seen[-1][1].nodes[1].available) == {"CPU": 0, "GPU": 0}


def test_inputs_lie_where_they_were_made_and_where_they_were_used() -> None:
    policy = Shown()
    decider = Decider(policy, NODES)
    decider.made("big", 500_000, "bb")
    decider.made("small", 50, "bb")
    decider.place(question("big", "small", "unknown"))
    view = policy.seen[-1][1]
    assert (view.input_bytes, dict(view.local_bytes)) == (500_050, {"N1": 500_000})
    assert view.remote_bytes("N0") == 500_050 and [a.size_bytes for a in view.arguments] == [500_000, 50, None]
    decider.submitted("t0", "aa", question("big", "small"))
    decider.started("t0", "aa", 0)
    decider.place(question("big"))
    assert dict(policy.seen[-1][1].local_bytes) == {"N0": 500_000, "N1": 500_000}


def test_retries_come_to_life_again_and_processes_that_die_free_what_they_held() -> None:
    policy = Shown()
    decider = Decider(policy, NODES)
    decider.submitted("t0", "aa", question())
    decider.started("t0", "aa", 0)
    decider.died("t0")
    decider.place(question())
    assert policy.seen[-1][1].nodes[0].available["CPU"] == 20_000
    decider.started("t0", "bb", 5)
    decider.place(question())
    assert policy.seen[-1][1].nodes[1].available["CPU"] == 0, "Ray retried it elsewhere"


def test_an_actor_holds_what_it_has_until_it_dies() -> None:
    policy = Shown()
    decider = Decider(policy, NODES)
    decider.submitted("a0", "aa", question(actor=True))
    decider.started("a0", "aa", 0)
    decider.ended("a0", 1)
    decider.place(question(actor=True, hints=Hints(priority=3)))
    task, view, _ = policy.seen[-1]
    assert (view.nodes[0].available["CPU"], view.nodes[0].queue_length) == (10_000, 0)
    assert task.actor and task.hints.priority == 3 and decider.hopeless()
    decider.died("a0")
    decider.place(question())
    assert policy.seen[-1][1].nodes[0].available["CPU"] == 20_000


def test_one_memory_and_draws_from_the_seed() -> None:
    def drawn(task: TaskView, view: ClusterView, memory: Any, ctx: Any) -> Any:
        return ctx.choose(view.options, random=True).name, (*memory, task.id)

    def run(seed: int) -> tuple[list[str | None], Any]:
        policy = Shown(drawn)
        decider = Decider(policy, NODES, seed)
        return [decider.place(question()) for _ in range(20)], policy.seen[-1][2]

    answers, memory = run(1)
    assert memory == tuple(f"T{i}" for i in range(19)) and set(answers) == {"aa", "bb"}
    assert run(1)[0] == answers and run(2)[0] != answers


@pytest.mark.parametrize(("answer", "rule"), [("moon", "legal_answer"), (3, "answer_type"), (("N0", []), "memory")])
def test_rules_are_those_of_check(answer: Any, rule: str) -> None:
    with pytest.raises(PolicyError) as error:
        Decider(Shown(answer), NODES).place(question())
    assert error.value.rule == rule


def test_waiting_is_counted_and_what_fits_nowhere_is_known() -> None:
    decider = Decider(Shown(None), NODES)
    assert decider.place(question()) is None and decider.waits == 1
    assert decider.feasible(question()) and not decider.feasible(question(demand=Resources.of(TPU=1)))


def test_demands_with_rays_defaults() -> None:
    assert demand_of({}, False) == CPU and demand_of({}, True) == Resources()
    assert demand_of({"num_gpus": 1}, True) == Resources.of(CPU=1, GPU=1)
    assert demand_of({"num_cpus": 0, "resources": {"disk": 2}}, False) == Resources.of(disk=2)


def test_a_policy_without_place_cannot_be_forced() -> None:
    class OrderAlone:
        def order(self, queue: Any, view: Any, memory: Any, ctx: Any) -> Any:
            return queue[0].id

    from rayproof.model.scheduler.policy.built_in import with_defaults

    forcing = Forcing(LoadedPolicy("mine.py", "OrderAlone", with_defaults(OrderAlone())))
    with pytest.raises(InputError, match="has no place hook"):
        forcing.unforced()
    assert Forcing(load_policy("default")).variables() == {}
    assert Forcing(load_policy("alpha_beta"), hard=True).variables()["RAYPROOF_AFFINITY"] == "hard"


def test_ranges_that_overlap_say_nothing() -> None:
    compared = [
        Compared("slow", (3.0, 3.4), (3.1, 3.2)),
        Compared("fast", (1.0, 1.5), (2.0,)),
        Compared("alike", (1.4, 1.8), (0.9,)),
        Compared("broken", (5.0,), (), "the simulated driver still waits at the end"),
    ]
    assert [(one.inside, one.ratio and round(one.ratio, 2)) for one in compared] == [
        *((True, 0.98), (False, 1.6), (False, 0.56), (None, None)),
    ]
    told = {(pair.faster, pair.slower): pair.right for pair in pairs(compared)}
    assert told == {
        ("fast", "slow"): True,
        ("alike", "slow"): True,
        ("slow", "broken"): None,
        ("fast", "broken"): None,
        ("alike", "broken"): None,
    }
    text = as_text(compared)
    assert "real ranges of 5 of 6 pairs do not overlap; predicted in the right order: 2" in text
    assert "nothing to compare (the simulated driver still waits at the end)" in text
    assert as_json(compared)["policies"][1] == {
        "name": "fast",
        "real_s": [1.0, 1.5],
        "predicted_s": [2.0],
        "inside": False,
        "ratio": 1.6,
        "note": "",
    }


def test_a_wrong_order_is_said() -> None:
    text = as_text([Compared("a", (1.0,), (3.0,)), Compared("b", (2.0,), (2.0,)), Compared("c", (4.0,), (2.0,))])
    assert "a is faster than b; predicted the other way round" in text
    assert "b is faster than c; the prediction does not tell them apart" in text
