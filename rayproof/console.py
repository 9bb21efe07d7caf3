"""What reaches the terminal: reports as wide as it is, and nothing in them that it would obey.

Names, sentences and errors come from files of others. Whatever is printed goes through `report_console` or `say`, which
write control characters as escapes; JSON goes through `json_text`, which keeps the value.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from rayproof.model.documents import printable

PIPED = 200
"""Columns of a report that is written to a file or read by another program, unless `COLUMNS` says otherwise."""


def width() -> int | None:
    """The width for a console; None leaves it to the terminal."""
    return None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPED


class _Escaping(Console):
    """A console on which only the styles of the program itself are control sequences."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(escaped(segment.text), segment.style)


def report_console(*, soft_wrap: bool = False) -> Console:
    """The console for reports on standard output."""
    return _Escaping(soft_wrap=soft_wrap, highlight=False, width=width())


def escaped(text: str) -> str:
    """Several lines with everything else that a terminal obeys written as escapes."""
    return "\n".join(map(printable, text.split("\n")))


def say(text: str, *, error: bool = False, end: str = "\n") -> None:
    """Print lines of text, to standard error if it is one."""
    print(escaped(text), file=sys.stderr if error else sys.stdout, end=end)


def json_text(document: Any) -> str:
    """A document as indented JSON with a final line end; what a terminal obeys stays an escape of JSON."""
    text = json.dumps(document, indent=1, ensure_ascii=False)
    if not all(line.isprintable() for line in text.split("\n")):
        text = json.dumps(document, indent=1)
        # The one control character that ASCII JSON leaves as it is.
        text = text.replace("\x7f", "\\u007f")
    return text + "\n"
