"""Starts of processes that come back count like any handler, and a step statement is judged of every step."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from rayproof.model.kernel import (
    Context,
    Deliver,
    Engine,
    Fault,
    FaultKind,
    LinkKind,
    LinkRule,
    Message,
    ModelError,
    Name,
    Process,
    Scenario,
    Statement,
    StateView,
    Taken,
    Tick,
    TimerKind,
    Unhandled,
    Unreachable,
    Verdict,
    always,
    campaign,
    constant,
    durable,
    explore,
    replay,
    sometimes,
    step,
)
from rayproof.model.kernel.language.links import merges


def judged(scenario: Scenario, *statements: Statement, engines: tuple[Engine, ...] = tuple(Engine)) -> set[Verdict]:
    """The verdicts of all engines; each violation that they or some walks find is confirmed by a replay."""
    verdicts = set()
    scenario = replace(scenario, statements=statements)
    walked = campaign(scenario, 60, 1)
    for result in (*(explore(scenario, engine=engine) for engine in engines), walked):
        if result is not walked or result.violation is not None:
            verdicts.add(result.verdict)
        if result.violation is not None:
            again = replay(scenario, result.violation.steps).violation
            assert again is not None and again.statement == result.violation.statement
    return verdicts


VIOLATED = {Verdict.VIOLATED}


@dataclass(frozen=True, slots=True)
class Hi(Message):
    pass


@dataclass(slots=True)
class Phoenix(Process):
    """Does something when it comes back."""

    does: str = constant()
    boots: int = durable(default=0)
    poisoned: bool = durable(default=False)
    bad: bool = False

    def start(self, ctx: Context) -> None:
        self.boots += 1
        if self.boots == 1 and self.does == "leaves":
            ctx.set_timer("poison", kind=TimerKind.PROGRAM)
        if self.boots == 2:
            self.bad = self.does == "turns"
            if self.does == "greets":
                ctx.send("peer", Hi())
            if self.does == "tells":
                ctx.observe("again")

    def fire(self, ctx: Context, timer: str) -> None:
        self.poisoned = True


@dataclass(slots=True)
class Sleeper(Process):
    """Comes back as its disk left it, and does nothing."""

    boots: int = durable(default=0)

    def start(self, ctx: Context) -> None:
        if not self.boots:
            ctx.set_timer("write", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        self.boots = 1


@dataclass(slots=True)
class Peer(Process):
    greeted: bool = False

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        self.greeted = self.greeted or isinstance(message, Hi)


@dataclass(frozen=True)
class Heard:
    count: int = 0

    def observe(self, event: Any) -> "Heard":
        return Heard(self.count + 1)


@always(Phoenix, source="an example", each=True)
def never_bad(process: Phoenix) -> bool:
    """It is never bad."""
    return not process.bad


@always(Phoenix, source="an example")
def nobody_bad(view: StateView) -> bool:
    """None is bad."""
    return not any(process.bad for process in view.of(Phoenix).values())


@always(Peer, source="an example", each=True)
def never_greeted(process: Peer) -> bool:
    """The peer is never greeted."""
    return not process.greeted


@always(Peer, source="an example")
def nobody_greeted(view: StateView) -> bool:
    """Nobody is greeted."""
    return not any(peer.greeted for peer in view.of(Peer).values())


@always(Peer, source="an example", monitors=(Heard,))
def nothing_heard(view: StateView) -> bool:
    """Nothing is ever heard."""
    return not view.monitor(Heard).count


def fire(does: str, returns: str, beside: bool = False) -> Scenario:
    unit = {"node": ("phoenix", "second")} if beside else {}
    name = "node" if beside else "phoenix"
    processes: dict[str, Callable[[], Process]] = {"phoenix": partial(Phoenix, does), "peer": Peer}
    if beside:
        processes["second"] = Sleeper
    return Scenario(
        "fire",
        "cluster",
        processes,
        links=(LinkRule(kind=LinkKind.IMMEDIATE),),
        units=unit,
        crashable=(name,),
        recoverable=frozenset({name} if returns == "recovery" else ()),
        faults={FaultKind.CRASH: 1} | ({FaultKind.RESTART: 1} if returns == "restart" else {}),
    )


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("returns", ["recovery", "restart"])
@pytest.mark.parametrize(
    ("does", "statement"),
    [
        ("turns", never_bad),
        ("turns", nobody_bad),
        ("greets", never_greeted),
        ("greets", nobody_greeted),
        ("tells", nothing_heard),
    ],
)
def test_what_a_start_does_is_judged(does: str, statement: Statement, returns: str, beside: bool) -> None:
    assert judged(fire(does, returns, beside), statement) == VIOLATED


@pytest.mark.parametrize("returns", ["recovery", "restart"])
def test_a_process_that_rises_from_a_bad_disk_is_judged(returns: str) -> None:
    @always(Sleeper, source="an example", each=True)
    def never_wakes_changed(process: Sleeper) -> bool:
        """What is on the disk is never seen by a process that was not there when it was written."""
        return process.boots == 0

    @step(Sleeper, source="an example")
    def only_by_its_own_step(before: StateView, taken: Taken, after: StateView) -> bool:
        """A sleeper with a written disk was there before."""
        return not any(s.boots for n, s in after.of(Sleeper).items() if n not in before.of(Sleeper))

    scenario = Scenario(
        "sleep",
        "cluster",
        {"sleeper": Sleeper},
        crashable=("sleeper",),
        recoverable=frozenset({"sleeper"} if returns == "recovery" else ()),
        faults={FaultKind.CRASH: 1} | ({FaultKind.RESTART: 1} if returns == "restart" else {}),
    )
    assert judged(scenario, never_wakes_changed) == VIOLATED
    assert judged(scenario, only_by_its_own_step, engines=(Engine.INTEGERS,)) == VIOLATED


def test_a_start_makes_what_was_wished_for_happen() -> None:
    @sometimes(Peer, source="an example")
    def greeted(view: StateView) -> bool:
        """The peer is greeted."""
        peer = view.one(Peer)
        return peer is not None and peer.greeted

    assert judged(fire("greets", "recovery"), greeted) == {Verdict.HOLDS}


@step(Peer, source="an example")
def never_a_fault(before: StateView, taken: Taken, after: StateView) -> bool:
    """No step is a fault."""
    return not isinstance(taken.step, Fault)


@step(source="an example")
def never_a_tick(before: StateView, taken: Taken, after: StateView) -> bool:
    """No time passes."""
    return not isinstance(taken.step, Tick)


@dataclass(slots=True)
class Waiter(Process):
    done: bool = False

    def start(self, ctx: Context) -> None:
        ctx.set_timer("wait", 2, TimerKind.TICKS)

    def fire(self, ctx: Context, timer: str) -> None:
        self.done = True


def test_a_step_statement_is_judged_of_every_step() -> None:
    assert judged(fire("nothing", "recovery"), never_a_fault, engines=(Engine.INTEGERS,)) == VIOLATED
    waits = Scenario("waits", "cluster", {"waiter": Waiter})
    assert judged(waits, never_a_tick, engines=(Engine.INTEGERS,)) == VIOLATED


@dataclass(frozen=True, slots=True)
class Put(Message):
    key: str


@dataclass(slots=True)
class Sender(Process):
    """Sends over two channels in either order; keeps what comes back."""

    back: list[str] = constant(None)
    first: str = ""

    def start(self, ctx: Context) -> None:
        ctx.send("a", Put("go"))

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        match message:
            case Put("go"):
                ctx.send("b", Put("ping"), channel="now")
            case Put("pong"):
                for key in ctx.choose((("x", "y"), ("y", "x"))):
                    ctx.send("b", Put(key), channel=key)
            case Unreachable(_, Put(key)):
                self.first = self.first or key


@dataclass(slots=True)
class Receiver(Process):
    got: tuple[str, ...] = ()

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        match message:
            case Put("ping"):
                ctx.send(sender, Put("pong"), channel="now")
            case Put(key):
                self.got = (*self.got, key)
            case _:
                raise Unhandled(message)


def returns(**faults: int) -> Scenario:
    return Scenario(
        "returns",
        "cluster",
        {"a": Sender, "b": Receiver},
        links=(LinkRule(channel="now", kind=LinkKind.IMMEDIATE),),
        crashable=("b",),
        cuttable=(("a", "b"),),
        faults={FaultKind(kind): count for kind, count in faults.items()},
    )


def first_is_not(key: str) -> Statement:
    @always(Sender, source="an example")
    def not_first(view: StateView) -> bool:
        """One key is never the first to come back."""
        sender = view.one(Sender)
        return sender is None or sender.first != key

    return not_first


def never_in_this_order(*keys: str) -> Statement:
    @always(Sender, source="an example", links=("b", "a"))
    def not_so(view: StateView) -> bool:
        """What comes back never lies on the link in this order."""
        found = [m.message.key for *_, m in view.messages() if isinstance(m, Unreachable)]  # type: ignore[attr-defined]
        return found != list(keys)

    return not_so


@pytest.mark.parametrize("fault", ["crash", "cut"])
def test_what_two_channels_return_comes_back_in_either_order(fault: str) -> None:
    for key in ("x", "y"):
        assert judged(returns(**{fault: 1}), first_is_not(key)) == VIOLATED
    for keys in (("x", "y"), ("y", "x")):
        assert judged(returns(**{fault: 1}), never_in_this_order(*keys)) == VIOLATED


@dataclass(slots=True)
class Busy(Sender):
    """Sends two over one channel and one over another."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        if isinstance(message, Put) and message.key == "go":
            for key, channel in (("x1", "x"), ("y1", "y"), ("x2", "x")):
                ctx.send("b", Put(key), channel)


