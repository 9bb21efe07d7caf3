"""Two engines, one relation: the vectorised engine finds what the integer engine finds, state for state."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.plain_chain import PLAIN, plain_chain
from rayproof.model.kernel import Engine, Limits, Scenario, Verdict, explore, replay
from rayproof.model.kernel import explore as explore_any
from rayproof.model.kernel.search.engines import HANDOVER_STATES
from rayproof.model.kernel.search.vector.search import VECTORISED, VectorExplorer
from rayproof.model.kernel.search.vector.tables import Collision, ExactSet, FingerprintSet, PairTable
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import ENTRIES, Scope, build
from tests.kernel.liveness.systems import clock, coin, game, lock, service
from tests.kernel.toys import office

TINY = [entry.name for entry in ENTRIES if entry.scope is Scope.TINY]

OFFICES = [
    {"crash": 1},
    {"crash": 2, "restart": 1},
    {"cut": 1, "lose": 1},
    {"duplicate": 1, "lose_reply": 1},
    {"early_timeout": 2, "fail_write": 1},
    {"crash": 1, "truncate": 1, "suspect": 1},
]


def decidable(scenario: Scenario) -> Scenario:
    return replace(scenario, statements=tuple(s for s in scenario.statements if s.kind in VECTORISED))


def both(scenario: Scenario, **options: object) -> None:
    scenario = decidable(scenario)
    one = explore(scenario)
    other = VectorExplorer(scenario, **options).run()  # type: ignore[arg-type]
    assert (other.states, other.transitions, other.depth) == (one.states, one.transitions, one.depth)
    # Of states at one depth each engine meets another one first, so that witnesses may differ.
    answers = [[(s.name, s.kind, s.verdict, s.note) for s in result.statements] for result in (other, one)]
    assert (other.verdict, answers[0], other.note) == (one.verdict, answers[1], one.note)
    assert other.coverage == one.coverage


@pytest.mark.parametrize("name", TINY)
def test_same_counts_and_answers_on_every_tiny_scope(name: str) -> None:
    both(build(name))


@pytest.mark.parametrize("name", ["chain-3-2-1", "cluster-nested"])
def test_same_counts_in_the_exact_mode_and_with_small_chunks(name: str) -> None:
    both(build(name), exact=True)
    both(build(name), chunk=37)


@pytest.mark.parametrize("faults", OFFICES, ids=lambda faults: "-".join(faults))
def test_same_counts_with_every_fault_and_feature(faults: dict[str, int]) -> None:
    both(replace(office(**faults), depth_limit=11))
    both(replace(office(**faults), depth_limit=11), exact=True)


def test_same_counts_with_timers_draws_and_newest_value_links() -> None:
    for scenario in (clock(True), coin(True), game(), lock("by lot"), service(lose=2), service(crash=1, recovers=True)):
        both(scenario)


@pytest.mark.parametrize("bug", [name for name, bug in BUGS.items() if "runs" not in bug.statement])
def test_planted_bugs_are_found_by_traces_of_the_same_length(bug: str) -> None:
    scenario = decidable(build(BUGS[bug].scenario, swap=BUGS[bug].replaces))
    one = explore(scenario).violation
    other = VectorExplorer(scenario).run().violation
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert len(other.steps) == len(one.steps)
        again = replay(scenario, other.steps).violation
        assert again is not None and again.statement == other.statement


@pytest.mark.slow
def test_a_small_scope_of_the_chain() -> None:
    result = VectorExplorer(decidable(build("chain-3-3-2"))).run()
    assert (result.states, result.transitions, result.depth) == (1_546_045, 6_835_762, 43)
    assert 0 < result.collision < 1e-7


@pytest.mark.slow
def test_the_plain_chain_that_spin_counts_too() -> None:
    result = VectorExplorer(plain_chain(3, 3, 2, PLAIN)).run()
    assert (result.states, result.transitions, result.depth) == (412_218, 1_819_420, 37)
    assert 0 < result.collision < 1e-8


def test_the_engine_is_chosen_by_size_and_by_what_is_asked() -> None:
    small = explore_any(build("chain-3-2-1"))
    assert (small.verdict, small.collision) == (Verdict.HOLDS, 0)
    large = explore_any(decidable(build("cluster-3-3-1")))
    assert large.states > HANDOVER_STATES and large.collision > 0
    whole = explore_any(build("cluster-3-3-1"))
    assert (whole.states, whole.collision) == (large.states, 0), "claims about runs need the integer engine"
    exact = explore_any(decidable(build("chain-3-2-1")), engine=Engine.EXACT)
    assert (exact.states, exact.collision) == (small.states, 0)
    assert (small.engine, large.engine, whole.engine, exact.engine) == ("integers", "vector", "integers", "exact")


def test_what_the_vectorised_engine_does_not_decide_is_undetermined_by_name() -> None:
    scenario = build("chain-3-2-1")
    found = explore_any(scenario, engine=Engine.VECTOR)
    assert found.verdict is Verdict.UNDETERMINED
    assert [s.name for s in found.statements] == [s.name for s in scenario.statements]
    open_ = {s.name: s.note for s in found.statements if s.verdict is Verdict.UNDETERMINED}
    assert set(open_) == {"comes_to_rest", "refines_the_atomic_register", "writes_get_answers"}
    assert open_["writes_get_answers"] == "the vector engine does not decide statements of kind eventually"
    with pytest.raises(ValueError, match="does not decide "):
        VectorExplorer(scenario)


def test_a_cap_is_undetermined() -> None:
    scenario = decidable(build("chain-3-3-1"))
    result = VectorExplorer(scenario, limits=Limits(states=10_000)).run()
    assert result.verdict is Verdict.UNDETERMINED and "cap of 10,000 states" in result.note


def test_a_set_of_words_tells_new_from_known() -> None:
    words = np.random.default_rng(3).integers(0, 5_000, 40_000).astype(np.uint64) * np.uint64(2**50)
    found, known = FingerprintSet(), set[int]()
    for part in np.split(words, 40):
        fresh = found.add(part)
        assert len(part[fresh]) == len(set(part[fresh].tolist())), "each new word once"
        assert set(part[fresh].tolist()) == set(part.tolist()) - known
        known |= set(part.tolist())
    assert found.count == len(known)


def test_two_rows_with_one_word_are_noticed() -> None:
    exact = ExactSet()
    words = np.array([7, 8], np.uint64)
    assert exact.add_rows(words, np.array([[1, 2], [3, 4]], np.uint16)).all()
    assert not exact.add_rows(words, np.array([[1, 2, 0], [3, 4, 0]], np.uint16)).any()
    with pytest.raises(Collision):
        exact.add_rows(words[:1], np.array([[1, 2, 5]], np.uint16))


def test_a_two_way_table_calls_once_for_each_pair_also_when_it_is_large() -> None:
    calls: list[tuple[int, int]] = []

    def compute(left: int, right: int) -> int:
        calls.append((left, right))
        return left * 3 + right

    table = PairTable(compute)
    for lefts, rights in (([1, 1, 2], [4, 4, 0]), ([1, 10_000_000], [4, 9_000]), ([2, 10_000_000], [0, 9_000])):
        left, right = np.array(lefts), np.array(rights)
        assert table.get(left, right).tolist() == (left * 3 + right).tolist()
    assert sorted(calls) == [(1, 4), (2, 0), (10_000_000, 9_000)]


@pytest.mark.parametrize("most", [40, 3_000_000])
def test_a_two_way_table_gives_what_it_computed_however_much_it_holds(most: int) -> None:
    random = np.random.default_rng(3)
    calls: set[tuple[int, int]] = set()

    def compute(left: int, right: int) -> int:
        assert (left, right) not in calls or left % 5 == 0
        calls.add((left, right))
        return -1 if left % 5 == 0 else left % 1000 * 1000 + right % 1000

    table = PairTable(compute)
    for _ in range(12):
        left, right = random.integers(0, most, 4000), random.integers(0, most, 4000)
        left[2000:], right[2000:] = left[:2000], right[:2000]
        expected = np.where(left % 5 == 0, -1, left % 1000 * 1000 + right % 1000)
        assert (table.get(left, right) == expected).all()
