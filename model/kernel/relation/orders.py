"""Copies whose mappings and sets yield their elements in a chosen order, and note where somebody goes through them.

The canonical form of a state forgets the order of its mappings and sets, so no handler may use it. A handler that gives
another answer on such a copy does. CPython's own sets cannot be put in order; the copies are subclasses that act like
them in all else, and what set operators make of them is in the chosen order too.

Left out: sets that a handler builds from scratch, by a display, a comprehension, `set()` or an operator whose left side
is such a set and whose right side a frozenset.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, KeysView
from dataclasses import fields
from typing import Any
from zlib import crc32

from rayproof.model.kernel.language.values import FORMS, freeze, is_frozen

ORDERS = 8
"""Ascending and descending, each turned by none, one and two places: all orders of three; and two mixed ones."""

Place = tuple[Any, int, int]
"""Code, instruction, and the number of elements, 4 standing for more."""


class _Now:
    """The order in use, and where elements were gone through."""

    order = 0
    places: set[Place] = set()  # noqa: RUF012 - replaced for each call


def begin(order: int) -> set[Place]:
    """Put all copies in an order from now on; the places where they are gone through are gathered in the answer."""
    _Now.order = order
    _Now.places = set()
    return _Now.places


def orders_of(places: Iterable[Place]) -> int:
    """How many of the orders differ for what was gone through."""
    most = max((count for *_, count in places), default=0)
    return (0, 0, 2, 6, ORDERS)[most]


def _note(count: int) -> None:
    if count > 1:
        frame = sys._getframe(2)
        _Now.places.add((frame.f_code, frame.f_lasti, min(count, 4)))


def arranged(values: Iterable[Any]) -> list[Any]:
    """The values in the order in use."""
    found = list(values)
    if len(found) < 2:
        return found
    order = _Now.order
    if order >= 6:
        return sorted(found, key=lambda value: crc32(f"{order}{freeze(value)!r}".encode()))
    kinds = set(map(type, found))
    if kinds == {int} or kinds == {str}:
        found.sort()
    else:
        found.sort(key=lambda value: repr(freeze(value)))
    if order & 1:
        found.reverse()
    turned = (order >> 1) % len(found)
    return found[turned:] + found[:turned]


class _Arranged:
    """What sets and frozensets have in common here."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        _note(len(self))  # type: ignore[arg-type]
        return iter(arranged(self._plain().__iter__(self)))

    def __repr__(self) -> str:
        _note(len(self))  # type: ignore[arg-type]
        inner = ", ".join(map(repr, arranged(self._plain().__iter__(self))))
        plain = self._plain()
        if plain is set:
            return f"{{{inner}}}" if inner else "set()"
        return f"frozenset({{{inner}}})" if inner else "frozenset()"

    @classmethod
    def _plain(cls) -> Any:
        return set if issubclass(cls, set) else frozenset


def _operator(name: str, base: type) -> Any:
    plain = getattr(base, name)

    def operate(self: Any, *others: Any) -> Any:
        made = plain(self, *others)
        return made if made is NotImplemented else type(self)(made)

    operate.__name__ = name
    return operate


OPERATORS = (
    *("__and__", "__or__", "__sub__", "__xor__", "__rand__", "__ror__", "__rsub__", "__rxor__"),
    *("union", "intersection", "difference", "symmetric_difference", "copy"),
)


class ArrangedSet(_Arranged, set[Any]):
    """A set in the order in use."""

    __slots__ = ()
    __hash__ = None

    def pop(self) -> Any:
        """Take the first element of the order in use."""
        _note(len(self))
        if not self:
            raise KeyError("pop from an empty set")
        first = arranged(set.__iter__(self))[0]
        self.discard(first)
        return first


class ArrangedFrozenSet(_Arranged, frozenset[Any]):
    """A frozenset in the order in use."""

    __slots__ = ()


for _name in OPERATORS:
    setattr(ArrangedSet, _name, _operator(_name, set))
    setattr(ArrangedFrozenSet, _name, _operator(_name, frozenset))


