"""Where answers are written: refused before the work when it could not be written there, and never followed elsewhere.

A target is a file that is there or can be made, or a folder that is there or can be made. Devices, pipes, sockets and
links that lead nowhere or round in circles are refused: a report that vanishes is no report.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from typing import Any

from rayproof.console import json_text
from rayproof.errors import InputError
from rayproof.model.documents import printable

STANDARD_OUTPUT = "-"
READ = "it is read, or written otherwise, by this very command"
FILE, FOLDER = "a file that can be written, in a folder that exists", "a folder that can be written, or made"


def require_file(target: str | Path | None, *read: str | Path | None) -> None:
    """Raise `InputError` unless a file can be written there; None and `-` need none.

    `read`: what the command reads, and what else it writes, which no report may replace; names of no file are passed
    over.
    """
    if target is None or str(target) == STANDARD_OUTPUT:
        return
    path = Path(target)
    kind = _kind(path, FILE)
    if any(isinstance(each, Path) and each == path for each in read):
        raise InputError(path, None, READ, "another file")
    if kind is None:
        if not os.path.isdir(path.parent):
            raise InputError(path, None, f"there is no folder {path.parent}", FILE)
        _require_access(path, path.parent, FILE)
    elif not stat.S_ISREG(kind):
        raise InputError(path, None, f"it is {_named(kind)}", FILE)
    else:
        _require_access(path, path, FILE)
        if any(_is_same(path, each) for each in read if each is not None):
            raise InputError(path, None, READ, "another file")


def require_folder(folder: Path) -> None:
    """Raise `InputError` unless files can be written into that folder, which may still have to be made."""
    for place in (folder, *folder.absolute().parents):
        kind = _kind(place, FOLDER)
        if kind is not None:
            if not stat.S_ISDIR(kind):
                raise InputError(folder, None, f"{place} is {_named(kind)}", FOLDER)
            _require_access(folder, place, FOLDER)
            return


def require_new_folder_file(path: Path, *read: str | Path | None) -> None:
    """As `require_file`, for a file whose folders may still have to be made."""
    require_folder(path.parent)
    if _kind(path.parent, FOLDER) is not None:
        require_file(path, *read)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; raises `InputError`."""
    require_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(folder, None, error.strerror or str(error), FOLDER) from None


def write_text(text: str, target: str | Path) -> None:
    """Write a whole text to a file, or to standard output for `-`; raises `InputError`.

    Half a file is never left under the name.
    """
    if str(target) == STANDARD_OUTPUT:
        sys.stdout.write(text)
        return
    path = Path(target)
    require_file(path)
    # A link to a file stays a link: what it leads to is replaced.
    place = path.resolve()
    beside = place.with_name(f".{place.name[:200]}.{os.getpid()}")
    try:
        try:
            beside.write_text(text, encoding="utf-8")
            beside.replace(place)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(path, None, error.strerror or str(error), FILE) from None


def write_json(document: Any, target: str | Path) -> None:
    """Write a document; raises `InputError`."""
    write_text(json_text(document), target)


def _kind(path: Path, expected: str) -> int | None:
    """The mode of what is there, links followed; None when there is nothing. Raises `InputError`."""
    try:
        return path.stat().st_mode
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR) and not os.path.islink(path):
            return None
        broken = error.errno == errno.ENOENT
        raise InputError(path, None, "a link that leads nowhere" if broken else str(error.strerror), expected) from None
    except ValueError as error:
        raise InputError(path, None, f"no path: {error}", expected) from None


def _is_same(path: Path, other: str | Path) -> bool:
    """`other`: a file, or one with the name of something in it after a colon, as policies and scenarios are named."""
    for named in (str(other), str(other).rpartition(":")[0]):
        try:
            if os.path.samefile(path, named):
                return True
        except (OSError, ValueError):
            continue
    return False


def _require_access(named: Path, place: Path, expected: str) -> None:
    if len(os.fsencode(named.name)) > 255:
        raise InputError(printable(str(named))[:80] + "...", None, "the name is too long", expected)
    if not os.access(place, os.W_OK | (os.X_OK if place.is_dir() else 0)):
        raise InputError(named, None, "it cannot be written", expected)


def _named(mode: int) -> str:
    kinds = (
        (stat.S_ISREG, "a file"),
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
    )
    return next((name for fits, name in kinds if fits(mode)), "a device")
