"""The path of one task or call through a counterexample: who handled it, where it waited, and for what.

A step belongs to the path when its message or timer names the id, or when it changes what some process holds about the
id. Between two such steps the id waits: what is held about it then says where and for what.

Ids are what the messages call `task`, `call`, `lease` or `actor`. Left out: what a process knows under a number of its
own (the third call of a caller), unless a message says so.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeAlias

from rayproof.counterexamples import NOTHING, Trust, scenario_of
from rayproof.errors import InputError
from rayproof.model.kernel import Deliver, Fire, Replayed, Trace, TraceMismatch, replay, slot_of
from rayproof.model.kernel.counterexample.replay import Frame

ID_FIELDS = frozenset({"task", "tasks", "call", "lease", "actor"})

NARROWEST = 40
"""Columns below which lines are not broken any further."""

Held: TypeAlias = Mapping[tuple[str, str], Any]
"""(process, field) -> what it holds about the id."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One step of the path. `held`: what is held about the id after it; `waits`: other steps before the next stop."""

    number: int
    what: str
    held: tuple[str, ...]
    waits: int = 0


@dataclass(frozen=True, slots=True)
class Route:
    """The path of one id."""

    id: str
    stops: tuple[Stop, ...]
    handlers: tuple[str, ...]
    """Everybody who sent, received or ran it, in the order of their first part in it."""
    steps: int
    """Steps of the whole trace."""


def follow(trace: Trace, path: Path, wanted: str, trust: Trust = NOTHING) -> Route:
    """The path of an id; raises `InputError` for an id that no message of the trace names."""
    try:
        replayed = replay(scenario_of(trace, path, trust), trace.steps, loop=trace.loop)
    except TraceMismatch as mismatch:
        message = str(mismatch).replace("\n", " |")
        raise InputError(path, None, message, "a trace recorded with this model and this policy") from None
    present = sorted({name for frame in replayed.frames for name in ids_of(frame.message)})
    if wanted not in present:
        known = "one of " + ", ".join(present) if present else "a trace whose messages name a task or a call"
        raise InputError("--follow", None, f"no message of {path} names {wanted!r}", known)
    return _route(replayed, wanted)


def _route(replayed: Replayed, wanted: str) -> Route:
    held: dict[tuple[str, str], Any] = {}
    stops: list[Stop] = []
    handlers: dict[str, None] = {}
    for number, frame in enumerate(replayed.frames, 1):
        named = wanted in set(ids_of(frame.message)) or _timer_names(frame, wanted)
        changed = _update(held, frame, wanted)
        if not named and not changed:
            continue
        if stops:
            stops[-1] = _with_wait(stops[-1], number - stops[-1].number - 1)
        handlers.update(dict.fromkeys(_hands(frame) if named else ()))
        stops.append(Stop(number, _what(frame), tuple(_lines(held))))
    if stops:
        stops[-1] = _with_wait(stops[-1], len(replayed.frames) - stops[-1].number)
    return Route(wanted, tuple(stops), tuple(handlers), len(replayed.frames))


def _with_wait(stop: Stop, steps: int) -> Stop:
    return Stop(stop.number, stop.what, stop.held, steps)


def _update(held: dict[tuple[str, str], Any], frame: Frame, wanted: str) -> bool:
    """Keep `held` up to date; whether it has changed."""
    changed = False
    for change in frame.changes:
        if change.field == "alive":
            gone = [key for key in held if slot_of(key[0]) == slot_of(change.process)]
            for key in gone:
                del held[key]
            changed = changed or bool(gone)
            continue
        key = (change.process, change.field)
        before, after = held.pop(key, None), about(change.after, wanted)
        if after is not None:
            held[key] = after
        changed = changed or before != after
    return changed


def ids_of(value: Any, within: bool = False) -> Iterator[str]:
    """The ids that a message names, also one that it carries; `within`: the value itself stands in such a field."""
    if is_dataclass(value) and not isinstance(value, type):
        for part in fields(value):
            yield from ids_of(getattr(value, part.name), part.name in ID_FIELDS)
    elif isinstance(value, tuple | list | set | frozenset):
        for item in sorted(value, key=repr):
            yield from ids_of(item, within)
    elif within and isinstance(value, str | int) and str(value):
        yield str(value)


