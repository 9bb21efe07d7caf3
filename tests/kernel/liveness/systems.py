"""Small systems, each of which stays alive for another reason, or does not."""

from __future__ import annotations

from collections.abc import Callable
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
    Statement,
    StateView,
    TimerKind,
    Unhandled,
    Unreachable,
    eventually,
    leads_to,
)


@dataclass(frozen=True, slots=True)
class Ball(Message):
    """Passed back and forth for ever."""


@dataclass(frozen=True, slots=True)
class Bell(Message):
    """Heard once."""

    number: int = 0


@dataclass(slots=True)
class Player(Process):
    """Passes the ball back; remembers whether it has heard the bell."""

    serves: bool = False
    heard: bool = False

    def start(self, ctx: Context) -> None:
        if self.serves:
            ctx.send("right", Ball())
            ctx.send("right", Bell(), "bell")

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        match message:
            case Ball():
                ctx.send(sender, Ball())
            case Bell():
                self.heard = True
            case _:
                raise Unhandled(message)


@eventually(Player, source="a bell beside a ball that never rests")
def the_bell_is_heard(view: StateView) -> str | None:
    """The bell is heard."""
    return None if any(player.heard for player in view.of(Player).values()) else "it is not so yet"


def game(*statements: Statement) -> Scenario:
    """A ball that never rests, and a bell on another link between the same two."""
    return Scenario(
        "game", "cluster", {"left": lambda: Player(True), "right": Player}, statements or (the_bell_is_heard,)
    )


@dataclass(slots=True)
class Ringer(Process):
    """Sends numbers, low ones first, round and round, each replacing the one that still waits."""

    next: int = 0
    limit: int = 2

    def start(self, ctx: Context) -> None:
        ctx.set_timer("ring", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        ctx.send("listener", Bell(self.next), "bells")
        self.next = (self.next + 1) % self.limit
        ctx.set_timer("ring", kind=TimerKind.PROGRAM)


@dataclass(slots=True)
class Listener(Process):
    """Keeps what it hears."""

    heard: set[int] = field(default_factory=set)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        match message:
            case Bell(number):
                self.heard.add(number)
            case _:
                raise Unhandled(message)


@eventually(Listener, source="messages on a newest-value link are overtaken")
def the_first_bell_is_heard(view: StateView) -> str | None:
    """The bell with number 0 is heard."""
    listener = view.one(Listener)
    return None if listener is not None and 0 in listener.heard else "it is not so yet"


@eventually(Listener, source="messages on a newest-value link are overtaken")
def some_bell_is_heard(view: StateView) -> str | None:
    """Some bell is heard."""
    listener = view.one(Listener)
    return None if listener is not None and bool(listener.heard) else "it is not so yet"


def bells(*statements: Statement) -> Scenario:
    """Numbers on a newest-value link: what waits is overtaken."""
    return Scenario(
        "bells",
        "cluster",
        {"ringer": Ringer, "listener": Listener},
        statements,
        links=(LinkRule(channel="bells", kind=LinkKind.LATEST),),
    )


@dataclass(slots=True)
class Tosser(Process):
    """Tosses a coin until it shows heads."""

    fair: bool
    heads: bool = False

    def start(self, ctx: Context) -> None:
        ctx.set_timer("toss")

    def fire(self, ctx: Context, timer: str) -> None:
        if ctx.choose(("tails", "heads"), random=self.fair) == "heads":
            self.heads = True
        else:
            ctx.set_timer("toss")


@eventually(Tosser, source="a fair coin, tossed for ever, shows heads")
def heads_in_the_end(view: StateView) -> str | None:
    """The coin shows heads."""
    tosser = view.one(Tosser)
    return None if tosser is not None and tosser.heads else "it is not so yet"


def coin(fair: bool) -> Scenario:
    """A coin that is fair, or that the environment chooses."""
    return Scenario("coin", "cluster", {"tosser": lambda: Tosser(fair)}, (heads_in_the_end,))


@dataclass(frozen=True, slots=True)
class Please(Message):
    """A request."""


@dataclass(frozen=True, slots=True)
class Done(Message):
    """Its answer."""


@dataclass(slots=True)
class Client(Process):
    """Asks, and asks again after a time-out until it has an answer."""

    answered: bool = False
    dead: bool = False

    def start(self, ctx: Context) -> None:
        self.ask(ctx)

    def ask(self, ctx: Context) -> None:
        ctx.send("server", Please())
        ctx.set_timer("again")

    def fire(self, ctx: Context, timer: str) -> None:
        self.ask(ctx)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        match message:
            case Done():
                self.answered = True
                ctx.cancel_timer("again")
            case Down():
                self.dead = True
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)


