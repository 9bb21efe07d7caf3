"""Read-only processes: what statements are shown of a state.

A sealed process has the class of the original, its methods and its values, and refuses every change, with all that is
in it. A refused change is noted as well, so that a check which swallows the error is found out all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rayproof.model.kernel.language.errors import ModelError
from rayproof.model.kernel.language.process import Process, constant_fields, derived_fields, state_fields
from rayproof.model.kernel.language.values import MUTABLE

refused: list[str] = []
"""Changes that were refused since somebody last looked."""


def _refuse(what: str) -> None:
    refused.append(what)
    raise ModelError(what)


def _refusing(base: type, names: tuple[str, ...]) -> dict[str, Any]:
    def method(name: str) -> Any:
        def refuse(self: Any, *args: Any, **kwargs: Any) -> None:
            _refuse(f"it writes to what it is shown: {name} of a {base.__name__}")

        return refuse

    return {"__slots__": (), **{name: method(name) for name in names}}


_LIST = ("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort")
_DICT = ("clear", "pop", "popitem", "setdefault", "update", "__ior__")
_SET = ("add", "clear", "discard", "pop", "remove", "update", "__ior__", "__iand__", "__isub__", "__ixor__")
_UPDATES = ("difference_update", "intersection_update", "symmetric_difference_update")
SealedList: Any = type("list", (list,), _refusing(list, (*_LIST, "__setitem__", "__delitem__", "__iadd__", "__imul__")))
SealedDict: Any = type("dict", (dict,), _refusing(dict, (*_DICT, "__setitem__", "__delitem__")))
SealedSet: Any = type(
    "set",
    (set,),
    {**_refusing(set, (*_SET, *_UPDATES)), "__hash__": None, "__repr__": lambda self: repr(set(self))},
)


_EMPTY: dict[type, Any] = {dict: SealedDict(), list: SealedList(), set: SealedSet()}


def sealed(value: Any) -> Any:
    """A value, or a copy of it that cannot be changed."""
    kind = type(value)
    if kind not in MUTABLE:
        return value
    if not value:
        return _EMPTY[kind]
    if kind is dict:
        if MUTABLE.isdisjoint(map(type, value.values())):
            return SealedDict(value)
        return SealedDict([(key, sealed(item)) for key, item in value.items()])
    if kind is list:
        return SealedList(value if MUTABLE.isdisjoint(map(type, value)) else map(sealed, value))
    return SealedSet(value)


_showing: dict[type, Callable[[Process, Process | None], Process]] = {}
"""Class of processes -> how one is shown; written out field by field, for walks show one in each step."""


def sealed_process(process: Process, before: Process | None = None) -> Process:
    """A copy of a process that cannot be changed; it shares what is as it was `before`, in an earlier copy."""
    show = _showing.get(type(process))
    if show is None:
        show = _showing[type(process)] = _shower(type(process))
    return show(process, before)


def _shower(kind: type[Process]) -> Callable[[Process, Process | None], Process]:
    derived = derived_fields(kind)
    lines = ["def show(process, before):", " made = new(kind)"]
    lines += [f" made.{name} = process.{name}" for name in constant_fields(kind)]
    for name in state_fields(kind):
        lines += [
            f" value = process.{name}",
            " if type(value) in mutable:",
            f"  if not value or before is None or (kept := before.{name}) != value: kept = sealed(value)",
            "  value = kept",
            f" made.{name} = value",
        ]
    lines += [f" made.{name} = derived[{i}]()" for i, (name, _) in enumerate(derived)]
    lines += [" made.__class__ = sealed_kind", " return made"]
    known: dict[str, Any] = {
        "new": object.__new__,
        "kind": kind,
        "mutable": MUTABLE,
        "sealed": sealed,
        "derived": [factory for _, factory in derived],
        "sealed_kind": _sealed_kind(kind, frozenset(name for name, _ in derived)),
    }
    exec("\n".join(lines), known)
    show: Callable[[Process, Process | None], Process] = known["show"]
    return show


def _sealed_kind(kind: type[Process], derived: frozenset[str]) -> type:
    def write(self: Process, name: str, value: Any) -> None:
        if name not in derived:
            _refuse(f"it writes to what it is shown: field {name} of a {kind.__name__}")
        object.__setattr__(self, name, value)

    def delete(self: Process, name: str) -> None:
        _refuse(f"it writes to what it is shown: field {name} of a {kind.__name__}")

    names = {"__slots__": (), "__setattr__": write, "__delattr__": delete}
    return type(kind.__name__, (kind,), {**names, "__module__": kind.__module__, "__qualname__": kind.__qualname__})
