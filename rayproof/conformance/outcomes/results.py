"""Questions about results of tasks and about puts: every task with what it descends from, as a scope of `lineage`.

An owner and its objects do not compete with others in that model, so one object's past is asked about at a time. Where
no node died, what was made once stays made, and a task is asked about with those that make its arguments (with each of
them alone, where there are many); where one did, with all that it descends from, and with those that had it copied.

Attempts that failed by themselves (the body raised, or its worker died) are no matter of that model: they are checked
by the rule of their retries (`attempts`) and taken out, with what they spent of the budget.

Left out: results of methods (`methods`), items of streams, copies that a `get` leaves on the reader's node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeAlias

from rayproof.conformance.answers import Answer, Decided
from rayproof.conformance.outcomes import attempts
from rayproof.conformance.outcomes.history import Body, History, Read
from rayproof.conformance.outcomes.names import APPLICATION, CANCELLED, CRASHED, NO_END, VALUE
from rayproof.conformance.outcomes.script import Entry, Heard, Key, Script
from rayproof.conformance.outcomes.search import Question, Seats, Several
from rayproof.model.graph import NodeAffinity, NodeId, ObjectId, TaskId, TaskKind
from rayproof.model.kernel import Message, Name, Scenario
from rayproof.model.lineage.ray2.events import ActionBegan, BodyBegan, BodyEnded, ReadEnded
from rayproof.model.lineage.ray2.execution import Execute
from rayproof.model.lineage.ray2.ownership import Owner
from rayproof.model.lineage.ray2.programs import Action, Failure, Get, PutAt, Submit, Task
from rayproof.model.lineage.ray2.scenarios import ownership
from rayproof.recordings.outcome import INLINE_BYTES

MANY = 3
"""Arguments of one task that are asked about together."""

COPIES = 2
"""Consumers of one lost object that are asked about with it."""

_Timed: TypeAlias = tuple[int, Action, Read | None]
"""An action of an owner's program, since when it may happen, and the read that it is."""

Asked: TypeAlias = Question | Decided | Several


def result_questions(history: History) -> Iterator[Asked]:
    """One question for each normal task, for each object that somebody reads, and for each get that raised."""
    asked: set[tuple[TaskId, ObjectId]] = set()
    for item, reads in history.reads.items():
        for by in dict.fromkeys(read.by for read in reads):
            asked.add((by, item))
            yield from _of_read(history, by, item, history.reads_by(by, item))
    for read in history.raised:
        yield _of_several(history, read)
    for task, spec in history.recording.program.tasks.items():
        submit = history.submits.get(task)
        if spec.kind is TaskKind.NORMAL and submit is not None:
            # What is said of a stream's items says nothing of the generator itself.
            asked_for = task not in history.streams and any((submit.by, item) in asked for item in spec.outputs)
            if not asked_for and spec.outputs:
                yield _of_task(history, submit.by, spec.outputs[0], [])


def _of_several(history: History, read: Read) -> Asked:
    """A get of several objects that raised: one of them has to be able to end in that error."""
    about = f"{read.by}: get of {len(read.objects)} objects"
    one_by_one = (
        question
        for item in dict.fromkeys(read.objects)
        for question in _may_end(history, item, Read(read.by, (item,), read.begin, read.end, read.line, read.outcome))
    )
    return Several(about, tuple(one_by_one), True, read.line, f"recorded: {read.outcome}, in which none of them ends")


def _may_end(history: History, item: ObjectId, read: Read) -> Iterator[Asked]:
    """Whether an object may have ended in an error; of a method, what Ray's row says (its actor is asked about it)."""
    maker = history.maker(item)
    if maker is None or history.kind(maker) is TaskKind.NORMAL:
        yield from _of_read(history, read.by, item, [read])
    elif read.outcome in (APPLICATION, CANCELLED):
        yield attempts.explained(history, maker, read)
    elif history.rows[maker][-1].state == "FINISHED" and history.rows[maker][-1].error is None:
        yield Decided(item, Answer.REFUSED, line=read.line, why="its method has finished")
    else:
        yield Decided(item, Answer.ALLOWED, line=read.line)


def _of_read(history: History, by: TaskId, item: ObjectId, reads: list[Read]) -> Iterator[Asked]:
    maker = history.maker(item)
    if maker is not None and history.kind(maker) is not TaskKind.NORMAL:
        return
    if maker in history.streams:
        yield _of_stream(history, maker or "", item, reads)
    elif maker is not None and maker in history.submits and history.submits[maker].by == by:
        yield _of_task(history, by, item, reads)
    elif item in history.puts and history.puts[item].by == by:
        yield _Cone(history, by, item, reads).question()
    elif item in history.puts and history.bodies.get(history.puts[item].by):
        yield _borrowed(history, item, reads)
    else:
        yield _from_elsewhere(history, item, maker, reads)


def _of_stream(history: History, maker: TaskId, item: ObjectId, reads: list[Read]) -> Decided:
    begin = min((body.begin for body in history.bodies.get(maker, ())), default=history.length)
    for read in reads:
        if read.outcome == VALUE and read.end < begin:
            return Decided(item, Answer.REFUSED, line=read.line, why=f"read before its generator {maker} began")
    why = f"an item of the stream of {maker}: it may be there before its generator ends, which is not modelled here"
    return Decided(item, Answer.UNDETERMINED, line=reads[0].line, why=why)


