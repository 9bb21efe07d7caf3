"""An instance from a file of any known format, told apart by its suffix and, for JSON, by what is inside."""

from __future__ import annotations

import json
from pathlib import Path

from rayproof.solver.instances import Instance, InstanceError, load
from rayproof.solver.readers.literature import read_job_shop, read_psplib, read_stg, read_wfcommons

BANDWIDTH = 125_000_000
"""Bytes a second (1 Gbit/s) for formats that say nothing about links."""
EXPECTED = "expected an instance (.json), a WfCommons workflow (.json), .stg, .sm or a job shop (.jsp, .txt)"


def read_instance(path: Path, nodes: int = 4) -> Instance:
    """The instance in a file; `nodes` processors or nodes where the format leaves the machines open.

    Raises `InstanceError` with the file and what was expected.
    """
    match path.suffix.lower():
        case ".stg":
            return read_stg(path).instance(nodes)
        case ".sm":
            return read_psplib(path).instance()
        case ".jsp" | ".txt":
            return read_job_shop(path).instance()
        case ".json":
            return read_wfcommons(path).instance(nodes, BANDWIDTH) if _is_workflow(path) else load(path)
        case _:
            raise InstanceError(f"{path}: {EXPECTED}")


def _is_workflow(path: Path) -> bool:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False  # The reader of instances says what is wrong.
    return isinstance(data, dict) and "workflow" in data
