"""`ray timeline` as a workload: independent tasks, as wide as they come.

The file is Chrome's trace format: a JSON list of events (or an object with the list under `traceEvents`), times in
microseconds. Read are complete events (`ph` is `X`) of two categories, joined by task id and attempt: `task::<name>`,
the whole stay of a task at its worker, and `task:execute`, its body within. Source: Ray 2.60,
`python/ray/_private/profiling.py::chrome_tracing_dump`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from rayproof.errors import InputError
from rayproof.files import MIB, read_text
from rayproof.jsonfields import Fields, parse_json
from rayproof.model.graph import (
    Action,
    ClusterSpec,
    Compute,
    Get,
    NodeId,
    NodeSpec,
    ObjectSpec,
    Program,
    Resources,
    Submit,
    TaskSpec,
)
from rayproof.recordings import Attempt, Outcome, Recording, Startup

LIMIT = 16 * MIB
EXPECTED = "a timeline of Ray (the JSON that `ray timeline` writes)"
WHOLE = "task::"
BODY = "task:execute"

LACKS = (
    "A timeline holds no dependencies between tasks: all are read as independent.",
    "A timeline holds no submissions: the driver submits every task at once and then waits for all.",
    "A timeline holds no demands and strategies: each task is read as 1 CPU, strategy DEFAULT.",
    "A timeline holds no object sizes: results are read as empty, and nothing is moved.",
    "A timeline holds no nodes but their addresses: each address is read as one node, with as many CPUs as bodies "
    "overlapped on it.",
    "A timeline holds no decisions: the time to start workers and to schedule is read as none.",
)


@dataclass(slots=True)
class _Stay:
    """One attempt of one task at its worker; times in microseconds of the trace's clock."""

    name: str
    node: NodeId
    worker: str
    attempt: int
    start_us: int
    end_us: int
    exact: bool
    """Whether the times are the body's, rather than those of the whole stay."""


def is_timeline(path: Path) -> bool:
    """Whether a JSON file is a trace of Chrome's format; a file that cannot be read is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, list) or (isinstance(content, dict) and "traceEvents" in content)


def read_timeline(path: str | Path) -> Recording:
    """A timeline as a recording; what it lacks is in `unsupported`. Raises `InputError`."""
    stays, later = _stays(path)
    origin = min(stay.start_us for stay in stays)
    tasks: dict[str, TaskSpec] = {}
    attempts: list[Attempt] = []
    for number, stay in enumerate(stays):
        body = (Compute(stay.end_us - stay.start_us),)
        tasks[f"T{number}"] = TaskSpec(f"T{number}", outputs=(f"O{number}",), body=body, name=stay.name)
        begun, ended = stay.start_us - origin, stay.end_us - origin
        at = (stay.node, stay.worker, None, None, begun, ended)
        attempts.append(Attempt(f"T{number}", stay.attempt, *at, "FINISHED", None))
    results = {task.outputs[0]: ObjectSpec(task.outputs[0]) for task in tasks.values()}
    driver: list[Action] = [*map(Submit, tasks), Get(tuple(results))]
    name = Path(path).stem
    makespan = max(stay.end_us for stay in stays) - origin
    return Recording(
        name=name,
        description="read from a timeline",
        ray="",
        program=Program(tasks, results, tuple(driver), name),
        cluster=_cluster(stays, name),
        late=(),
        setup=frozenset(),
        groups=(),
        outcome=Outcome(makespan, tuple(attempts), 0),
        faults=(),
        startup=Startup(0, 0, 0, ()),
        unsupported=(*LACKS, *_lacks(stays, later)),
    )


def _stays(path: str | Path) -> tuple[list[_Stay], int]:
    """The last attempt of each task in the order of their starts, and how many earlier attempts there were."""
    content = parse_json(path, 1, read_text(path, LIMIT, EXPECTED))
    if isinstance(content, dict):
        content = content.get("traceEvents")
    if not isinstance(content, list):
        raise InputError(path, 1, "no list of events", EXPECTED)
    whole: dict[tuple[str, int], _Stay] = {}
    bodies: dict[tuple[str, int], tuple[int, int]] = {}
    for number, item in enumerate(content):
        event = Fields.of(path, None, item, f"event {number}")
        category = event.text("cat", "")
        if event.text("ph", "") != "X" or not (category == BODY or category.startswith(WHOLE)):
            continue
        arguments = event.inner("args")
        key = arguments.text("task_id"), arguments.whole("attempt_number", 0)
        # Trace clocks count from 1970 in microseconds: more than the usual bound on a number, but still exact.
        start = round(event.number("ts", high=1e17))
        end = start + round(event.number("dur"))
        if category == BODY:
            bodies[key] = start, end
        elif key in whole:
            raise event.bad(f"task {key[0]}, attempt {key[1]}, is told twice", "one event for each attempt")
        else:
            node, worker = event.text("pid"), event.text("tid")
            whole[key] = _Stay(category.removeprefix(WHOLE), node, worker, key[1], start, end, False)
    last: dict[str, _Stay] = {}
    for key in sorted(whole):
        stay = last[key[0]] = whole[key]
        if key in bodies:
            stay.start_us, stay.end_us = bodies[key]
            stay.exact = True
    if not last:
        raise InputError(path, None, "no event of a task", EXPECTED)
    return sorted(last.values(), key=lambda stay: stay.start_us), len(whole) - len(last)


def _cluster(stays: list[_Stay], name: str) -> ClusterSpec:
    """One node for each address, in the order of their first bodies; its CPUs are the most bodies at one time."""
    changes: dict[NodeId, list[tuple[int, int]]] = {}
    for stay in stays:
        # An end sorts before a start of the same moment: bodies that only touch do not overlap.
        changes.setdefault(stay.node, []).extend([(stay.start_us, 1), (stay.end_us, -1)])
    nodes = []
    for node, edges in changes.items():
        running = most = 0
        for _, change in sorted(edges):
            running += change
            most = max(most, running)
        nodes.append(NodeSpec(node, Resources.of(CPU=max(most, 1))))
    return ClusterSpec(tuple(nodes), name)


def _lacks(stays: list[_Stay], later: int) -> list[str]:
    said = []
    methods = sum("." in stay.name for stay in stays)
    if methods:
        said.append(f"{methods} tasks look like methods of actors: they are read as tasks, in no order.")
    rough = sum(not stay.exact for stay in stays)
    if rough:
        said.append(
            f"{rough} tasks have no event '{BODY}': their time includes fetching arguments and storing results."
        )
    if later:
        said.append(f"{later} earlier attempts of retried tasks are left out.")
    return said
