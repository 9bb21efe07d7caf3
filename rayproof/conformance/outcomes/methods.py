"""Questions about actors: all calls of one actor and its crashes, as a scope of `actors`.

A caller makes its calls in the recorded order, each no earlier than recorded; the methods begin and end in the recorded
order, in the recorded incarnation, and give the recorded length of the actor's log; reads give the recorded outcomes.
Many calls of an actor that never died are asked about in windows of successive bodies, each with the last call of every
caller before it; calls of an actor that runs several at a time, whose order nothing promises, one by one.

Left out: creation and placement, items of streams, and that an actor ends when its last handle goes out of scope, which
a recording of this kind does not show: such an end is named, and is undetermined.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from rayproof.conformance.answers import Answer, Decided
from rayproof.conformance.outcomes import attempts
from rayproof.conformance.outcomes.history import Body, History, Moment, Read
from rayproof.conformance.outcomes.names import APPLICATION, CANCELLED, NO_END, VALUE
from rayproof.conformance.outcomes.script import Entry, Heard, Key, Script
from rayproof.conformance.outcomes.search import Question, Seats, Several
from rayproof.model.actors.ray2.calls import ARGUMENT, Caller, incarnation
from rayproof.model.actors.ray2.events import CallEnded, CallSubmitted, Returned, Started
from rayproof.model.actors.ray2.lifecycle import Life
from rayproof.model.actors.ray2.protocol import OWN_ARGUMENT, CallOutcome, CallSpec
from rayproof.model.actors.ray2.scenarios import calls
from rayproof.model.graph import ActorId, TaskId, TaskKind
from rayproof.model.kernel import FaultKind, Fire, LinkRule, Name, Scenario, Step
from rayproof.recordings.tasks import ASYNC

WINDOW = 40
"""Bodies of one actor that are asked about together."""

ROW_ERRORS = {"ACTOR_DIED": CallOutcome.DIED, "ACTOR_UNAVAILABLE": CallOutcome.UNAVAILABLE}
"""Ray's names of errors in its task rows, and the exceptions that readers see."""


def method_questions(history: History) -> Iterator[Question | Decided | Several]:
    """One question for each actor whose methods are called, and one for each call that is no matter of its actor."""
    called: dict[ActorId, list[TaskId]] = {}
    for task, spec in history.recording.program.tasks.items():
        if spec.kind is TaskKind.ACTOR_METHOD and task not in history.submits:
            yield Decided(task, Answer.UNDETERMINED, line=history.rows[task][0].at.line, why=PAST)
    for task, submit in sorted(history.submits.items(), key=lambda item: item[1].at):
        spec = history.spec(task)
        if spec.kind is TaskKind.ACTOR_METHOD and spec.actor is not None and submit.by:
            called.setdefault(spec.actor, []).append(task)
    for actor, tasks in called.items():
        asked, said = [], []
        for task in tasks:
            found = _apart(history, task)
            said += found
            if not found or history.bodies.get(task):
                asked.append(task)
        yield from said
        if asked:
            yield _of_actor(history, actor, asked)


PAST = "called past the recorder"

OF_RAY = ".__ray_"
"""In the names of methods that Ray gives every actor, `__ray_ready__` and others."""

NO_HANDLE = "all references to the actor were removed"
"""In Ray's words for the end of an actor whose last handle is gone."""


def _apart(history: History, task: TaskId) -> list[Decided]:
    """What is said of one call by itself: that it raised, was cancelled, or gave what no call gives."""
    wrong = attempts.wrong(history, task)
    if wrong is not None:
        return [Decided(task, Answer.REFUSED, line=wrong[0], why=wrong[1])]
    if task in history.streams:
        why = "a stream of items: they may be there before its method ends, which is not modelled here"
        return [Decided(task, Answer.UNDETERMINED, line=history.rows[task][0].at.line, why=why)]
    for read in _reads(history, task):
        if read.outcome == VALUE and OF_RAY in history.spec(task).name and not history.bodies.get(task):
            why = "a method of Ray's own, whose body is not recorded"
            return [Decided(task, Answer.UNDETERMINED, line=read.line, why=why)]
        if read.outcome in (APPLICATION, CANCELLED):
            return [attempts.explained(history, task, read)]
        if read.outcome == VALUE and attempts.raised(history, task):
            why = f"recorded: a value, but the body of {task} raised"
            return [Decided(task, Answer.REFUSED, line=read.line, why=why)]
        if read.outcome not in (None, VALUE, *map(str, CallOutcome)):
            why = f"recorded: {read.outcome}, in which no such read ends"
            return [Decided(task, Answer.REFUSED, line=read.line, why=why)]
    return []


