"""One sentence for each thing in a recording that the model's program and cluster do not express."""

from __future__ import annotations

from collections.abc import Iterable

from rayproof.model.graph import NodeId, TaskId, TaskKind
from rayproof.recordings.bodies import TIMEOUT, Bodies
from rayproof.recordings.lines import GetEnd, Located
from rayproof.recordings.log import Log
from rayproof.recordings.recording import Fault
from rayproof.recordings.tasks import DEFAULT_MAX_RETRIES, HINTS, UNPLACED, demand, sizes, strategy

UNDERSTOOD = frozenset(
    {
        *("num_cpus", "num_gpus", "resources", "strategy", "max_retries", "max_restarts", "max_task_retries"),
        *("name", "namespace", "get_if_exists", "num_returns"),
    }
)
"""Options of `.options()` that reach the model."""


def unsupported(log: Log, bodies: Bodies, found: tuple[Fault, ...], setup: frozenset[TaskId]) -> tuple[str, ...]:
    """The sentences, in a fixed order; each names what it is about."""
    return (
        *_groups(log),
        *_actors(log, bodies),
        *_faults(log, found),
        *_options(log),
        *_timeouts(bodies),
        *_bodies(log, bodies),
        *_objects(log, setup),
        *log.meta.lost,
        *(f"The run had its own Ray settings ({', '.join(s)})." for s in [log.meta.settings] if s),
    )


def _groups(log: Log) -> list[str]:
    return [
        f"The reservation of placement group {group.id} ({len(group.bundles)} bundles) is not the policy's to make: "
        "its bundles go to the nodes of the recording while there is room for them."
        for group in log.groups.values()
    ]


def _actors(log: Log, bodies: Bodies) -> list[str]:
    said = []
    for actor in log.actors.values():
        creation = log.creation(actor.id)
        holds = creation is not None and bool(demand(log, log.attempts[creation][0]))
        if not holds and not actor.options.has("num_cpus"):
            said.append(
                f"Actor {actor.id} asked for nothing: Ray places it where 1 CPU is free and then holds none; here it "
                "is placed without that CPU too."
            )
        if holds and actor.ended_us is not None:
            said.append(
                f"Actor {actor.id} ended at {(actor.ended_us - log.origin_us) / 1e6:.3f} s in the recording "
                f"({actor.reason or 'no reason told'}): here it holds what it asked for until the end of the run."
            )
        if actor.restarts:
            said.append(f"Actor {actor.id} was restarted {_times(actor.restarts)} in the recording.")
    constructors = [
        task
        for task, lines in log.attempts.items()
        if lines[0].kind is TaskKind.ACTOR_CREATION and bodies.runs.chosen(task) is None
    ]
    if constructors:
        said.append(
            f"No duration was recorded of constructors ({_some(constructors)}): they take no time of their own."
        )
    return said


def _faults(log: Log, found: tuple[Fault, ...]) -> list[str]:
    said = [
        f"Fault at {fault.at_us / 1e6:.3f} s: {fault.kind} of {fault.node or fault.actor or fault.task or 'a task'}."
        for fault in found
    ]
    raised: dict[tuple[TaskId, str], list[int | None]] = {}
    for event in log.events:
        if isinstance(event, GetEnd) and event.error is not None and event.error != TIMEOUT:
            raised.setdefault((event.by, event.error), []).append(event.at.line)
    for (process, error), lines in raised.items():
        said.append(
            f"A get of {process} raised {error} in the recording ({_times(len(lines))}, first in line {lines[0]}); "
            "here it waits for its objects."
        )
    return said


def _options(log: Log) -> list[str]:
    said = []
    strange: dict[str, list[TaskId]] = {}
    for task, (first, *_) in log.attempts.items():
        options = {**first.options.data}
        if first.kind is TaskKind.ACTOR_CREATION and first.actor is not None:
            options |= log.actors[first.actor].options.data
        for name in options.keys() - UNDERSTOOD:
            hinting = name == "_labels" and isinstance(options[name], dict) and HINTS.issuperset(options[name])
            if not hinting:
                strange.setdefault(name, []).append(task)
        for name in (first.required or {}).keys() & UNPLACED:
            strange.setdefault(name, []).append(task)
        if strategy(log, first) is None:
            said.append(f"Task {task} has a scheduling strategy that is not modelled; it is read as DEFAULT.")
    said += [f"Option {name} is not modelled ({_some(tasks)})." for name, tasks in sorted(strange.items())]
    return said


def _timeouts(bodies: Bodies) -> list[str]:
    said = []
    for (process, what), found in bodies.timeouts.items():
        spent, first = sum(us for us, _ in found) / 1e6, found[0][1]
        said.append(
            f"A {what} of {process} timed out ({_times(len(found))}, {spent:.3f} s in all, first in line {first}) and "
            "did not ask again: that is read as time of its own."
        )
    return said


def _bodies(log: Log, bodies: Bodies) -> list[str]:
    said = []
    if bodies.adopted:
        said.append(
            f"Submitted without the recorder ({_some(bodies.adopted)}): their arguments are unknown, and the time of "
            "their submission is Ray's own, exact to a millisecond."
        )
    if bodies.guessed:
        said.append(
            f"The body never started or never ended in the recording ({_some(bodies.guessed)}): it takes the median "
            "time of its function, or none."
        )
    raised = [task for task, runs in bodies.runs.by_task.items() if any(not run.ok for run in runs)]
    if raised:
        said.append(f"The body raised an error ({_some(raised)}): here it returns.")
    retried = [task for task, lines in log.attempts.items() if len(lines) > 1]
    if retried:
        said.append(
            f"Had more than one attempt ({_some(retried)}): the program holds the last body that ended, and up to "
            f"max_retries ({DEFAULT_MAX_RETRIES} by default) may follow from faults alone."
        )
    borrowed = [task for task, lines in log.attempts.items() if lines[0].borrowed]
    if borrowed:
        said.append(f"References inside containers are not followed ({_some(borrowed)}).")
    return said


def _objects(log: Log, setup: frozenset[TaskId]) -> list[str]:
    said = []
    if setup:
        said.append(
            f"Made before the recording began ({_some(task.removeprefix('setup:') for task in sorted(setup))}): "
            "a task without demand and duration stands for each."
        )
    known = sizes(log)
    unknown = [item for item in log.objects if item not in known]
    if unknown:
        said.append(f"No size was recorded ({_some(unknown)}): the median of the same function's results, or 0 bytes.")
    spilled: dict[NodeId, int] = {node.id: node.spilled for node in log.nodes.values() if node.spilled}
    for event in log.events:
        if isinstance(event, Located) and event.spilled:
            for node in event.nodes or ("disk",):
                spilled[node] = spilled.get(node, 0) + 1
    said += [f"Objects were spilled to disk on {node} ({count} seen)." for node, count in sorted(spilled.items())]
    return said


def _some(names: Iterable[str], most: int = 6) -> str:
    """The first few names, and how many more there are."""
    every = list(names)
    rest = len(every) - most
    return ", ".join(every[:most]) + (f" and {rest} more" if rest > 0 else "")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
