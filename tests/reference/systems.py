"""Small systems as data: what can be drawn, printed, made smaller, and built.

A `System` is nested tuples of strings and numbers; its `repr` is a literal that builds the same system again. The
processes of all systems are of the same three classes, which read what to do from a constant book of rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from inspect import signature
from itertools import pairwise
from typing import Any

from rayproof.model.kernel import (
    Context,
    Down,
    Fault,
    FaultKind,
    LinkKind,
    LinkRule,
    Message,
    Name,
    PolicyError,
    Process,
    Scenario,
    Statement,
    TimerKind,
    Timing,
    Unreachable,
    always,
    audit,
    constant,
    derived,
    durable,
    eventually,
    leads_to,
    progress,
    refines,
    sometimes,
    step,
)

Action = tuple[Any, ...]
Book = tuple[tuple[str, tuple[Action, ...]], ...]
"""(occasion, actions) pairs; the first whose occasion fits is carried out."""
Predicate = tuple[Any, ...]

LABELS = ("p", "q", "r")

MODULUS = 3
"""Numbers in processes stay below it."""


@dataclass(frozen=True, slots=True)
class Put(Message):
    """All that is ever sent."""

    label: str
    n: int = 0
    hop: int = 1
    """How many more messages may follow from it."""

    @property
    def size_bytes(self) -> int:
        """Some are larger."""
        return 1000 * self.n


@dataclass(slots=True)
class Actor(Process):
    """Does what its book says."""

    book: Book = constant(())
    x: int = 0
    y: int = 0
    flag: bool = False
    log: list[str] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    table: dict[str, int] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    group: frozenset[str] = frozenset()
    kept: int = durable(default=0)
    shelf: tuple[int, ...] = durable(default=())
    known: dict[str, int] = derived(dict)

    def start(self, ctx: Context) -> None:
        """The rule of the first start, or of a return."""
        self._act(ctx, "restart" if "#" in ctx.me else "start", Put("start", 0, 2), "")

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The rule of the label, or that of what the kernel says."""
        match message:
            case Put():
                self._act(ctx, message.label, message, sender)
            case Unreachable(_, Put() as lost):
                self._act(ctx, "unreachable", lost, sender)
            case Down(name):
                self._act(ctx, "down", Put("down", len(name) % MODULUS, 2), name)

    def fire(self, ctx: Context, timer: str) -> None:
        """The rule of the timer."""
        self._act(ctx, timer, Put(timer, self.y, 2), "")

    def _act(self, ctx: Context, occasion: str, cause: Put, sender: Name) -> None:
        for name, actions in self.book:
            if name == occasion:
                for action in actions:
                    self._do(ctx, action, cause, sender)
                return

    def _do(self, ctx: Context, action: Action, cause: Put, sender: Name) -> None:
        match action:
            case ("add", name):
                setattr(self, name, (getattr(self, name) + 1) % MODULUS)
            case ("set", name, value):
                setattr(self, name, value)
            case ("take", name):
                setattr(self, name, cause.n % MODULUS)
            case ("log",):
                self.log = [*self.log, cause.label][-2:]
            case ("note",):
                self.seen.add(int(cause.n))
            case ("file",):
                self.table[cause.label] = cause.n
            case ("fill",):
                for name in LABELS:
                    self.table[name + ctx.me] = len(name)
                    self.names.add(name + ctx.me)
                    self.group |= {name + ctx.me}
            case ("gather",):
                self.names.add(f"{cause.label}{cause.n}{sender}")
                self.group |= {f"{cause.label}{cause.hop}"}
            case ("careless", how, name):
                setattr(self, name, self._met_first(how) % MODULUS)
            case ("forget",):
                self.seen.clear()
                self.table.clear()
                self.log.clear()
            case ("shelve",):
                self.shelf = tuple(sorted({*self.shelf, int(cause.n)}))
            case ("sum", name):
                setattr(self, name, (sum(self.seen) + sum(self.table.values()) + len(self.log)) % MODULUS)
            case ("recall", name):
                if "known" not in self.known:
                    self.known["known"] = self.kept
                setattr(self, name, self.known["known"])
                self.known.clear()
            case ("send", to, label, channel):
                if cause.hop > 0:
                    ctx.send(to, Put(label, self.x, cause.hop - 1), channel)
            case ("both", to, label, other):
                if cause.hop > 0:
                    ctx.send(to, Put(label, self.x, cause.hop - 1), "u")
                    ctx.send(to, Put(other, self.y, cause.hop - 1), "v")
            case ("answer", label, channel):
                if cause.hop > 0 and sender:
                    ctx.send(sender, Put(label, cause.n, cause.hop - 1), channel)
            case ("serve", label, channel):
                if sender:
                    ctx.send(sender, Put(label, cause.n, cause.hop), channel)
            case ("pass", to, channel):
                ctx.send(to, cause, channel)
            case ("arm", timer, kind, after):
                ctx.set_timer(timer, after, TimerKind(kind))
            case ("disarm", timer):
                ctx.cancel_timer(timer)
            case ("choose", name, count, random):
                setattr(self, name, ctx.choose(range(count), random=random))
            case ("risk", fault, name):
                if ctx.may_fail(FaultKind(fault)):
                    setattr(self, name, 2)
            case ("observe", event):
                ctx.observe((event, self.x))
            case ("if", name, value, *inner):
                if getattr(self, name) == value:
                    for each in inner:
                        self._do(ctx, each, cause, sender)
            case ("fail",):
                raise ValueError("as the book says")
            case ("blunder", rule):
                raise PolicyError(rule, "as the book says")
            case _:
                raise AssertionError(f"unknown action {action}")

    def _met_first(self, how: str) -> int:
        """What no handler may do: look at an order that a set or mapping happens to have."""
        several: Any = self.names
        match how:
            case "loop":
                met = [name for name in several]  # noqa: C416 - the loop is what is meant
            case "next":
                met = [next(iter(several), "")]
            case "pop":
                met = [several.pop()] if several else []
            case "union":
                met = list(several | self.group)
            case "difference":
                met = list(several - {"none"})
            case "frozen":
                met = list(self.group)
            case "mapping":
                met = list(self.table)
            case "middle":
                met = list(self.table)[1:2]
            case _:
                raise AssertionError(how)
        return sum(position * ord(name[0]) for position, name in enumerate(met, 1) if name)


