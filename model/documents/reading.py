"""Text that comes from outside, read strictly: bounded files, JSON that means one thing, signs that a terminal obeys.

Everything that reads a file of a user goes through here, so that a pipe nobody writes to, a device without an end, a
key given twice or a number of a thousand digits is refused in one place. Errors say where and what was expected;
whoever reads a file puts its name in front.
"""

from __future__ import annotations

import json
import os
import re
import stat
from contextlib import suppress
from json.decoder import JSONObject  # type: ignore[attr-defined]
from json.scanner import py_make_scanner  # type: ignore[attr-defined]
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

KIB, MIB = 1 << 10, 1 << 20

MOST_LEVELS = 100
"""Lists and objects inside each other."""

MOST_DIGITS = 19
"""Of a whole number: what 64 bits hold."""

_SUSPECT_NUMBER = re.compile(rf"\d{{{MOST_DIGITS + 1}}}|[eE]\+?\d{{3}}")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class DocumentError(ValueError):
    """Text that cannot be used. `line` counts from 1; None when the fault is in no one line."""

    def __init__(self, line: int | None, found: str, expected: str) -> None:
        super().__init__(f"{'' if line is None else f'line {line}: '}{found}; expected {expected}")
        self.line, self.found, self.expected = line, found, expected


def printable(text: str) -> str:
    r"""The text with everything that a terminal obeys or cannot encode written as an escape, line ends included.

    >>> printable("a\x1b[2Jb\n")
    'a\\x1b[2Jb\\n'
    """
    return text if text.isprintable() else "".join(s if s.isprintable() else repr(s)[1:-1] for s in text)


def size_text(size: int) -> str:
    """A limit in bytes for people: `32 MiB`, `512 KiB`."""
    return f"{size // MIB} MiB" if size >= MIB and not size % MIB else f"{size / KIB:g} KiB"


def read_text(path: str | Path, limit: int, expected: str) -> str:
    """The whole of a regular file as UTF-8 text, at most `limit` bytes, not empty. Raises `DocumentError`.

    `expected`: what kind of file it should have been.
    """
    try:
        # Without O_NONBLOCK, opening a pipe would wait for its writer.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(handle, "rb") as stream:
            mode = os.fstat(handle).st_mode
            if not stat.S_ISREG(mode):
                what = "is a directory" if stat.S_ISDIR(mode) else "is not a regular file"
                raise DocumentError(None, f"the file {what}", expected)
            # One byte more than allowed tells a file that is too large from one that just fits.
            content = stream.read(limit + 1)
    except FileNotFoundError:
        raise DocumentError(None, "the file does not exist", expected) from None
    except IsADirectoryError:
        raise DocumentError(None, "the file is a directory", expected) from None
    except (OSError, ValueError) as error:
        if isinstance(error, DocumentError):
            raise
        why = getattr(error, "strerror", None) or str(error)
        raise DocumentError(None, f"the file cannot be read ({why})", expected) from error
    if len(content) > limit:
        raise DocumentError(None, f"the file is larger than {size_text(limit)}", f"{expected} of at most that")
    if not content.strip():
        raise DocumentError(1, "the file is empty", expected)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DocumentError(line, f"byte {content[error.start]:#04x} is not UTF-8 text", expected) from error


def parse_json(text: str, line: int = 1) -> Any:
    """The value of one JSON text that begins in this line of its file. Raises `DocumentError`.

    Refused beside bad syntax: a key given twice, NaN and infinities, whole numbers beyond 64 bits, halves of surrogate
    pairs, and more than `MOST_LEVELS` levels.
    """
    hooks: dict[str, Any] = {"object_pairs_hook": _object, "parse_constant": _refused_number}
    if _SUSPECT_NUMBER.search(text):
        hooks |= {"parse_int": _whole, "parse_float": _finite}
    try:
        value = json.loads(text, **hooks)
    except json.JSONDecodeError as error:
        found = f"not JSON: {error.msg}, column {error.colno}"
        raise DocumentError(line + error.lineno - 1, found, "one complete JSON value") from error
    except RecursionError as error:
        raise DocumentError(line, "JSON is nested too deeply", f"at most {MOST_LEVELS} levels") from error
    except _Twice as twice:
        at = line + text.count("\n", 0, _place_of(twice, text))
        raise DocumentError(at, f"key {twice.key!r:.60} is given twice in one object", "each key once") from None
    except DocumentError as error:
        raise DocumentError(line, error.found, error.expected) from None
    if _SURROGATE.search(text) or text.count("[") + text.count("{") > MOST_LEVELS:
        _check(value, line)
    return value


class _Twice(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        raise _Twice(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return made


def _place_of(twice: _Twice, text: str) -> int:
    """Where the object with the repeated key begins: the scanner in C does not say, the slow one in Python does."""
    decoder = json.JSONDecoder(object_pairs_hook=_object)
    place = 0

    def scanned(place_of: tuple[str, int], *rest: Any) -> Any:
        nonlocal place
        try:
            return JSONObject(place_of, *rest)
        except _Twice:
            place = max(place, place_of[1])
            raise

    decoder.parse_object = scanned  # type: ignore[attr-defined]
    decoder.scan_once = py_make_scanner(decoder)  # type: ignore[attr-defined]
    with suppress(_Twice, RecursionError):
        decoder.decode(text)
    return place


def _refused_number(constant: str) -> NoReturn:
    raise DocumentError(None, f"{constant} is not a JSON number", "a finite number")


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > MOST_DIGITS:
        raise DocumentError(None, f"a whole number of {len(digits)} digits", f"at most {MOST_DIGITS} digits")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise DocumentError(None, f"the number {digits:.30} is too large", "a finite number")
    return value


def _check(value: Any, line: int) -> None:
    level = [value]
    for _ in range(MOST_LEVELS + 1):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, str):
                _check_text(each, line)
            elif isinstance(each, dict):
                inner += each.keys()
                inner += each.values()
            elif isinstance(each, list):
                inner += each
        if not inner:
            return
        level = inner
    raise DocumentError(line, "JSON is nested too deeply", f"at most {MOST_LEVELS} levels")


def _check_text(text: str, line: int) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        found = f"{printable(text[error.start])} is half of a surrogate pair"
        raise DocumentError(line, found, "characters of Unicode") from None
