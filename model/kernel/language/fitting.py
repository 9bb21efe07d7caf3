"""Field types in drivers that keep no canonical forms: what a process holds and sends is of the allowed types, too.

The types of all fields are looked at after each handler; values of types that were not met together before are looked
into. Left out: what is inside a container once fields of these types have been found to be right; explore looks at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

from rayproof.model.kernel.language.errors import ModelError
from rayproof.model.kernel.language.process import Message, Name, Process, state_fields
from rayproof.model.kernel.language.values import TOO_DEEP, freeze, require_immutable

Check = Callable[[Any, Name], None]

checks: dict[type, Check] = {}
"""Class of processes or messages -> what raises `ModelError` when a field is of a type that is not allowed.

It is called with a process and its name, or with a message and the name of its sender. Use `check_of` for a new class.
"""


def check_of(kind: type) -> Check:
    """The check of a class that is not among `checks`, kept there from now on."""
    if issubclass(kind, Process):
        made = _check(state_fields(kind), _look_into_process)
    elif issubclass(kind, Message) and is_dataclass(kind):
        made = _check(tuple(field.name for field in fields(kind)), _look_into_message)
    else:
        made = _no_message
    checks[kind] = made
    return made


def _check(names: tuple[str, ...], look_into: Check) -> Check:
    """Written out field by field: it is called in every step."""
    known: dict[str, Any] = {"known": set(), "look_into": look_into}
    types = "".join(f"type(of.{name})," for name in names)
    exec(
        f"def check(of, name):\n types = ({types})\n if types not in known: look_into(of, name); known.add(types)",
        known,
    )
    check: Check = known["check"]
    return check


def _look_into_process(process: Process, name: Name) -> None:
    kind = type(process)
    for field in state_fields(kind):
        try:
            freeze(getattr(process, field))
        except (ModelError, RecursionError) as error:
            why = TOO_DEEP if isinstance(error, RecursionError) else str(error)
            raise ModelError(f"field {field} of {name} ({kind.__name__}): {why}") from None


def _look_into_message(message: Message, sender: Name) -> None:
    where = f"{type(message).__name__} from {sender}"
    try:
        require_immutable(message, where)
    except RecursionError:
        raise ModelError(f"{where}: {TOO_DEEP}") from None


def _no_message(sent: Any, sender: Name) -> None:
    raise ModelError(f"{sender} sends {sent!r}, which is no message")
