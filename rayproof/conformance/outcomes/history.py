"""A recording as the things that happened, in order: who submitted what, which bodies ran, what reads gave, what died.

A *moment* is the number of an event in the recording, counted from 0; clocks of one host order them all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from rayproof.model.graph import ActorId, NodeId, ObjectId, TaskId, TaskKind, TaskSpec
from rayproof.recordings import FaultKind, Recording, read_recording
from rayproof.recordings.lines import (
    ActorLine,
    ActorState,
    BodyEnd,
    BodyStart,
    FaultSeen,
    GetBegin,
    GetEnd,
    Located,
    PutDone,
    Submitted,
    TaskLine,
    WaitBegin,
    WaitEnd,
)
from rayproof.recordings.log import Log, read_log


@dataclass(slots=True)
class Body:
    """One run of a body. `value`: the length that its actor told of its log; None where it told none."""

    task: TaskId
    attempt: int
    node: NodeId
    process: int
    begin: int
    begin_line: int
    end: int | None = None
    end_line: int = 0
    value: int | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """A `get`, or a `wait` for all of its objects. `outcome`: "value", an error's name, or None: not told."""

    by: TaskId
    objects: tuple[ObjectId, ...]
    begin: int
    end: int
    line: int
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened to an id; `by` is the process that did it."""

    at: int
    line: int
    id: str
    by: TaskId = ""


@dataclass
class History:
    """One recording."""

    recording: Recording
    rows: dict[TaskId, tuple[TaskLine, ...]]
    """Ray's rows of each task, one per attempt."""
    actors: dict[ActorId, ActorLine]
    submits: dict[TaskId, Moment] = field(default_factory=dict)
    puts: dict[ObjectId, Moment] = field(default_factory=dict)
    bodies: dict[TaskId, list[Body]] = field(default_factory=dict)
    reads: list[Read] = field(default_factory=list)
    on_disk: dict[ObjectId, bool] = field(default_factory=dict)
    """Whether the last probe found an object on a disk."""
    dead_nodes: list[Moment] = field(default_factory=list)
    dead_actors: list[Moment] = field(default_factory=list)
    """Exits and kills of actors' processes."""
    length: int = 0
    """Number of events."""

    def spec(self, task: TaskId) -> TaskSpec:
        """The task in the program's terms."""
        return self.recording.program.tasks[task]

    def maker(self, item: ObjectId) -> TaskId | None:
        """The task whose result an object is; None for a put or an object from before the recording."""
        found = next((task for task, spec in self.recording.program.tasks.items() if item in spec.outputs), None)
        return None if found in self.recording.setup else found

    def kind(self, task: TaskId) -> TaskKind:
        """What kind of task."""
        return self.spec(task).kind


def read_history(path: str | Path) -> History:
    """The history of a recording file; raises `InputError`."""
    log = read_log(path)
    made = History(read_recording(path), dict(log.attempts), dict(log.actors))
    _Reader(made, log).read()
    return made


class _Reader:
    def __init__(self, history: History, log: Log) -> None:
        self.history = history
        self.log = log
        self.blocked: dict[TaskId, tuple[int, GetBegin | WaitBegin]] = {}

    def read(self) -> None:
        history = self.history
        history.length = len(self.log.events)
        for at, event in enumerate(self.log.events):
            line = event.at.line or 0
            match event:
                case Submitted(task=str(task), by=by):
                    history.submits[task] = Moment(at, line, task, by)
                case PutDone(object=item, by=by):
                    history.puts[item] = Moment(at, line, item, by)
                case BodyStart(task=task):
                    body = Body(task, event.attempt, event.node, event.process, at, line)
                    history.bodies.setdefault(task, []).append(body)
                case BodyEnd(task=task):
                    body = next(b for b in reversed(history.bodies[task]) if b.end is None)
                    body.end, body.end_line = at, line
                case ActorState(actor=actor, length=length):
                    self._told(actor, length)
                case GetBegin(by=by) | WaitBegin(by=by):
                    self.blocked[by] = (at, event)
                case GetEnd(by=by, error=error):
                    self._read(by, at, line, error)
                case WaitEnd(by=by, ready=ready):
                    self._waited(by, at, line, ready)
                case Located(object=item, spilled=spilled):
                    history.on_disk[item] = spilled
                case FaultSeen():
                    self._fault(event, at, line)
                case _:
                    pass

    def _told(self, actor: ActorId, length: int | None) -> None:
        running = [
            body
            for task, bodies in self.history.bodies.items()
            if self.history.rows[task][0].actor == actor
            for body in bodies
            if body.end is None
        ]
        if running:
            max(running, key=lambda body: body.begin).value = length

    def _read(self, by: TaskId, at: int, line: int, error: str | None) -> None:
        begin, what = self.blocked.pop(by)
        # A get of several objects that fails does not tell which of them did.
        outcome = "value" if error is None else error if len(what.objects) == 1 else None
        self.history.reads.append(Read(by, what.objects, begin, at, line, outcome))

    def _waited(self, by: TaskId, at: int, line: int, ready: int) -> None:
        begin, what = self.blocked.pop(by)
        if ready == len(what.objects):
            self.history.reads.append(Read(by, what.objects, begin, at, line, None))

    def _fault(self, event: FaultSeen, at: int, line: int) -> None:
        match event.kind:
            case FaultKind.KILL_NODE if event.node is not None:
                self.history.dead_nodes.append(Moment(at, line, event.node))
            case FaultKind.ACTOR_EXIT | FaultKind.KILL_ACTOR if event.actor is not None:
                self.history.dead_actors.append(Moment(at, line, event.actor))
            case _:
                pass
