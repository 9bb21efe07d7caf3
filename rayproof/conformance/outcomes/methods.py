"""Questions about actors: all calls of one actor and its crashes, as a scope of `actors`.

A caller makes its calls in the recorded order, each no earlier than recorded; the methods begin and end in the recorded
order, in the recorded incarnation, and give the recorded length of the actor's log; reads give the recorded outcomes.

Left out: creation and placement, concurrency beyond one method at a time, errors of the application.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from rayproof.conformance.outcomes.history import Body, History, Read
from rayproof.conformance.outcomes.names import NO_END, VALUE, foreign
from rayproof.conformance.outcomes.script import Entry, Heard, Key, Script, Uncovered
from rayproof.conformance.outcomes.search import Decided, Question, Seats
from rayproof.model.actors.ray2.calls import ARGUMENT, Caller, incarnation
from rayproof.model.actors.ray2.events import CallEnded, CallSubmitted, Returned, Started
from rayproof.model.actors.ray2.lifecycle import Life
from rayproof.model.actors.ray2.protocol import OWN_ARGUMENT, CallSpec, Outcome
from rayproof.model.actors.ray2.scenarios import calls
from rayproof.model.graph import ActorId, TaskId, TaskKind
from rayproof.model.kernel import FaultKind, Name
from rayproof.model.kernel.steps import Fire, Step

ROW_ERRORS = {"ACTOR_DIED": Outcome.DIED, "ACTOR_UNAVAILABLE": Outcome.UNAVAILABLE}
"""Ray's names of errors in its task rows, and the exceptions that readers see."""


def method_questions(history: History) -> Iterator[Question | Uncovered | Decided]:
    """One question for each actor whose methods are called."""
    called: dict[ActorId, list[TaskId]] = {}
    for task, spec in history.recording.program.tasks.items():
        if spec.kind is TaskKind.ACTOR_METHOD and task not in history.submits:
            yield Uncovered(task, "called past the recorder")
    for task, submit in sorted(history.submits.items(), key=lambda item: item[1].at):
        spec = history.spec(task)
        if spec.kind is TaskKind.ACTOR_METHOD and spec.actor is not None and submit.by:
            called.setdefault(spec.actor, []).append(task)
    for actor, tasks in called.items():
        strange = foreign(actor, [read for task in tasks for read in _reads(history, task)], Outcome)
        if strange is not None:
            yield strange
        else:
            yield _Calls(history, actor, tasks).question()


def _reads(history: History, task: TaskId) -> list[Read]:
    made = history.spec(task).outputs
    return [read for read in history.reads if any(item in made for item in read.objects)]


