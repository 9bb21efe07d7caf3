"""What `rayproof` says about input it cannot use: where it is, what is wrong there, what was expected."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from rayproof.model.documents import printable

LONGEST_MESSAGE = 300
"""Characters of the part that quotes the input."""


class InputError(ValueError):
    """A file or an argument that cannot be used; the program that reports it leaves with exit code 2.

    >>> print(InputError("run.jsonl", 3, "field 'ms' is -1", "a number of at least 0"))
    run.jsonl:3: field 'ms' is -1; expected a number of at least 0
    """

    def __init__(self, path: str | Path, line: int | None, message: str, expected: str) -> None:
        self.path = str(path)
        self.line = line
        """Counted from 1; None when the fault is not in one line (a missing file, an argument)."""
        self.message = _one_line(message)
        self.expected = expected
        named = printable(self.path)
        where = named if line is None else f"{named}:{line}"
        super().__init__(f"{where}: {self.message}; expected {printable(expected)}")


class UndeterminedError(Exception):
    """A limit ended a part without which there is no answer; the program that reports it leaves with exit code 3."""


def _one_line(message: str) -> str:
    """Messages quote the input, which may be long and may hold what a terminal obeys."""
    shown = printable(message[:LONGEST_MESSAGE])
    return shown if len(message) <= LONGEST_MESSAGE else shown + "..."


def expected_name(name: str, among: Iterable[str], listed: str) -> str:
    """What to say was expected where a name is unknown: where the names are listed, and the nearest of them.

    >>> expected_name("spred", ["spread", "default"], "a policy")
    'a policy; the nearest: spread'
    """
    near = get_close_matches(name, among, n=3, cutoff=0.5)
    return f"{listed}; the nearest: {', '.join(near)}" if near else listed
