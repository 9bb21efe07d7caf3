"""Values a process may hold: their canonical form, their copies, and the proof that a message cannot change.

Canonical forms are compared and interned: two values are equal to the kernel if and only if their forms are. A form is
a None, an int or a str itself, and otherwise a tuple that begins with the type, so that 1 and True, [] and (), a member
of an Enum and its value differ. Mappings and sets are sorted; `orders` checks that no handler uses their order.
Floats are refused: quantities are fixed point, and 0.1 + 0.2 must not make a new state.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import Field, fields, is_dataclass
from enum import Enum
from functools import cached_property
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from rayproof.model.kernel.language.errors import ModelError


class Symbol(str):
    """A name of data (a key, a value, a call) that processes only store and compare, never take apart or put in order.

    The mark lets symmetry rename it: Murphi's scalarset (Ip and Dill 1996). Whatever breaks the promise is seen by the
    gate of the reduction.
    """

    __slots__ = ()


ALLOWED = (
    "a field is None, a bool, int, str, tuple, list, dict, set, frozenset, a member of an Enum "
    "or a frozen dataclass of these, and of no subclass"
)
TOO_DEEP = "a value is nested too deeply: it has no canonical form"
MUTABLE = frozenset({list, dict, set})
BUILT_IN = (int, str, bytes, tuple, list, dict, set, frozenset)

REMEMBERED = 1 << 16
"""Forms of immutable values that are remembered, by identity."""

Form = Callable[[Any], Hashable]

_remembered: dict[int, tuple[Any, Hashable]] = {}


def freeze(value: Any) -> Hashable:
    """The canonical form of a field's value; raises `ModelError` where there is none."""
    kind = type(value)
    if kind is str or kind is int or value is None:
        return value  # type: ignore[no-any-return]
    form = FORMS.get(kind)
    return _new_form(value, kind)(value) if form is None else form(value)


def _fixed(value: Any) -> Hashable:
    """The canonical form of a value inside one that cannot change."""
    kind = type(value)
    if kind is str or kind is int or value is None:
        return value  # type: ignore[no-any-return]
    if kind in MUTABLE:
        raise ModelError(f"{value!r} has no canonical form inside a tuple, a set, a key or a frozen dataclass")
    form = FORMS.get(kind)
    return _new_form(value, kind)(value) if form is None else form(value)


_TRUE, _FALSE = (bool, 1), (bool, 0)


def _of_bool(value: bool) -> Hashable:
    return _TRUE if value else _FALSE


def _of_list(value: list[Any]) -> Hashable:
    return (list, *map(freeze, value))


def _of_tuple(value: tuple[Any, ...]) -> Hashable:
    known = _remembered.get(id(value))
    if known is not None and known[0] is value:
        return known[1]
    form = (tuple, *map(_fixed, value))
    _remember(value, form)
    return form


def _remember(value: Any, form: Hashable) -> None:
    if len(_remembered) >= REMEMBERED:
        _remembered.clear()
    _remembered[id(value)] = (value, form)


def _of_dict(value: dict[Any, Any]) -> Hashable:
    pairs = [(_fixed(key), freeze(item)) for key, item in dict.items(value)]
    if len(pairs) > 1:
        try:
            pairs.sort(key=itemgetter(0))
        except TypeError:
            raise _unordered(value) from None
    return (dict, *pairs)


def _of_elements(kind: type, value: Any) -> Hashable:
    try:
        return (kind, *sorted(map(_fixed, value)))  # type: ignore[type-var]
    except TypeError:
        raise _unordered(value) from None


def _unordered(value: Any) -> ModelError:
    return ModelError(f"the elements of {value!r} cannot be ordered, so it has no canonical form")


FORMS: dict[type, Form] = {
    bool: _of_bool,
    Symbol: lambda value: (Symbol, str(value)),
    list: _of_list,
    tuple: _of_tuple,
    dict: _of_dict,
    set: lambda value: _of_elements(set, value),
    frozenset: lambda value: _of_elements(frozenset, value),
}
"""Type -> how its values are put into canonical form; Enums and dataclasses are added when they are first met."""


def _new_form(value: Any, kind: type) -> Form:
    if kind is float:
        raise ModelError(f"{value!r} is a float; use a fixed-point integer")
    if issubclass(kind, Enum):
        FORMS[kind] = form = _form_of_enum(kind)
    elif is_frozen(kind):
        FORMS[kind] = form = _form_of_dataclass(kind)
    else:
        raise ModelError(f"{value!r} of type {kind.__name__} has no canonical form: {ALLOWED}")
    return form


