"""Which bodies ran, where and when, and what each did in between: events filed by the process that caused them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from rayproof.model.graph import NodeId, TaskId
from rayproof.model.graph.program import DRIVER
from rayproof.recordings.lines import (
    BodyEnd,
    BodyStart,
    GetBegin,
    GetEnd,
    GroupMade,
    GroupRemoved,
    PutDone,
    Submitted,
    WaitBegin,
    WaitEnd,
)
from rayproof.recordings.log import Log

Act: TypeAlias = Submitted | PutDone | GetBegin | GetEnd | WaitBegin | WaitEnd | GroupMade | GroupRemoved


@dataclass(slots=True)
class Execution:
    """One run of a task's body. Times count from the driver's first submit."""

    task: TaskId
    attempt: int
    node: NodeId
    process: int
    """Number of the worker's operating-system process."""
    start_us: int
    end_us: int | None = None
    """None when the body never ended: its process or its node died."""
    ok: bool = True
    acts: list[Act] = field(default_factory=list)

    def busy(self) -> list[tuple[int, int]]:
        """Intervals in which the body ran, without those in which `get` or `wait` blocked it."""
        if self.end_us is None:
            return []
        blocking = [act.us for act in self.acts if isinstance(act, GetBegin | GetEnd | WaitBegin | WaitEnd)]
        # The edges pair up: what blocks a body is refused if it does not end before the body does.
        edges = [self.start_us, *blocking, self.end_us]
        return list(zip(edges[::2], edges[1::2], strict=True))


@dataclass(frozen=True, slots=True)
class Executions:
    """All runs of all bodies; the driver's acts apart, because it runs once and without a body event."""

    by_task: Mapping[TaskId, tuple[Execution, ...]]
    driver: tuple[Act, ...]

    def chosen(self, task: TaskId) -> Execution | None:
        """The run that stands for a task: the last that ended, else the last that started."""
        runs = self.by_task.get(task, ())
        ended = [run for run in runs if run.end_us is not None]
        return ended[-1] if ended else runs[-1] if runs else None

    def all(self) -> list[Execution]:
        """Every run, in the order in which they started."""
        return sorted((run for runs in self.by_task.values() for run in runs), key=lambda run: run.start_us)


def executions(log: Log) -> Executions:
    """Raises `InputError` when a body ends or acts before it starts, or a get or wait ends that did not begin."""
    runs: dict[TaskId, list[Execution]] = {}
    driver: list[Act] = []
    blocked: dict[int, GetBegin | WaitBegin] = {}
    for event in log.events:
        match event:
            case BodyStart():
                run = Execution(event.task, event.attempt, event.node, event.process, event.us - log.origin_us)
                runs.setdefault(event.task, []).append(run)
            case BodyEnd():
                open_runs = [run for run in runs.get(event.task, []) if run.end_us is None]
                if not open_runs:
                    raise event.at.bad(f"body of {event.task} ends but has not started", "an exec_start before it")
                if id(open_runs[-1].acts) in blocked:
                    raise event.at.bad(f"body of {event.task} ends while a get or wait blocks it", "its end before")
                open_runs[-1].end_us = event.us - log.origin_us
                open_runs[-1].ok = event.ok
            case (
                Submitted() | PutDone() | GetBegin() | GetEnd() | WaitBegin() | WaitEnd() | GroupMade() | GroupRemoved()
            ):
                if event.by != DRIVER and event.by not in runs:
                    raise event.at.bad(f"{event.by} acts before its body starts", f"an exec_start of {event.by} before")
                acts = driver if event.by == DRIVER else runs[event.by][-1].acts
                _pair(event, id(acts), blocked)
                acts.append(event)
            case _:
                pass
    return Executions({task: tuple(found) for task, found in runs.items()}, tuple(driver))


def _pair(event: Act, process: int, blocked: dict[int, GetBegin | WaitBegin]) -> None:
    """Keep `blocked`, what each process waits in, and refuse an act that is impossible meanwhile."""
    begun = blocked.get(process)
    match event:
        case GetEnd():
            fits = isinstance(begun, GetBegin)
            blocked.pop(process, None)
        case WaitEnd():
            fits = isinstance(begun, WaitBegin)
            blocked.pop(process, None)
        case GetBegin() | WaitBegin():
            fits = begun is None
            blocked[process] = event
        case _:
            fits = begun is None
    if not fits:
        raise event.at.bad(
            f"{event.by} does this while it is not, or is, blocked",
            "get_begin/get_end and wait_begin/wait_end in pairs",
        )
