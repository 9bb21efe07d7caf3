"""An instance from a file of any known format, told apart by its suffix and, for JSON, by what is inside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rayproof.solver.instances import Instance, InstanceError, from_document, read_document
from rayproof.solver.readers.literature import read_job_shop, read_psplib, read_stg, workflow_of

BANDWIDTH = 125_000_000
"""Bytes a second (1 Gbit/s) for formats that say nothing about links."""
EXPECTED = "an instance (.json), a WfCommons workflow (.json), .stg, .sm or a job shop (.jsp, .txt)"


def read_instance(path: Path, nodes: int = 4) -> Instance:
    """The instance in a file; `nodes` processors or nodes where the format leaves the machines open.

    Raises `InstanceError` with the file and what was expected.
    """
    match path.suffix.lower():
        case ".stg":
            return _named(path, lambda: read_stg(path).instance(nodes))
        case ".sm":
            return _named(path, lambda: read_psplib(path).instance())
        case ".jsp" | ".txt":
            return _named(path, lambda: read_job_shop(path).instance())
        case ".json":
            data = read_document(path, EXPECTED)
            if isinstance(data, dict) and "workflow" in data:
                return _named(path, lambda: workflow_of(path, data).instance(nodes, BANDWIDTH))
            return from_document(path, data)
        case _:
            raise InstanceError(f"{path}: expected {EXPECTED}")


def _named(path: Path, made: Callable[[], Instance]) -> Instance:
    """What is only seen in the whole (a cycle, a task that fits no node) names the file, too."""
    try:
        return made()
    except InstanceError as error:
        if str(error).startswith(str(path)):
            raise
        raise type(error)(f"{path}: {error}") from error
