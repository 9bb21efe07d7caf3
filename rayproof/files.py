"""Reading a file that a user names, whatever it turns out to be: errors name the file and the line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rayproof.errors import InputError
from rayproof.model import documents
from rayproof.model.documents import DocumentError


def read_text(path: str | Path, limit: int, expected: str) -> str:
    """The whole file as text, at most `limit` bytes; `expected` says what kind of file it should have been.

    Raises `InputError` for a missing file, a directory, a pipe, a device, a file that may not be read, one that is
    larger than `limit` or empty, and bytes that are not UTF-8 (with the line they stand in).
    """
    try:
        return documents.read_text(path, limit, expected)
    except DocumentError as error:
        raise InputError(path, error.line, error.found, error.expected) from error


def parse_json(path: str | Path, line: int, text: str) -> Any:
    """The value of one JSON text that begins in this line of the file; raises `InputError`."""
    try:
        return documents.parse_json(text, line)
    except DocumentError as error:
        raise InputError(path, error.line, error.found, error.expected) from error
