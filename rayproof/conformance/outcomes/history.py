"""A recording as the things that happened, in order: who submitted what, which bodies ran, what reads gave, what died.

A *moment* is the number of an event in the recording, counted from 0; clocks of one host order them all.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rayproof.conformance.outcomes.names import outcome_of
from rayproof.model.graph import ActorId, NodeId, ObjectId, TaskId, TaskKind, TaskSpec
from rayproof.recordings import FaultKind, Recording, read_recording
from rayproof.recordings.bodies import TIMEOUT
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
from rayproof.recordings.tasks import sizes


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
    ok: bool = True
    """False when it raised."""
    value: int | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """A `get`, or a `wait` for all of its objects. `outcome`: "value", a system error by its name, an error of the
    application, or None: not told (a `wait`)."""

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
    complete: bool = True
    """Whether everything that died is among the recorded faults."""
    streams: frozenset[TaskId] = frozenset()
    """Generators, whose results are there one by one."""
    makers: dict[ObjectId, TaskId] = field(default_factory=dict)
    sized: frozenset[ObjectId] = frozenset()
    """Objects whose size is recorded."""
    submits: dict[TaskId, Moment] = field(default_factory=dict)
    puts: dict[ObjectId, Moment] = field(default_factory=dict)
    bodies: dict[TaskId, list[Body]] = field(default_factory=dict)
    reads: dict[ObjectId, list[Read]] = field(default_factory=dict)
    """Of each object; a get of several objects that raised is in `raised` instead."""
    raised: list[Read] = field(default_factory=list)
    """Gets of several objects that raised: one of them ended in the error, and nothing is known of the others."""
    on_disk: dict[ObjectId, bool] = field(default_factory=dict)
    """Whether the last probe found an object on a disk."""
    dead_nodes: list[Moment] = field(default_factory=list)
    dead_actors: list[Moment] = field(default_factory=list)
    """Exits and kills of actors' processes."""
    cancelled: dict[TaskId, Moment] = field(default_factory=dict)
    """The first cancellation of each task; under an empty id those that do not say of what."""
    length: int = 0
    """Number of events."""

    def spec(self, task: TaskId) -> TaskSpec:
        """The task in the program's terms."""
        return self.recording.program.tasks[task]

    def maker(self, item: ObjectId) -> TaskId | None:
        """The task whose result an object is; None for a put or an object from before the recording."""
        found = self.makers.get(item)
        return None if found in self.recording.setup else found

    def reads_by(self, by: TaskId, item: ObjectId) -> list[Read]:
        """What a process read of an object."""
        return [read for read in self.reads.get(item, ()) if read.by == by]

    @cached_property
    def consumers(self) -> dict[ObjectId, list[TaskId]]:
        """Tasks that have an object as an argument, in the order of their submission."""
        found: dict[ObjectId, list[TaskId]] = {}
        for task in self.submits:
            for item in self.spec(task).inputs:
                found.setdefault(item, []).append(task)
        return found

    @cached_property
    def bodies_of(self) -> dict[ActorId, list[Body]]:
        """Bodies of each actor's constructor and methods, in the order in which they began."""
        found: dict[ActorId, list[Body]] = {}
        every = ((self.rows[task][0].actor or "", body) for task, bodies in self.bodies.items() for body in bodies)
        for actor, body in sorted(every, key=lambda item: item[1].begin):
            found.setdefault(actor, []).append(body)
        return found

    @cached_property
    def owners(self) -> dict[tuple[NodeId, int], ActorId]:
        """The actor of each process, the one with most of its bodies; empty for workers of tasks."""
        counts: dict[tuple[NodeId, int], Counter[ActorId]] = {}
        for actor, bodies in self.bodies_of.items():
            for body in bodies:
                counts.setdefault((body.node, body.process), Counter())[actor] += 1
        return {process: count.most_common(1)[0][0] for process, count in counts.items()}

    @cached_property
    def deaths_untold(self) -> str:
        """A sentence when nodes died at times that the recording does not tell; empty otherwise."""
        if self.complete:
            return ""
        told = {death.id for death in self.dead_nodes}
        lost = [row.node for rows in self.rows.values() for row in rows if row.error == "NODE_DIED"]
        unknown = sorted({node or "a node" for node in lost} - told)
        return f"when {', '.join(unknown)} died is not recorded" if unknown else ""

    def kind(self, task: TaskId) -> TaskKind:
        """What kind of task."""
        return self.spec(task).kind


def read_history(path: str | Path) -> History:
    """The history of a recording file; raises `InputError`."""
    log = read_log(path)
    recording = read_recording(path)
    made = History(
        recording,
        dict(log.attempts),
        dict(log.actors),
        complete=log.meta.complete,
        streams=frozenset(task for task, rows in log.attempts.items() if _is_stream(rows[0])),
        makers={item: task for task, spec in recording.program.tasks.items() for item in spec.outputs},
        sized=frozenset(sizes(log)),
    )
    _Reader(made, log).read()
    return made


def _is_stream(row: TaskLine) -> bool:
    return row.options.data.get("num_returns") in ("streaming", "dynamic") or bool(row.at.data.get("streaming"))


class _Reader:
    def __init__(self, history: History, log: Log) -> None:
        self.history = history
        self.log = log
        self.blocked: dict[TaskId, tuple[int, GetBegin | WaitBegin]] = {}
        self.running: dict[ActorId, list[Body]] = {}

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
                    self.running.setdefault(history.rows[task][0].actor or "", []).append(body)
                case BodyEnd(task=task, ok=ok):
                    body = next(b for b in reversed(history.bodies[task]) if b.end is None)
                    body.end, body.end_line, body.ok = at, line, ok
                    self.running[history.rows[task][0].actor or ""].remove(body)
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
        running = self.running.get(actor)
        if running:
            max(running, key=lambda body: body.begin).value = length

    def _read(self, by: TaskId, at: int, line: int, error: str | None) -> None:
        begin, what = self.blocked.pop(by)
        if error == TIMEOUT:
            return
        read = Read(by, what.objects, begin, at, line, outcome_of(error))
        if error is None or len(what.objects) == 1:
            self._keep(read)
        else:
            self.history.raised.append(read)

    def _keep(self, read: Read) -> None:
        for item in dict.fromkeys(read.objects):
            self.history.reads.setdefault(item, []).append(read)

    def _waited(self, by: TaskId, at: int, line: int, ready: int) -> None:
        begin, what = self.blocked.pop(by)
        if ready == len(what.objects):
            self._keep(Read(by, what.objects, begin, at, line, None))

    def _fault(self, event: FaultSeen, at: int, line: int) -> None:
        match event.kind:
            case FaultKind.KILL_NODE if event.node is not None:
                if all(death.id != event.node for death in self.history.dead_nodes):
                    self.history.dead_nodes.append(Moment(at, line, event.node))
            case FaultKind.ACTOR_EXIT | FaultKind.KILL_ACTOR if event.actor is not None:
                self.history.dead_actors.append(Moment(at, line, event.actor))
            case FaultKind.CANCEL:
                self.history.cancelled.setdefault(event.task or "", Moment(at, line, event.task or ""))
            case _:
                pass