def _of_actor(history: History, actor: ActorId, tasks: list[TaskId]) -> Question | Decided | Several:
    """The calls of one actor: together, in windows, or one by one."""
    row = history.actors[actor]
    wrong = _elsewhere(history, actor) or _restarted_too_often(history, actor)
    if wrong is not None:
        return wrong
    bodies = sorted((body for task in tasks for _, body in attempts.kept(history, task)), key=lambda b: b.begin)
    usual = ASYNC if row.options.flag("async", False) else 1
    most = row.options.whole("max_concurrency", usual, low=1)
    told = most > 1 or row.options.has("concurrency_groups")
    over = _overlap(bodies, most)
    if told or over is not None:
        if over is not None and most > 1:
            return Decided(actor, Answer.REFUSED, line=over.begin_line, why=f"more than {most} methods run at a time")
        alone = tuple(_Calls(history, actor, [task]).question() for task in tasks)
        if told:
            return Several(actor, alone)
        why = "its methods overlap: it is asynchronous, or what is serial did not stay so; the recording does not tell"
        return Several(
            actor,
            (*alone, Decided(actor, Answer.UNDETERMINED, line=None if over is None else over.begin_line, why=why)),
        )
    whole = _Calls(history, actor, tasks)
    if len(bodies) <= WINDOW or whole.deaths() or row.restarts:
        return whole.question()
    parts = _windows(history, tasks, bodies)
    return Several(actor, tuple(_Calls(history, actor, part, before).question() for part, before in parts))


def _elsewhere(history: History, actor: ActorId) -> Decided | None:
    """A method in the process of another actor: each has its own."""
    for body in history.bodies_of.get(actor, ()):
        owner = history.owners[body.node, body.process]
        if owner != actor:
            why = f"{body.task} runs in the process of {owner or 'a worker of tasks'}"
            return Decided(actor, Answer.REFUSED, line=body.begin_line, why=why)
    return None


def _restarted_too_often(history: History, actor: ActorId) -> Decided | None:
    """Restarts, and processes, beyond what the actor may have."""
    row = history.actors[actor]
    most = row.options.whole("max_restarts", 0, low=-1)
    processes = {(body.node, body.process) for body in history.bodies_of.get(actor, ())}
    if 0 <= most < row.restarts:
        why = f"recorded: {row.restarts} restarts, of which it has {most}"
    elif len(processes) > row.restarts + 1:
        why = f"recorded: {row.restarts} restarts, but its methods ran in {len(processes)} processes"
    else:
        return None
    return Decided(actor, Answer.REFUSED, line=row.at.line, why=why)


def _overlap(bodies: Sequence[Body], most: int) -> Body | None:
    """The first body that begins while as many as may run are running in its process."""
    running: dict[int, list[Body]] = {}
    for body in bodies:
        here = [other for other in running.get(body.process, ()) if other.end is None or other.end > body.begin]
        # A body without an end may have ended with its process, or have been cancelled.
        if sum(other.end is not None for other in here) >= most:
            return body
        running[body.process] = [*here, body]
    return None


def _windows(history: History, tasks: list[TaskId], bodies: list[Body]) -> Iterator[tuple[list[TaskId], int]]:
    """Calls that are asked about together, and how many updates of the actor's state went before."""
    without = [task for task in tasks if not any(body.task == task for body in bodies)]
    last: dict[TaskId, TaskId] = {}
    for start in range(0, len(bodies), WINDOW):
        window = [body.task for body in bodies[start : start + WINDOW]]
        carried = [task for task in last.values() if task not in window]
        chosen = {*carried, *window, *(without if start + WINDOW >= len(bodies) else ())}
        yield (
            [task for task in tasks if task in chosen],
            sum(body.value is not None for body in bodies[:start] if body.task not in carried),
        )
        last |= {history.submits[task].by: task for task in window}


