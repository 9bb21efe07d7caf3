"""Fields are of exactly the allowed types, and canonical forms tell apart whatever a handler could."""

import sys
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, Flag, IntEnum, StrEnum
from functools import cached_property, partial
from typing import Any

import pytest

from rayproof.model.kernel import (
    Context,
    Engine,
    Message,
    ModelError,
    Name,
    Process,
    Scenario,
    Simulation,
    TimerKind,
    constant,
    durable,
    explore,
    walk,
)
from rayproof.model.kernel.language.values import copy, freeze, require_immutable


class Bag(set):  # type: ignore[type-arg]
    pass


class Words(str):
    pass


class Plain:
    pass


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Colour(StrEnum):
    RED = "red"


class Mode(Enum):
    ON = 1


class Right(Flag):
    READ = 1
    WRITE = 2


@dataclass
class Open:
    number: int = 0


@dataclass(frozen=True)
class Box:
    content: Any = None


@dataclass(frozen=True)
class Wide(Box):
    pass


@dataclass(frozen=True)
class Disguise(dict):  # type: ignore[type-arg]
    number: int = 0


@dataclass(frozen=True, eq=False)
class ByIdentity:
    number: int = 0


@dataclass(frozen=True)
class Cached:
    number: int = 0

    @cached_property
    def double(self) -> int:
        return 2 * self.number


Pair = namedtuple("Pair", "left right")


def with_attribute() -> Box:
    box = Box(1)
    object.__setattr__(box, "hidden", 1)
    return box


REFUSED: dict[str, Callable[[], object]] = {
    "counter": lambda: Counter("ab"),
    "ordered": lambda: OrderedDict(a=1),
    "default": lambda: defaultdict(int),
    "deque": lambda: deque([1]),
    "bag": lambda: Bag({1}),
    "words": lambda: Words("a"),
    "named tuple": lambda: Pair(1, 2),
    "plain": Plain,
    "open dataclass": Open,
    "disguise": Disguise,
    "by identity": ByIdentity,
    "attribute": with_attribute,
    "flags": lambda: Right.READ | Right.WRITE,
    "float": lambda: 0.5,
    "complex": lambda: 1j,
    "bytes": lambda: b"a",
    "array": lambda: bytearray(b"a"),
    "range": lambda: range(2),
    "function": lambda: len,
    "class": lambda: Box,
    "list inside": lambda: ([1],),
    "list in a box": lambda: Box([1]),
    "counter inside": lambda: [Counter("a")],
    "key": lambda: {Words("a"): 1},
    "value": lambda: {"a": Bag()},
    "element": lambda: {Words("a")},
}

ALLOWED: list[Any] = [
    None,
    True,
    0,
    1,
    "1",
    (),
    (1,),
    [],
    [1],
    {},
    {1: 1},
    set(),
    {1},
    frozenset(),
    frozenset({1}),
    Level.LOW,
    Level.HIGH,
    Colour.RED,
    "red",
    Mode.ON,
    Right.READ,
    Box(),
    Box(1),
    Box(True),
    Box((1,)),
    Box(Level.LOW),
    Wide(1),
    (True,),
    [True],
    {1: True},
    {True: 1},
    {True},
    frozenset({frozenset({1}), frozenset({2})}),
    Cached(3),
    [[1], {"a": {1}}],
    False,
]


