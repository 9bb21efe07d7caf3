"""How a command ends: one table of exit codes, and the guard that makes every end one of them.

`docs/exit-codes.md` is the table for people; a test holds the two together.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from typing import Any

from rayproof.model.documents import printable

NO_MORE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EPIPE, errno.EIO, errno.EBADF})
"""Errors of a write that say that nothing more can be written there."""

LONGEST_REASON = 300
"""Characters shown of what an exception says."""


class Exit(IntEnum):
    """Exit codes."""

    HOLDS = 0
    """A verdict command: it holds. Any other command: it did what it was asked."""
    VIOLATED = 1
    """A statement or a rule is broken; `replay`: the violation was confirmed; `bugs`: an entry survived."""
    BAD_INPUT = 2
    """Something that was named cannot be used, or the answer cannot be written where it should go."""
    UNDETERMINED = 3
    """A limit, or memory, ended the work before there was an answer."""
    DEFECT = 70
    """A defect of rayproof itself; nothing was decided."""
    INTERRUPTED = 130
    """Ctrl-C; what was known by then was said."""


class Interrupted(BaseException):
    """Ctrl-C has ended a command; the text is what is known all the same, one clause."""


def guarded(run: Callable[[], int]) -> int:
    """The exit code of a command, whatever happens in it, with one line on standard error for each end that is none."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - lives as long as the program
    unusable = _unusable_output()
    if unusable:
        return _ended(f"error: standard output {unusable}; expected a terminal, a pipe or a file", Exit.BAD_INPUT)
    try:
        code = _code_of(run)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _ended("interrupted", Exit.INTERRUPTED)
    except OSError as error:
        return _unwritable(error)
    return code


def _code_of(run: Callable[[], int]) -> int:
    from rayproof.errors import InputError

    try:
        return run()
    except InputError as error:
        return _ended(f"error: {error}", Exit.BAD_INPUT)
    except Interrupted as known:
        return _ended(f"interrupted: {printable(str(known))}", Exit.INTERRUPTED)
    except KeyboardInterrupt:
        return _ended("interrupted: nothing was decided", Exit.INTERRUPTED)
    except MemoryError:
        return _ended("undetermined: out of memory", Exit.UNDETERMINED)
    except OSError as error:
        # Files of others are written where their errors are known by name.
        if error.filename is None and error.errno in NO_MORE:
            return _unwritable(error)
        return _defect(error)
    except BaseException as error:
        return _defect(error)


def _defect(error: BaseException) -> int:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
    try:
        reason = printable(f"{error}{notes}")
    except BaseException:
        reason = ""
    reason = reason if len(reason) <= LONGEST_REASON else reason[:LONGEST_REASON] + "..."
    return _ended(
        f"error in rayproof, not in your input: {type(error).__name__}{where}: {reason}\n{HOW_TO_REPORT}",
        Exit.DEFECT,
    )


HOW_TO_REPORT = (
    "nothing was decided; please report this line, the command and `rayproof --version` as an issue of the project "
    "(RAYPROOF_TRACEBACK=1 shows where it happened)"
)


def _unusable_output() -> str:
    """Why nothing could be said on standard output; empty when it seems that it can."""
    if sys.stdout is None or sys.stdout.closed:
        return "is closed"
    with suppress(OSError, ValueError):
        full = os.stat("/dev/full")
        if os.fstat(sys.stdout.fileno()).st_rdev == full.st_rdev:
            return "is a device that is always full"
    return ""


def _unwritable(error: OSError) -> int:
    """Standard output failed: what is still unwritten there is dropped, so that the end of the program says no more."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    why = error.strerror or str(error)
    return _ended(
        f"error: the report cannot be written to standard output: {why}; this exit code is no verdict", Exit.BAD_INPUT
    )


def _ended(message: str, code: Exit) -> int:
    with suppress(OSError, ValueError):
        print(message, file=sys.stderr, flush=True)
        if code is Exit.DEFECT and os.environ.get("RAYPROOF_TRACEBACK"):
            traceback.print_exc()
    return int(code)


def _made_whole(stream: Any) -> Any:
    """Standard output that loses nothing: a partial write is gone on for, a sign that it cannot encode is escaped."""
    raw = getattr(stream, "buffer", None)
    if isinstance(raw, io.RawIOBase):  # as PYTHONUNBUFFERED has it; its writes may drop what a full disk did not take
        stream = io.TextIOWrapper(io.BufferedWriter(raw), stream.encoding, write_through=True)
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


def leave(run: Callable[[], int]) -> None:
    """End the process with the exit code of a command; an interrupt that comes too late to matter changes nothing."""
    sys.stdout, sys.stderr = _made_whole(sys.stdout), _made_whole(sys.stderr)
    try:
        code = guarded(run)
    except KeyboardInterrupt:
        code = int(Exit.INTERRUPTED)
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)
