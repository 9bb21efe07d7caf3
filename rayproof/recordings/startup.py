"""How long the recorded cluster took to get a body going: an estimate, since Ray records no decision.

Ray tells when a task began to look for a node and when its body started. In between it may simply have queued, so the
clock of a delay starts later. For a later body of a worker process it starts when the body before it in that process
ended; for a worker's first body, when the node last gained the room for it, by the bodies seen to end there. What
remains mixes the lease, the start of a worker process, the loading of code, the fetching of arguments and, on a machine
with fewer processors than the recorded cluster pretends to have, the contention among all of these.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from statistics import median

from rayproof.model.graph import ClusterSpec, NodeId, Program, Resources, TaskKind
from rayproof.recordings.executions import Execution, Executions
from rayproof.recordings.lines import FaultKind
from rayproof.recordings.log import Log
from rayproof.recordings.recording import Fault, Startup

FRESH_US = 300_000
"""A process that takes longer from the push of its first task to its body has just been started."""


def startup(log: Log, runs: Executions, program: Program, cluster: ClusterSpec, faults: tuple[Fault, ...]) -> Startup:
    """The estimate; see `Startup` for what each number means."""
    joined = {fault.node: fault.at_us for fault in faults if fault.kind is FaultKind.ADD_NODE}
    on_node: dict[NodeId, list[Execution]] = defaultdict(list)
    for run in runs.all():
        if program.tasks[run.task].kind is TaskKind.NORMAL:
            on_node[run.node].append(run)
    first_bodies: list[tuple[NodeId, tuple[int, ...]]] = []
    cold: list[int] = []
    whole: dict[tuple[NodeId, int], int] = {}
    warm: list[int] = []
    for node in cluster.nodes:
        usage = _usage(on_node[node.id], program)
        freed: dict[int, int] = {}
        first: list[int] = []
        for run in on_node[node.id]:
            waiting = _waiting(log, run)
            if waiting is not None:
                since = max(waiting, joined.get(node.id, 0))
                if run.process in freed:
                    warm.append(max(run.start_us - max(since, freed[run.process]), 0))
                else:
                    since = _room(since, run.start_us, program.tasks[run.task].demand, node.total, usage)
                    first.append(max(run.start_us - since, 0))
                    whole[node.id, run.process] = first[-1]
            freed[run.process] = run.start_us if run.end_us is None else run.end_us
        first_bodies.append((node.id, tuple(first)))
        cold += first
    first_loads = _loads(log, runs, program, cluster, whole)
    return Startup(
        _median(cold),
        _median(warm),
        _median(_actors(log, runs)),
        tuple(first_bodies),
        first_loads,
        _median(_constructors(log)),
    )


def _loads(
    log: Log, runs: Executions, program: Program, cluster: ClusterSpec, first_bodies: dict[tuple[NodeId, int], int]
) -> tuple[tuple[NodeId, tuple[int, ...]], ...]:
    """From the push of a task to its body, for the first body of each process, by node.

    Ray writes `SUBMITTED_TO_WORKER` when the owner pushes a task to a worker that it has leased: neither queueing nor
    fetching comes after that, so that this is what the process takes to be ready. One that takes long is one that has
    just been started; then the wait for it counts, too.
    """
    first: dict[NodeId, list[int]] = {node.id: [] for node in cluster.nodes}
    seen: set[int] = set()
    for run in runs.all():
        pushed = next(
            (
                line.reached_us["SUBMITTED_TO_WORKER"]
                for line in log.attempts[run.task]
                if line.attempt == run.attempt and "SUBMITTED_TO_WORKER" in line.reached_us
            ),
            None,
        )
        if pushed is not None and program.tasks[run.task].kind is TaskKind.NORMAL:
            load = max(0, run.start_us + log.origin_us - pushed)
            if run.process not in seen and run.node in first:
                whole = first_bodies.get((run.node, run.process), load)
                first[run.node].append(max(load, whole) if load > FRESH_US else load)
        seen.add(run.process)
    return tuple((node, tuple(loads)) for node, loads in first.items())


def _constructors(log: Log) -> list[int]:
    """From each actor's request for a node to the start of its constructor in a process, as Ray tells it."""
    return [
        line.reached_us["RUNNING"] - line.reached_us["PENDING_NODE_ASSIGNMENT"]
        for (line, *_) in log.attempts.values()
        if line.kind is TaskKind.ACTOR_CREATION and {"RUNNING", "PENDING_NODE_ASSIGNMENT"} <= set(line.reached_us)
    ]


def _waiting(log: Log, run: Execution) -> int | None:
    for line in log.attempts[run.task]:
        if line.attempt == run.attempt and "PENDING_NODE_ASSIGNMENT" in line.reached_us:
            return line.reached_us["PENDING_NODE_ASSIGNMENT"] - log.origin_us
    return None


def _usage(bodies: list[Execution], program: Program) -> list[tuple[int, Resources]]:
    """What recorded bodies hold on a node from each moment on: (time, sum of demands), in the order of time."""
    changes: list[tuple[int, bool, Resources]] = []
    for run in bodies:
        for start, end in run.busy():
            changes.append((start, True, program.tasks[run.task].demand))
            changes.append((end, False, program.tasks[run.task].demand))
    used, steps = Resources(), [(0, Resources())]
    for moment, begins, demand in sorted(changes, key=lambda change: change[:2]):
        used = used + demand if begins else used - demand
        steps.append((moment, used))
    return steps


def _room(since: int, start: int, demand: Resources, total: Resources, usage: list[tuple[int, Resources]]) -> int:
    """The last moment in [since, start] at which room for the demand appeared; `since` if there always was."""
    free_from = start
    for moment, used in reversed(usage[: bisect_left(usage, start, key=lambda step: step[0])]):
        if not (used + demand).fits(total):
            return max(free_from, since)
        free_from = moment
        if moment <= since:
            break
    return since


def _actors(log: Log, runs: Executions) -> list[int]:
    """For each actor that came up: from its request for a node to its first method, else to its constructor's end."""
    found = []
    for lines in log.attempts.values():
        first = lines[0]
        asked = first.reached_us.get("PENDING_NODE_ASSIGNMENT")
        if first.kind is not TaskKind.ACTOR_CREATION or asked is None:
            continue
        methods = [
            run.start_us + log.origin_us
            for task, several in runs.by_task.items()
            if log.attempts[task][0].actor == first.actor
            for run in several
        ]
        ready = min(methods, default=first.reached_us.get("FINISHED"))
        if ready is not None:
            found.append(max(ready - asked, 0))
    return found


def _median(delays: list[int]) -> int:
    return round(median(delays)) if delays else 0
