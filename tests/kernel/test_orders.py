"""A handler that uses the order of a mapping or set is found out, whatever the seed of hashes is."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rayproof.model.kernel import Context, Message, ModelError, Name, Process, Scenario, TimerKind, constant, explore
from rayproof.model.kernel.language.values import freeze
from rayproof.model.kernel.relation.orders import (
    ORDERS,
    ArrangedDict,
    ArrangedFrozenSet,
    ArrangedSet,
    arranged,
    begin,
)

THREE = ("ant", "bee", "cat")


@dataclass(frozen=True, slots=True)
class Names(Message):
    names: frozenset[str] = frozenset(THREE)
    nested: tuple[frozenset[int], ...] = (frozenset({1, 2, 3}),)


@dataclass(slots=True)
class Keeper(Process):
    """Keeps its names in every form, and does one thing with them."""

    does: str = constant()
    fixed: frozenset[str] = constant(frozenset(THREE))
    names: set[str] = field(default_factory=lambda: set(THREE))
    more: set[str] = field(default_factory=lambda: {"bee", "cow"})
    numbers: set[int] = field(default_factory=lambda: {1, 2, 3})
    frozen: frozenset[str] = frozenset(THREE)
    table: dict[str, int] = field(default_factory=lambda: dict.fromkeys(THREE, 1))
    inner: dict[str, set[str]] = field(default_factory=lambda: {"x": set(THREE)})
    rows: list[set[str]] = field(default_factory=lambda: [set(THREE)])
    found: Any = None

    def start(self, ctx: Context) -> None:
        ctx.send("keeper", Names())

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        self.found = DOES[self.does](self, message, ctx)


def sent_in_order(context: Context, names: set[str]) -> None:
    for name in names:
        context.send("sink", Names(frozenset({name})))


USES: dict[str, Callable[[Any, Any, Context], Any]] = {
    "first of a set": lambda p, m, c: next(iter(p.names)),
    "first number": lambda p, m, c: next(iter(p.numbers)),
    "middle of a set": lambda p, m, c: list(p.names)[1],
    "last of a set": lambda p, m, c: list(p.names)[-1],
    "middle of the others": lambda p, m, c: [n for n in p.names | {"dog"} if n != "bee"][1],
    "pop": lambda p, m, c: p.names.pop(),
    "unpacked": lambda p, m, c: [*p.names],
    "two of a difference": lambda p, m, c: next(iter(p.names - {"bee"})),
    "difference from a plain set": lambda p, m, c: next(iter({"ant", "bee", "cat", "dog"} - p.more)),
    "union": lambda p, m, c: list(p.names | p.more)[2],
    "union with a plain set": lambda p, m, c: next(iter({"zoo"} | p.names)),
    "intersection": lambda p, m, c: next(iter(p.names & {"ant", "cat", "zoo"})),
    "symmetric difference": lambda p, m, c: next(iter(p.names ^ p.more)),
    "method union": lambda p, m, c: next(iter(p.names.union(["zoo"]))),
    "method difference": lambda p, m, c: next(iter(p.names.difference(["ant"]))),
    "copy": lambda p, m, c: next(iter(p.names.copy())),
    "in place": lambda p, m, c: [p.names.__ior__({"zoo"}), next(iter(p.names))][1],
    "first of a frozenset": lambda p, m, c: next(iter(p.frozen)),
    "frozenset less one": lambda p, m, c: next(iter(p.frozen - {"ant"})),
    "first of a message": lambda p, m, c: next(iter(m.names)),
    "nested in a message": lambda p, m, c: list(m.nested[0])[1],
    "first of a constant": lambda p, m, c: next(iter(p.fixed)),
    "first key": lambda p, m, c: next(iter(p.table)),
    "middle key": lambda p, m, c: list(p.table)[1],
    "middle pair": lambda p, m, c: list(p.table.items())[1],
    "last key": lambda p, m, c: next(reversed(p.table)),
    "popped pair": lambda p, m, c: p.table.popitem()[0],
    "keys less one": lambda p, m, c: next(iter(p.table.keys() - {"ant"})),
    "merged": lambda p, m, c: next(iter(p.table | {"zoo": 2})),
    "copied": lambda p, m, c: next(iter(dict(p.table))),
    "inside a mapping": lambda p, m, c: next(iter(p.inner["x"])),
    "inside a list": lambda p, m, c: list(p.rows[0])[1],
    "text": lambda p, m, c: str(p.names),
    "text of a mapping": lambda p, m, c: f"{p.table}",
    "sorted by what ties": lambda p, m, c: sorted(p.names, key=len)[0],
    "largest by what ties": lambda p, m, c: max(p.names, key=len),
    "order of sends": lambda p, m, c: sent_in_order(c, p.names),
    "order of a choice": lambda p, m, c: c.choose(list(p.names)),
}

FREE: dict[str, Callable[[Any, Any, Context], Any]] = {
    "sorted": lambda p, m, c: sorted(p.names),
    "smallest": lambda p, m, c: min(p.names | p.more),
    "length": lambda p, m, c: len(p.names),
    "any": lambda p, m, c: any(n == "bee" for n in p.names),
    "sum": lambda p, m, c: sum(p.table.values()) + sum(p.numbers),
    "kept set": lambda p, m, c: p.names | {"zoo"},
    "kept frozenset": lambda p, m, c: m.names,
    "kept mapping": lambda p, m, c: {key: value for key, value in p.table.items() if key != "bee"},
    "sent on": lambda p, m, c: c.send("sink", m),
    "equal": lambda p, m, c: p.names == set(p.table) and p.table.keys() == p.frozen,
    "text of one": lambda p, m, c: f"{p.names & {'bee'}} {p.names - p.names}",
    "choice of sorted": lambda p, m, c: c.choose(sorted(p.names)),
    "rebuilt": lambda p, m, c: {n: {n} for n in p.names},
}

DOES = {**USES, **FREE}


@dataclass(slots=True)
class Sink(Process):
    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        pass


def scenario(does: str) -> Scenario:
    return Scenario("keeper", "cluster", {"keeper": lambda: Keeper(does), "sink": Sink})


def unnoticed() -> list[str]:
    """Uses of an order that explore does not notice."""
    missed = []
    for does in USES:
        try:
            explore(scenario(does))
        except ModelError as error:
            assert "the order of a mapping or set" in str(error)
        else:
            missed.append(does)
    return missed


@pytest.mark.parametrize("seed", ["0", "1", "2", "7"])
def test_every_use_of_an_order_is_noticed_under_every_seed_of_hashes(seed: str) -> None:
    project = Path(__file__).resolve().parents[2]
    program = "from tests.kernel.test_orders import unnoticed; print(unnoticed())"
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(project)}
    done = subprocess.run([sys.executable, "-c", program], cwd=project, env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize("does", FREE)
def test_what_does_not_depend_on_an_order_is_let_be(does: str) -> None:
    explore(scenario(does))


@dataclass(slots=True)
class Rare(Process):
    """Uses an order in one of many calls only."""

    count: int = 0
    names: set[str] = field(default_factory=lambda: {"ant", "bee"})
    first: str = ""

    def start(self, ctx: Context) -> None:
        ctx.set_timer("t", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        self.count += 1
        if self.count == 37:
            self.first = next(iter(self.names))
        elif self.count < 60:
            assert len(sorted(self.names)) == 2
            ctx.set_timer("t", kind=TimerKind.PROGRAM)


def test_a_use_in_one_call_of_many_is_noticed() -> None:
    with pytest.raises(ModelError, match="the order of a mapping or set"):
        explore(Scenario("rare", "cluster", {"rare": Rare}))


def test_three_elements_are_put_in_all_their_orders() -> None:
    found = set()
    for order in range(6):
        begin(order)
        found.add(tuple(arranged({1, 2, 3})))
    assert len(found) == 6
    for order in range(ORDERS):
        begin(order)
        assert sorted(arranged(range(9))) == list(range(9))


def test_arranged_copies_act_like_what_they_copy() -> None:
    begin(3)
    plain, other = {1, 2, 3}, {3, 4}
    for made in (ArrangedSet(plain), ArrangedFrozenSet(plain)):
        assert made == plain and made | other == plain | other and other - made == other - plain
        assert isinstance(made - other, type(made)) and isinstance(type(made)(other) | made, type(made))
        assert freeze(made) == freeze(set(plain) if isinstance(made, set) else frozenset(plain))
    table = ArrangedDict({"a": 1, "b": 2})
    assert table == {"a": 1, "b": 2} and table.keys() == {"a", "b"} and freeze(table) == freeze({"b": 2, "a": 1})
    assert {**table} == dict(table) == table.copy() and "b" in table and sorted(table.values()) == [1, 2]
