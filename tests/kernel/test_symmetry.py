"""Symmetry of slots with the data that is theirs: found, worth its factor, refused where the data is put in order."""

from dataclasses import dataclass, replace

import pytest

from rayproof.model.actors.paper.replay import ChainCaller, ChainStore
from rayproof.model.actors.paper.scenarios import replayed
from rayproof.model.kernel import (
    Context,
    LinkRule,
    Message,
    Name,
    Process,
    Scenario,
    Slot,
    StateView,
    Symbol,
    Symmetry,
    TimerKind,
    always,
    constant,
    explore,
    explore_reduced,
    interchangeable,
)
from rayproof.model.kernel.language.values import freeze, require_immutable
from rayproof.model.kernel.reductions.gate import gate
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
    assert freeze(Symbol("x")) == freeze(Symbol("x")) != freeze("x")
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


@dataclass(frozen=True, slots=True)
class Want(Message):
    pass


@dataclass(frozen=True, slots=True)
class Have(Message):
    pass


@dataclass(slots=True)
class Wisher(Process):
    lucky: bool = False

    def start(self, ctx: Context) -> None:
        ctx.set_timer("some day", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        ctx.send("shop", Want())

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        self.lucky = True


@dataclass(slots=True)
class Shop(Process):
    """Serves the middle one by name of three that wait; two are served as they come."""

    waiting: tuple[Name, ...] = ()
    enough: int = 3

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        self.waiting = (*self.waiting, sender)
        if len(self.waiting) == 3:
            ctx.send(sorted(self.waiting)[1], Have())


def shop(users: int) -> Scenario:
    return Scenario("shop", "cluster", {f"user{i}": Wisher for i in range(users)} | {"shop": Shop})


def test_a_tie_break_that_needs_three_users_is_refused_where_there_are_three() -> None:
    @always(Wisher, source="false for three")
    def at_most_one_is_lucky(view: StateView) -> bool:
        """Nobody is lucky."""
        return not any(user.lucky for user in view.of(Wisher).values())

    @always(Wisher, source="an example")
    def true_enough(view: StateView) -> bool:
        """Two are never lucky."""
        return sum(user.lucky for user in view.of(Wisher).values()) < 2

    assert not gate(shop(2), SYMMETRY, (true_enough,)).refused
    found = explore_reduced(shop(3), shop(2), [SYMMETRY], (true_enough,))
    assert not found.reduced and not found.caveat
    assert "Shop behaves otherwise on Want() from user" in found.reductions[0]
    assert found.states == explore(shop(3), (true_enough,)).states
    assert explore_reduced(shop(3), shop(2), [SYMMETRY], (at_most_one_is_lucky,)).violation is not None
    fair = explore_reduced(shop(2), shop(2), [SYMMETRY], (true_enough,))
    assert fair.reduced and fair.answer == "holds (reduced: symmetry, gate 10 states)"


def test_rules_that_tell_slots_apart_are_refused() -> None:
    @always(Wisher, source="an example")
    def anything(view: StateView) -> bool:
        """Anything."""
        return bool(view.of(Wisher))

    for told in (
        {"crashable": ("user0",)},
        {"watchers": {"shop": ("user0",)}},
        {"links": (LinkRule("user0", capacity=9),)},
        {"services": frozenset({"user0"})},
    ):
        scenario = replace(shop(2), **told)
        refused = gate(scenario, Symmetry("users", ("user0", "user1")), (anything,)).refused
        assert "apart what is called interchangeable" in refused, told
