"""Values a process may hold: their canonical form, their copies, and the proof that a message cannot change.

Canonical forms are compared and interned, so two states that are equal must have equal forms. Mappings and sets are
sorted; the order in which a handler meets their elements must not matter, and the contrary copy below checks that.
Floats are refused: quantities are fixed point, and 0.1 + 0.2 must not make a new state.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any

from rayproof.model.kernel.errors import ModelError


class Symbol(str):
    """A name of data (a key, a value, a call) that processes only store and compare, never take apart or put in order.

    The mark lets symmetry rename it: Murphi's scalarset (Ip and Dill 1996). Whatever breaks the promise is seen by the
    gate of the reduction.
    """

    __slots__ = ()


ATOMS = frozenset({int, str, Symbol, bool, type(None)})


def freeze(value: Any) -> Hashable:
    """The canonical form of a field's value; raises `ModelError` where there is none."""
    kind = type(value)
    if kind in ATOMS:
        return value  # type: ignore[no-any-return]
    if kind is list:
        return tuple(map(freeze, value))
    if kind is dict or issubclass(kind, dict):
        return tuple((freeze(key), freeze(value[key])) for key in _sorted(value))
    if kind is set or issubclass(kind, set | frozenset):
        return tuple(_sorted(value))
    if kind is float:
        raise ModelError(f"{value!r} is a float; use a fixed-point integer")
    try:
        hash(value)
    except TypeError:
        raise ModelError(f"{value!r} of type {kind.__name__} has no canonical form") from None
    return value  # type: ignore[no-any-return]


def _sorted(values: Any) -> list[Any]:
    try:
        return sorted(values)
    except TypeError:
        raise ModelError(f"the elements of {values!r} cannot be ordered, so it has no canonical form") from None


def copy(value: Any) -> Any:
    """A copy that shares no mutable part with the original."""
    kind = type(value)
    if kind is list:
        return [copy(item) for item in value]
    if kind is dict:
        return {key: copy(item) for key, item in value.items()}
    if kind is set:
        return set(value)
    return value


class _ContrarySet(set[Any]):
    """A set that yields its elements in descending order."""

    def __iter__(self) -> Iterator[Any]:
        return iter(sorted(set.__iter__(self), reverse=True))


def contrary_copy(value: Any) -> Any:
    """A copy whose mappings and sets yield their elements in another order.

    A handler that gives another answer on it depends on an order that the canonical form forgets.
    """
    kind = type(value)
    if kind is list:
        return [contrary_copy(item) for item in value]
    if kind is dict:
        return {key: contrary_copy(value[key]) for key in reversed(value)}
    if kind is set:
        return _ContrarySet(value)
    return value


def require_immutable(value: Any, where: str) -> None:
    """Raise `ModelError` unless no part of the value can change.

    Allowed: ints, strings, bools, None, enums, tuples, frozensets, read-only mappings and frozen dataclasses of these.
    """
    kind = type(value)
    if kind in ATOMS or isinstance(value, Enum):
        return
    if kind is tuple or kind is frozenset:
        for item in value:
            require_immutable(item, where)
        return
    if kind is MappingProxyType:
        for key, item in value.items():
            require_immutable(key, where)
            require_immutable(item, f"{where}[{key!r}]")
        return
    if is_dataclass(kind) and kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        for field in fields(value):
            require_immutable(getattr(value, field.name), f"{where}.{field.name}")
        return
    if kind is float:
        raise ModelError(f"{where} is the float {value!r}; use a fixed-point integer")
    raise ModelError(
        f"{where} is of type {kind.__name__}, which can change; use a tuple, frozenset or frozen dataclass"
    )


def mutable_parts(value: Any, visit: Callable[[int], None]) -> None:
    """Call `visit` with the identity of every mutable container inside a value."""
    kind = type(value)
    if kind is dict:
        visit(id(value))
        for item in value.values():
            mutable_parts(item, visit)
    elif kind is list:
        visit(id(value))
        for item in value:
            mutable_parts(item, visit)
    elif kind is set:
        visit(id(value))
    elif kind is tuple:
        for item in value:
            mutable_parts(item, visit)


def size(value: Any) -> int:
    """How large a field's value is: an integer's magnitude, a container's largest of length and inner sizes."""
    kind = type(value)
    if kind is int:
        return abs(value)  # type: ignore[no-any-return]
    if kind in (list, tuple, set, frozenset):
        return max([len(value), *(size(item) for item in value)])
    if kind is dict:
        return max([len(value), *(size(item) for item in value.values())])
    return 0
