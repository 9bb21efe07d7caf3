"""What a statement may look at: what it declares, and without writing to it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from rayproof.model.kernel import (
    Context,
    Engine,
    Message,
    ModelError,
    Name,
    Process,
    Scenario,
    Statement,
    StateView,
    TimerKind,
    Verdict,
    always,
    audit,
    campaign,
    derived,
    eventually,
    explore,
    leads_to,
    refines,
    replay,
    sometimes,
    step,
)


@dataclass(frozen=True, slots=True)
class Go(Message):
    pass


@dataclass(slots=True)
class Client(Process):
    items: list[int] = field(default_factory=lambda: [3, 1, 2])
    known: dict[str, set[int]] = field(default_factory=lambda: {"a": {1}})
    rows: list[list[int]] = field(default_factory=lambda: [[1], [2]])
    cache: dict[int, int] = derived(dict)
    count: int = 0

    def start(self, ctx: Context) -> None:
        ctx.set_timer("t", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        ctx.send("store", Go())

    def total(self) -> int:
        """Fills a cache, which is no part of the state."""
        self.cache[0] = sum(self.items)
        self.cache = dict(self.cache)
        return self.cache[0]


@dataclass(slots=True)
class Store(Process):
    got: int = 0

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        self.got += 1


@dataclass(slots=True)
class Stranger(Process):
    pass


@dataclass(frozen=True)
class Seen:
    count: int = 0

    def observe(self, event: object) -> "Seen":
        return self


SHOP = Scenario("shop", "cluster", {"one": Client, "two": Client, "store": Store})

Check = Callable[[StateView], bool]


def drivers(statement: Statement) -> list[Callable[[], object]]:
    return [
        *(lambda engine=engine: explore(SHOP, [statement], engine=engine) for engine in Engine),
        lambda: campaign(SHOP, 5, 1, [statement]),
        lambda: replay(SHOP, (), [statement]),
    ]


def refused(statement: Statement, words: str) -> None:
    for run in drivers(statement):
        with pytest.raises(ModelError, match=f"statement {statement.name}: .*{words}"):
            run()


def claim(check: Check, *reads: type[Process], **options: object) -> Statement:
    def a_claim(view: StateView) -> bool:
        """Something."""
        return check(view)

    return always(*reads, source="an example", **options)(a_claim)  # type: ignore[arg-type]


WRITES: list[Callable[[Client], object]] = [
    lambda c: c.items.append(1),
    lambda c: c.items.sort(),
    lambda c: c.items.pop(),
    lambda c: c.items.reverse(),
    lambda c: c.items.__setitem__(0, 9),
    lambda c: c.known.pop("a"),
    lambda c: c.known.setdefault("b", set()),
    lambda c: c.known.update(b={2}),
    lambda c: c.known["a"].add(5),
    lambda c: c.known["a"].discard(1),
    lambda c: c.rows[0].append(5),
    lambda c: setattr(c, "count", 1),
    lambda c: delattr(c, "count"),
]


@pytest.mark.parametrize("number", range(len(WRITES)))
def test_writing_to_a_view_is_noticed_and_changes_nothing(number: int) -> None:
    write = WRITES[number]
    refused(claim(lambda view: bool(list(map(write, view.of(Client).values()))) or True, Client), "it writes to what")

    @always(Client, source="an example", each=True)
    def hides_it(client: Client) -> bool:
        """It writes and swallows the error."""
        with suppress(ModelError):
            write(client)
        return True

    refused(hides_it, "it writes to what")


def test_what_one_statement_writes_no_other_sees() -> None:
    @always(Client, source="an example", each=True)
    def vandal(client: Client) -> bool:
        """Writes."""
        client.items.clear()
        return True

    @always(Client, source="an example", each=True)
    def empty(client: Client) -> bool:
        """Items are there."""
        return not client.items

    with pytest.raises(ModelError, match="vandal"):
        explore(SHOP, [vandal, empty])
    assert explore(SHOP, [empty]).verdict is Verdict.VIOLATED


def test_copies_of_what_is_shown_are_free_and_caches_may_be_filled() -> None:
    def check(view: StateView) -> bool:
        for client in view.of(Client).values():
            items = [*client.items, 4]
            items.sort()
            known = client.known.copy()
            known["z"] = client.known["a"] | {7}
            known["a"].copy().add(3)
            rest = client.known["a"] - {1}
            rest.add(2)
            client.items.copy().append(3)
            assert client.total() == 6
        return True

    for run in drivers(claim(check, Client)):
        run()


UNDECLARED: list[tuple[Statement, str]] = [
    (claim(lambda view: not view.of(Store), Client), r"Store, which it does not declare .*Client x2, Store"),
    (claim(lambda view: view.one(Store) is None, Client), "Store, which it does not declare"),
    (claim(lambda view: not view.of(Process), Client), "Process, which it does not declare"),
    (claim(lambda view: not view.messages(), Client), "declares no links"),
    (claim(lambda view: not view.messages(), Client, links=("z*", "store")), r"no slot of this scenario is called z\*"),
    (claim(lambda view: view.monitor(Seen).count == 0, Client), "the monitor Seen, which it does not declare"),
    (claim(lambda view: view.one(Client) is not None, Client), "not one process but 2 of kind Client"),
    (
        claim(lambda view: view.one(Stranger) is None, Stranger),
        "no process of kind Stranger in this scenario; there are Client x2, Store",
    ),
    (claim(lambda view: 1 // 0 == 1, Client), "ZeroDivisionError"),
]


@pytest.mark.parametrize("number", range(len(UNDECLARED)))
def test_what_is_not_declared_is_an_error_by_name(number: int) -> None:
    refused(*UNDECLARED[number])


@pytest.mark.parametrize("kind", ["step", "audit", "sometimes", "refines", "eventually", "leads_to"])
def test_statements_of_every_kind_are_held_to_what_they_declare(kind: str) -> None:
    def looks(view: StateView, *more: object) -> bool:
        """Looks at a store."""
        return bool(view.of(Store)) or True

    made = {
        "step": step(Client, source="an example"),
        "audit": audit(Client, source="an example"),
        "sometimes": sometimes(Client, source="an example"),
        "refines": refines(Client, source="an example", initial=True, then=lambda one, other: True),
        "eventually": eventually(Client, source="an example"),
        "leads_to": leads_to(Client, source="an example", then=lambda view: True),
    }[kind](looks)
    with pytest.raises(ModelError, match=r"statement looks: .*Store, which it does not declare"):
        explore(SHOP, [made])
    if kind in ("step", "audit", "sometimes", "refines"):
        with pytest.raises(ModelError, match=r"statement looks: .*Store, which it does not declare"):
            campaign(SHOP, 5, 1, [made])


def test_declared_links_alone_are_shown_and_in_their_order() -> None:
    seen: set[tuple[str, ...]] = set()

    def check(view: StateView) -> bool:
        seen.add(tuple(sender for sender, *_ in view.messages()))
        return True

    explore(SHOP, [claim(check, links=("one", "store"))])
    assert seen == {(), ("one",)}
    seen.clear()
    campaign(SHOP, 50, 1, [claim(check, links=("*", "store"))])
    assert seen == {(), ("one",), ("two",), ("one", "two")}