class _Keys(KeysView[Any]):
    """The keys of a mapping; what set operators make of them is in the order in use."""

    __slots__ = ()
    _mapping: dict[Any, Any]

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> Any:
        return ArrangedSet(it)

    def __iter__(self) -> Iterator[Any]:
        _note(len(self))
        return dict.__iter__(self._mapping)

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self._mapping, key)

    def __reversed__(self) -> Iterator[Any]:
        _note(len(self))
        return dict.__reversed__(self._mapping)

    def __repr__(self) -> str:
        _note(len(self))
        return f"dict_keys({list(dict.__iter__(self._mapping))!r})"


class ArrangedDict(dict[Any, Any]):
    """A mapping that was filled in the order in use."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        _note(len(self))
        return dict.__iter__(self)

    def __reversed__(self) -> Iterator[Any]:
        _note(len(self))
        return dict.__reversed__(self)

    def __repr__(self) -> str:
        _note(len(self))
        return dict.__repr__(self)

    def keys(self) -> Any:
        """The keys."""
        return _Keys(self)

    def values(self) -> Any:
        """The values."""
        _note(len(self))
        return dict.values(self)

    def items(self) -> Any:
        """The pairs."""
        _note(len(self))
        return dict.items(self)

    def popitem(self) -> tuple[Any, Any]:
        """Take the pair that was put in last."""
        _note(len(self))
        return dict.popitem(self)

    def copy(self) -> ArrangedDict:
        """A copy in the same order."""
        return ArrangedDict(dict.items(self))

    def __or__(self, other: Any) -> Any:
        made = dict.__or__(self, other)
        return made if made is NotImplemented else ArrangedDict(made)

    def __ror__(self, other: Any) -> Any:
        made = dict.__ror__(self, other)
        return made if made is NotImplemented else ArrangedDict(made)


FORMS[ArrangedSet] = lambda value: FORMS[set](list(set.__iter__(value)))
FORMS[ArrangedFrozenSet] = lambda value: FORMS[frozenset](list(frozenset.__iter__(value)))
FORMS[ArrangedDict] = FORMS[dict]

_ATOMS = frozenset({int, str, bool, type(None)})
_mixed: dict[int, tuple[Any, bool]] = {}
"""Identity of an immutable value -> whether a frozenset of more than one element is inside."""


def has_order(value: Any) -> bool:
    """Whether a value holds a mapping or set of more than one element."""
    kind = type(value)
    if kind in _ATOMS:
        return False
    if kind is dict:
        return len(value) > 1 or any(map(has_order, value.values()))
    if kind is list:
        return any(map(has_order, value))
    if kind is set or kind is frozenset:
        return len(value) > 1 or any(map(has_order, value))
    known = _mixed.get(id(value))
    if known is not None and known[0] is value:
        return known[1]
    if kind is tuple:
        found = any(map(has_order, value))
    elif is_frozen(kind):
        found = any(has_order(getattr(value, field.name)) for field in fields(value))
    else:
        # A policy, say: kept here it would outlive everybody who uses it.
        return False
    if len(_mixed) > 1 << 16:
        _mixed.clear()
    _mixed[id(value)] = (value, found)
    return found


def arranged_copy(value: Any) -> Any:
    """A copy whose mappings and sets yield their elements in the order in use."""
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is list:
        return [arranged_copy(item) for item in value]
    if kind is dict:
        return ArrangedDict([(arranged_copy(key), arranged_copy(value[key])) for key in arranged(value)])
    if kind is set:
        return ArrangedSet(map(arranged_copy, value))
    if kind is frozenset:
        return ArrangedFrozenSet(map(arranged_copy, value))
    if not has_order(value):
        return value
    if kind is tuple:
        return tuple(map(arranged_copy, value))
    made = object.__new__(kind)
    for field in fields(value):
        object.__setattr__(made, field.name, arranged_copy(getattr(value, field.name)))
    return made
