"""A recording as a whole: its lines filed by id, its events in the order of time, every mentioned id known.

What holds afterwards, so that nobody checks it again: one meta line, one head, ids unique, every task, object, actor,
node and placement group that a line mentions has a line of its own, and the driver submits at least one task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from rayproof.errors import InputError
from rayproof.files import parse_json, read_text
from rayproof.jsonfields import Fields
from rayproof.model.documents import MIB
from rayproof.model.graph import ActorId, NodeId, ObjectId, TaskId, TaskKind
from rayproof.model.graph.program import DRIVER
from rayproof.recordings.decode import decode
from rayproof.recordings.lines import (
    ActorLine,
    ActorState,
    BodyEnd,
    BodyStart,
    Dropped,
    Event,
    FaultSeen,
    GetBegin,
    GetEnd,
    GroupLine,
    GroupMade,
    GroupReady,
    GroupRemoved,
    HandleDropped,
    Located,
    MetaLine,
    NodeLine,
    ObjectLine,
    PutDone,
    Submitted,
    TaskLine,
    WaitBegin,
    WaitEnd,
)

LIMIT = 32 * MIB
"""Bytes. Ten thousand tasks, the most that Ray's state API returns, take about 10 MiB."""

EXPECTED = "a recording of Ray (JSON lines, schema 1 or 2)"


@dataclass(frozen=True, slots=True)
class Log:
    """The lines of one recording. `attempts` holds every attempt of a task, in order; events are sorted by time."""

    path: str
    meta: MetaLine
    nodes: Mapping[NodeId, NodeLine]
    attempts: Mapping[TaskId, tuple[TaskLine, ...]]
    actors: Mapping[ActorId, ActorLine]
    groups: Mapping[str, GroupLine]
    objects: Mapping[ObjectId, ObjectLine]
    events: tuple[Event, ...]
    origin_us: int
    """Time of the driver's first submit, which is zero for everything that is derived from a recording."""

    def creation(self, actor: ActorId) -> TaskId | None:
        """The task that creates an actor."""
        for task, (first, *_) in self.attempts.items():
            if first.kind is TaskKind.ACTOR_CREATION and first.actor == actor:
                return task
        return None


def read_log(path: str | Path) -> Log:
    """Raises `InputError` with the line and what was expected there."""
    text = read_text(path, LIMIT, EXPECTED)
    meta: list[MetaLine] = []
    rows: list[NodeLine | TaskLine | ActorLine | GroupLine | ObjectLine] = []
    events: list[Event] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        fields = Fields.of(path, number, parse_json(path, number, line))
        decoded = decode(fields)
        if isinstance(decoded, MetaLine) == bool(meta):
            found = "a second meta line" if meta else f"the first line is of kind {fields.text('k')!r}"
            raise fields.bad(found, "one line of kind 'meta', the first")
        match decoded:
            case MetaLine():
                meta.append(decoded)
            case NodeLine() | TaskLine() | ActorLine() | GroupLine() | ObjectLine():
                rows.append(decoded)
            case _:
                events.append(decoded)
    events.sort(key=lambda event: event.us)
    attempts: dict[TaskId, list[TaskLine]] = {}
    for row in rows:
        if isinstance(row, TaskLine):
            attempts.setdefault(row.id, []).append(row)
    first = next((event.us for event in events if isinstance(event, Submitted) and event.by == DRIVER), None)
    if first is None:
        raise InputError(path, None, "the driver submits nothing", "at least one submit event of the driver")
    log = Log(
        str(path),
        meta[0],
        _by_id([row for row in rows if isinstance(row, NodeLine)]),
        {task: tuple(sorted(lines, key=lambda line: line.attempt)) for task, lines in attempts.items()},
        _by_id([row for row in rows if isinstance(row, ActorLine)]),
        _by_id([row for row in rows if isinstance(row, GroupLine)]),
        _by_id([row for row in rows if isinstance(row, ObjectLine)]),
        tuple(events),
        first,
    )
    _check_ids(log)
    return log


class _Named(Protocol):
    @property
    def at(self) -> Fields: ...
    @property
    def id(self) -> str: ...


_Row = TypeVar("_Row", bound=_Named)


def _by_id(rows: list[_Row]) -> dict[str, _Row]:
    found: dict[str, _Row] = {}
    for row in rows:
        if row.id in found:
            raise row.at.bad(f"{row.id} was described before, in line {found[row.id].at.line}", "one line for each id")
        found[row.id] = row
    return found


def _check_ids(log: Log) -> None:
    heads = [node for node in log.nodes.values() if node.head]
    if len(heads) != 1:
        raise InputError(log.path, None, f"{len(heads)} head nodes", "exactly one node line with head=true")
    known = {
        "node": log.nodes,
        "task": log.attempts,
        "submitter": {DRIVER, *log.attempts},
        "actor": log.actors,
        "object": log.objects,
        "placement group": log.groups,
    }

    def check(at: Fields, kind: str, *names: str | None) -> None:
        for name in names:
            if name is not None and name not in known[kind]:
                raise at.bad(f"unknown {kind} {name}", f"a {kind} that has a line of its own")

    for task, lines in log.attempts.items():
        for before, line in zip((None, *lines), lines, strict=False):
            if task == DRIVER or (before is not None and before.attempt == line.attempt):
                raise line.at.bad(
                    f"task {task}, attempt {line.attempt} is described twice", "one line for each attempt"
                )
            if (line.actor is None) != (line.kind is TaskKind.NORMAL):
                raise line.at.bad(f"task {task} of kind {line.kind} and actor {line.actor}", "an actor for actor tasks")
            check(line.at, "submitter", line.parent)
            check(line.at, "node", line.node)
            check(line.at, "actor", line.actor)
            check(line.at, "object", *line.inputs, *line.borrowed, *line.outputs)
    for made in log.objects.values():
        check(made.at, "task", made.producer)
    for group in log.groups.values():
        check(group.at, "node", *(node for _, _, node in group.bundles))
    for event in log.events:
        _check_event(event, check)


def _check_event(event: Event, check: Callable[..., None]) -> None:
    match event:
        case Submitted():
            check(event.at, "submitter", event.by)
            check(event.at, "task", event.task)
            check(event.at, "actor", event.actor)
        case PutDone():
            check(event.at, "submitter", event.by)
            check(event.at, "object", event.object)
        case GetBegin() | WaitBegin():
            check(event.at, "submitter", event.by)
            check(event.at, "object", *event.objects)
            check(event.at, "placement group", *(event.groups if isinstance(event, GetBegin) else ()))
        case WaitEnd():
            check(event.at, "submitter", event.by)
            check(event.at, "object", *event.objects)
        case GetEnd():
            check(event.at, "submitter", event.by)
        case BodyStart():
            check(event.at, "task", event.task)
            check(event.at, "node", event.node)
        case BodyEnd():
            check(event.at, "task", event.task)
        case Located():
            check(event.at, "object", event.object)
            check(event.at, "node", *event.nodes)
        case FaultSeen():
            check(event.at, "node", event.node)
            check(event.at, "actor", event.actor)
            check(event.at, "task", event.task)
        case ActorState():
            check(event.at, "actor", event.actor)
        case Dropped():
            check(event.at, "submitter", event.by)
            check(event.at, "object", event.object)
        case HandleDropped():
            check(event.at, "submitter", event.by)
            check(event.at, "actor", event.actor)
        case GroupMade() | GroupRemoved():
            check(event.at, "submitter", event.by)
            check(event.at, "placement group", event.group)
        case GroupReady():
            pass