@dataclass(slots=True)
class Alpha(Actor):
    """One class of actors."""


@dataclass(slots=True)
class Beta(Actor):
    """Another."""


@dataclass(slots=True)
class Gamma(Actor):
    """A third."""


KINDS: Mapping[str, type[Actor]] = {"Alpha": Alpha, "Beta": Beta, "Gamma": Gamma, "Actor": Actor}


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts events, up to three."""

    count: int = 0

    def observe(self, event: Any) -> Tally:
        """One more."""
        return replace(self, count=min(3, self.count + 1))


@dataclass(frozen=True, slots=True)
class Last:
    """Remembers the last event of another kind than `dull`."""

    event: tuple[str, int] = ("", 0)

    def observe(self, event: Any) -> Last:
        """The newest."""
        return self if event[0] == "dull" else Last(event)


MONITORS: Mapping[str, type] = {"Tally": Tally, "Last": Last}


@dataclass(frozen=True)
class Claim:
    """A statement as data."""

    kind: str
    reads: tuple[str, ...]
    holds: Predicate
    then: Predicate = ()
    """Second predicate of `leads_to`."""
    links: tuple[str, str] | None = None
    monitors: tuple[str, ...] = ()
    each: bool = False
    known: str = ""


@dataclass(frozen=True)
class System:
    """A scenario as data."""

    actors: tuple[tuple[str, str, Book], ...]
    """(slot, class, book)"""
    links: tuple[tuple[tuple[str, Any], ...], ...] = ()
    """The options of each link rule."""
    claims: tuple[Claim, ...] = ()
    faults: tuple[tuple[str, int], ...] = ()
    units: tuple[tuple[str, tuple[str, ...]], ...] = ()
    crashable: tuple[str, ...] = ()
    recoverable: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    watchers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    cuttable: tuple[tuple[str, str], ...] = ()
    heals: bool = True
    rounds: int = 0
    max_incarnations: int = 2
    busy: tuple[tuple[str, int], ...] = ()
    """Microseconds that a class is busy with a message, in timed runs."""
    jitter_us: int = 0


def build(system: System) -> Scenario:
    """The scenario of a system."""
    return Scenario(
        name="drawn",
        component="kernel",
        processes={slot: _factory(KINDS[kind], book) for slot, kind, book in system.actors},
        statements=tuple(statement_of(claim, f"claim{number}") for number, claim in enumerate(system.claims)),
        links=tuple(_rule(dict(options)) for options in system.links),
        services=frozenset(system.services),
        units=dict(system.units),
        crashable=system.crashable,
        recoverable=frozenset(system.recoverable),
        watchers=dict(system.watchers),
        cuttable=system.cuttable,
        heals=system.heals,
        faults={FaultKind(kind): budget for kind, budget in system.faults},
        rounds=system.rounds,
        max_incarnations=system.max_incarnations,
        drain_limit=200,
        timing=Timing(100, 10, system.jitter_us, handler_us=dict(system.busy)),
    )


def _factory(kind: type[Actor], book: Book) -> Callable[[], Process]:
    return lambda: kind(book)


def _rule(options: dict[str, Any]) -> LinkRule:
    return LinkRule(**{**options, "kind": LinkKind(options.get("kind", "fifo"))})


# ---- statements ----------------------------------------------------------------------------------


def statement_of(claim: Claim, name: str) -> Statement:
    """The statement of a claim."""
    reads = tuple(KINDS[kind] for kind in claim.reads)
    monitors = tuple(MONITORS[kind] for kind in claim.monitors)
    options: dict[str, Any] = {"source": "drawn"}
    check = named(name, _of_process(claim.holds) if claim.each else _of_view(claim.holds))
    if claim.links is not None:
        options["links"] = claim.links
    if claim.known:
        options["known"] = claim.known
    match claim.kind:
        case "always" | "audit":
            make = always if claim.kind == "always" else audit
            return make(*reads, each=claim.each, monitors=monitors, **options)(check)
        case "sometimes":
            return sometimes(*reads, monitors=monitors, **options)(check)
        case "step":
            return step(*reads, **options)(named(name, _of_step(claim.holds)))
        case "eventually":
            return eventually(*reads, **options)(check)
        case "leads_to":
            return leads_to(*reads, then=_of_view(claim.then), **options)(check)
        case "progress":
            return progress(**options)(named(name, lambda taken: claim.holds[1] in str(taken)))
        case "refines":
            _, kind, field_name, start, relation = claim.holds
            return refines(*reads, initial=start, then=ABSTRACT[relation], **options)(
                named(name, lambda view: tuple(getattr(p, field_name) for p in view.of(KINDS[kind]).values()))
            )
    raise AssertionError(f"unknown kind of claim {claim.kind}")


def takes_links(kind: str) -> bool:
    """Whether statements of a kind can declare links."""
    makers: dict[str, Callable[..., Any]] = {
        "step": step,
        "audit": audit,
        "leads_to": leads_to,
        "eventually": eventually,
        "refines": refines,
        "always": always,
        "sometimes": sometimes,
    }
    return "links" in signature(makers[kind]).parameters


def named(name: str, check: Callable[..., Any]) -> Callable[..., Any]:
    """A check with what every statement needs."""
    check.__name__ = name
    check.__doc__ = f"What {name} says."
    return check


ABSTRACT: Mapping[str, Callable[[Any, Any], bool]] = {
    "grows": lambda one, other: sum(one) <= sum(other),
    "small": lambda one, other: abs(sum(one) - sum(other)) <= 1,
    "any": lambda one, other: True,
}


def _of_process(predicate: Predicate) -> Callable[[Any], bool]:
    def check(process: Any) -> bool:
        match predicate:
            case ("never", _, name, value):
                return bool(getattr(process, name) != value)
            case ("equal", _, name, other):
                return bool(getattr(process, name) == getattr(process, other))
            case ("write", _, name):
                _write(process, name)
                return True
        raise AssertionError(f"unknown predicate {predicate}")

    return check


def _write(process: Any, name: str) -> None:
    value = getattr(process, name)
    if isinstance(value, list):
        value.append("written")
    elif isinstance(value, set):
        value.add(9)
    elif isinstance(value, dict):
        value["written"] = 9
    else:
        setattr(process, name, 9)


def _of_view(predicate: Predicate) -> Callable[[Any], bool]:
    return lambda view: seen(predicate, view)


def seen(predicate: Predicate, view: Any) -> bool:
    """Whether a predicate holds of a view."""
    match predicate:
        case ("never", kind, _, _) | ("equal", kind, _, _):
            return all(map(_of_process(predicate), view.of(KINDS[kind]).values()))
        case ("is", kind, name, value):
            one = view.one(KINDS[kind])
            return one is not None and bool(getattr(one, name) == value)
        case ("alive", kind, count):
            return bool(len(view.of(KINDS[kind])) >= count)
        case ("write", kind, name):
            for process in view.of(KINDS[kind]).values():
                _write(process, name)
            return True
        case ("first", kind):
            return not any("#" in name for name in view.of(KINDS[kind]))
        case ("nobody dead",):
            return not view.dead
        case ("in flight", count):
            return bool(len(view.messages()) <= count)
        case ("no message", label):
            return not any(label in repr(message) for *_, message in view.messages())
        case ("in order", one, other):
            on_link: dict[Any, list[str]] = {}
            for sender, to, channel, message in view.messages():
                on_link.setdefault((sender, to, channel), []).append(repr(message))
            return not any(
                one in former and other in latter for queue in on_link.values() for former, latter in pairwise(queue)
            )
        case ("tally", most):
            return bool(view.monitor(Tally).count <= most)
        case ("last", event, x):
            return bool(view.monitor(Last).event != (event, x))
        case ("not", inner):
            return not seen(inner, view)
        case ("or", one, other):
            return seen(one, view) or seen(other, view)
        case ("and", one, other):
            return seen(one, view) and seen(other, view)
    raise AssertionError(f"unknown predicate {predicate}")


def _of_step(predicate: Predicate) -> Callable[[Any, Any, Any], bool]:
    def check(before: Any, taken: Any, after: Any) -> bool:
        match predicate:
            case ("before", inner):
                return seen(inner, before)
            case ("after", inner):
                return seen(inner, after)
            case ("keeps", inner):
                return not seen(inner, before) or seen(inner, after)
            case ("grows", kind, name):
                one, other = (sum(getattr(p, name) for p in v.of(KINDS[kind]).values()) for v in (before, after))
                return bool(one <= other)
            case ("no step", text):
                return text not in str(taken.step)
            case ("no choice", index):
                return index not in taken.choices
            case ("no fault",):
                return not isinstance(taken.step, Fault)
            case ("changed needs", kind, name, inner):
                one, other = ([getattr(p, name) for p in v.of(KINDS[kind]).values()] for v in (before, after))
                return one == other or seen(inner, before)
        raise AssertionError(f"unknown predicate {predicate}")

    return check
