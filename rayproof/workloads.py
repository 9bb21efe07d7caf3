"""The workload that a user names, in whichever of the known formats it is."""

from __future__ import annotations

from pathlib import Path

from rayproof.errors import InputError
from rayproof.recordings import Recording, read_recording
from rayproof.timelines import read_timeline

READERS = {".jsonl": read_recording, ".json": read_timeline}


def read_workload(path: str | Path) -> Recording:
    """A recording (`.jsonl`) or a timeline (`.json`). Raises `InputError`, for any other name too."""
    reader = READERS.get(Path(path).suffix.lower())
    if reader is None:
        raise InputError(
            path, None, "unknown kind of workload", "a name that ends in .jsonl (recording) or .json (timeline)"
        )
    return reader(path)
