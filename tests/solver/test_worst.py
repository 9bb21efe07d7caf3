"""Worst instances: the literature's constants come out exactly, replay agrees, and search stays below the proof."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayproof.solver.engine import Limits
from rayproof.solver.worst import (
    ABSTRACT,
    Burst,
    BurstTask,
    Graph,
    Method,
    View,
    alpha_beta,
    least_makespan,
    list_ratio,
    list_starts,
    listing,
    loads_of,
    makespan,
    optimal_placement,
    placed,
    ratio,
    worst_by_search,
    worst_case,
    worst_list,
)

PROVED = [
    ("least_load", 3, 2, Fraction(3, 2)),
    ("least_load", 5, 3, Fraction(5, 3)),
    ("lpt", 5, 2, Fraction(7, 6)),
    ("lpt", 7, 3, Fraction(11, 9)),
    ("spread", 4, 2, Fraction(2)),
    ("locality_first", 3, 3, Fraction(3)),
    ("lowest_estimated_wait", 3, 2, Fraction(8, 3)),
    ("lowest_estimated_wait", 4, 2, Fraction(3)),
    ("lowest_estimated_wait", 5, 2, Fraction(16, 5)),
    ("earliest_completion", 4, 2, Fraction(2)),
]


@pytest.mark.parametrize(("name", "tasks", "nodes", "expected"), PROVED)
def test_the_supremum_is_proved_and_attained(name: str, tasks: int, nodes: int, expected: Fraction) -> None:
    policy = ABSTRACT[name]()
    found = worst_case(policy, tasks, nodes)
    assert (found.ratio, found.proved, found.attained, found.method) == (expected, True, True, Method.SYMBOLIC)
    assert found.witness is not None
    assert ratio(found.witness, policy.choose) == expected


def test_a_supremum_that_is_not_attained_is_said_so() -> None:
    policy = ABSTRACT["earliest_completion"]()
    found = worst_case(policy, 4, 3)
    assert (found.ratio, found.proved, found.attained) == (Fraction(3), True, False)
    assert found.witness is not None
    assert Fraction(3) - Fraction(1, 100) <= ratio(found.witness, policy.choose) < Fraction(3)


def test_balance_against_locality_has_no_best_weights() -> None:
    ratios = {
        weights: worst_case(alpha_beta(Fraction(weights[0]), Fraction(weights[1])), 4, 2).ratio
        for weights in ((1, 3), (1, 1), (3, 1))
    }
    assert ratios == {(1, 3): Fraction(2), (1, 1): Fraction(2), (3, 1): Fraction(10, 3)}


def test_out_of_budget_is_not_proved() -> None:
    found = worst_case(ABSTRACT["lpt"](), 7, 3, Limits(None, 1_000))
    assert (found.proved, found.attained) == (False, False)


numbers = st.integers(0, 6)


@st.composite
def bursts(draw: st.DrawFn) -> Burst:
    nodes = draw(st.integers(1, 3))
    tasks = st.builds(BurstTask, numbers, st.integers(0, nodes - 1), numbers)
    return Burst(tuple(draw(st.lists(tasks, min_size=1, max_size=5))), nodes)


@settings(max_examples=100, deadline=None)
@given(bursts())
def test_the_optimum_of_a_burst_is_the_least_of_all_placements(burst: Burst) -> None:
    every = product(range(burst.nodes), repeat=len(burst.tasks))
    assert makespan(burst, optimal_placement(burst)) == min(makespan(burst, nodes) for nodes in every)


@settings(max_examples=60, deadline=None)
@given(bursts(), st.sampled_from(sorted(ABSTRACT)))
def test_no_burst_beats_the_proof(burst: Burst, name: str) -> None:
    policy = ABSTRACT[name]()
    tasks, nodes = min(4, len(burst.tasks)), min(2, burst.nodes)
    if not policy.has_transfers:
        tasks_of_burst = [BurstTask(task.length) for task in burst.tasks[:tasks]]
    else:
        tasks_of_burst = [BurstTask(task.length, task.home % nodes, task.transfer) for task in burst.tasks[:tasks]]
    if policy.sorted:
        tasks_of_burst.sort(key=lambda task: -task.length)
    smaller = Burst(tuple(tasks_of_burst), nodes)
    try:
        found = ratio(smaller, policy.choose)
    except ValueError:
        return
    known = worst_case(policy, tasks, nodes)
    assert known.proved
    assert known.ratio is not None
    assert found <= known.ratio


def test_search_finds_grahams_example_and_repeats_itself() -> None:
    choose = ABSTRACT["least_load"]().choose
    found = [worst_by_search(choose, 3, 2, seconds=None, evaluations=3_000, transfers=False) for _ in range(2)]
    assert (found[0].ratio, found[0].proved, found[0].method) == (Fraction(3, 2), False, Method.SEARCH)
    assert found[0].witness == found[1].witness
    assert found[0].witness is not None
    assert ratio(found[0].witness, choose) == Fraction(3, 2)


def test_search_takes_any_callable_and_never_passes_the_proof() -> None:
    policy = ABSTRACT["lowest_estimated_wait"]()
    found = worst_by_search(policy.choose, 3, 2, seconds=None, evaluations=8_000)
    known = worst_case(policy, 3, 2).ratio
    assert found.ratio is not None
    assert known is not None
    assert Fraction(2) < found.ratio <= known

    everything_on_one = worst_by_search(lambda view: 0, 3, 3, seconds=None, evaluations=3_000, transfers=False)
    assert everything_on_one.ratio == 3


def test_a_policy_that_names_no_node_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 0 to 1"):
        placed(Burst((BurstTask(1),), 2), lambda view: 2)
    with pytest.raises(ValueError, match="expected a limit"):
        worst_by_search(lambda view: 0, 2, 2, seconds=None)


def test_a_policy_sees_queues_loads_and_the_average() -> None:
    seen: list[View] = []

    def record(view: View) -> int:
        seen.append(view)
        return 1

    burst = Burst((BurstTask(2, 0, 1), BurstTask(4, 1, 1)), 2)
    assert loads_of(burst, placed(burst, record)) == [0, 7]
    assert (seen[1].loads, seen[1].queued, seen[1].average) == ((0, 3), (0, 1), Fraction(3))


@pytest.mark.parametrize(
    ("tasks", "machines", "expected"),
    [(3, 2, Fraction(3, 2)), (4, 2, Fraction(3, 2)), (4, 3, Fraction(3, 2)), (5, 3, Fraction(5, 3))],
)
def test_the_supremum_of_lists_with_precedence(tasks: int, machines: int, expected: Fraction) -> None:
    found = worst_list(tasks, machines)
    assert (found.ratio, found.proved, found.attained) == (expected, True, True)
    assert found.witness is not None
    assert list_ratio(found.witness) == expected


@st.composite
def graphs(draw: st.DrawFn, tasks: int = 4) -> Graph:
    lengths = draw(st.lists(numbers, min_size=tasks, max_size=tasks))
    before = tuple(tuple(one for one in range(task) if draw(st.integers(0, 2)) == 0) for task in range(tasks))
    return Graph(tuple(Fraction(length) for length in lengths), before, 2)


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_every_run_of_the_list_satisfies_the_encoding(graph: Graph) -> None:
    least = least_makespan(graph)
    if not least:
        return
    scaled = Graph(tuple(length / least for length in graph.lengths), graph.before, graph.machines)
    assert listing.admits(scaled, list_starts(scaled))
    late = (*list_starts(scaled)[:-1], list_starts(scaled)[-1] + 1)
    assert not listing.admits(scaled, late), "an idle list is no list schedule"


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_graham_bounds_every_list(graph: Graph) -> None:
    assert 1 <= list_ratio(graph) <= Fraction(3, 2)
