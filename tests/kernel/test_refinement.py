"""Refinement: a counter that counts by ones refines one that may count further at once, and no other way round."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from rayproof.model.kernel import (
    Context,
    Process,
    Scenario,
    Statement,
    StateView,
    TimerKind,
    Verdict,
    explore,
    refines,
    replay,
    walk,
)


@dataclass(slots=True)
class Counter(Process):
    left: int
    count: int = 0
    stride: int = 1

    def start(self, ctx: Context) -> None:
        ctx.set_timer("count", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        self.count += self.stride
        self.left -= 1
        if self.left:
            ctx.set_timer("count", kind=TimerKind.PROGRAM)


def counting(then: Callable[[int, int], bool], initial: int = 0) -> Statement:
    @refines(Counter, initial=initial, then=then, source="test")
    def counts(view: StateView) -> int:
        """The sum over the counters counts."""
        return sum(counter.count for counter in view.of(Counter).values())

    return counts


def counters(*strides: int) -> Scenario:
    made = {f"counter{i}": lambda stride=stride: Counter(2, stride=stride) for i, stride in enumerate(strides)}
    return Scenario("counters", "cluster", made)


def by_one(before: int, after: int) -> bool:
    return after == before + 1


def upwards(before: int, after: int) -> bool:
    return after > before


def test_each_step_is_an_abstract_step() -> None:
    assert explore(counters(1, 1), [counting(by_one)]).verdict is Verdict.HOLDS


def test_a_step_may_map_to_several_abstract_steps() -> None:
    assert explore(counters(1, 2), [counting(upwards)]).verdict is Verdict.HOLDS


def test_a_step_that_the_abstract_system_does_not_have_is_the_end_of_the_shortest_run_to_it() -> None:
    scenario, statement = counters(1, 2), counting(by_one)
    found = explore(scenario, [statement]).violation
    assert found is not None and found.statement == "counts"
    assert len(found.steps) == 1
    assert replay(scenario, found.steps, [statement]).violation == found


def test_walk_decides_the_same() -> None:
    assert walk(counters(1, 1), bytes(range(20)), statements=[counting(by_one)]).violation is None
    assert walk(counters(1, 2), bytes(range(20)), statements=[counting(by_one)]).violation is not None


def test_stuttering_is_always_allowed() -> None:
    assert explore(counters(0, 1), [counting(by_one)]).verdict is Verdict.HOLDS


@pytest.mark.parametrize("initial", [1, -1])
def test_the_initial_state_must_be_abstractly_initial(initial: int) -> None:
    found = explore(counters(1), [counting(by_one, initial)]).violation
    assert found is not None and found.steps == ()
