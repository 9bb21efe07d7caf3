"""The workload that a user names, in whichever of the known formats it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from rayproof.errors import InputError
from rayproof.recordings import Recording, read_recording
from rayproof.timelines import read_states

STATE = (".json", ".yaml", ".yml", ".log", "")
"""Names of what Ray itself writes; none for a folder of export events."""

EXPECTED = "a name that ends in .jsonl (recording), or .json, .yaml or .log (state of tasks, timeline, export events)"


def read_workload(*paths: str | Path) -> Recording:
    """A recording (`.jsonl`), or what Ray itself tells of a run, in one file or several. Raises `InputError`."""
    read: Callable[..., Recording] = read_states
    for path in paths:
        name = Path(path)
        suffix = "" if os.path.isdir(name) else name.suffix.lower()
        if suffix == ".jsonl" and len(paths) == 1:
            read = read_recording
        elif suffix == ".jsonl":
            raise InputError(path, None, "a recording beside other files", "one recording, or files that Ray writes")
        elif suffix not in STATE or (suffix == "" and not os.path.isdir(name)):
            raise InputError(path, None, "unknown kind of workload", EXPECTED)
    return read(*paths)