def test_each_channel_keeps_its_own_order_on_the_way_back() -> None:
    scenario = replace(returns(crash=1), processes={"a": Busy, "b": Receiver})
    for keys in (("x1", "x2", "y1"), ("x1", "y1", "x2"), ("y1", "x1", "x2")):
        assert judged(scenario, never_in_this_order(*keys)) == VIOLATED
    assert judged(scenario, never_in_this_order("x2", "x1", "y1")) == {Verdict.HOLDS}


@dataclass(slots=True)
class Same(Sender):
    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        if isinstance(message, Put) and message.key == "go":
            ctx.send("b", Put("z"), "x")
            ctx.send("b", Put("z"), "y")


def test_merges_are_distinct_and_bounded() -> None:
    assert merges(["ab", "a"], str) == [("a", "b", "a"), ("a", "a", "b")]
    assert merges(["x" * 20, "x" * 20], str) == [("x",) * 40]
    assert merges(["ab", "c"], str) == [tuple("abc"), tuple("acb"), tuple("cab")]
    with pytest.raises(ModelError, match="2 channels come back in more than 10,000 orders"):
        merges(["abcdefghij", "ABCDEFGHIJ"], str)


def test_equal_orders_make_no_choice() -> None:
    scenario = replace(returns(crash=1), processes={"a": Same, "b": Receiver})
    found = explore(scenario, [never_in_this_order("z", "z")]).violation
    assert found is not None and found.steps[-1] == Taken(Fault(FaultKind.CRASH, "b"))
    both = explore(returns(crash=1), [never_in_this_order("y", "x")]).violation
    assert both is not None and both.steps[-1].choices == (1,)


