"""Small recordings written by hand: lines as Python objects, and a file of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeAlias

from rayproof.recordings import Recording, read_recording

Line: TypeAlias = dict[str, Any]


def meta() -> Line:
    return {"k": "meta", "scenario": "s", "ray": "2.60.0", "dur_ms": 9.0, "schema": 1}


def node(name: str, cpu: int = 2, **more: Any) -> Line:
    return {"k": "node", "id": name, "head": name == "N0", "cpu": cpu, "gpu": 0, "alive_at_end": True, **more}


def task(task_id: str, /, **more: Any) -> Line:
    """A normal task of the driver without arguments, recorded, with one result of the same number."""
    found = {
        "k": "task",
        "id": task_id,
        "type": "NORMAL_TASK",
        "name": "f",
        "attempt": 0,
        "parent": "driver",
        "args": [],
    }
    return found | {"rets": ["O" + task_id[1:]], "req": {"CPU": 1.0}, "state": "FINISHED"} | more


def thing(name: str, size: int | None = 10, **more: Any) -> Line:
    """An object, made by the task of the same number."""
    return {"k": "object", "id": name, "by": "T" + name[1:], "size": size} | more


def event(ms: float, kind: str, **more: Any) -> Line:
    return {"k": "ev", "ms": ms, "e": kind, **more}


def submit(ms: float, name: str, **more: Any) -> Line:
    return event(ms, "submit", us=100, task=name, **more)


def body(name: str, start: float, end: float, on: str = "N0", pid: int = 1, **more: Any) -> list[Line]:
    """Start and end of a body, milliseconds."""
    begun = event(start, "exec_start", task=name, node=on, pid=pid, **more)
    return [begun, event(end, "exec_end", task=name, ok=True)]


def get(start: float, end: float, *objects: str, **more: Any) -> list[Line]:
    """A get from begin to end, milliseconds; `err` makes it raise."""
    by = {"by": more["by"]} if "by" in more else {}
    begun = event(start, "get_begin", objs=list(objects), **by)
    return [begun, event(end, "get_end", objs=list(objects), ok="err" not in more, **more)]


def written(folder: Path, *lines: Line | list[Line]) -> Path:
    """A file with these lines."""
    file = folder / "run.jsonl"
    flat = [line for several in lines for line in (several if isinstance(several, list) else [several])]
    file.write_text("".join(json.dumps(line) + "\n" for line in flat))
    return file


def recorded(folder: Path, *lines: Line | list[Line]) -> Recording:
    """A meta line and these lines, read."""
    return read_recording(written(folder, meta(), *lines))