@dataclass(slots=True)
class Server(Process):
    """Answers."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        ctx.send(sender, Done())


@eventually(Client, source="a request that is made again until it is answered")
def the_client_is_answered(view: StateView) -> str | None:
    """The client has its answer."""
    client = view.one(Client)
    return None if client is not None and client.answered else "the client waits"


def service(*, crash: int = 0, lose: int = 0, recovers: bool = False) -> Scenario:
    """A client that retries for ever, a server that may crash, links that may lose."""
    return Scenario(
        "service",
        "cluster",
        {"client": Client, "server": Server},
        (the_client_is_answered,),
        links=(LinkRule(unreachable=False, lossy=True),),
        services=frozenset({"server"}),
        crashable=("server",),
        recoverable=frozenset({"server"} if recovers else ()),
        faults={kind: count for kind, count in ((FaultKind.CRASH, crash), (FaultKind.LOSE, lose)) if count},
    )


@dataclass(slots=True)
class Clock(Process):
    """Two timers; one re-arms for ever, the other may be set anew by it each time."""

    puts_off: bool
    kind: TimerKind
    rang: bool = False

    def start(self, ctx: Context) -> None:
        ctx.set_timer("beat", kind=self.kind)
        ctx.set_timer("ring", kind=self.kind)

    def fire(self, ctx: Context, timer: str) -> None:
        if timer == "ring":
            self.rang = True
            return
        ctx.set_timer("beat", kind=self.kind)
        if self.puts_off:
            ctx.set_timer("ring", kind=self.kind)


@eventually(Clock, source="a timer beside one that re-arms for ever")
def it_rings(view: StateView) -> str | None:
    """The other timer fires."""
    clock = view.one(Clock)
    return None if clock is not None and clock.rang else "it is not so yet"


def clock(puts_off: bool, kind: TimerKind = TimerKind.PATIENT) -> Scenario:
    """A clock that beats for ever, and should ring."""
    return Scenario("clock", "cluster", {"clock": lambda: Clock(puts_off, kind)}, (it_rings,))


@dataclass(frozen=True, slots=True)
class Take(Message):
    """Asks for the lock."""


@dataclass(frozen=True, slots=True)
class Give(Message):
    """Hands the lock over, or gives it back."""


@dataclass(slots=True)
class Lock(Process):
    """One holder at a time; `rule` says who of those that wait is next, or that nobody waits but asks again."""

    rule: str
    held_by: Name = ""
    queue: tuple[Name, ...] = ()

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        match message:
            case Take() if self.held_by and self.rule == "ask again":
                ctx.send(sender, Take())
            case Take() if self.held_by:
                self.queue += (sender,)
            case Take():
                self.held_by = sender
                ctx.send(sender, Give())
            case Give():
                self.held_by = ""
                if self.queue:
                    waiting = self.queue[:1] if self.rule == "in order" else tuple(sorted(self.queue))
                    self.held_by = ctx.choose(waiting, random=self.rule == "by lot")
                    self.queue = tuple(name for name in self.queue if name != self.held_by)
                    ctx.send(self.held_by, Give())
            case _:
                raise Unhandled(message)


@dataclass(slots=True)
class User(Process):
    """Wants the lock again and again."""

    wants: bool = False
    has: bool = False

    def start(self, ctx: Context) -> None:
        ctx.set_timer("ask", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        if self.has:
            self.has = False
            ctx.send("lock", Give())
            ctx.set_timer("ask", kind=TimerKind.PROGRAM)
        else:
            self.wants = True
            ctx.send("lock", Take())

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        match message:
            case Give():
                self.wants, self.has = False, True
                ctx.set_timer("release", kind=TimerKind.PROGRAM)
            case Take():
                ctx.send("lock", Take())
            case _:
                raise Unhandled(message)


def _first_has(view: StateView) -> str | None:
    has = any(user.has for name, user in view.of(User).items() if name == "user1")
    return None if has else "user1 waits"


@leads_to(User, then=_first_has, source="Lamport 1974: a lock without starvation")
def who_asks_is_served(view: StateView) -> str | None:
    """A user that asks for the lock has it some day."""
    return "user1" if any(user.wants for name, user in view.of(User).items() if name == "user1") else None


def _first_holds(view: StateView) -> str | None:
    return None if any(lock.held_by == "user1" for lock in view.of(Lock).values()) else "user1 waits"


@leads_to(Lock, then=_first_holds, source="Lamport 1974: a lock without starvation")
def who_stands_in_line_is_served(view: StateView) -> str | None:
    """A user whose request waits at the lock has it some day."""
    return "user1" if any("user1" in lock.queue for lock in view.of(Lock).values()) else None


def lock(rule: str, users: int = 3) -> Scenario:
    """Users of one lock, who is next "in order", "by lot", "at will", or nobody: they "ask again"."""
    processes: dict[str, Callable[[], Process]] = {"lock": lambda: Lock(rule)}
    processes.update({f"user{number}": User for number in range(1, users + 1)})
    return Scenario("lock", "cluster", processes, (who_asks_is_served,))


@dataclass(slots=True)
class Mute(Process):
    """Takes what it is told and never answers."""

    asked: bool = False

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        self.asked = True


@dataclass(slots=True)
class AsksOnce(Client):
    """Asks once and waits."""

    def ask(self, ctx: Context) -> None:
        ctx.send("server", Please())


def silence() -> Scenario:
    """A client that waits for a server that never answers."""
    return Scenario("silence", "cluster", {"client": AsksOnce, "server": Mute}, (the_client_is_answered,))