def _form_of_enum(kind: type[Enum]) -> Form:
    forms = {id(member): (kind, name) for name, member in kind.__members__.items()}

    def form(value: Enum) -> Hashable:
        try:
            return forms[id(value)]
        except KeyError:
            raise ModelError(f"{value!r} is no declared member of {kind.__name__}") from None

    return form


def is_frozen(kind: type) -> bool:
    """Whether a class is a frozen dataclass and nothing but its fields: no list or string in disguise."""
    return (
        is_dataclass(kind)
        and bool(kind.__dataclass_params__.frozen)  # type: ignore[attr-defined]
        and bool(kind.__dataclass_params__.eq)  # type: ignore[attr-defined]
        and not issubclass(kind, BUILT_IN)
    )


def _form_of_dataclass(kind: type) -> Form:
    names = tuple(field.name for field in fields(kind))
    open_ = hasattr(kind, "__dictoffset__") and kind.__dictoffset__ != 0
    kept = {*names, *(name for base in kind.__mro__ for name, part in vars(base).items() if _is_cache(part))}

    def form(value: Any) -> Hashable:
        known = _remembered.get(id(value))
        if known is not None and known[0] is value:
            return known[1]
        if open_ and not kept.issuperset(vars(value)):
            raise ModelError(
                f"{value!r} has attributes that are no fields: {', '.join(sorted(set(vars(value)) - kept))}"
            )
        made = (kind, *[_fixed(getattr(value, name)) for name in names])
        _remember(value, made)
        return made

    return form


def _is_cache(part: Any) -> bool:
    return isinstance(part, cached_property)


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


def require_immutable(value: Any, where: str) -> None:
    """Raise `ModelError` unless no part of the value can change.

    Allowed: None, ints, strings, bools, members of Enums, tuples, frozensets and frozen dataclasses of these.
    """
    kind = type(value)
    if kind is tuple or kind is frozenset:
        for item in value:
            require_immutable(item, where)
    elif is_frozen(kind):
        for field in fields(value):
            require_immutable(getattr(value, field.name), f"{where}.{field.name}")
    elif kind is float:
        raise ModelError(f"{where} is the float {value!r}; use a fixed-point integer")
    elif kind in MUTABLE or (kind not in FORMS and not isinstance(value, Enum | int | str | None)):
        raise ModelError(
            f"{where} is of type {kind.__name__}, which can change; use a tuple, frozenset or frozen dataclass"
        )
    try:
        freeze(value)
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from None


HOOKS = ("place", "order", "transfer", "retry", "migrate", "evict", "scale", "groups", "preempt")
"""What makes an object a policy; what it keeps is judged where it is asked."""


def require_fixed_constant(value: Any, where: str) -> None:
    """Raise `ModelError` where configuration holds a container that can change; policies are let pass.

    Beside what messages may hold, read-only mappings and numbers of any kind are allowed.
    """
    kind = type(value)
    if isinstance(value, tuple | frozenset):
        for item in value:
            require_fixed_constant(item, where)
    elif kind is MappingProxyType:
        for key, item in value.items():
            require_fixed_constant(key, where)
            require_fixed_constant(item, f"{where}[{key!r}]")
    elif isinstance(value, list | dict | set | bytearray):
        raise ModelError(
            f"{where} is of type {kind.__name__}, which can change; use a tuple, frozenset or frozen dataclass"
        )
    elif is_frozen(kind) and not any(hasattr(kind, hook) for hook in HOOKS):
        for field in fields(value):
            require_fixed_constant(getattr(value, field.name), f"{where}.{field.name}")


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


def unit_of(field: Field[Any]) -> int:
    """How many of the whole numbers in a field make one."""
    unit: int = field.metadata.get("unit", 1)
    return unit


def plain(value: Any, unit: int = 1) -> str:
    """A value as people write it: sets and mappings in a fixed order, and what has a `__str__` of its own by that.

    `unit`: how many make one, of the whole numbers in it that are no fields of dataclasses, which say so themselves.
    """

    def inner(item: Any) -> str:
        return plain(item, unit)

    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(inner(item) for item in sorted(value)) + "}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{inner(key)}: {inner(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inner, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(inner, value)) + ("," if len(value) == 1 else "") + ")"
    if unit > 1 and type(value) is int:
        return f"{value / unit:g}"
    if is_dataclass(value) and not isinstance(value, type):
        if type(value).__str__ is not object.__str__:
            return str(value)
        shown = (f"{f.name}={plain(getattr(value, f.name), unit_of(f))}" for f in fields(value) if f.repr)
        return f"{type(value).__name__}({', '.join(shown)})"
    return repr(value)
