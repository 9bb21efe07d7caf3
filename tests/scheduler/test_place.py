"""The built-in policies and the rules of the hook."""

from copy import deepcopy
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from rayproof.model.graph import Default as DefaultStrategy
from rayproof.model.graph import Resources
from rayproof.model.graph import Spread as SpreadStrategy
from rayproof.model.kernel import Context, PolicyError
from rayproof.model.scheduler.paper.estimates import averaged
from rayproof.model.scheduler.policy.built_in import (
    AlphaBeta,
    Default,
    EarliestCompletion,
    LocalityFirst,
    LowestEstimatedWait,
    Spread,
    with_defaults,
)
from rayproof.model.scheduler.policy.hooks import ClusterView, NodeView, TaskView, ask
from rayproof.model.scheduler.policy.queue_hooks import call_hook
from rayproof.model.scheduler.ray import Argument, critical_utilization
from rayproof.model.scheduler.ray.node_order import murmur_hash_64a, order_by_rank


def node(index: int, free: float, cpus: float = 4, gpus: float = 0, queue: int = 0, task_us: int = 10) -> NodeView:
    total = Resources.of(CPU=cpus, GPU=gpus)
    available = dict(Resources.of(CPU=free, GPU=gpus).units)
    used = critical_utilization(total, available)
    return NodeView(
        f"raylet{index}", f"n{index}", index, total, (), available, queue, task_us, used, True, gpu=gpus > 0
    )


def view(*nodes: NodeView, local: dict[str, int] | None = None, size: int = 0, bandwidth: int = 0) -> ClusterView:
    ranking = sorted((n.queued_us, n.index) for n in nodes)
    by_load = sorted((n.utilization, n.index) for n in nodes)
    numbers = {n.name: n.index for n in nodes}
    held = tuple(Argument(amount, (name,)) for name, amount in (local or {}).items())
    return ClusterView(nodes, nodes, "raylet0", bandwidth, size, local or {}, ranking, by_load, numbers, held)


DEFAULT = DefaultStrategy()


def task(strategy: Any = DEFAULT, **demand: float) -> TaskView:
    return TaskView("t", "f", Resources.of(**(demand or {"CPU": 1})), (), strategy, False)


class First:
    """Always draws the first option."""

    def choose(self, options: Any, *, random: bool = False) -> Any:
        return options[0]


class Last(First):
    """Always draws the last option."""

    def choose(self, options: Any, *, random: bool = False) -> Any:
        return options[-1]


def test_default_packs_the_submitting_node_below_half() -> None:
    assert Default().place(task(), view(node(0, 3), node(1, 4)), 0, First()) == ("raylet0", 0)
    emptier = view(*(node(i, 3 if i == 0 else 4) for i in range(10)))
    assert Default().place(task(), emptier, 0, Last()) == ("raylet0", 0), "no draw among the two best"


def test_a_resource_that_a_node_has_not_got_does_not_fit() -> None:
    assert not node(0, 4).fits_now(Resources.of(GPU=0.0001))
    assert node(0, 4).fits_now(Resources.of(CPU=4)) and not node(0, 4).fits_now(Resources.of(CPU=4.0001))


def test_default_balances_above_half() -> None:
    assert Default().place(task(), view(node(0, 1), node(1, 3)), 0, First()) == ("raylet1", 0)


def test_default_keeps_cpu_tasks_off_gpu_nodes() -> None:
    cluster = view(node(0, 4, gpus=1), node(1, 1), node(2, 4, gpus=1))
    assert Default().place(task(), cluster, 0, First())[0] == "raylet1"
    assert Default(avoid_gpu_nodes=False).place(task(), cluster, 0, First())[0] == "raylet0"
    assert Default().place(task(GPU=1), cluster, 0, First())[0] == "raylet0"
    full = view(node(0, 4, gpus=1), node(1, 0))
    assert Default().place(task(), full, 0, First())[0] == "raylet0", "GPU nodes when nothing else has room"


def test_default_waits_when_nothing_has_room() -> None:
    assert Default().place(task(CPU=3), view(node(0, 2), node(1, 2)), 0, First()) == (None, 0)


