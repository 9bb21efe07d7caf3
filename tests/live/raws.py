"""Files of recorded processes, written by hand: hosts with clocks of their own, processes that end anywhere."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MS = 1_000_000
EPOCH = 1_800_000_000_000 * MS
DRIVER_TASK = "f" * 40 + "01000000"


def task_id(number: int) -> str:
    return f"{number:016x}" + "f" * 24 + "01000000"


def actor_id(number: int) -> str:
    return f"{number:024x}" + "01000000"


def creation(number: int) -> str:
    return "f" * 16 + actor_id(number)


def result(number: int, index: int = 1) -> str:
    return task_id(number) + index.to_bytes(4, "little").hex()


def node_id(number: int) -> str:
    return f"{number:056x}"


@dataclass
class Host:
    """A host whose wall clock is wrong by so much, and whose monotonic clock began at some other time."""

    name: str
    skew_ms: float = 0
    booted_ms: float = 1000

    def mono(self, ms: float) -> int:
        """What the monotonic clock says at a true time (ms after the epoch of the test)."""
        return round((ms + self.booted_ms) * MS)

    def wall(self, ms: float) -> int:
        return EPOCH + round((ms + self.skew_ms) * MS)


@dataclass
class Written:
    """One process that writes; times are true milliseconds, as nobody in the test knows them."""

    host: Host
    pid: int
    node: int = 0
    role: str = "worker"
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        now = self.host.mono(0)
        first = {"e": "process", "m": now, "wall": self.host.wall(0), "host": self.host.name, "pid": self.pid}
        who = {"role": self.role, "node": node_id(self.node), "worker": f"w{self.pid}", "job": "01000000"}
        self.events += [first, {"e": "connected", "m": now, "ray": "2.60.0", **who}]

    def __call__(self, ms: float, event: str, /, **fields: Any) -> Written:
        if "since" in fields:
            fields["since"] = self.host.mono(fields["since"])
        self.events.append({"e": event, "m": self.host.mono(ms), **fields})
        return self

    def submit(self, ms: float, number: int, *args: str, **fields: Any) -> Written:
        rets = fields.pop("rets", [result(number)])
        kind = fields.pop("kind", "task")
        by = fields.pop("by", None)
        told = {"kind": kind, "task": task_id(number), "name": "f", "by": by, "rets": rets, "ns": 100_000}
        return self(ms, "submit", **told, args=list(args), **fields)

    def body(self, start: float, end: float | None, number: int, att: int = 0, **fields: Any) -> Written:
        self(start, "start", task=task_id(number), att=att)
        return self if end is None else self(end, "end", task=task_id(number), **{"ok": True, **fields})

    def get(self, begin: float, end: float | None, *objects: str, by: str | None = None, **fields: Any) -> Written:
        self(begin, "get_begin", objs=list(objects), by=by, **fields)
        return self if end is None else self(end, "get_end", by=by, **{"ok": True, **fields})

    def text(self) -> str:
        return "".join(json.dumps(event) + "\n" for event in self.events)


def driver(host: Host, nodes: int = 1) -> Written:
    """The script's own process, connected to nodes of 2 CPUs."""
    rows = [
        {
            "node": node_id(i),
            "address": "127.0.0.1",
            "head": i == 0,
            "alive": True,
            "resources": {"CPU": 2.0},
            "labels": {},
            "started_ms": round(host.wall(-1000) / MS) + i,
            "ended_ms": None,
            "death": None,
        }
        for i in range(nodes)
    ]
    return Written(host, 1, role="driver")(0, "init", nodes=rows)


def folder(path: Path, *processes: Written, collected: dict[str, Any] | None = None) -> Path:
    """A folder as a run leaves it."""
    for i, process in enumerate(processes):
        (path / f"{i}.raw").write_text(process.text())
    if collected is not None:
        empty: dict[str, Any] = {"tasks": [], "actors": [], "groups": [], "nodes": [], "lost": []}
        (path / "collected-1.json").write_text(json.dumps(empty | collected))
    return path
