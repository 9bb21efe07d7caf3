"""From timed events to bodies: what a process did, in order, with the time it used between its acts.

A **Compute** is the time from one act of a process to the next, so the time spent inside `.remote()` follows the
submit, and the time spent inside `ray.put` precedes the put; time blocked in `get` and `wait` is left out, since that
is the schedule's doing. A get that timed out, or a wait that returned with too few objects, is the opposite: the
program would have waited for exactly that long, so it becomes a Compute. Unless it is a **poll**: the next thing that
the process waits for is one of the same objects again. Then it went on waiting, and what was ready is kept as a Wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from rayproof.model.graph import (
    Action,
    AwaitGroup,
    Compute,
    Get,
    GiveUpGroup,
    GroupId,
    MakeGroup,
    Put,
    Submit,
    TaskId,
    TaskKind,
    Wait,
)
from rayproof.model.graph.program import DRIVER
from rayproof.recordings.executions import Act, Executions, executions
from rayproof.recordings.lines import (
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

TIMEOUT = "GetTimeoutError"


@dataclass(slots=True)
class Bodies:
    """The reconstructed bodies and what had to be assumed for them."""

    runs: Executions
    by_task: dict[TaskId, tuple[Action, ...]] = field(default_factory=dict)
    driver: tuple[Action, ...] = ()
    timeouts: dict[tuple[TaskId, str], list[tuple[int, int | None]]] = field(default_factory=dict)
    """Gets and waits that timed out and were no polls: (microseconds, line), by process and kind."""
    adopted: list[TaskId] = field(default_factory=list)
    """Tasks whose submission was not recorded; placed where Ray's task events put it."""
    guessed: list[TaskId] = field(default_factory=list)
    """Tasks whose body never ended in the recording; they take the median time of their function, or none."""


def reconstruct(log: Log) -> Bodies:
    """Bodies of the driver and of every task. Raises `InputError`."""
    bodies = Bodies(executions(log))
    submits = _submits(log, bodies)
    writer = _Writer(log, bodies)
    bodies.driver = writer.body(DRIVER, bodies.runs.driver, submits.get(DRIVER, []), 0, None)
    seen: dict[str, list[int]] = {}
    for task, (first, *_) in log.attempts.items():
        run = bodies.runs.chosen(task)
        unrecorded = submits.get(task, [])
        if run is None or run.end_us is None:
            start = None if run is None else run.start_us
            bodies.by_task[task] = writer.body(task, run.acts if run else (), unrecorded, start, None)
            # Constructors carry no recorder: that theirs is missing says nothing about what happened.
            if first.kind is not TaskKind.ACTOR_CREATION:
                bodies.guessed.append(task)
        else:
            bodies.by_task[task] = writer.body(task, run.acts, unrecorded, run.start_us, run.end_us)
            own = sum(action.duration_us for action in bodies.by_task[task] if isinstance(action, Compute))
            seen.setdefault(first.name, []).append(own)
    for task in bodies.guessed:
        usual = seen.get(log.attempts[task][0].name)
        if usual:
            acts = tuple(action for action in bodies.by_task[task] if not isinstance(action, Compute))
            bodies.by_task[task] = (Compute(round(median(usual))), *acts)
    # A recording of schema 1 does not tell who made its groups: they were there before the first task.
    before = [group for group in log.groups if group not in writer.makers]
    bodies.driver = (*map(MakeGroup, before), *map(AwaitGroup, before), *bodies.driver)
    return bodies


def _submits(log: Log, bodies: Bodies) -> dict[TaskId, list[tuple[int, TaskId]]]:
    """Submissions that no event of a chosen run tells, by submitter: (time, task)."""
    told: set[TaskId | None] = set()
    acts = [bodies.runs.driver]
    acts += [tuple(run.acts) for run in map(bodies.runs.chosen, log.attempts) if run is not None]
    for act in (act for several in acts for act in several):
        if isinstance(act, Submitted):
            told.add(_submitted(log, act))
    found: dict[TaskId, list[tuple[int, TaskId]]] = {}
    # Constructors first, so that within one millisecond an actor is created before its methods are called.
    for task, (first, *_) in sorted(log.attempts.items(), key=lambda item: item[1][0].kind is TaskKind.ACTOR_METHOD):
        if task not in told:
            bodies.adopted.append(task)
            when = min(first.reached_us.values(), default=log.origin_us) - log.origin_us
            found.setdefault(first.parent, []).append((max(when, 0), task))
    return found


