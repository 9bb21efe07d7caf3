"""Questions about results of tasks and about puts: every task with what it descends from, as a scope of `lineage`.

An owner and its objects do not compete with others in that model, so one object's past is asked about at a time. Where
no node died, what was made once stays made, and a task is asked about with those that make its arguments; where one
did, with all that it descends from.

Left out: results of methods (`methods`), errors of the application, copies that a `get` leaves on the reader's node.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from rayproof.conformance.outcomes.history import History, Read
from rayproof.conformance.outcomes.names import NO_END, foreign
from rayproof.conformance.outcomes.script import Entry, Heard, Key, Script, Uncovered
from rayproof.conformance.outcomes.search import Decided, Question, Seats
from rayproof.model.graph import NodeAffinity, NodeId, ObjectId, TaskId, TaskKind
from rayproof.model.graph.program import DRIVER
from rayproof.model.kernel import Scenario
from rayproof.model.lineage.ray2.events import ActionBegan, BodyBegan, BodyEnded, ReadEnded
from rayproof.model.lineage.ray2.ownership import Owner
from rayproof.model.lineage.ray2.programs import (
    Action,
    Failure,
    Get,
    PutAt,
    Submit,
    Task,
)
from rayproof.model.lineage.ray2.scenarios import ownership
from rayproof.recordings.outcome import INLINE_BYTES

_Timed: TypeAlias = tuple[int, Action, Read | None]
"""An action of an owner's program, since when it may happen, and the read that it is."""


def result_questions(history: History) -> Iterator[Question | Uncovered | Decided]:
    """One question for each normal task, and for each object that somebody reads."""
    asked: set[tuple[TaskId, ObjectId]] = set()
    for read in history.reads:
        for item in read.objects:
            if (read.by, item) not in asked:
                asked.add((read.by, item))
                yield from _of_read(history, read.by, item)
    for task, spec in history.recording.program.tasks.items():
        submit = history.submits.get(task)
        if spec.kind is TaskKind.NORMAL and submit is not None:
            asked_for = any((submit.by, item) in asked for item in spec.outputs)
            if not asked_for and spec.outputs:
                yield _Cone(history, submit.by, spec.outputs[0]).question()


def _of_read(history: History, by: TaskId, item: ObjectId) -> Iterator[Question | Uncovered | Decided]:
    maker = history.maker(item)
    strange = foreign(item, [read for read in history.reads if read.by == by and item in read.objects], Failure)
    if maker is not None and history.kind(maker) is not TaskKind.NORMAL:
        return
    if strange is not None:
        yield strange
    elif maker is not None and maker in history.submits and history.submits[maker].by == by:
        yield _Cone(history, by, item).question()
    elif item in history.puts:
        yield _Cone(history, by, item).question() if history.puts[item].by == by else _borrowed(history, by, item)
    else:
        yield Uncovered(item, "made by a process, or at a time, of which the recording does not tell")


class _Cone:
    """One object with the tasks and puts that it descends from, as far as its owner knows them."""

    def __init__(self, history: History, owner: TaskId, item: ObjectId) -> None:
        self.history = history
        self.owner = owner
        self.item = item
        self.tasks: list[TaskId] = []
        self.puts: list[ObjectId] = []
        self._add(item, 0)
        self.tasks.sort(key=lambda task: history.submits[task].at)
        self.nodes = _Names(history, self.tasks, [history.puts[put].by for put in self.puts])

    def _add(self, item: ObjectId, depth: int) -> None:
        maker = self.history.maker(item)
        if item in self.history.puts and self.history.puts[item].by == self.owner and item not in self.puts:
            self.puts.append(item)
        submit = self.history.submits.get(maker or "")
        if maker is None or submit is None or submit.by != self.owner or maker in self.tasks:
            return
        self.tasks.append(maker)
        if depth == 0 or self.history.dead_nodes:
            for needed in self.history.spec(maker).inputs:
                self._add(needed, depth + 1)

    def question(self) -> Question:
        """The scenario and its script."""
        history = self.history
        actions: list[_Timed] = []
        actions += [(history.submits[task].at, Submit(task), None) for task in self.tasks]
        actions += [(history.puts[item].at, PutAt(item, self.nodes.of_process(self.owner)), None) for item in self.puts]
        reads = [read for read in history.reads if read.by == self.owner and self.item in read.objects]
        actions += [(read.begin, Get(self.item), read) for read in reads]
        actions = self._as_leased(sorted(actions, key=lambda action: action[0]))
        on_disk = history.on_disk.get(self.item, False)
        script = _Writer()
        script.bodies(history, self.tasks, self.nodes)
        deaths = script.deaths(history, self.nodes, {})
        for number, (moment, _, read) in enumerate(actions):
            script.window(("act", "owner", number), moment)
            if read is not None:
                script.window(("read", "owner", number), read.begin, read)
        made = ownership(
            f"recorded-{self.item}",
            tuple(self._task(task) for task in self.tasks),
            tuple(action for _, action, _ in actions),
            nodes=len(self.nodes.names),
            crashable=tuple(deaths),
            crashes=len(deaths),
            fetches=True,
            spills=frozenset({self.item} if on_disk else ()),
        )
        rows = {task: len(history.rows[task]) for task in self.tasks}

        def at_end(seats: Seats) -> str:
            owner = seats["owner"].process
            assert isinstance(owner, Owner)
            found = {task: owner.attempts.get(task, 0) for task in rows}
            wrong = [task for task in rows if found[task] != rows[task]]
            if on_disk and self.item not in owner.spilled:
                return f"recorded: {self.item} is on a disk"
            return "; ".join(f"recorded: {rows[t]} attempts of {t}; the model makes {found[t]}" for t in wrong)

        return Question(self.item, made, script.script(), hear, at_end)

    def _as_leased(self, actions: list[_Timed]) -> list[_Timed]:
        """Submits between two other actions in the order of their first bodies.

        The model sends tasks to a node in the order of their submits; Ray asks for a worker for each and has no order.
        """

        def first(action: _Timed) -> int:
            bodies = self.history.bodies.get(action[1].task, ()) if isinstance(action[1], Submit) else ()
            return min((body.begin for body in bodies), default=self.history.length)

        ordered: list[_Timed] = []
        group: list[_Timed] = []
        for action in actions:
            if isinstance(action[1], Submit):
                group.append(action)
            else:
                ordered += [*sorted(group, key=first), action]
                group = []
        return ordered + sorted(group, key=first)

    def _task(self, task: TaskId) -> Task:
        spec = self.history.spec(task)
        made_here = {result for other in self.tasks for result in self.history.spec(other).outputs[:1]}
        result = self.item if self.item in spec.outputs else spec.outputs[0]
        needs = tuple(item for item in spec.inputs if item in made_here or item in self.puts)
        hard = isinstance(spec.strategy, NodeAffinity) and not spec.strategy.soft
        small = self.history.recording.program.objects[result].size_bytes < INLINE_BYTES
        retries = NO_END if spec.max_retries < 0 else spec.max_retries
        only_on = self.nodes.name(spec.strategy.node) if hard and isinstance(spec.strategy, NodeAffinity) else ""
        return Task(task, needs, result, retries, only_on, small=small)


