"""How wide a report is: as the terminal, and wide where nobody folds it."""

from __future__ import annotations

import os
import sys

PIPED = 200
"""Columns of a report that is written to a file or read by another program, unless `COLUMNS` says otherwise."""


def width() -> int | None:
    """The width for rich's `Console`; None leaves it to the terminal."""
    return None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPED
