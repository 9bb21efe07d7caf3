"""Small systems that use every feature of the kernel at least once."""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.kernel import (
    Context,
    Down,
    FaultKind,
    LinkKind,
    LinkRule,
    Message,
    Name,
    Process,
    Scenario,
    TimerKind,
    Unhandled,
    Unreachable,
    constant,
    durable,
)


@dataclass(frozen=True, slots=True)
class Ask(Message):
    number: int


@dataclass(frozen=True, slots=True)
class Answer(Message):
    number: int
    by: Name


@dataclass(frozen=True, slots=True)
class Beat(Message):
    count: int


@dataclass(slots=True)
class Caller(Process):
    """Asks the server, asks again after a time-out, notices deaths."""

    asks: int
    server: Name = constant("server")
    answered: set[int] = field(default_factory=set)
    failed: int = 0
    dead: list[Name] = field(default_factory=list)

    def start(self, ctx: Context) -> None:
        ctx.set_timer("ask", kind=TimerKind.PROGRAM)
        ctx.set_timer("beat", kind=TimerKind.PERIODIC)

    def fire(self, ctx: Context, timer: str) -> None:
        if timer == "beat":
            ctx.send(self.server, Beat(len(self.answered)), "beat")
            return
        if timer != "ask":
            self.failed += 1
            ctx.cancel_timer("timeout")
            return
        number = self.asks
        self.asks -= 1
        ctx.send(self.server, Ask(number))
        ctx.send("clerk", Ask(number))
        if self.asks:
            ctx.set_timer("ask", kind=TimerKind.PROGRAM)
        ctx.set_timer("timeout", 5, kind=TimerKind.EAGER if number % 2 else TimerKind.PATIENT)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        match message:
            case Answer(number):
                self.answered.add(number)
                ctx.observe(("answered", number))
            case Unreachable():
                self.failed += 1
                ctx.set_timer("cool", 2, TimerKind.TICKS)
            case Down(name):
                self.dead.append(name)
            case _:
                raise Unhandled(message)


@dataclass(slots=True)
class Server(Process):
    """Answers, writes to its disk, may choose the order."""

    disk: list[int] = durable(default_factory=list)
    seen: dict[int, int] = field(default_factory=dict)
    beats: int = 0

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        match message:
            case Ask(number):
                if ctx.may_fail(FaultKind.FAIL_WRITE):
                    return
                self.disk.append(number)
                self.seen[number] = self.seen.get(number, 0) + 1
                if ctx.choose(("now", "never"), random=True) == "now":
                    ctx.send(sender, Answer(number, ctx.me), "reply")
            case Beat(count):
                self.beats = count
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)


@dataclass(slots=True)
class Clerk(Process):
    """An atomic service: asked and answering within the caller's step."""

    asked: int = 0

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        match message:
            case Ask(number):
                self.asked += 1
                ctx.send(sender, Answer(-number, ctx.me))
                ctx.send("server", Beat(self.asked), "beat")
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)


def office(asks: int = 2, **faults: int) -> Scenario:
    """Caller, server and clerk, with the given faults allowed."""
    return Scenario(
        "office",
        "cluster",
        {"caller": lambda: Caller(asks), "server": Server, "clerk": Clerk},
        links=(
            LinkRule("caller", "clerk", kind=LinkKind.IMMEDIATE),
            LinkRule("clerk", "caller", kind=LinkKind.IMMEDIATE),
            LinkRule(channel="beat", kind=LinkKind.LATEST, unreachable=False, lossy=True),
            LinkRule("server", "caller", "reply", reply=True),
            LinkRule("caller", "server", duplicating=True),
        ),
        services=frozenset({"server"}),
        crashable=("server", "caller"),
        recoverable=frozenset({"server"}),
        watchers={"server": ("caller",)},
        cuttable=(("caller", "server"),),
        faults={FaultKind(kind): count for kind, count in faults.items()},
        rounds=1,
    )
