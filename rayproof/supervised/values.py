"""What a policy answers and remembers, as values that can be trusted: of plain types alone, one form per value.

Left as they are: None, bool, int, str and tuples of these. The rest that a memory may hold (float, bytes, frozenset,
members of an Enum, frozen dataclasses, named tuples) becomes a `Sealed`, which only the child opens: the classes of a
policy are never needed, nor run, outside of it. Forms are compared, hashed and printed; equal forms are equal values.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

from rayproof.model.kernel import PolicyError
from rayproof.model.scheduler.policy.move_hooks import MoveActor, Urgent
from rayproof.model.scheduler.policy.queue_hooks import Backoff, GiveUp

LONGEST = 1_000
"""Characters of an answer; names of nodes and tasks are shorter."""

DEEPEST = 50
"""Tuples in tuples of a memory."""

LARGEST = 100_000
"""Values in a memory."""

WIDEST_BITS = 4_096
"""Of an integer that is left as it is; what is larger cannot be printed in decimal everywhere."""

ALLOWED = (
    "None, bool, int, float, str, bytes, tuple, frozenset, Enum members, frozen dataclasses or named tuples of these"
)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A value that only the policy's process can open: its kind, its class where it has one, and its parts."""

    kind: str
    of: str = ""
    parts: tuple[Hashable, ...] = ()


@dataclass(frozen=True, slots=True)
class Foreign:
    """Stands for an answer of a type that no hook knows."""

    type: str


class _Wrong(Exception):
    """Why a value is no memory."""


# ---- memories, sealed in the child ----------------------------------------------------------------------------------


def sealed(memory: Any, who: str) -> Hashable:
    """The form of a memory; raises `PolicyError` of the rule `memory` when it is not of the allowed types."""
    try:
        hash(memory)
    except TypeError:
        raise PolicyError("memory", f"{who} has a memory of type {type(memory).__name__}, not hashable") from None
    try:
        return _sealed(memory, 0, [0])
    except _Wrong as wrong:
        raise PolicyError("memory", f"{who} has a memory {wrong}; expected {ALLOWED}") from None


def _sealed(value: Any, depth: int, count: list[int]) -> Hashable:
    kind = type(value)
    count[0] += 1
    if count[0] > LARGEST:
        raise _Wrong(f"of more than {LARGEST:,} values")
    if depth > DEEPEST:
        raise _Wrong(f"nested more than {DEEPEST} deep")
    if value is None or kind is bool or kind is str:
        return value  # type: ignore[no-any-return]
    if kind is int:
        return value if value.bit_length() <= WIDEST_BITS else Sealed("int", hex(value))
    if kind is tuple:
        return tuple(_sealed(item, depth + 1, count) for item in value)
    if kind is float:
        if value != value:
            raise _Wrong("with nan in it, which is not equal to itself")
        return Sealed("float", value.hex())
    if kind is bytes:
        return Sealed("bytes", value.hex())
    if kind is frozenset:
        return Sealed("frozenset", "", tuple(sorted((_sealed(item, depth + 1, count) for item in value), key=repr)))
    where = f"{kind.__module__}:{kind.__qualname__}"
    if not (isinstance(value, Enum | tuple) or is_dataclass(kind)) or _class(where) is not kind:
        raise _Wrong(f"of type {kind.__name__}")
    hash(value)
    if not value == value:
        raise _Wrong(f"of type {kind.__name__} that is not equal to itself")
    if isinstance(value, Enum):
        return Sealed("member", where, (value.name,))
    if isinstance(value, tuple) and isinstance(getattr(kind, "_fields", None), tuple):
        return Sealed("named", where, tuple(_sealed(item, depth + 1, count) for item in tuple.__iter__(value)))
    if is_dataclass(kind) and kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        parts = [_sealed(object.__getattribute__(value, f.name), depth + 1, count) for f in fields(kind)]
        return Sealed("frozen", where, tuple(parts))
    raise _Wrong(f"of type {kind.__name__}")


def opened(form: Any) -> Any:
    """The memory of a form, in the process that has its classes."""
    if type(form) is tuple:
        return tuple(map(opened, form))
    if type(form) is not Sealed:
        return form
    parts = tuple(map(opened, form.parts))
    match form.kind:
        case "int":
            return int(form.of, 16)
        case "float":
            return float.fromhex(form.of)
        case "bytes":
            return bytes.fromhex(form.of)
        case "frozenset":
            return frozenset(parts)
        case "member":
            return _class(form.of)[parts[0]]
        case "named":
            return tuple.__new__(_class(form.of), parts)
        case _:
            # Made without its constructor: a memory comes back as it went, whatever __post_init__ would do.
            kind = _class(form.of)
            made = object.__new__(kind)
            for field, part in zip(fields(kind), parts, strict=True):
                object.__setattr__(made, field.name, part)
            return made


def _class(where: str) -> Any:
    """A class by its module and name; None when it is not to be found there."""
    module, _, name = where.partition(":")
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def told_apart(memory: Hashable) -> Hashable:
    """What tells a memory from all others, `1` from `True` included, which are equal."""
    return memory if type(memory) is int or type(memory) is str or memory is None else ("form", repr(memory))


# ---- answers --------------------------------------------------------------------------------------------------------


def answered(answer: Any) -> Any:
    """An answer of plain types: name, number, `None`, `Backoff`, `GiveUp`, `MoveActor`, `Urgent`; else what it is."""
    kind = type(answer)
    if answer is None or kind in (bool, float, GiveUp):
        return answer
    if kind is int:
        return answer if answer.bit_length() <= WIDEST_BITS else Foreign("int")
    if kind is str:
        return answer if len(answer) <= LONGEST else answer[: LONGEST - 3] + "..."
    if kind is Backoff and type(answer.after_us) is int and answer.after_us.bit_length() <= WIDEST_BITS:
        return answer
    if kind is MoveActor and all(type(part) is str and len(part) <= LONGEST for part in (answer.actor, answer.to)):
        return answer
    if kind is Urgent and type(answer.id) is str and len(answer.id) <= LONGEST:
        return answer
    return Foreign(kind.__name__)