@step(Receiver, links=("a", "b"), source="an example")
def what_is_received_was_under_way(before: StateView, taken: Taken, after: StateView) -> bool:
    """A message that is received lay on its link before, and lies there no more."""
    match taken.step:
        case Deliver("a", "b", channel):
            lay = [m for _, _, at, m in before.messages() if at == channel]
            lies = [m for _, _, at, m in after.messages() if at == channel]
            return bool(lay) and len(lies) == len(lay) - 1
    return True


@step(Receiver, links=("a", "b"), source="a statement that is false when two are under way")
def one_at_a_time(before: StateView, taken: Taken, after: StateView) -> bool:
    """Of the messages under way before a step there is one at most."""
    return len(before.messages()) < 2


def test_what_a_step_statement_sees_of_messages_is_the_same_everywhere() -> None:
    assert judged(returns(), what_is_received_was_under_way, engines=(Engine.INTEGERS,)) == {Verdict.HOLDS}
    assert judged(returns(), one_at_a_time, engines=(Engine.INTEGERS,)) == VIOLATED


@dataclass(slots=True)
class Writer(Process):
    """Fails where two writes fail one after the other, which a budget of one does not allow."""

    failed: int = 0
    tries: int = 0

    def start(self, ctx: Context) -> None:
        ctx.set_timer("write", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        self.tries += 1
        self.failed += ctx.may_fail(FaultKind.FAIL_WRITE)
        self.failed += ctx.may_fail(FaultKind.FAIL_WRITE)
        if self.failed > 1:
            raise AssertionError("cannot happen")
        if self.tries < 3:
            ctx.set_timer("write", kind=TimerKind.PROGRAM)


def test_handlers_are_not_run_beyond_the_budget() -> None:
    @always(Writer, source="an example", each=True)
    def never_fails(writer: Writer) -> bool:
        """No write fails."""
        return not writer.failed

    scenario = Scenario("writes", "cluster", {"writer": Writer}, faults={FaultKind.FAIL_WRITE: 1})
    found = explore(scenario, engine=Engine.INTEGERS)
    assert found.verdict is Verdict.HOLDS and found.states == 7
    assert {explore(scenario, engine=engine).states for engine in Engine} == {7}
    assert judged(scenario, never_fails) == VIOLATED
    none = replace(scenario, faults={FaultKind.FAIL_WRITE: 0})
    assert judged(none, never_fails) == {Verdict.HOLDS}


@dataclass(slots=True)
class Asker(Process):
    """Asks a writer at once, so that what the writer may do depends on what was spent before in the same step."""

    asked: int = 0

    def start(self, ctx: Context) -> None:
        ctx.set_timer("ask", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        self.asked += 1
        if not ctx.may_fail(FaultKind.FAIL_WRITE):
            ctx.send("store", Hi())
        ctx.send("store", Hi())
        if self.asked < 2:
            ctx.set_timer("ask", kind=TimerKind.PROGRAM)


@dataclass(slots=True)
class Store(Process):
    lost: int = 0

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        self.lost += ctx.may_fail(FaultKind.FAIL_WRITE)
        if self.lost > 1:
            raise AssertionError("cannot happen")


def test_the_budget_counts_through_immediate_links() -> None:
    scenario = Scenario(
        "chain of writes",
        "cluster",
        {"asker": Asker, "store": Store},
        links=(LinkRule(kind=LinkKind.IMMEDIATE),),
        faults={FaultKind.FAIL_WRITE: 1},
    )
    sizes = {(r.states, r.transitions) for r in (explore(scenario, engine=engine) for engine in Engine)}
    assert len(sizes) == 1 and campaign(scenario, 40, 2).violation is None