def _borrowed(history: History, by: TaskId, item: ObjectId) -> Question | Uncovered:
    """A put of another process, which dies with its node."""
    owner = history.puts[item].by
    if owner == DRIVER or not history.bodies.get(owner):
        return Uncovered(item, "owned by the driver, read by another process")
    nodes = _Names(history, [], [owner])
    home = nodes.of_process(owner)
    script = _Writer()
    deaths = script.deaths(history, nodes, {home: "home"})
    script.window(("act", "owner", 0), history.puts[item].at)
    reads = [read for read in history.reads if read.by == by and item in read.objects]
    script.window(("act", "borrower", 0), reads[0].begin)
    script.window(("read", "borrower", 0), reads[0].begin, reads[0])
    made = ownership(
        f"recorded-{item}",
        (),
        (PutAt(item, home),),
        nodes=len(nodes.names),
        crashable=tuple(deaths),
        crashes=len(deaths),
        borrows=item,
        reads_later=True,
    )
    scenario = Scenario(**{**vars(made), "units": {"home": ("owner", home)}})
    return Question(item, scenario, script.script(), hear, lambda seats: "")


def hear(event: object) -> Heard | None:
    """What is visible of the model's events."""
    match event:
        case BodyBegan(task, attempt, node):
            return Heard(("begin", task, attempt, node))
        case BodyEnded(task, attempt, node):
            return Heard(("end", task, attempt, node))
        case ActionBegan(by, number):
            return Heard(("act", by, number))
        case ReadEnded(by, number, _, outcome):
            return Heard(("read", by, number), outcome)
        case _:
            return None


class _Names:
    """The model's names for the nodes that matter: those of the bodies, then one that outlives the recording."""

    def __init__(self, history: History, tasks: list[TaskId], processes: list[TaskId]) -> None:
        self.history = history
        self.head = history.recording.cluster.nodes[0].id
        found: list[NodeId] = []
        for task in tasks:
            found += [body.node for body in history.bodies.get(task, ())]
            found += [row.node for row in history.rows[task] if row.node is not None]
            strategy = history.spec(task).strategy
            found += [strategy.node] if isinstance(strategy, NodeAffinity) else []
        found += [self._home(process) for process in processes]
        self.names = {node: f"node{i}" for i, node in enumerate(dict.fromkeys((*found, self.head)))}

    def _home(self, process: TaskId) -> NodeId:
        bodies = self.history.bodies.get(process)
        return bodies[-1].node if bodies else self.head

    def name(self, node: NodeId) -> str:
        """The model's name of a node."""
        return self.names[node]

    def of_process(self, process: TaskId) -> str:
        """The model's name of the node on which the driver or a body runs."""
        return self.names[self._home(process)]


class _Writer:
    """Collects entries by moment; positions are known once all are there."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, Entry]] = []
        self.windows: dict[Key, int] = {}

    def bodies(self, history: History, tasks: list[TaskId], nodes: _Names) -> None:
        """Beginnings and ends of bodies; the model counts attempts from 1."""
        for task in tasks:
            for body in history.bodies.get(task, ()):
                what = (task, body.attempt + 1, nodes.name(body.node))
                self.entries.append((body.begin, Entry(("begin", *what), body.begin_line)))
                if body.end is not None:
                    self.entries.append((body.end, Entry(("end", *what), body.end_line)))

    def deaths(self, history: History, nodes: _Names, units: dict[str, str]) -> list[str]:
        """Crashes of nodes that matter; the units that crash."""
        found = []
        for death in history.dead_nodes:
            if death.id in nodes.names:
                unit = units.get(nodes.name(death.id), nodes.name(death.id))
                self.entries.append((death.at, Entry(("crash", unit), death.line)))
                found.append(unit)
        return found

    def window(self, key: Key, since: int, read: Read | None = None) -> None:
        """Something that happens at the earliest at a moment, and, of a read, at the latest at its end."""
        self.windows[key] = since
        if read is not None:
            self.entries.append((read.end, Entry(key, read.line, read.outcome, by=True)))

    def script(self) -> Script:
        """The entries in order, and the earliest positions of everything else."""
        ordered = sorted(self.entries, key=lambda item: item[0])
        since = {key: sum(at < moment for at, _ in ordered) for key, moment in self.windows.items()}
        return Script(tuple(entry for _, entry in ordered), since)
