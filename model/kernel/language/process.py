"""Processes and messages: what a model is made of.

A process is a mutable slots dataclass with a small private state; a message is a frozen slots dataclass. Handlers touch
their own process and the context, nothing else.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from rayproof.model.kernel.language.context import Context

Slot: TypeAlias = str
"""A place for a process, fixed by the scenario."""

Name: TypeAlias = str
"""A process: its slot, then `#` and its incarnation once it has come back ("raylet1", "raylet1#1")."""


def name_of(slot: Slot, incarnation: int) -> Name:
    """The name of the process that holds a slot for the given time (0 is the first)."""
    return f"{slot}#{incarnation}" if incarnation else slot


@cache
def slot_of(name: Name) -> Slot:
    """The slot of a named process."""
    return name.partition("#")[0]


@cache
def incarnation_of(name: Name) -> int:
    """Which holder of its slot a named process is (0 is the first)."""
    return int(name.partition("#")[2] or 0)


class Message:
    """Base of all messages: frozen slots dataclasses of immutable values."""

    __slots__ = ()

    @property
    def size_bytes(self) -> int:
        """Payload that a timed link has to carry; control messages count as nothing."""
        return 0


@dataclass(frozen=True, slots=True)
class Down(Message):
    """A failure detector's word, on its own channel, that a process is dead (or, falsely, that it is suspected)."""

    name: Name


@dataclass(frozen=True, slots=True)
class Unreachable(Message):
    """Returned to the sender of a message whose receiver is dead or cut off; whether it had an effect is unknown."""

    to: Name
    message: Message


class TimerKind(StrEnum):
    """When an armed timer may fire in an untimed run."""

    PROGRAM = "program"
    """At any time: the program's own progress (a body ends, the driver goes on)."""
    PATIENT = "patient"
    """Only when no delivery and no program step is enabled: a time-out that is long enough."""
    EAGER = "eager"
    """As patient, and earlier at the price of one `early_timeout` each: a time-out that may be too short."""
    PERIODIC = "periodic"
    """At any time, again and again, up to the scenario's number of rounds."""
    TICKS = "ticks"
    """After so many global ticks."""


def constant(default: Any = MISSING) -> Any:
    """A dataclass field that never changes: configuration shared by all states, left out of their identity."""
    if default is MISSING:
        return field(metadata={"constant": True})
    return field(default=default, metadata={"constant": True})


def derived(default_factory: Any) -> Any:
    """A dataclass field that can be computed from the others (an index, a cache): no part of the state.

    A copied state starts from the factory's value, so handlers must be able to fill it again.
    """
    return field(default_factory=default_factory, metadata={"derived": True}, compare=False, repr=False)


def durable(**kwargs: Any) -> Any:
    """A dataclass field that survives a crash of its process (a disk)."""
    return field(metadata={"durable": True}, **kwargs)


class Process:
    """Base of all processes."""

    __slots__ = ()

    def start(self, ctx: Context) -> None:
        """Called once per incarnation, before anything is received."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Handle one message."""
        raise NotImplementedError(f"{type(self).__name__} receives nothing")

    def fire(self, ctx: Context, timer: str) -> None:
        """Handle a timer that has fired; a timer that is not periodic is no longer armed."""
        raise NotImplementedError(f"{type(self).__name__} has no timer")


@dataclass(frozen=True, slots=True)
class _Layout:
    """Field names of one class of processes, in order."""

    state: tuple[str, ...]
    constant: tuple[str, ...]
    durable: tuple[str, ...]
    derived: tuple[tuple[str, Any], ...]


_LAYOUTS: dict[type, _Layout] = {}


def _layout(kind: type) -> _Layout:
    found = _LAYOUTS.get(kind)
    if found is None:
        declared = fields(kind)
        found = _LAYOUTS[kind] = _Layout(
            tuple(f.name for f in declared if not {"constant", "derived"} & set(f.metadata)),
            tuple(f.name for f in declared if f.metadata.get("constant")),
            tuple(f.name for f in declared if f.metadata.get("durable")),
            tuple((f.name, f.default_factory) for f in declared if f.metadata.get("derived")),
        )
    return found


def state_fields(kind: type) -> tuple[str, ...]:
    """Names of the fields that make up a process state, in order."""
    return _layout(kind).state


def constant_fields(kind: type) -> tuple[str, ...]:
    """Names of the fields that never change, in order."""
    return _layout(kind).constant


def derived_fields(kind: type) -> tuple[tuple[str, Any], ...]:
    """The fields that are no part of the state, each with the factory of its first value."""
    return _layout(kind).derived


def blank(like: Process) -> Process:
    """A process of the same class and configuration whose state is still to be set."""
    kind = type(like)
    layout = _layout(kind)
    made = object.__new__(kind)
    for name in layout.constant:
        setattr(made, name, getattr(like, name))
    for name, factory in layout.derived:
        setattr(made, name, factory())
    return made


def durable_fields(kind: type) -> tuple[str, ...]:
    """Names of the fields that survive a crash, in order."""
    return _layout(kind).durable