def test_default_draws_among_the_best_fifth() -> None:
    cluster = view(*(node(i, 1 if i == 0 else 4) for i in range(20)))
    assert Default().place(task(), cluster, 0, First())[0] == "raylet1"
    assert Default().place(task(), cluster, 0, Last())[0] == "raylet4"


def test_spread_goes_round() -> None:
    cluster = view(node(0, 1), node(1, 0), node(2, 1))
    assert Spread().place(task(), cluster, 0, First()) == ("raylet0", 1)
    assert Spread().place(task(), cluster, 1, First()) == ("raylet2", 0)
    assert Default().place(task(SpreadStrategy()), cluster, 1, First()) == ("raylet2", 0)
    assert Spread().place(task(CPU=2), cluster, 1, First()) == (None, 1)


def test_lowest_estimated_wait_weighs_queue_and_transfer() -> None:
    queued = view(node(0, 4, queue=3, task_us=10), node(1, 4, queue=1, task_us=20))
    assert LowestEstimatedWait().place(task(), queued, (), First()) == "raylet1"
    near = view(
        node(0, 4, queue=3, task_us=10),
        node(1, 4, queue=1, task_us=20),
        local={"raylet0": 50},
        size=50,
        bandwidth=10**6,
    )
    # 30 us of queue without transfer, against 20 us of queue and 50 us of transfer.
    assert LowestEstimatedWait().place(task(), near, (), First()) == "raylet0"
    # At twice the bandwidth a fifth of it takes 5 us.
    cheap = replace(near, local_bytes={"raylet0": 10}, input_bytes=10, bandwidth_bytes_per_s=2 * 10**6)
    assert LowestEstimatedWait().place(task(), cheap, (), First()) == "raylet1"


def test_locality_first_needs_room() -> None:
    holder = {"raylet1": 8}
    assert LocalityFirst().place(task(), view(node(0, 4), node(1, 1), local=holder, size=8), 0, First())[0] == "raylet1"
    assert LocalityFirst().place(task(), view(node(0, 4), node(1, 0), local=holder, size=8), 0, First())[0] == "raylet0"


def test_alpha_beta_weighs_queue_and_transfer() -> None:
    cluster = view(
        node(0, 4, queue=3, task_us=10),
        node(1, 4, queue=4, task_us=20),
        local={"raylet1": 50},
        size=60,
        bandwidth=10**6,
    )
    # 30 us of queue and 60 us of transfer, against 80 us and 10 us.
    scores = [AlphaBeta(2, 3).score(each, cluster) for each in cluster.nodes]
    assert scores == [2 * 30 + 3 * 60, 2 * 80 + 3 * 10]
    assert AlphaBeta(2, 3).place(task(), cluster, (), First()) == "raylet1"
    assert AlphaBeta(2, 0).place(task(), cluster, (), First()) == "raylet0"
    without_transfer = view(node(0, 4, queue=3, task_us=10), size=60)
    assert AlphaBeta(2, 3).score(without_transfer.nodes[0], without_transfer) == 60


def test_earliest_completion_adds_the_task_itself() -> None:
    cluster = view(
        node(0, 4, queue=3, task_us=10),
        node(1, 4, queue=1, task_us=20),
        local={"raylet0": 50},
        size=60,
        bandwidth=10**6,
    )
    estimates = [EarliestCompletion().estimate_us(each, cluster) for each in cluster.nodes]
    assert estimates == [30 + 10 + 10, 20 + 20 + 60]
    assert EarliestCompletion().place(task(), cluster, (), First()) == "raylet0"
    queued = view(node(0, 4, queue=1, task_us=10), node(1, 4, queue=2, task_us=9))
    # 10 us of queue and 10 of its own, against 18 and 9: the estimate without the task would choose alike only here.
    assert EarliestCompletion().place(task(), queued, (), First()) == "raylet0"
    slow = view(node(0, 4, queue=1, task_us=100), node(1, 4, queue=13, task_us=9))
    assert LowestEstimatedWait().place(task(), slow, (), First()) == "raylet0"
    assert EarliestCompletion().place(task(), slow, (), First()) == "raylet1"


