"""Reading a text file that a user names, whatever it turns out to be."""

from __future__ import annotations

from pathlib import Path

from rayproof.errors import InputError

MIB = 1 << 20


def read_text(path: str | Path, limit: int, expected: str) -> str:
    """The whole file as text, at most `limit` bytes; `expected` says what kind of file it should have been.

    Raises `InputError` for a missing file, a directory, a device, a file that may not be read, one that is larger than
    `limit` or empty, and bytes that are not UTF-8 (with the line they stand in).
    """
    file = Path(path)
    try:
        if not file.is_file():
            what = "is a directory" if file.is_dir() else "is not a regular file" if file.exists() else "does not exist"
            raise InputError(path, None, f"the file {what}", expected)
        with file.open("rb") as stream:
            # One byte more than allowed tells a file that is too large from one that just fits.
            content = stream.read(limit + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(path, None, f"the file cannot be read ({error})", expected) from error
    if len(content) > limit:
        raise InputError(path, None, f"the file is larger than {limit // MIB} MiB", expected)
    if not content.strip():
        raise InputError(path, 1, "the file is empty", expected)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(path, line, f"byte {content[error.start]:#04x} is not UTF-8 text", expected) from error
