"""Statements: what must hold, as plain functions with a kind, and the state they read.

A statement is made by one of the functions below, used as a decorator; its name is the function's, its sentence the
first line of its docstring. Nothing is registered: whoever checks lists the statements it wants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from inspect import getdoc
from typing import Any, Protocol, Self, TypeVar

from rayproof.model.kernel.process import Message, Name, Process

P = TypeVar("P", bound=Process)
M = TypeVar("M", bound="Monitor")


class Monitor(Protocol):
    """A small state machine, frozen and hashable, that folds observed events; built without arguments."""

    def observe(self, event: Any) -> Self:
        """The monitor after an event; itself when the event does not concern it."""
        ...


class StatementKind(StrEnum):
    """How a statement is decided."""

    ALWAYS = "always"
    STEP = "step"
    SOMETIMES = "sometimes"
    AUDIT = "audit"
    EVENTUALLY = "eventually"
    LEADS_TO = "leads_to"
    PROGRESS = "progress"
    REFINES = "refines"


class StateView:
    """What a statement sees of one global state: live processes by type, the dead, messages, monitors."""

    __slots__ = ("_dead", "_links", "_monitors", "_processes")

    def __init__(
        self,
        processes: Mapping[Name, Process],
        dead: frozenset[Name],
        links: Callable[[], Mapping[tuple[Name, Name, str], Sequence[Message]]],
        monitors: Mapping[type, Any],
    ) -> None:
        self._processes = processes
        self._dead = dead
        self._links = links
        self._monitors = monitors

    def of(self, kind: type[P]) -> dict[Name, P]:
        """The live processes of a type, by name, in the scenario's order."""
        return {name: process for name, process in self._processes.items() if isinstance(process, kind)}

    def one(self, kind: type[P]) -> P | None:
        """The only live process of a type; None when it is dead."""
        for process in self._processes.values():
            if isinstance(process, kind):
                return process
        return None

    @property
    def dead(self) -> frozenset[Name]:
        """Names of the processes that were read and are down."""
        return self._dead

    def monitor(self, kind: type[M]) -> M:
        """The state of a monitor that the statement has asked for."""
        found = self._monitors[kind]
        assert isinstance(found, kind)
        return found

    def messages(self) -> list[tuple[Name, Name, str, Message]]:
        """Messages in flight as (from, to, channel, message); a statement looks at no link but those it reads."""
        return [(*link, message) for link, queue in self._links().items() for message in queue]


@dataclass(frozen=True)
class Statement:
    """One claim about a system."""

    name: str
    kind: StatementKind
    sentence: str
    source: str
    reads: tuple[type[Process], ...]
    check: Callable[..., Any]
    """Whether the claim holds; for `refines`, the abstract state."""
    each: bool = False
    """Whether the check is of one process at a time (`check(process)`) rather than of a view."""
    monitors: tuple[type[Monitor], ...] = ()
    links: tuple[str, str] | None = None
    """Patterns of the senders and receivers whose links the check reads, beside the processes."""
    then: Callable[..., bool] | None = None
    """Second predicate of `leads_to`; step relation of the abstract system of `refines`."""
    initial: Any = None
    """State in which the abstract system of `refines` starts."""
    known: str = ""
    """Number of the upstream issue when real Ray is known to break the statement."""


Decorator = Callable[[Callable[..., bool]], Statement]
Abstraction = Callable[[Callable[[StateView], Any]], Statement]


def _statement(
    kind: StatementKind, source: str, reads: Sequence[type[Process]], **options: Any
) -> Callable[[Callable[..., Any]], Statement]:
    def make(check: Callable[..., Any]) -> Statement:
        sentence = (getdoc(check) or "").partition("\n")[0]
        if not sentence:
            raise TypeError(f"statement {check.__name__} needs a docstring: its first line is the sentence people read")
        return Statement(check.__name__, kind, sentence, source, tuple(reads), check, **options)

    return make


def always(
    *reads: type[Process],
    source: str,
    each: bool = False,
    monitors: tuple[type[Monitor], ...] = (),
    links: tuple[str, str] | None = None,
    known: str = "",
) -> Decorator:
    """Holds in every state. `check(view)`, or `check(process)` with `each`.

    `links`: patterns of slots (sender, receiver) whose messages in flight the check reads as well.
    """
    return _statement(StatementKind.ALWAYS, source, reads, each=each, monitors=monitors, links=links, known=known)


def step(*reads: type[Process], source: str, known: str = "") -> Decorator:
    """Holds of every step. `check(before, taken, after)` with two views and the step."""
    return _statement(StatementKind.STEP, source, reads, known=known)


def sometimes(
    *reads: type[Process],
    source: str,
    monitors: tuple[type[Monitor], ...] = (),
    links: tuple[str, str] | None = None,
) -> Decorator:
    """Holds in at least one state; a scope in which it never does proves nothing. `check(view)`."""
    return _statement(StatementKind.SOMETIMES, source, reads, monitors=monitors, links=links)


def audit(
    *reads: type[Process],
    source: str,
    each: bool = False,
    monitors: tuple[type[Monitor], ...] = (),
    known: str = "",
) -> Decorator:
    """Holds at quiescence: no system step but periodic timers is enabled. `check(view)`, or `check(process)`."""
    return _statement(StatementKind.AUDIT, source, reads, each=each, monitors=monitors, known=known)


def eventually(*reads: type[Process], source: str, known: str = "") -> Decorator:
    """Holds at some time on every fair run. `check(view)`."""
    return _statement(StatementKind.EVENTUALLY, source, reads, known=known)


def leads_to(*reads: type[Process], then: Callable[..., bool], source: str, known: str = "") -> Decorator:
    """Whenever `check(view)` holds, `then(view)` holds then or later, on every fair run."""
    return _statement(StatementKind.LEADS_TO, source, reads, then=then, known=known)


def progress(*, source: str, known: str = "") -> Decorator:
    """Every fair run stops, or takes steps that are progress again and again: no livelock. `check(step)`."""
    return _statement(StatementKind.PROGRESS, source, (), known=known)


def refines(
    *reads: type[Process],
    initial: Any,
    then: Callable[..., bool],
    source: str,
    links: tuple[str, str] | None = None,
) -> Abstraction:
    """Every step maps to zero or more steps of an abstract system that starts in `initial`.

    `check(view)` returns the abstract state, a hashable value; `then(abstract before, abstract after)` says whether the
    abstract system can go from one to the other.
    """
    return _statement(StatementKind.REFINES, source, reads, initial=initial, then=then, links=links)


DECIDED = frozenset(StatementKind) - {StatementKind.EVENTUALLY, StatementKind.LEADS_TO, StatementKind.PROGRESS}
"""Kinds that the explore and walk drivers decide; the others are answered *undetermined*."""
