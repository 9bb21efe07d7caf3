"""Statements: what must hold, as plain functions with a kind, and the state they read.

A statement is made by one of the functions below, used as a decorator; its name is the function's, its sentence the
first line of its docstring. Nothing is registered: whoever checks lists the statements it wants.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from inspect import getdoc
from typing import Any, Protocol, Self, TypeVar

from rayproof.model.kernel.language.errors import ModelError, PolicyError
from rayproof.model.kernel.language.links import connects
from rayproof.model.kernel.language.process import Message, Name, Process, Slot
from rayproof.model.kernel.language.sealed import refused

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


class Declared:
    """What one statement may look at in one scenario; everything else is a `ModelError` by name."""

    def __init__(self, statement: Statement, processes: Mapping[Slot, Process]) -> None:
        self._statement = statement
        self._slots = tuple(processes)
        self._census = Counter(type(process) for process in processes.values())
        self.allowed: set[type] = set()
        self.single: set[type] = set()
        self._linked: tuple[str, str] | tuple[()] = ()
        self._shown: dict[tuple[Name, Name, str], bool] = {}

    def allow(self, kind: type) -> None:
        """Raise `ModelError` unless the statement declares this kind of process."""
        reads = self._statement.reads
        if not (isinstance(kind, type) and issubclass(kind, reads)):
            named = ", ".join(each.__name__ for each in reads) or "none"
            raise ModelError(
                f"it looks at processes of kind {getattr(kind, '__name__', repr(kind))}, which it does not declare "
                f"(it declares {named}); {self._who()}"
            )
        self.allowed.add(kind)

    def allow_single(self, kind: type) -> None:
        """Raise `ModelError` unless the statement declares this kind and one slot holds a process of it."""
        self.allow(kind)
        count = sum(number for each, number in self._census.items() if issubclass(each, kind))
        if count != 1:
            how = "no process" if not count else f"not one process but {count}"
            raise ModelError(f"{how} of kind {kind.__name__} in this scenario; {self._who()}")
        self.single.add(kind)

    def allow_monitor(self, kind: type) -> None:
        """Raise `ModelError` unless the statement asks for this monitor."""
        if kind not in self._statement.monitors:
            raise ModelError(f"it looks at the monitor {kind.__name__}, which it does not declare")

    def shows(self, link: tuple[Name, Name, str]) -> bool:
        """Whether the statement may look at the messages of a link."""
        found = self._shown.get(link)
        if found is None:
            found = self._shown[link] = connects(link[0], link[1], *self.ends())
        return found

    def ends(self) -> tuple[str, str]:
        """The links whose messages the statement may look at; raises `ModelError` when it declares none."""
        if not self._linked:
            ends = self._statement.links
            if ends is None:
                raise ModelError("it looks at messages and declares no links: links=(senders, receivers)")
            for end in ends:
                if not any(connects(slot, slot, end, end) for slot in self._slots):
                    raise ModelError(
                        f"it looks at messages on links {ends[0]} -> {ends[1]}, but no slot of this scenario is called "
                        f"{end}; there are {', '.join(self._slots)}"
                    )
            self._linked = ends
        return self._linked

    def _who(self) -> str:
        counts = (f"{kind.__name__} x{n}" if n > 1 else kind.__name__ for kind, n in self._census.items())
        return f"there are {', '.join(counts)}"


class StateView:
    """What a statement sees of one global state: live processes by type, the dead, messages, monitors; all read-only.

    What the statement does not declare raises `ModelError` when it is looked up.
    """

    __slots__ = ("_dead", "_declared", "_links", "_monitors", "_processes")

    def __init__(
        self,
        processes: Mapping[Name, Process],
        dead: frozenset[Name],
        links: Callable[[], Mapping[tuple[Name, Name, str], Sequence[Message]]],
        monitors: Mapping[type, Any],
        declared: Declared,
    ) -> None:
        self._processes = processes
        self._dead = dead
        self._links = links
        self._monitors = monitors
        self._declared = declared

    def of(self, kind: type[P]) -> dict[Name, P]:
        """The live processes of a declared type, by name, in the scenario's order."""
        if kind not in self._declared.allowed:
            self._declared.allow(kind)
        return {name: process for name, process in self._processes.items() if isinstance(process, kind)}

    def one(self, kind: type[P]) -> P | None:
        """The live process of a declared type that one slot of the scenario holds; None when it is dead."""
        if kind not in self._declared.single:
            self._declared.allow_single(kind)
        for process in self._processes.values():
            if isinstance(process, kind):
                return process
        return None

    def processes(self) -> list[Process]:
        """All live processes of the declared types."""
        return list(self._processes.values())

    @property
    def dead(self) -> frozenset[Name]:
        """Names of the processes that were read and are down."""
        return self._dead

    def monitor(self, kind: type[M]) -> M:
        """The state of a monitor that the statement has asked for."""
        self._declared.allow_monitor(kind)
        found = self._monitors[kind]
        assert isinstance(found, kind)
        return found

    def messages(self) -> list[tuple[Name, Name, str, Message]]:
        """Messages in flight on the declared links as (from, to, channel, message), ordered by link."""
        declared = self._declared
        declared.ends()
        found = self._links()
        if not found:
            return []
        return [(*link, message) for link in sorted(filter(declared.shows, found)) for message in found[link]]


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

    def ask(self, *seen: Any) -> Any:
        """The answer of the check; raises `ModelError` when it fails, writes, or looks at what it does not declare."""
        try:
            answer = self.check(*seen)
        except Exception as error:
            raise self.blamed(error) from error
        if refused:
            raise self.blamed(ModelError(refused[0]))
        return answer

    def blamed(self, error: Exception) -> Exception:
        """What a check that raised is reported as."""
        refused.clear()
        if isinstance(error, PolicyError):
            return error
        what = str(error) if isinstance(error, ModelError) else f"{type(error).__name__}: {error}"
        return ModelError(f"statement {self.name}: {what}")


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


def step(*reads: type[Process], source: str, links: tuple[str, str] | None = None, known: str = "") -> Decorator:
    """Holds of every step. `check(before, taken, after)` with two views and the step.

    Messages are those in flight before and after it; what is delivered is among those before.
    """
    return _statement(StatementKind.STEP, source, reads, links=links, known=known)


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


def eventually(*reads: type[Process], source: str, links: tuple[str, str] | None = None, known: str = "") -> Decorator:
    """Holds at some time on every fair run. `check(view)`."""
    return _statement(StatementKind.EVENTUALLY, source, reads, links=links, known=known)


def leads_to(
    *reads: type[Process],
    then: Callable[..., bool],
    source: str,
    links: tuple[str, str] | None = None,
    known: str = "",
) -> Decorator:
    """Whenever `check(view)` holds, `then(view)` holds then or later, on every fair run."""
    return _statement(StatementKind.LEADS_TO, source, reads, then=then, links=links, known=known)


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
