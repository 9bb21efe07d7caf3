"""What is written and never read is forgotten, unless a statement that is asked reads it."""

from dataclasses import dataclass, field

import pytest

from rayproof.model.gcs.chain.replica import Replica
from rayproof.model.kernel import Context, Message, Name, Process, Scenario, StateView, TimerKind, always
from rayproof.model.kernel.engines import explore
from rayproof.model.kernel.forgetting import Forgetting, write_only
from rayproof.model.kernel.gate import explore_reduced, gate
from rayproof.model.kernel.replay import replay
from rayproof.model.scheduler.ray2.owned.driver import Submitter, TaskManager
from rayproof.properties.catalogue import build
from rayproof.properties.reductions import REDUCTIONS

DEAD = Forgetting("dead state")


@dataclass(frozen=True, slots=True)
class Hello(Message):
    """Says who came."""


@dataclass(slots=True)
class Guest(Process):
    """Comes some time."""

    def start(self, ctx: Context) -> None:
        ctx.set_timer("come", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        ctx.send("host", Hello())

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        pass


@dataclass(slots=True)
class Hosting(Process):
    """Counts its guests, and keeps a book of them in the order of their coming that it never opens."""

    count: int = 0
    book: tuple[Name, ...] = ()
    seen: dict[Name, int] = field(default_factory=dict)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        self.count += 1
        self.book += (sender,)
        self.seen[sender] = self.count


@always(Hosting, each=True, source="a room for four")
def nobody_is_left_out(host: Hosting) -> bool:
    """At most four come."""
    return host.count <= 4


@always(Hosting, each=True, source="what is false of some run")
def three_are_enough(host: Hosting) -> bool:
    """At most three come."""
    return host.count <= 3


@always(Hosting, source="what only the book knows")
def who_comes_first_is_first(view: StateView) -> bool:
    """The book has nobody twice."""
    return all(len(host.book) == len(set(host.book)) for host in view.of(Hosting).values())


def party() -> Scenario:
    """Four guests who come in any order."""
    guests = dict.fromkeys((f"guest{i}" for i in range(4)), Guest)
    return Scenario("party", "toys", {"host": Hosting, **guests}, (nobody_is_left_out,))


def test_of_a_book_that_nobody_opens_nothing_is_kept() -> None:
    scenario = party()
    full, reduced = explore(scenario), explore_reduced(scenario, scenario, [DEAD])
    assert (full.states, reduced.states) == (168, 81), "3 states of each guest, and no order"
    assert reduced.reductions == ("dead state: 2.1 times fewer states at the gate",)
    assert reduced.verdict is full.verdict


def test_a_book_that_a_statement_opens_is_kept_and_the_other_is_not() -> None:
    scenario = party()
    asked = (nobody_is_left_out, who_comes_first_is_first)
    full, reduced = explore(scenario, asked), explore_reduced(scenario, scenario, [DEAD], asked)
    assert reduced.states == full.states and not gate(scenario, DEAD, asked).refused


def test_what_is_found_is_a_run_of_the_model_as_it_is() -> None:
    scenario, asked = party(), (three_are_enough,)
    full, reduced = explore(scenario, asked), explore_reduced(scenario, scenario, [DEAD], asked)
    assert full.violation is not None and reduced.violation is not None
    assert len(reduced.violation.steps) == len(full.violation.steps)
    again = replay(scenario, reduced.violation.steps, asked)
    assert again.violation is not None and again.violation.statement == three_are_enough.name


@dataclass(slots=True)
class Reads(Hosting):
    """Each in its own way."""

    def in_a_condition(self) -> bool:
        return bool(self.book)


@dataclass(slots=True)
class UsesTheAnswer(Hosting):
    def first_time(self, name: Name) -> int:
        return self.seen.setdefault(name, 0)


@dataclass(slots=True)
class ReadsAnElement(Hosting):
    def when(self, name: Name) -> int:
        return self.seen[name]


@dataclass(slots=True)
class NamesIt(Hosting):
    def by_name(self) -> object:
        return getattr(self, "book")  # noqa: B009 - who hands itself on may be read


def peek(host: Hosting) -> object:
    """Somebody else."""
    return host.book


@dataclass(slots=True)
class LendsItself(Hosting):
    def lend(self) -> object:
        return peek(self)


@dataclass(slots=True)
class Inherits(Hosting):
    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        Hosting.receive(self, ctx, sender, message)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Hosting, {"book", "seen"}),
        (Inherits, {"book", "seen"}),
        (Reads, {"seen"}),
        (UsesTheAnswer, {"book"}),
        (ReadsAnElement, {"book"}),
        (NamesIt, set()),
        (LendsItself, set()),
        (Guest, set()),
        (Replica, set()),
        (Submitter, {"failed", "finished"}),
        (TaskManager, {"freed", "got", "ready"}),
    ],
    ids=lambda what: what.__name__ if isinstance(what, type) else "",
)
def test_what_counts_as_read(kind: type[Process], fields: set[str]) -> None:
    assert write_only(kind) == fields


def test_a_class_without_source_keeps_everything() -> None:
    made: type[Process] = dataclass(type("Made", (Process,), {"__annotations__": {"kept": int}, "kept": 0}))
    assert write_only(made) == frozenset()


def test_what_leaves_out_next_to_nothing_is_not_used() -> None:
    scenario = build("ray2-cancel")
    asked = tuple(s for s in scenario.statements if s.name == "leases_and_bundles_add_up")
    result = explore_reduced(scenario, scenario, [DEAD], asked)
    assert not result.reduced and result.states == explore(scenario, asked).states
    assert result.reductions == ("dead state: refused, it leaves out 0 of 752 states there",)


def test_a_model_that_has_none_refuses_by_name() -> None:
    scenario = build("chain-stale")
    (sentence,) = explore_reduced(scenario, scenario, [REDUCTIONS["dead"]], (scenario.statements[0],)).reductions
    assert sentence == "dead state: refused, chain-stale has no field that is written and never read"
