"""What came of the recorded run."""

from __future__ import annotations

from rayproof.model.graph import NodeAffinity, NodeId, ObjectId, Program, TaskKind
from rayproof.model.graph.program import DRIVER
from rayproof.recordings.executions import Executions
from rayproof.recordings.lines import BodyEnd, GetBegin, GetEnd, PutDone, Submitted, TaskLine, WaitEnd
from rayproof.recordings.log import Log
from rayproof.recordings.recording import Attempt, Outcome

INLINE_BYTES = 100 * 1024
"""Smaller objects travel inside messages and are never copied (Ray 2.60, `max_direct_call_object_size`)."""


def outcome(log: Log, runs: Executions, program: Program) -> Outcome:
    """The recorded makespan, attempts and bytes; see `Outcome` for their definitions."""
    return Outcome(_makespan(log), _attempts(log, runs), _bytes_moved(log, runs, program))


def _makespan(log: Log) -> int:
    last = log.origin_us
    for event in log.events:
        match event:
            case BodyEnd() | GetEnd() | WaitEnd():
                last = max(last, event.us)
            case Submitted(by=by) | PutDone(by=by) if by == DRIVER:
                last = max(last, event.us)
            case _:
                pass
    return last - log.origin_us


def _attempts(log: Log, runs: Executions) -> tuple[Attempt, ...]:
    found = []
    for task, lines in log.attempts.items():
        for line in lines:
            run = next((run for run in runs.by_task.get(task, ()) if run.attempt == line.attempt), None)
            # Constructors and retried methods carry the node of a dead instance, or none: only a body is a witness.
            node = run.node if run else line.node if line.kind is TaskKind.NORMAL else None
            found.append(
                Attempt(
                    task=task,
                    attempt=line.attempt,
                    node=node,
                    worker=line.worker,
                    waiting_us=_since(log, line, "PENDING_NODE_ASSIGNMENT"),
                    placed_us=_since(log, line, "SUBMITTED_TO_WORKER"),
                    start_us=run.start_us if run else None,
                    end_us=run.end_us if run else None,
                    state=line.state,
                    error=line.error,
                )
            )
    return tuple(found)


def _since(log: Log, line: TaskLine, state: str) -> int | None:
    reached = line.reached_us.get(state)
    return None if reached is None else reached - log.origin_us


def _bytes_moved(log: Log, runs: Executions, program: Program) -> int:
    head = next(node.id for node in log.nodes.values() if node.head)
    made_on: dict[ObjectId, NodeId] = {}
    wanted_on: set[tuple[ObjectId, NodeId]] = set()
    for run in runs.all():
        for item in program.tasks[run.task].outputs:
            made_on.setdefault(item, run.node)
        for item in program.tasks[run.task].inputs:
            wanted_on.add((item, run.node))
        for act in run.acts:
            if isinstance(act, GetBegin):
                wanted_on.update((item, run.node) for item in act.objects)
            elif isinstance(act, PutDone):
                made_on.setdefault(act.object, run.node)
    for act in runs.driver:
        if isinstance(act, GetBegin):
            wanted_on.update((item, head) for item in act.objects)
    for task in program.tasks.values():
        if task.id not in log.attempts:
            holder = task.strategy.node if isinstance(task.strategy, NodeAffinity) else head
            made_on.update(dict.fromkeys(task.outputs, holder))
    moved = 0
    for item, node in wanted_on:
        size = program.objects[item].size_bytes
        if size >= INLINE_BYTES and made_on.get(item, head) != node:
            moved += size
    return moved