def _from_elsewhere(history: History, item: ObjectId, maker: TaskId | None, reads: list[Read]) -> Decided:
    """An object of another process: without deaths it is there once it is made."""
    put = history.puts.get(item)
    ends = [body.end for body in history.bodies.get(maker or "", ()) if body.end is not None]
    made = put.at if put is not None else min(ends, default=None)
    line = reads[0].line
    if made is None or history.dead_nodes or history.dead_actors or history.deaths_untold:
        why = "made by a process, or at a time, of which the recording does not tell"
        if made is not None:
            why = "owned by another process, in a recording in which something died"
        return Decided(item, Answer.UNDETERMINED, line=line, why=why)
    for read in reads:
        if read.outcome == VALUE and read.end < made:
            return Decided(item, Answer.REFUSED, line=read.line, why="read before it was made")
        if read.outcome in (APPLICATION, CANCELLED) and maker is not None:
            return attempts.explained(history, maker, read)
        if read.outcome not in (None, VALUE):
            why = f"recorded: {read.outcome}, but nothing died"
            return Decided(item, Answer.REFUSED, line=read.line, why=why)
    return Decided(item, Answer.ALLOWED, line=line)


def _of_task(history: History, owner: TaskId, item: ObjectId, reads: list[Read]) -> Asked:
    """The result of a task that its owner has submitted."""
    maker = history.maker(item)
    assert maker is not None
    wrong = attempts.wrong(history, maker)
    if wrong is not None:
        return Decided(item, Answer.REFUSED, line=wrong[0], why=wrong[1])
    for read in reads:
        if read.outcome in (APPLICATION, CANCELLED, CRASHED):
            return attempts.explained(history, maker, read)
        if read.outcome == VALUE and attempts.raised(history, maker):
            return Decided(
                item, Answer.REFUSED, line=read.line, why=f"recorded: a value, but the body of {maker} raised"
            )
        if read.outcome not in (None, VALUE, *map(str, Failure)):
            why = f"recorded: {read.outcome}, in which no such read ends"
            return Decided(item, Answer.REFUSED, line=read.line, why=why)
    cone = _Cone(history, owner, item, reads)
    apart = cone.makers_of_arguments(maker)
    if history.dead_nodes or len(apart) <= MANY:
        return cone.question()
    return Several(item, tuple(_Cone(history, owner, item, reads, other).question() for other in apart))


