"""What a recording tells about placements: who ran where and when, who asked, and in which order nodes are tried.

Times are microseconds since the driver's first submit. What a recording leaves open is open here too: a body without an
end may have held its resources for as long as Ray's row lives, an actor without a method may be on any node. Left out:
constructors (Ray's log does not tell their node) and methods (they go where their actor is).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rayproof.model.graph import NodeAffinity, NodeId, ObjectId, Program, Resources, TaskId, TaskKind
from rayproof.model.graph.program import DRIVER
from rayproof.model.scheduler.ray import HybridOptions, node_rank
from rayproof.recordings import Attempt, FaultKind, Recording, read_recording
from rayproof.recordings.lines import BodyStart, GetBegin, GetEnd, TaskLine, WaitBegin, WaitEnd
from rayproof.recordings.log import Log, read_log
from rayproof.recordings.outcome import INLINE_BYTES
from rayproof.recordings.tasks import sizes, strategy

FAR = 1 << 62
"""Later than everything."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Placed:
    """One attempt of a normal task that reached a worker."""

    task: TaskId
    attempt: int
    node: NodeId
    worker: str
    waiting_us: int
    """Since when a node was sought; exact to a millisecond."""
    placed_us: int
    """When it was sent to its worker; exact to a millisecond."""
    start_us: int
    end_us: int
    """Of a body whose end is not recorded: when it ended at the latest."""
    ended: bool = True
    """Whether the end of its body is recorded."""
    blocked: tuple[Span, ...] = ()
    """While its body was in a get or wait, without CPUs."""
    line: int | None = None
    """Of the recording, where its body begins."""

    @property
    def sure_us(self) -> int:
        """Until when it held its resources for certain."""
        return self.end_us if self.ended else self.start_us


@dataclass(frozen=True, slots=True)
class Resident:
    """Something that may hold resources without a body of a normal task: an actor, a bundle, an attempt that failed."""

    demand: Resources
    node: NodeId | None
    """None: the recording does not tell; it may be on any."""
    since_us: int
    until_us: int


@dataclass(frozen=True)
class Evidence:
    """All that the check of one recording needs."""

    name: str
    program: Program
    recording: Recording
    rows: Mapping[TaskId, TaskLine]
    """Ray's row of the first attempt of each task, with the options of its submit."""
    placed: tuple[Placed, ...]
    """In the order in which they were sent to workers."""
    residents: tuple[Resident, ...]
    order: tuple[NodeId, ...]
    """Ray's tie-break order."""
    options: HybridOptions
    """The recorded cluster's settings."""
    homes: Mapping[TaskId, tuple[NodeId, ...]]
    """Where the bodies of each process ran, in order; the driver's is the head."""
    sizes: Mapping[ObjectId, int]
    """Of the objects whose size is recorded."""
    made_on: Mapping[ObjectId, tuple[NodeId, ...]]
    """Objects in the store, or perhaps there -> where they were made."""
    copies: Mapping[ObjectId, Mapping[NodeId, tuple[tuple[int, TaskId], ...]]]
    """Where an object was wanted, since when, and by whom: the first two on each node."""
    alive: Mapping[NodeId, Span]
    """When each node joined and died."""
    strange: frozenset[TaskId]
    """Tasks whose strategy the model does not have."""
    doubts: tuple[str, ...]
    """Sentences: what happened at times of which the recording does not tell."""

    @property
    def head(self) -> NodeId:
        """The driver's node."""
        return self.recording.cluster.nodes[0].id


def read_evidence(path: str | Path) -> Evidence:
    """The evidence in a recording file; raises `InputError`."""
    log, recording = read_log(path), read_recording(path)
    blocked = _blocked(log)
    lines = {(e.task, e.attempt): e.at.line for e in log.events if isinstance(e, BodyStart)}
    placed: list[Placed] = []
    residents = [*_actors(log, recording), *_bundles(recording)]
    for a in recording.outcome.attempts:
        spec = recording.program.tasks[a.task]
        if spec.kind is not TaskKind.NORMAL or a.node is None:
            continue
        until = _latest_end(log, a)
        if a.worker is None or a.waiting_us is None or a.placed_us is None or a.start_us is None:
            # Ray has lost a part of the row, or the worker died before the body began: held it has all the same.
            since = min((us for us in (a.waiting_us, a.placed_us, a.start_us) if us is not None), default=-FAR)
            residents.append(Resident(spec.demand, a.node, since, until))
            continue
        spans = tuple(s for s in blocked.get(a.task, ()) if a.start_us <= s[0] < until)
        line = lines.get((a.task, a.attempt))
        times = (a.waiting_us, a.placed_us, a.start_us, until)
        placed.append(Placed(a.task, a.attempt, a.node, a.worker, *times, a.end_us is not None, spans, line))
    ranks = {node.id: node_rank(node.at.text("hex")) for node in log.nodes.values()}
    homes = _homes(recording)
    known = sizes(log)
    return Evidence(
        recording.name,
        recording.program,
        recording,
        {task: rows[0] for task, rows in log.attempts.items()},
        tuple(sorted(placed, key=lambda a: (a.placed_us, a.start_us, a.task))),
        tuple(residents),
        tuple(sorted(ranks, key=ranks.__getitem__)),
        recording.placement,
        homes,
        known,
        _made_on(recording, homes, known),
        _copies(log, recording, homes),
        _alive(recording),
        frozenset(task for task, rows in log.attempts.items() if strategy(log, rows[0]) is None),
        tuple(_doubts(log, recording)),
    )