def about(value: Any, wanted: str) -> Any:
    """What of a value is about an id: the entries under it, the items that name it, itself; None for nothing."""
    if isinstance(value, dict):
        found = {key: item for key, item in value.items() if _mentions(key, wanted) or _mentions(item, wanted)}
        return found or None
    if isinstance(value, tuple | list | set | frozenset):
        items = tuple(item for item in sorted(value, key=repr) if _mentions(item, wanted))
        return items or None
    return value if _mentions(value, wanted) else None


def _mentions(value: Any, wanted: str) -> bool:
    if isinstance(value, str):
        return value == wanted
    if isinstance(value, dict):
        return any(_mentions(key, wanted) or _mentions(item, wanted) for key, item in value.items())
    if isinstance(value, tuple | list | set | frozenset):
        return any(_mentions(item, wanted) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return any(_mentions(getattr(value, part.name), wanted) for part in fields(value))
    return False


def _timer_names(frame: Frame, wanted: str) -> bool:
    step = frame.taken.step
    return isinstance(step, Fire) and wanted in step.timer.split()


def _hands(frame: Frame) -> tuple[str, ...]:
    match frame.taken.step:
        case Deliver(sender, receiver):
            return sender, receiver
        case Fire(process):
            return (process,)
        case _:
            return ()


def _what(frame: Frame) -> str:
    message = "" if frame.message is None else f"  {_written(frame.message)}"
    return f"{frame.taken.step}{message}"


def _lines(held: Held) -> Iterator[str]:
    for (process, name), value in sorted(held.items()):
        yield f"{process}.{name}: {_written(value)}"


def _written(value: Any) -> str:
    """A value as people write it."""
    if isinstance(value, dict):
        return ", ".join(f"{_written(key)} = {_written(item)}" for key, item in sorted(value.items(), key=repr))
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(map(_written, value))) + "}"
    if isinstance(value, tuple | list):
        return "(" + ", ".join(map(_written, value)) + ")"
    if is_dataclass(value) and not isinstance(value, type):
        inner = ", ".join(f"{part.name}={_written(getattr(value, part.name))}" for part in fields(value) if part.repr)
        return f"{type(value).__name__}({inner})"
    return str(value)


def as_text(route: Route, width: int) -> str:
    """The path as lines of at most `width` columns, unless the terminal is narrower than any reader."""
    room = max(width, NARROWEST)
    lines = [f"{route.id}: {len(route.stops)} of {route.steps} steps; handled by {', '.join(route.handlers)}"]
    digits = len(str(route.steps))
    indent = " " * (digits + 4)
    before: tuple[str, ...] = ()
    for stop, following in zip(route.stops, (*route.stops[1:], None), strict=True):
        lines.append(f"  {stop.number:>{digits}}. {stop.what}")
        lines += [f"{indent}{line}" for line in stop.held if line not in before]
        lines += [f"{indent}{place}: gone" for place in _places(before) if place not in _places(stop.held)]
        before = stop.held
        if stop.waits:
            where = ", ".join(_places(stop.held)) or "on its way, or done"
            until = "to the end" if following is None else f"until {following.what.partition('  ')[0]}"
            lines.append(
                f"{indent}... {stop.waits} other step{'s' if stop.waits > 1 else ''} {until}; it is in: {where}"
            )
    return "\n".join(_folded(line, room) for line in lines) + "\n"


def _places(held: tuple[str, ...]) -> tuple[str, ...]:
    """Process and field of each line."""
    return tuple(line.partition(": ")[0] for line in held)


def _folded(line: str, room: int) -> str:
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return "\n".join(textwrap.wrap(line, room, subsequent_indent=indent, break_on_hyphens=False, drop_whitespace=True))


def as_json(route: Route) -> dict[str, Any]:
    """The path as a document."""
    return {
        "follow": route.id,
        "steps": route.steps,
        "handlers": list(route.handlers),
        "path": [
            {"step": stop.number, "what": stop.what, "held": list(stop.held), "other_steps_until_next": stop.waits}
            for stop in route.stops
        ],
    }