@dataclass(slots=True)
class Holder(Process):
    """Puts something into its state."""

    value: Any = constant()
    now: Any = None
    kept: Any = durable(default=None)

    def start(self, ctx: Context) -> None:
        ctx.set_timer("t", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        self.now = self.value()


@dataclass(slots=True)
class Writer(Holder):
    def fire(self, ctx: Context, timer: str) -> None:
        self.kept = self.value()


@dataclass(frozen=True, slots=True)
class Note(Message):
    content: Any


@dataclass(slots=True)
class Teller(Holder):
    def fire(self, ctx: Context, timer: str) -> None:
        ctx.send("sink", Note(self.value()))


@dataclass(slots=True)
class Watched(Holder):
    def fire(self, ctx: Context, timer: str) -> None:
        ctx.observe(self.value())


@dataclass(slots=True)
class Sink(Process):
    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        pass


@pytest.mark.parametrize("kind", [Holder, Writer, Teller, Watched])
@pytest.mark.parametrize("name", REFUSED)
def test_other_types_are_refused_everywhere(name: str, kind: type[Holder]) -> None:
    scenario = Scenario("s", "cluster", {"one": lambda: kind(REFUSED[name]), "sink": Sink})
    with pytest.raises(ModelError, match=r"one"):
        explore(scenario, engine=Engine.INTEGERS)


@pytest.mark.parametrize("name", REFUSED)
def test_other_types_are_refused_in_an_initial_state(name: str) -> None:
    scenario = Scenario("s", "cluster", {"one": lambda: Holder(len, now=REFUSED[name]())})
    with pytest.raises(ModelError, match="field now of one"):
        explore(scenario)


def test_all_allowed_values_have_forms_of_their_own() -> None:
    forms = [freeze(value) for value in ALLOWED]
    assert len(set(forms)) == len(ALLOWED)
    assert [freeze(value) for value in ALLOWED] == forms


def test_the_form_of_a_set_of_sets_does_not_depend_on_its_order() -> None:
    parts = [frozenset({n, n + 1}) for n in range(6)]
    assert freeze(set(parts)) == freeze({*parts[3:], *parts[:3]})
    assert freeze(frozenset(parts)) == freeze(frozenset(parts[3:] + parts[:3]))


@dataclass(slots=True)
class Flips(Process):
    """Goes from a value to one that Python calls equal."""

    pair: tuple[Any, Any] = constant()
    now: Any = None

    def start(self, ctx: Context) -> None:
        self.now = self.pair[0]
        ctx.set_timer("t", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        ctx.set_timer("t", kind=TimerKind.PROGRAM)
        self.now = self.pair[1]


@pytest.mark.parametrize(
    "pair", [(1, True), (0, False), ((1,), (True,)), (Level.LOW, 1), ("red", Colour.RED), (Box(1), Box(True))]
)
def test_equal_values_of_other_types_are_other_states(pair: tuple[Any, Any]) -> None:
    assert {explore(Scenario("s", "cluster", {"one": lambda: Flips(pair)}), engine=e).states for e in Engine} == {2}


@dataclass(slots=True)
class Remembers(Process):
    got: tuple[Any, ...] = ()

    def start(self, ctx: Context) -> None:
        ctx.send("one", Note(1), "a")
        ctx.send("one", Note(True), "b")

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        assert isinstance(message, Note)
        self.got = (*self.got, type(message.content).__name__)


def test_equal_messages_of_other_types_are_other_messages() -> None:
    assert {explore(Scenario("s", "cluster", {"one": Remembers}), engine=e).states for e in Engine} == {5}


@dataclass(slots=True)
class Shares(Process):
    one: list[int] = field(default_factory=list)
    other: list[int] = field(default_factory=list)

    def start(self, ctx: Context) -> None:
        ctx.set_timer("t", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        self.other = self.one


def test_two_fields_do_not_share_one_list() -> None:
    with pytest.raises(ModelError, match="one: one and other share one mutable value"):
        explore(Scenario("s", "cluster", {"one": Shares}))


def test_a_process_keeps_nothing_beside_its_fields() -> None:
    @dataclass
    class Loose(Process):
        number: int = 0

    with pytest.raises(ModelError, match="Loose keeps more than its fields"):
        explore(Scenario("s", "cluster", {"one": Loose}))


@pytest.mark.parametrize("value", [[1], {1: 1}, {1}, Counter("a"), ([1],), Box([1])], ids=repr)
def test_configuration_cannot_change(value: object) -> None:
    with pytest.raises(ModelError, match=r"constant value of one.* is of type .*, which can change"):
        explore(Scenario("s", "cluster", {"one": lambda: Holder(value)}))


def test_an_immutable_value_is_said_to_be_one() -> None:
    for value in ALLOWED:
        if type(value) not in (list, dict, set):
            require_immutable(value, "here")


def test_a_constant_that_many_processes_share_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Any] = []
    monkeypatch.setattr(
        "rayproof.model.kernel.language.scenario.require_fixed_constant", lambda value, where: looked.append(value)
    )
    shared, own = (("red", 1), ("red", 2)), [(1, 1, 1), (2, 2, 2)]
    makes = {f"p{i}": lambda i=i: Flips(shared if i < 5 else own[i - 5]) for i in range(7)}
    assert Scenario("s", "cluster", makes).initial()
    assert looked == [shared, *own]


RUNS: dict[str, Callable[[Scenario], object]] = {
    "walk": lambda scenario: walk(scenario, b"\0" * 4),
    "simulate": lambda scenario: Simulation(scenario, 0).run(),
}


@pytest.mark.parametrize("driver", RUNS)
@pytest.mark.parametrize("kind", [Holder, Writer, Teller])
@pytest.mark.parametrize("name", REFUSED)
def test_other_types_are_refused_during_a_run(name: str, kind: type[Holder], driver: str) -> None:
    scenario = Scenario("s", "cluster", {"one": lambda: kind(REFUSED[name]), "sink": Sink})
    with pytest.raises(ModelError, match=r"field (now|kept) of one \(|Note from one"):
        RUNS[driver](scenario)


@pytest.mark.parametrize("driver", RUNS)
def test_what_is_no_message_is_refused_during_a_run(driver: str) -> None:
    @dataclass(slots=True)
    class Babbler(Holder):
        def fire(self, ctx: Context, timer: str) -> None:
            ctx.send("sink", self.value())

    scenario = Scenario("s", "cluster", {"one": lambda: Babbler(lambda: 1), "sink": Sink})
    with pytest.raises(ModelError, match="one sends 1, which is no message"):
        RUNS[driver](scenario)


@pytest.mark.parametrize("driver", RUNS)
@pytest.mark.parametrize("kind", [Holder, Writer, Teller])
def test_allowed_types_are_let_be_during_a_run(kind: type[Holder], driver: str) -> None:
    for value in ALLOWED:
        if kind is not Teller or type(value) not in (list, dict, set):
            make = partial(kind, partial(copy, value))
            RUNS[driver](Scenario("s", "cluster", {"one": make, "sink": Sink}))


def deep() -> Any:
    nested: Any = ()
    for _ in range(3 * sys.getrecursionlimit()):
        nested = (nested,)
    return nested


@pytest.mark.parametrize("kind", [Holder, Teller])
def test_what_is_nested_too_deeply_is_refused_by_name(kind: type[Holder]) -> None:
    scenario = Scenario("s", "cluster", {"one": lambda: kind(deep), "sink": Sink})
    with pytest.raises(ModelError, match=r"one.*nested too deeply"):
        explore(scenario)
    with pytest.raises(ModelError, match=r"field now of one \(.*nested too deeply"):
        explore(Scenario("s", "cluster", {"one": lambda: kind(len, now=deep())}))