def _submitted(log: Log, act: Submitted) -> TaskId:
    """The task that a call of `.remote()` made; for a class, the one that runs its constructor."""
    task = act.task if act.actor is None else log.creation(act.actor)
    if task is None:
        raise act.at.bad(f"no task creates actor {act.actor}", "a task line of type ACTOR_CREATION_TASK for it")
    return task


@dataclass(slots=True)
class _Writer:
    """Writes bodies; remembers which tasks were submitted, since a retried body submits its children again."""

    log: Log
    bodies: Bodies
    submitted: set[TaskId] = field(default_factory=set)
    makers: dict[GroupId, TaskId] = field(default_factory=dict)
    """Who made each placement group."""

    def body(
        self,
        process: TaskId,
        acts: tuple[Act, ...] | list[Act],
        unrecorded: list[tuple[int, TaskId]],
        start_us: int | None,
        end_us: int | None,
    ) -> tuple[Action, ...]:
        """The actions of one process between two times; without a start, nothing is known of its own time."""
        actions: list[Action] = []
        clock = start_us or 0
        waiting: GetBegin | WaitBegin | None = None
        polled = _polled(acts)

        def pass_until(now: int) -> None:
            nonlocal clock
            if now > clock:
                if start_us is not None:
                    actions.append(Compute(now - clock))
                clock = now

        def submit(task: TaskId) -> None:
            if task not in self.submitted:
                self.submitted.add(task)
                actions.append(Submit(task))

        timeline: list[tuple[int, Act | TaskId]] = [(act.us - self.log.origin_us, act) for act in acts]
        timeline += unrecorded
        for now, act in sorted(timeline, key=lambda entry: entry[0]):
            # While the process is blocked its own time stands still; only an unrecorded submission can fall in there.
            if waiting is None:
                pass_until(now if end_us is None else min(now, end_us))
            match act:
                case str():
                    submit(act)
                case Submitted():
                    submit(_submitted(self.log, act))
                case PutDone():
                    actions.append(Put(act.object))
                case GroupMade():
                    if self.makers.setdefault(act.group, process) == process and MakeGroup(act.group) not in actions:
                        actions.append(MakeGroup(act.group))
                case GroupRemoved():
                    actions.append(GiveUpGroup(act.group))
                case GetBegin() | WaitBegin():
                    waiting = act
                case GetEnd() | WaitEnd():
                    actions.extend(self._waited(process, waiting, act, id(act) in polled))
                    waiting, clock = None, now
        if isinstance(waiting, GetBegin) and waiting.objects:
            actions.append(Get(waiting.objects))
        if end_us is not None:
            pass_until(end_us)
        return tuple(actions) or (Compute(0),)

    def _waited(
        self, process: TaskId, begun: GetBegin | WaitBegin | None, ended: GetEnd | WaitEnd, poll: bool
    ) -> list[Action]:
        match begun, ended:
            case GetBegin(), GetEnd(error=error) if error != TIMEOUT:
                # Of a group that somebody else has made it is not modelled that it is waited for.
                groups = [AwaitGroup(group) for group in begun.groups if self.makers.get(group) == process]
                return [*groups, Get(begun.objects)] if begun.objects else [*groups]
            case WaitBegin(), WaitEnd(ready=ready) if ready >= begun.count:
                return [Wait(begun.objects, begun.count)]
            case GetBegin() | WaitBegin(), _:
                if poll:
                    found = ended.objects if isinstance(ended, WaitEnd) else ()
                    return [Wait(found, len(found))] if found else []
                spent = ended.us - begun.us
                what = "get" if isinstance(begun, GetBegin) else "wait"
                self.bodies.timeouts.setdefault((process, what), []).append((spent, begun.at.line))
                return [Compute(spent)]
        return []


def _polled(acts: Sequence[Act]) -> set[int]:
    """Identities of the ends of gets and waits after which the same process next waits for one of the same objects."""
    found: set[int] = set()
    begun: GetBegin | WaitBegin | None = None
    ended: Act | None = None
    for act in acts:
        match act:
            case GetBegin() | WaitBegin():
                if ended is not None and begun is not None and not set(begun.objects).isdisjoint(act.objects):
                    found.add(id(ended))
                begun = act
            case GetEnd() | WaitEnd():
                ended = act
    return found