class _Cone:
    """One object with the tasks and puts that it descends from, as far as its owner knows them.

    `only`: of the makers of arguments the one that is looked at.
    """

    def __init__(
        self, history: History, owner: TaskId, item: ObjectId, reads: list[Read], only: TaskId | None = None
    ) -> None:
        self.history = history
        self.owner = owner
        self.item = item
        self.reads = reads
        self.tasks: list[TaskId] = []
        self.puts: list[ObjectId] = []
        self._add(item, 0)
        if only is not None:
            self.tasks = [task for task in self.tasks if task in (only, history.maker(item))]
        if history.dead_nodes:
            self._add_consumers()
        self.tasks.sort(key=lambda task: history.submits[task].at)
        self.attempts = {task: attempts.kept(history, task) for task in self.tasks}
        self.nodes = _Names(history, self.tasks, [history.puts[put].by for put in self.puts])

    def makers_of_arguments(self, task: TaskId) -> list[TaskId]:
        """Tasks of the cone that make the arguments of one."""
        makers = (self.history.maker(item) for item in self.history.spec(task).inputs)
        return [maker for maker in dict.fromkeys(makers) if maker is not None and maker in self.tasks]

    def _add(self, item: ObjectId, depth: int) -> None:
        todo = [(item, depth)]
        while todo:
            item, depth = todo.pop()
            maker = self.history.maker(item)
            if item in self.history.puts and self.history.puts[item].by == self.owner and item not in self.puts:
                self.puts.append(item)
            submit = self.history.submits.get(maker or "")
            if maker is None or submit is None or submit.by != self.owner or maker in self.tasks:
                continue
            if maker in self.history.streams and depth:
                continue
            self.tasks.append(maker)
            if depth == 0 or self.history.dead_nodes:
                todo += [(needed, depth + 1) for needed in reversed(self.history.spec(maker).inputs)]

    def _add_consumers(self) -> None:
        """Tasks that had copies of what was made on nodes that died: a copy becomes the object."""
        history = self.history
        dead = {death.id for death in history.dead_nodes}
        made = {item: task for task in self.tasks for item in history.spec(task).outputs}
        lost = {i for i, task in made.items() if any(body.node in dead for body in history.bodies.get(task, ()))}
        for item in sorted(lost):
            had = (
                task
                for task in history.consumers.get(item, ())
                if history.submits[task].by == self.owner
                and any(body.node not in dead for body in history.bodies.get(task, ()))
            )
            self.tasks += [task for task in islice(had, COPIES) if task not in self.tasks]

    def question(self) -> Question:
        """The scenario and its script."""
        history = self.history
        actions: list[_Timed] = []
        actions += [(history.submits[task].at, Submit(task), None) for task in self.tasks]
        actions += [(history.puts[item].at, PutAt(item, self.nodes.of_process(self.owner)), None) for item in self.puts]
        actions += [(read.begin, Get(self.item), read) for read in self.reads]
        actions = self._as_leased(sorted(actions, key=lambda action: action[0]))
        on_disk = history.on_disk.get(self.item, False)
        script = _Writer()
        script.bodies(self.attempts, self.nodes)
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
        rows = {task: len(history.rows[task]) - attempts.gone(history, task) for task in self.tasks}

        def at_end(seats: Seats) -> str:
            owner = seats["owner"].process
            assert isinstance(owner, Owner)
            found = {task: owner.attempts.get(task, 0) for task in rows}
            wrong = [task for task in rows if found[task] != rows[task]]
            if on_disk and self.item not in owner.spilled:
                return f"recorded: {self.item} is on a disk"
            return "; ".join(f"recorded: {rows[t]} attempts of {t}; the model makes {found[t]}" for t in wrong)

        ran = {
            (task, number): self.nodes.name(body.node)
            for task, bodies in self.attempts.items()
            for number, body in bodies
        }

        def sensible(receiver: Name, message: Message) -> bool:
            return not isinstance(message, Execute) or ran.get((message.task, message.attempt), receiver) == receiver

        return Question(
            self.item,
            made,
            script.script(),
            hear,
            at_end,
            sensible=sensible,
            excuse=self._excuse(),
            tasks=len(self.tasks),
        )

    def _excuse(self) -> str:
        history = self.history
        if history.deaths_untold:
            return history.deaths_untold
        if not history.dead_nodes:
            return ""
        first = history.dead_nodes[0].at
        last = history.dead_nodes[-1].at
        for task in self.tasks:
            once = len(self.attempts[task]) == 1
            for item in history.spec(task).outputs:
                if item not in history.sized and not history.complete:
                    return f"the size of {item} is not recorded"
                # A copy spares an execution: what was executed again had none.
                if once and any(read.end < last and self._copied(read) for read in history.reads.get(item, ())):
                    return f"a read of {item} may have left a copy"
            failed = attempts.gone(history, task)
            if failed and any(body.begin > first for _, body in self.attempts[task]):
                return f"{failed} attempts of {task} failed by themselves"
        return ""

    def _copied(self, read: Read) -> bool:
        """Whether a read fetches what it reads: a get does; a wait, unless told otherwise."""
        return read.outcome is not None or not self.history.complete

    def _as_leased(self, actions: list[_Timed]) -> list[_Timed]:
        """Submits between two other actions in the order of their first bodies.

        The model sends tasks to a node in the order of their submits; Ray asks for a worker for each and has no order.
        """

        def first(action: _Timed) -> int:
            bodies = self.attempts.get(action[1].task, ()) if isinstance(action[1], Submit) else ()
            return min((body.begin for _, body in bodies), default=self.history.length)

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
        made_here = {result for other in self.tasks for result in self._results(other)[:1]}
        result = self._results(task)[0]
        needs = tuple(item for item in spec.inputs if item in made_here or item in self.puts)
        hard = isinstance(spec.strategy, NodeAffinity) and not spec.strategy.soft
        small = self.history.recording.program.objects[result].size_bytes < INLINE_BYTES
        retries = NO_END if spec.max_retries < 0 else max(spec.max_retries - attempts.spent(self.history, task), 0)
        only_on = self.nodes.name(spec.strategy.node) if hard and isinstance(spec.strategy, NodeAffinity) else ""
        return Task(task, needs, result, retries, only_on, small=small)

    def _results(self, task: TaskId) -> tuple[ObjectId, ...]:
        """The results of a task, first the one that stands for it: what is asked about, or what others need."""
        outputs = self.history.spec(task).outputs
        if self.item in outputs:
            return (self.item,)
        wanted = [item for other in self.tasks for item in self.history.spec(other).inputs if item in outputs]
        return (*wanted, *outputs)


def _borrowed(history: History, item: ObjectId, reads: list[Read]) -> Question:
    """A put of another process, which dies with its node."""
    owner = history.puts[item].by
    nodes = _Names(history, [], [owner])
    home = nodes.of_process(owner)
    script = _Writer()
    deaths = script.deaths(history, nodes, {home: "home"})
    script.window(("act", "owner", 0), history.puts[item].at)
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
    excuse = history.deaths_untold
    if not excuse and history.spec(owner).kind is not TaskKind.NORMAL:
        excuse = "its owner is an actor" if history.dead_actors or not history.complete else ""
    return Question(item, scenario, script.script(), hear, lambda seats: "", excuse=excuse)


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

    def bodies(self, kept: Mapping[TaskId, Sequence[tuple[int, Body]]], nodes: _Names) -> None:
        """Beginnings and ends of bodies; the model counts attempts from 1."""
        for task, bodies in kept.items():
            for number, body in bodies:
                what = (task, number, nodes.name(body.node))
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