@dataclass
class _Calls:
    """The calls of one actor, in the order in which they were made."""

    history: History
    actor: ActorId
    tasks: list[TaskId]
    entries: list[tuple[int, Entry]] = field(default_factory=list)
    windows: dict[Key, int] = field(default_factory=dict)

    def question(self) -> Question:
        """The scenario and its script."""
        history, row = self.history, self.history.actors[self.actor]
        bodies = sorted((body for task in self.tasks for body in history.bodies.get(task, ())), key=lambda b: b.begin)
        lives = list(dict.fromkeys(body.process for body in bodies))
        for body in bodies:
            self._body(body, lives.index(body.process))
        deaths = self._deaths(bodies)
        for task in self.tasks:
            self._outcome(task)
        callers: dict[Name, list[TaskId]] = {}
        for task in self.tasks:
            callers.setdefault(f"by-{history.submits[task].by}", []).append(task)
        retries = history.spec(self.tasks[0]).max_retries
        restarts = row.options.whole("max_restarts", 0, low=-1)
        made = calls(
            f"recorded-{self.actor}",
            {caller: tuple(self._spec(task) for task in tasks) for caller, tasks in callers.items()},
            max_restarts=deaths if restarts < 0 else restarts,
            max_task_retries=NO_END if retries < 0 else retries,
            paced=True,
            faults={FaultKind.CRASH: deaths} if deaths else {},
        )

        def at_end(seats: Seats) -> str:
            seat = seats["actor"]
            if seat.incarnation != row.restarts:
                return f"recorded: {row.restarts} restarts; the model has {seat.incarnation}"
            if seat.alive != (row.state != Life.DEAD):
                return f"recorded: the actor is {row.state}; in the model it {'lives' if seat.alive else 'is dead'}"
            for caller, tasks in callers.items():
                process = seats[caller].process
                assert isinstance(process, Caller)
                for number, task in enumerate(tasks):
                    if process.attempts.get(number, 0) != len(history.rows[task]):
                        return f"recorded: {len(history.rows[task])} attempts of {task}; the model makes others"
            return ""

        ordered = sorted(self.entries, key=lambda item: item[0])
        since = {key: sum(at < moment for at, _ in ordered) for key, moment in self.windows.items()}
        script = Script(tuple(entry for _, entry in ordered), since)
        urgent = self._urgent(bodies, lives)
        return Question(self.actor, made, script, _hear, at_end, _hear_step, lambda heard: heard in urgent)

    def _urgent(self, bodies: list[Body], lives: list[int]) -> set[Heard]:
        """What loses no run by happening as soon as it can.

        A call is sent as soon as it is made, unless it ran in a later incarnation than the one it found. A value is
        taken for a call's only attempt as soon as it is there: this changes only which numbers the caller says are
        finished, and they matter to a later incarnation, to which nothing is sent before results of this one are void.
        """
        deaths = [at for at, entry in self.entries if entry.key[0] == "crash"]
        told = {entry.key: entry.value for _, entry in self.entries}
        found: set[Heard] = set()
        for task in self.tasks:
            ran = [lives.index(body.process) for body in bodies if body.task == task]
            present = sum(at < self.history.submits[task].at for at in deaths)
            if not ran or ran[0] == present:
                found.add(Heard(("submit", task)))
            if told.get(("outcome", task)) == VALUE and len(self.history.rows[task]) == 1:
                found.add(Heard(("outcome", task), VALUE))
        return found

    def _body(self, body: Body, life: int) -> None:
        self.entries.append((body.begin, Entry(("begin", body.task, body.attempt + 1, life), body.begin_line)))
        if body.end is not None:
            value = None if body.value is None else str(body.value)
            self.entries.append((body.end, Entry(("end", body.task, body.attempt + 1, life), body.end_line, value)))

    def _deaths(self, bodies: list[Body]) -> int:
        """Crashes of the actor's process, by itself or with its node."""
        found = [death for death in self.history.dead_actors if death.id == self.actor]
        for death in self.history.dead_nodes:
            home = [body.node for body in bodies if body.begin < death.at][-1:]
            found += [death] if home == [death.id] else []
        self.entries += [(death.at, Entry(("crash", "actor"), death.line)) for death in found]
        return len(found)

    def _outcome(self, task: TaskId) -> None:
        """When the call may be made, when its argument may be there, and what it has to give by when."""
        history = self.history
        made = history.submits[task].at
        self.windows["submit", task] = made
        makers = [history.maker(item) for item in history.spec(task).inputs]
        ends = [body.end for maker in makers if maker for body in history.bodies.get(maker, ()) if body.end is not None]
        self.windows["argument", task] = max((made, *ends))
        self.windows["outcome", task] = made
        reads = [read for read in _reads(history, task) if read.outcome is not None]
        if reads:
            first, *later = reads
            self.entries.append((first.end, Entry(("outcome", task), first.line, first.outcome, by=True)))
            for read in later:
                if read.outcome != first.outcome:
                    self.entries.append((read.end, Entry(("another outcome", task), read.line, read.outcome)))
        else:
            row = history.rows[task][-1]
            told = VALUE if row.state == "FINISHED" else ROW_ERRORS.get(row.error or "")
            entry = Entry(("outcome", task), row.at.line or 0, told, by=True)
            self.entries.append((history.length, entry))

    def _spec(self, task: TaskId) -> CallSpec:
        counts = any(body.value is not None or body.end is None for body in self.history.bodies.get(task, ()))
        needs = (OWN_ARGUMENT,) if self.history.spec(task).inputs else ()
        return CallSpec(task if counts else READS + task, needs)


READS = "read:"
"""Marks methods that the recording does not show to have added to the actor's log."""


def _task(call: str) -> TaskId:
    return call.removeprefix(READS)


def _hear(event: object) -> Heard | None:
    match event:
        case CallSubmitted(call):
            return Heard(("submit", _task(call)))
        case Started(actor, _, call, _, attempt):
            return Heard(("begin", _task(call), attempt, incarnation(actor)))
        case Returned(actor, call, attempt, value):
            return Heard(("end", _task(call), attempt, incarnation(actor)), str(value))
        case CallEnded(call, outcome):
            return Heard(("outcome", _task(call)), outcome if outcome in set(Outcome) else VALUE)
        case _:
            return None


def _hear_step(step: Step) -> Heard | None:
    if isinstance(step, Fire) and step.timer.startswith(ARGUMENT):
        return Heard(("argument", _task(step.timer.removeprefix(ARGUMENT))))
    return None