def _reads(history: History, task: TaskId) -> list[Read]:
    made = history.spec(task).outputs
    return sorted({read.end: read for item in made for read in history.reads.get(item, ())}.values(), key=_end)


def _end(read: Read) -> int:
    return read.end


@dataclass
class _Calls:
    """Calls of one actor, in the order in which they were made. `before`: updates of its state that went before."""

    history: History
    actor: ActorId
    tasks: list[TaskId]
    before: int = 0
    entries: list[tuple[int, Entry]] = field(default_factory=list)
    windows: dict[Key, int] = field(default_factory=dict)

    def question(self) -> Question:
        """The scenario and its script."""
        history, row = self.history, self.history.actors[self.actor]
        kept = [(number, body) for task in self.tasks for number, body in attempts.kept(history, task)]
        kept.sort(key=lambda item: item[1].begin)
        bodies = [body for _, body in kept]
        lives = self._lives()
        for number, body in kept:
            self._body(body, number, lives.index(body.process))
        deaths = self.deaths()
        self.entries += [(death.at, Entry(("crash", "actor"), death.line)) for death in deaths]
        for task in self.tasks:
            self._outcome(task)
        callers: dict[Name, list[TaskId]] = {}
        for task in self.tasks:
            callers.setdefault(f"by-{history.submits[task].by}", []).append(task)
        retries = history.spec(self.tasks[0]).max_retries
        restarts = row.options.whole("max_restarts", 0, low=-1)
        restarts = len(deaths) if restarts < 0 else restarts
        if row.state == Life.DEAD and len(deaths) > row.restarts:
            # A kill need not leave it to the budget whether the actor is restarted; the row tells.
            restarts = min(restarts, row.restarts)
        made = calls(
            f"recorded-{self.actor}",
            {caller: tuple(self._spec(task) for task in tasks) for caller, tasks in callers.items()},
            max_restarts=restarts,
            max_task_retries=NO_END if retries < 0 else retries,
            paced=True,
            faults={FaultKind.CRASH: len(deaths)} if deaths else {},
        )
        rules = tuple(replace(rule, capacity=max(rule.capacity, 2 * len(self.tasks))) for rule in made.links)
        wide = LinkRule(capacity=max(LinkRule().capacity, 2 * len(self.tasks)))
        made = Scenario(**{**vars(made), "links": (*rules, wide)})
        rows = {task: len(history.rows[task]) - attempts.gone(history, task) for task in self.tasks}
        out_of_scope = self._out_of_scope(deaths)

        def at_end(seats: Seats) -> str:
            seat = seats["actor"]
            if seat.incarnation != row.restarts:
                return f"recorded: {row.restarts} restarts; the model has {seat.incarnation}"
            if not out_of_scope and seat.alive != (row.state != Life.DEAD):
                return f"recorded: the actor is {row.state}; in the model it {'lives' if seat.alive else 'is dead'}"
            for caller, tasks in callers.items():
                process = seats[caller].process
                assert isinstance(process, Caller)
                for number, task in enumerate(tasks):
                    if process.attempts.get(number, 0) != rows[task]:
                        return f"recorded: {rows[task]} attempts of {task}; the model makes others"
            return ""

        ordered = sorted(self.entries, key=lambda item: item[0])
        since = {key: sum(at < moment for at, _ in ordered) for key, moment in self.windows.items()}
        script = Script(tuple(entry for _, entry in ordered), since)
        urgent = self._urgent(bodies, lives)
        return Question(
            self.actor,
            made,
            script,
            _hear,
            at_end,
            _hear_step,
            lambda heard: heard in urgent,
            excuse=self._excuse(deaths, lives),
            beside=self._beside(deaths),
        )

    def _lives(self) -> list[int]:
        """The actor's processes, in order: its constructor's where it is recorded, and those of all its methods."""
        return list(dict.fromkeys(body.process for body in self.history.bodies_of.get(self.actor, ())))

    def deaths(self) -> list[Moment]:
        """Crashes of the actor's process, by itself or with its node; a kill of what is dead already is none."""
        history, row = self.history, self.history.actors[self.actor]
        bodies = history.bodies_of.get(self.actor, ())
        found = [death for death in history.dead_actors if death.id == self.actor]
        for death in history.dead_nodes:
            home = [body.node for body in bodies if body.begin < death.at][-1:]
            found += [death] if home == [death.id] else []
        found.sort(key=lambda death: death.at)
        surplus = len(found) - row.restarts - (row.state == Life.DEAD)
        for before, death in reversed(list(pairwise(found))):
            if surplus > 0 and not any(before.at < body.begin < death.at for body in bodies):
                found.remove(death)
                surplus -= 1
        return found

    def _out_of_scope(self, deaths: list[Moment]) -> bool:
        """Whether the actor's end is none that the model knows: its last handle is gone, as far as can be told."""
        row = self.history.actors[self.actor]
        return row.state == Life.DEAD and len(deaths) <= row.restarts

    def _beside(self, deaths: list[Moment]) -> str:
        """What is to be said of an end out of scope; empty where Ray itself says so, and every call had ended."""
        if not self._out_of_scope(deaths):
            return ""
        row = self.history.actors[self.actor].at
        told = row.data.get("reason") in ("OUT_OF_SCOPE", "REF_DELETED") or NO_HANDLE in str(row.data.get("death"))
        ended = all(bodies[-1].end is not None for task in self.tasks if (bodies := self.history.bodies.get(task)))
        if told and ended:
            return ""
        return "it is DEAD, and nothing that is recorded killed it: its last handle went out of scope, or its job ended"

    def _excuse(self, deaths: list[Moment], lives: list[int]) -> str:
        history, row = self.history, self.history.actors[self.actor]
        if history.deaths_untold:
            return history.deaths_untold
        if len({history.spec(task).max_retries for task in self.tasks}) > 1:
            return "its calls have different budgets of retries, which are not modelled"
        if deaths and any(attempts.gone(history, task) for task in self.tasks):
            return "some of its attempts failed by themselves"
        if history.complete:
            return ""
        lost = any(line.error in ROW_ERRORS for task in self.tasks for line in history.rows[task])
        unended = any(body.end is None for task in self.tasks for body in history.bodies.get(task, ()))
        if len(lives) > len(deaths) + 1 or row.restarts > len(deaths) or ((lost or unended) and not deaths):
            return "when its process died is not recorded"
        return ""

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

    def _body(self, body: Body, number: int, life: int) -> None:
        self.entries.append((body.begin, Entry(("begin", body.task, number, life), body.begin_line)))
        if body.end is not None:
            value = None if body.value is None else str(body.value - self.before)
            self.entries.append((body.end, Entry(("end", body.task, number, life), body.end_line, value)))

    def _outcome(self, task: TaskId) -> None:
        """When the call may be made, when its argument may be there, and what it has to give by when."""
        history = self.history
        made = history.submits[task].at
        self.windows["submit", task] = made
        makers = [history.maker(item) for item in history.spec(task).inputs]
        ends = [body.end for maker in makers if maker for body in history.bodies.get(maker, ()) if body.end is not None]
        self.windows["argument", task] = max((made, *ends))
        self.windows["outcome", task] = made
        reads = [read for read in _reads(history, task) if read.outcome is not None and task not in history.streams]
        if reads:
            first, *later = reads
            # A cancelled call may have had its end by then or not, and an exception is as good as a value.
            told = {CANCELLED: None, APPLICATION: VALUE}.get(first.outcome or "", first.outcome)
            if told is not None:
                self.entries.append((first.end, Entry(("outcome", task), first.line, told, by=True)))
            for read in later:
                if read.outcome != first.outcome:
                    self.entries.append((read.end, Entry(("another outcome", task), read.line, read.outcome)))
        elif task not in history.cancelled:
            row = history.rows[task][-1]
            told = VALUE if row.state == "FINISHED" else ROW_ERRORS.get(row.error or "")
            if told is not None:
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
            return Heard(("outcome", _task(call)), outcome if outcome in set(CallOutcome) else VALUE)
        case _:
            return None


def _hear_step(step: Step) -> Heard | None:
    if isinstance(step, Fire) and step.timer.startswith(ARGUMENT):
        return Heard(("argument", _task(step.timer.removeprefix(ARGUMENT))))
    return None
