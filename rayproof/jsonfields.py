"""One JSON object of an input file, read field by field; every surprise names the file, the line and the field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rayproof.errors import InputError
from rayproof.model.documents import printable

LARGEST = 1e15
"""Bound on every number: beyond a year in nanoseconds, or a petabyte, a field is garbage rather than a measurement."""

LONGEST_ID = 200


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object with its place in the file. An absent field and a null one are the same."""

    path: str
    line: int | None
    data: Mapping[str, Any]
    within: str = ""
    """Place in a file whose lines say nothing, such as `event 12`."""

    @classmethod
    def of(cls, path: str | Path, line: int | None, value: Any, within: str = "") -> Fields:
        """Raises `InputError` unless the value is a JSON object."""
        found = cls(str(path), line, value if isinstance(value, dict) else {}, within)
        if not isinstance(value, dict):
            raise found.bad(f"found {_name(value)}", "a JSON object")
        return found

    def bad(self, message: str, expected: str) -> InputError:
        """The error to raise for something wrong in this object."""
        return InputError(self.path, self.line, f"{self.within}: {message}" if self.within else message, expected)

    def has(self, key: str) -> bool:
        """Whether the field is there and not null."""
        return self.data.get(key) is not None

    def text(self, key: str, default: str | None = None) -> str:
        """A string of at most 200 characters, not empty unless the default is; on one line, whatever it was."""
        value = self._get(key, default, "a string")
        if not isinstance(value, str) or len(value) > LONGEST_ID or (not value and value != default):
            raise self._wrong(key, value, f"a string of 1 to {LONGEST_ID} characters")
        return printable(value)

    def maybe_text(self, key: str) -> str | None:
        """A string, or None when the field is absent."""
        return self.text(key) if self.has(key) else None

    def number(self, key: str, default: float | None = None, low: float = 0, high: float = LARGEST) -> float:
        """A finite number from `low` to `high`."""
        value = self._get(key, default, "a number")
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self._wrong(key, value, f"a number from {low:g} to {high:g}")
        return value

    def whole(self, key: str, default: int | None = None, low: int = 0) -> int:
        """A whole number of at least `low`."""
        value = self.number(key, default, low)
        if value != int(value):
            raise self._wrong(key, value, "a whole number")
        return int(value)

    def flag(self, key: str, default: bool | None = None) -> bool:
        """True or false."""
        value = self._get(key, default, "true or false")
        if not isinstance(value, bool):
            raise self._wrong(key, value, "true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings; absent means empty."""
        value = self._get(key, [], "a list of strings")
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self._wrong(key, value, "a list of strings")
        return tuple(map(printable, value))

    def inner(self, key: str) -> Fields:
        """A JSON object inside this one; absent means empty."""
        value = self._get(key, {}, "a JSON object")
        if not isinstance(value, dict):
            raise self._wrong(key, value, "a JSON object")
        return Fields(self.path, self.line, value, self.within)

    def inners(self, key: str) -> tuple[Fields, ...]:
        """A list of JSON objects; absent means empty."""
        value = self._get(key, [], "a list of JSON objects")
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self._wrong(key, value, "a list of JSON objects")
        return tuple(Fields(self.path, self.line, item, self.within) for item in value)

    def amounts(self, key: str) -> dict[str, float]:
        """An object from names to numbers of at least 0; absent means empty."""
        inner = self.inner(key)
        return {name: inner.number(name) for name in inner.data}

    def _get(self, key: str, default: Any, expected: str) -> Any:
        value = self.data.get(key)
        if value is not None:
            return value
        if default is None:
            raise self.bad(f"field {key!r} is missing", expected)
        return default

    def _wrong(self, key: str, value: Any, expected: str) -> InputError:
        return self.bad(f"field {key!r} is {_name(value)}", expected)


def _name(value: Any) -> str:
    """A value as an error message shows it: short, whatever it is."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    shown = json.dumps(value) if not isinstance(value, int) or abs(value) < LARGEST else "a huge number"
    return shown if len(shown) <= 60 else shown[:57] + "..."
