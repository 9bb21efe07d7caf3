"""Symmetry of slots with the data that is theirs: found, worth its factor, refused where the data is put in order."""

from dataclasses import dataclass, replace

import pytest

from rayproof.model.actors.paper.replay import ChainCaller, ChainStore
from rayproof.model.actors.paper.scenarios import replayed
from rayproof.model.kernel import Context, Message, Name, Process, Scenario, TimerKind, constant
from rayproof.model.kernel.explore import explore
from rayproof.model.kernel.gate import explore_reduced, gate
from rayproof.model.kernel.process import Slot
from rayproof.model.kernel.symmetry import Symmetry, interchangeable
from rayproof.model.kernel.values import Symbol, freeze, require_immutable
from rayproof.properties.actors.paper.statements import REPLAY, every_state_follows_the_chain

SYMMETRY = Symmetry("symmetry")
THREE = {"a": ("a0",), "b": ("b0",), "c": ("c0",)}


def test_three_callers_with_a_call_each_are_one_up_to_six_renamings() -> None:
    scope = replayed("three", THREE, REPLAY)
    assert interchangeable(scope) == ((("a", "a0"), ("b", "b0"), ("c", "c0")),)
    full, reduced = explore(scope), explore_reduced(scope, scope, [SYMMETRY])
    assert reduced.verdict is full.verdict
    assert 4 < full.states / reduced.states <= 6


@pytest.mark.parametrize(
    "callers",
    [
        {"a": ("a0", "a1"), "b": ("b0",)},
        {"a": ("a0",), "b": ("a0",)},
    ],
)
def test_callers_with_other_or_common_calls_are_told_apart(callers: dict[Slot, tuple[str, ...]]) -> None:
    assert interchangeable(replayed("two", callers, REPLAY)) == ()


def test_unmarked_data_is_told_apart() -> None:
    scope = replayed("two", {"a": ("a0",), "b": ("b0",)}, REPLAY)
    plain = {slot: ChainCaller(tuple(map(str, calls))) for slot, calls in (("a", ("a0",)), ("b", ("b0",)))}
    made = replace(scope, processes={**scope.processes, "a": lambda: plain["a"], "b": lambda: plain["b"]})
    assert interchangeable(made) == ()


@dataclass(slots=True)
class PrefersTheSmallest(ChainStore):
    """A store that puts calls in the order of their names, which they only bear to be told apart."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        ChainStore.receive(self, ctx, sender, message)
        if len(self.chain) > 1 and not self.results:
            self.chain = tuple(sorted(self.chain))


def test_data_that_is_put_in_order_is_refused_by_the_gate() -> None:
    scope = replayed("two", {"a": ("a0",), "b": ("b0",)}, swap={ChainStore: PrefersTheSmallest})
    judged = (every_state_follows_the_chain,)
    assert "behaves otherwise" in gate(scope, SYMMETRY, judged).refused
    found = explore_reduced(scope, scope, [SYMMETRY], judged)
    assert not found.reduced and found.violation == explore(scope, judged).violation


def test_a_symbol_is_a_value_like_any_string() -> None:
    require_immutable(Symbol("x"), "here")
    assert freeze([Symbol("x")]) == ("x",) and type(freeze(Symbol("x"))) is Symbol
    assert f"{Symbol('x')} {Symbol('x')!r}" == "x 'x'"


@dataclass(slots=True)
class Toss(Process):
    """Draws one of its own symbols."""

    sides: tuple[Symbol, ...] = constant()
    shown: str = ""

    def start(self, ctx: Context) -> None:
        ctx.set_timer("toss", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        self.shown = ctx.choose(self.sides)


def test_a_choice_among_symbols_is_renamed_with_them() -> None:
    scope = Scenario(
        "tosses",
        "cluster",
        {f"coin{i}": lambda i=i: Toss((Symbol(f"head{i}"), Symbol(f"tail{i}"))) for i in range(2)},  # type: ignore[misc]
    )
    full, reduced = explore(scope), explore_reduced(scope, scope, [SYMMETRY])
    assert (full.states, reduced.states) == (9, 6)