def test_a_partial_proposal_keeps_its_hooks_and_places_as_default() -> None:
    class Orders:
        name = "orders"

        def order(self, *arguments: Any) -> str:
            return "first"

    made = deepcopy(with_defaults(Orders()))
    assert made.name == "orders" and made.order() == "first"  # type: ignore[attr-defined]
    cluster = view(node(0, 1), node(1, 3))
    assert made.place(task(), cluster, 0, First()) == Default().place(task(), cluster, 0, First())
    assert not hasattr(made, "retry")
    whole = Spread()
    assert with_defaults(whole) is whole


def test_averages_are_exponential() -> None:
    assert averaged(averaged(0, 100, 500), 200, 500) == 150
    assert averaged(500, 1000, 200) == 600


def test_ties_go_by_the_hash_of_the_id() -> None:
    """Reference values: `std::hash<std::string>` of libstdc++ 12, of 5 and of 28 bytes."""
    assert murmur_hash_64a(b"local") == -3261402643749128568
    assert murmur_hash_64a(bytes(i * 37 % 256 for i in range(28))) == 2107635366615631713
    assert murmur_hash_64a(b"\xff" * 28) == 8149898585454457645
    ids = [bytes(i * 37 % 256 for i in range(28)).hex(), "ff" * 28, b"local".hex()]
    assert order_by_rank(ids) == [ids[2], ids[0], ids[1]]


class Answers:
    """Gives fixed answers, one after the other."""

    name = "answers"

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def place(self, *arguments: Any) -> Any:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("answers", "rule"),
    [
        ((7,), "answer_type"),
        (("raylet9",), "legal_answer"),
        ((ValueError("x"),), "no_exception"),
        ((LookupError("x"),), "no_exception"),
        (("raylet0", "raylet1"), "deterministic"),
        ((("raylet0", []),), "memory"),
    ],
)
def test_a_breach_names_its_rule(answers: tuple[Any, ...], rule: str) -> None:
    context = Context(lambda count, fair: 0, lambda affordable: False)
    with pytest.raises(PolicyError) as caught:
        ask(
            Answers(*answers),
            task(),
            view(node(0, 1), node(1, 1)),
            (),
            context,
            legal=lambda name: name in ("raylet0", "raylet1"),
            repeats=3,
        )
    assert caught.value.rule == rule


class Raises:
    """Raises what it is given, from a helper as from the hook itself."""

    name = "raises"

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def place(self, *arguments: Any) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyError("n7"), "raised KeyError('n7') at test_place.py:"),
        (IndexError("list index\n out of range"), "raised IndexError(list index out of range) at test_place.py:"),
        (ValueError("<T object at 0x7f3a>"), "raised ValueError(<T object at 0x...>) at"),
        (SystemExit(3), "raised SystemExit(3) at"),
        (RuntimeError(), "raised RuntimeError at test_place.py:"),
        (RuntimeError("x" * 900), f"raised RuntimeError({'x' * 200}) at"),
    ],
)
def test_what_a_policy_raises_is_named_with_its_line(error: BaseException, said: str) -> None:
    context = Context(lambda count, fair: 0, lambda affordable: False)
    with pytest.raises(PolicyError) as caught:
        ask(Raises(error), task(), view(node(0, 1)), (), context, legal=lambda name: True, repeats=2)
    assert caught.value.rule == "no_exception"
    assert f"policy raises {said}" in str(caught.value) and f"when asked about {task().id}" in str(caught.value)
    with pytest.raises(PolicyError, match=r"policy raises raised \w+.* in order"):
        call_hook(SimpleNamespace(name="raises", order=Raises(error).place), "order", (), (), context)


def test_who_interrupts_is_no_policy() -> None:
    context = Context(lambda count, fair: 0, lambda affordable: False)
    with pytest.raises(KeyboardInterrupt):
        ask(Raises(KeyboardInterrupt()), task(), view(node(0, 1)), (), context, legal=lambda name: True, repeats=2)


def test_the_same_draws_are_given_when_a_question_is_repeated() -> None:
    class Draws:
        name = "draws"

        def place(self, task: Any, view: ClusterView, memory: Any, ctx: Any) -> str:
            return str(ctx.choose([option.name for option in view.options], random=True))

    context = Context(lambda count, fair: 1, lambda affordable: False)
    answer = ask(Draws(), task(), view(node(0, 1), node(1, 1)), (), context, legal=lambda name: True, repeats=5)
    assert answer == ("raylet1", ())
    assert context.choices == [1]
