"""The files that recorded processes left behind, whole or cut short, as they are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median_low
from typing import Any

from rayproof.errors import InputError

Event = dict[str, Any]


@dataclass(slots=True)
class Process:
    """One process of the run: driver, worker or actor."""

    file: str
    host: str
    pid: int
    wall_minus_mono_ns: int
    events: list[Event] = field(default_factory=list)
    """In the order in which they were written; `m` is nanoseconds of the host's monotonic clock."""
    torn: int = 0
    """Lines that are no JSON: the last one, if the process died while it wrote."""

    @property
    def driver(self) -> bool:
        """Whether the script itself ran here."""
        return any(event["e"] == "connected" and event["role"] == "driver" for event in self.events)


@dataclass(slots=True)
class Raw:
    """Everything that one recorded run left behind."""

    processes: list[Process]
    collections: list[dict[str, Any]]
    """What Ray told at the end of each session; none when nobody could ask any more."""

    @property
    def hosts(self) -> list[str]:
        """The hosts, that of the first driver first."""
        drivers = [process.host for process in self.processes if process.driver]
        return list(dict.fromkeys([*drivers, *(process.host for process in self.processes)]))

    def wall_minus_mono(self, host: str) -> int:
        """Wall clock over monotonic clock of a host: of what its processes read, the middle."""
        return median_low([process.wall_minus_mono_ns for process in self.processes if process.host == host] or [0])

    def of(self, kind: str) -> Iterator[tuple[Process, Event]]:
        """Every event of one kind."""
        for process in self.processes:
            for event in process.events:
                if event["e"] == kind:
                    yield process, event

    def counts(self) -> Counter[str]:
        """How many events of each kind there are."""
        return Counter(event["e"] for process in self.processes for event in process.events)


def read_raw(folder: str | Path) -> Raw:
    """Raises `InputError` when there is no driver among the files: then nothing was recorded."""
    folder = Path(folder)
    processes = [process for path in sorted(folder.glob("*.raw")) if (process := _process(path)) is not None]
    processes.sort(key=lambda process: (not process.driver, process.events[0]["m"] if process.events else 0))
    collections = []
    for path in sorted(folder.glob("collected-*.json")):
        try:
            collections.append(json.loads(path.read_text(encoding="utf-8")))
        except ValueError as error:
            raise InputError(path, None, f"not JSON: {error}", "what Ray told at the end of a session") from None
    if not any(process.driver for process in processes):
        raise InputError(folder, None, "the script never connected to Ray", "a script that calls Ray")
    return Raw(processes, collections)


def _process(path: Path) -> Process | None:
    torn = 0
    events: list[Event] = []
    for line in path.read_bytes().split(b"\n"):
        try:
            event = json.loads(line) if line.strip() else None
        except ValueError:
            event, torn = None, torn + 1
        if isinstance(event, dict) and isinstance(event.get("e"), str) and isinstance(event.get("m"), int):
            events.append(event)
    if not events or events[0]["e"] != "process":
        return None
    first = events[0]
    return Process(path.name, first["host"], first["pid"], first["wall"] - first["m"], events[1:], torn)