def _blocked(log: Log) -> dict[TaskId, list[Span]]:
    begun: dict[TaskId, int] = {}
    found: dict[TaskId, list[Span]] = {}
    for event in log.events:
        match event:
            case GetBegin() | WaitBegin():
                begun[event.by] = event.us - log.origin_us
            case GetEnd() | WaitEnd():
                since = begun.pop(event.by)
                found.setdefault(event.by, []).append((since, event.us - log.origin_us))
            case _:
                pass
    for task, since in begun.items():
        found.setdefault(task, []).append((since, FAR))
    return found


def _latest_end(log: Log, attempt: Attempt) -> int:
    """When an attempt's resources were given back at the latest, as far as is known."""
    if attempt.end_us is not None:
        return attempt.end_us
    row = next(row for row in log.attempts[attempt.task] if row.attempt == attempt.attempt)
    failed = row.reached_us.get("FAILED")
    # A cancelled body may run on although Ray's row says that it has ended; a failed one is gone.
    return FAR if failed is None or attempt.error == "TASK_CANCELLED" else failed - log.origin_us


def _homes(recording: Recording) -> dict[TaskId, tuple[NodeId, ...]]:
    found: dict[TaskId, list[NodeId]] = {DRIVER: [recording.cluster.nodes[0].id]}
    for a in recording.outcome.attempts:
        if a.node is not None and (a.start_us is not None or a.placed_us is not None):
            found.setdefault(a.task, []).append(a.node)
    return {task: tuple(dict.fromkeys(nodes)) for task, nodes in found.items()}


def _actors(log: Log, recording: Recording) -> Iterator[Resident]:
    nodes: dict[str, list[NodeId]] = {}
    for a in recording.outcome.attempts:
        actor = recording.program.tasks[a.task].actor
        if actor is not None and a.node is not None and a.start_us is not None:
            nodes.setdefault(actor, []).append(a.node)
    killed = {fault.actor: fault.at_us for fault in recording.faults if fault.kind is FaultKind.KILL_ACTOR}
    for a in recording.outcome.attempts:
        spec = recording.program.tasks[a.task]
        if spec.kind is not TaskKind.ACTOR_CREATION or spec.actor is None:
            continue
        row = log.actors[spec.actor]
        # A restarted actor may hold anywhere, and a kill may be one that restarts.
        until = killed.get(spec.actor, FAR) if not row.restarts else FAR
        since = -FAR if a.waiting_us is None else a.waiting_us
        places: tuple[NodeId | None, ...] = tuple(dict.fromkeys(nodes.get(spec.actor, ())))
        for node in (None,) if row.restarts or not places else places:
            yield Resident(spec.demand, node, since, until)


def _bundles(recording: Recording) -> Iterator[Resident]:
    """Reserved at some time: when a group was made and removed is not recorded."""
    for group in recording.groups:
        for bundle, node in zip(group.bundles, group.nodes, strict=True):
            yield Resident(bundle, node, -FAR, FAR)


def _made_on(
    recording: Recording, homes: Mapping[TaskId, tuple[NodeId, ...]], known: Mapping[ObjectId, int]
) -> dict[ObjectId, tuple[NodeId, ...]]:
    """Where each object was made that is above the inline limit, or of unknown size."""
    found: dict[ObjectId, tuple[NodeId, ...]] = {}
    for item in recording.program.objects:
        if known.get(item, INLINE_BYTES) < INLINE_BYTES:
            continue
        by = recording.program.producer(item)
        if by in recording.setup:
            pinned = recording.program.tasks[by].strategy
            found[item] = (pinned.node,) if isinstance(pinned, NodeAffinity) else homes[DRIVER]
        elif by in homes:
            found[item] = homes[by]
    return found


def _copies(
    log: Log, recording: Recording, homes: Mapping[TaskId, tuple[NodeId, ...]]
) -> dict[ObjectId, dict[NodeId, tuple[tuple[int, TaskId], ...]]]:
    wanted: dict[ObjectId, dict[NodeId, list[tuple[int, TaskId]]]] = {}

    def want(item: ObjectId, node: NodeId, since: int, by: TaskId) -> None:
        wanted.setdefault(item, {}).setdefault(node, []).append((since, by))

    for a in recording.outcome.attempts:
        if a.node is not None:
            times = (us for us in (a.waiting_us, a.placed_us, a.start_us) if us is not None)
            since = min(times, default=-FAR)
            for item in recording.program.tasks[a.task].inputs:
                want(item, a.node, since, a.task)
    for event in log.events:
        if isinstance(event, GetBegin | WaitBegin):
            for node in homes.get(event.by, ()):
                for item in event.objects:
                    want(item, node, event.us - log.origin_us, event.by)
    return {item: {node: tuple(sorted(times)[:2]) for node, times in nodes.items()} for item, nodes in wanted.items()}


def _alive(recording: Recording) -> dict[NodeId, Span]:
    joined = {f.node: f.at_us for f in recording.faults if f.kind is FaultKind.ADD_NODE}
    died = {f.node: f.at_us for f in recording.faults if f.kind is FaultKind.KILL_NODE}
    return {
        node.id: (joined.get(node.id, -FAR) if node.id in recording.late else -FAR, died.get(node.id, FAR))
        for node in recording.cluster.nodes
    }


def _doubts(log: Log, recording: Recording) -> Iterator[str]:
    killed = {f.node for f in recording.faults if f.kind is FaultKind.KILL_NODE}
    for node in recording.cluster.nodes:
        lost = any(a.error == "NODE_DIED" and a.node == node.id for a in recording.outcome.attempts)
        if node.id not in killed and (lost or not log.nodes[node.id].alive_at_end):
            yield f"when {node.id} died is not recorded"
