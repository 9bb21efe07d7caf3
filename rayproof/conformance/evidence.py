"""What a recording tells about placements: who ran where and when, who asked, and in which order nodes are tried.

Times are microseconds since the driver's first submit. Left out: constructors (Ray's log does not tell their node) and
methods (they go where their actor is).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rayproof.model.graph import NodeAffinity, NodeId, ObjectId, Program, TaskId, TaskKind
from rayproof.model.graph.program import DRIVER
from rayproof.model.scheduler.ray import HybridOptions, node_rank
from rayproof.recordings import FaultKind, Recording, read_recording
from rayproof.recordings.lines import GetBegin, GetEnd, WaitBegin, WaitEnd
from rayproof.recordings.log import Log, read_log
from rayproof.recordings.outcome import INLINE_BYTES

FAR = 1 << 62
"""Later than everything."""


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
    blocked: tuple[tuple[int, int], ...] = ()
    """While its body was in a get or wait, without CPUs."""


@dataclass(frozen=True, slots=True)
class Resident:
    """An actor, by the node of its first method."""

    task: TaskId
    node: NodeId
    since_us: int
    """When a node was sought for it."""
    until_us: int


@dataclass(frozen=True)
class Evidence:
    """All that the check of one recording needs."""

    name: str
    program: Program
    recording: Recording
    placed: tuple[Placed, ...]
    """In the order in which they were sent to workers."""
    residents: tuple[Resident, ...]
    order: tuple[NodeId, ...]
    """Ray's tie-break order."""
    options: HybridOptions
    """The recorded cluster's settings."""
    made_on: Mapping[ObjectId, NodeId]
    """Objects in the store -> where they were made."""
    alive: Mapping[NodeId, tuple[int, int]]
    """When each node joined and died."""

    @property
    def head(self) -> NodeId:
        """The driver's node."""
        return self.recording.cluster.nodes[0].id


def read_evidence(path: str | Path) -> Evidence:
    """The evidence in a recording file; raises `InputError`."""
    log, recording = read_log(path), read_recording(path)
    blocked = _blocked(log)
    kinds = {task.id: task.kind for task in recording.program.tasks.values()}
    placed = [
        Placed(
            a.task,
            a.attempt,
            a.node,
            a.worker,
            a.waiting_us,
            a.placed_us,
            a.start_us,
            FAR if a.end_us is None else a.end_us,
            tuple(span for span in blocked.get(a.task, ()) if a.start_us <= span[0]),
        )
        for a in recording.outcome.attempts
        if kinds[a.task] is TaskKind.NORMAL
        and a.node is not None
        and a.worker is not None
        and a.waiting_us is not None
        and a.placed_us is not None
        and a.start_us is not None
    ]
    ranks = {node.id: node_rank(node.at.text("hex")) for node in log.nodes.values()}
    return Evidence(
        recording.name,
        recording.program,
        recording,
        tuple(sorted(placed, key=lambda a: (a.placed_us, a.start_us, a.task))),
        _residents(recording),
        tuple(sorted(ranks, key=ranks.__getitem__)),
        recording.placement,
        _made_on(recording, placed),
        _alive(recording),
    )


def _blocked(log: Log) -> dict[TaskId, list[tuple[int, int]]]:
    begun: dict[TaskId, int] = {}
    found: dict[TaskId, list[tuple[int, int]]] = {}
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


def _residents(recording: Recording) -> tuple[Resident, ...]:
    homes: dict[str, NodeId] = {}
    for a in recording.outcome.attempts:
        actor = recording.program.tasks[a.task].actor
        if actor is not None and a.node is not None and a.start_us is not None:
            homes.setdefault(actor, a.node)
    killed = {fault.actor: fault.at_us for fault in recording.faults if fault.kind is FaultKind.KILL_ACTOR}
    return tuple(
        Resident(a.task, homes[actor], a.waiting_us, killed.get(actor, FAR))
        for a in recording.outcome.attempts
        if (actor := recording.program.tasks[a.task].actor) in homes
        and actor is not None
        and recording.program.tasks[a.task].kind is TaskKind.ACTOR_CREATION
        and a.waiting_us is not None
    )


def _made_on(recording: Recording, placed: list[Placed]) -> dict[ObjectId, NodeId]:
    """Where each object above the inline limit was made; what the driver put is on its node."""
    ran = {a.task: a.node for a in placed}
    head = recording.cluster.nodes[0].id
    found: dict[ObjectId, NodeId] = {}
    for item in recording.program.objects.values():
        if item.size_bytes < INLINE_BYTES:
            continue
        by = recording.program.producer(item.id)
        if by == DRIVER:
            found[item.id] = head
        elif by in recording.setup:
            strategy = recording.program.tasks[by].strategy
            found[item.id] = strategy.node if isinstance(strategy, NodeAffinity) else head
        elif by in ran:
            found[item.id] = ran[by]
    return found


def _alive(recording: Recording) -> dict[NodeId, tuple[int, int]]:
    joined = {f.node: f.at_us for f in recording.faults if f.kind is FaultKind.ADD_NODE}
    died = {f.node: f.at_us for f in recording.faults if f.kind is FaultKind.KILL_NODE}
    return {
        node.id: (joined.get(node.id, -FAR) if node.id in recording.late else -FAR, died.get(node.id, FAR))
        for node in recording.cluster.nodes
    }
