"""The state that Ray keeps of a run as a workload: as much of a recording as can be told without a recorder.

Rows become the lines of a recording (`rayproof.recordings`), and everything else is made of them as of one. What is not
in them is assumed, and each assumption is a sentence of `unsupported`: no dependencies, every task submitted when Ray
first heard of it, a driver that then gets all results.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rayproof.errors import InputError
from rayproof.jsonfields import Fields
from rayproof.model.graph import ActorId, NodeId, ObjectId, Resources, TaskId, TaskKind
from rayproof.model.graph.program import DRIVER
from rayproof.recordings import Recording
from rayproof.recordings.lines import (
    TASK_KINDS,
    ActorLine,
    BodyEnd,
    BodyStart,
    Event,
    GetBegin,
    GetEnd,
    MetaLine,
    NodeLine,
    ObjectLine,
    TaskLine,
)
from rayproof.recordings.log import Log
from rayproof.recordings.reader import recording_of
from rayproof.recordings.tasks import demand
from rayproof.timelines.rows import Row, Told
from rayproof.timelines.sources import EXPECTED, read_told

CREATION = "ACTOR_CREATION_TASK"

MOST_ROWS = 10_000
"""Rows of one listing, unless Ray is told otherwise."""

HEX_ID, TASK_HEX = 56, 48
"""Characters of a node's and of a task's id; with the latter the ids of its results begin."""


def read_states(*paths: str | Path) -> Recording:
    """What some files of Ray tell of one run, as a recording; what they lack is in `unsupported`.

    Raises `InputError`.
    """
    told = read_told(paths)
    return _Builder(told).recording()


class _Builder:
    def __init__(self, told: Told) -> None:
        self.told = told
        self.path = told.path
        rows = [row for row in told.rows.values() if row.kind != "DRIVER_TASK" and (row.name or row.kind)]
        self.attempts: dict[str, list[Row]] = defaultdict(list)
        for row in sorted(rows, key=_first_us):
            self.attempts[row.task].append(row)
        for several in self.attempts.values():
            several.sort(key=lambda row: row.attempt)
        if not any(row.ran_us for row in rows):
            what = "no event of a task" if not rows else "no task with times (a listing without `--detail` has none)"
            raise InputError(self.path, None, what, EXPECTED)
        _locate(rows)
        self.tasks: dict[str, TaskId] = {task: f"T{number}" for number, task in enumerate(self.attempts)}
        self.nodes = self._names_of_nodes()
        self.workers: dict[str, int] = {}
        self.actors: dict[str, ActorId] = {}
        for row in rows:
            if told.states and row.actor:
                self.actors.setdefault(row.actor, f"A{len(self.actors)}")

    def recording(self) -> Recording:
        """The recording."""
        lines = {self.tasks[task]: self._lines(task, rows) for task, rows in self.attempts.items()}
        lines |= self._missing_constructors(lines)
        sizes = {self.tasks[id[:TASK_HEX]]: n for id, n in self.told.sizes.items() if id[:TASK_HEX] in self.tasks}
        objects = {
            item: ObjectLine(self._at(), item, task, sizes.get(task))
            for task, several in lines.items()
            for item in several[0].outputs
        }
        actors = {
            actor: ActorLine(self._at(), actor, "", "", 0, self.told.actors.get(hex), self._at({}))
            for hex, actor in self.actors.items()
        }
        begun = [_first_us(row) for rows in self.attempts.values() for row in rows[:1]]
        name = Path(self.path).stem
        log = Log(
            self.path,
            MetaLine(name, "read from the state that Ray keeps", "", (), False),
            {},
            lines,
            actors,
            {},
            objects,
            (),
            min(begun),
        )
        log = replace(log, nodes=self._nodes(log))
        log = replace(log, events=tuple(sorted(self._events(log), key=lambda event: event.us)))
        made = recording_of(log)
        # What holds for all tasks alike is said once, of the source.
        alike = ("Submitted without the recorder", *(() if self.told.sizes else ("No size was recorded",)))
        said = (sentence for sentence in made.unsupported if not sentence.startswith(alike))
        return replace(made, unsupported=(*self._lacks(), *said, *self.told.unused))

    def _at(self, data: Mapping[str, object] | None = None) -> Fields:
        return Fields(self.path, None, data or {})

    # ---- tasks and actors --------------------------------------------------------------------------------------------

    def _lines(self, task: str, rows: Sequence[Row]) -> tuple[TaskLine, ...]:
        return tuple(self._line(task, number, row) for number, row in enumerate(rows))

    def _line(self, task: str, number: int, row: Row) -> TaskLine:
        kind = TASK_KINDS.get(row.kind, TaskKind.NORMAL)
        actor = self.actors.get(row.actor) if kind is not TaskKind.NORMAL else None
        kind = kind if actor is not None else TaskKind.NORMAL
        name = self.tasks[task]
        outputs = () if kind is TaskKind.ACTOR_CREATION else (f"O{name.removeprefix('T')}",)
        node = self.nodes.get(row.node or row.address)
        return TaskLine(
            at=self._at(),
            id=name,
            attempt=number,
            kind=kind,
            name=row.name,
            parent=self.tasks.get(row.parent, DRIVER) if row.parent != task else DRIVER,
            actor=actor,
            recorded=False,
            inputs=(),
            borrowed=(),
            outputs=outputs,
            required=row.resources,
            options=self._at({}),
            node=node,
            worker=row.worker or None,
            state=row.state or ("FAILED" if "FAILED" in row.reached_us else "FINISHED"),
            error=row.error or None,
            reached_us=dict(row.reached_us),
        )

    def _missing_constructors(self, lines: Mapping[TaskId, tuple[TaskLine, ...]]) -> dict[TaskId, tuple[TaskLine, ...]]:
        """Actors are created by a task each, also those whose row of it Ray has lost."""
        created = {several[0].actor for several in lines.values() if several[0].kind is TaskKind.ACTOR_CREATION}
        found: dict[TaskId, tuple[TaskLine, ...]] = {}
        for actor in self.actors.values():
            if actor not in created:
                name = f"T{len(lines) + len(found)}"
                reached = [
                    at for line in lines.values() if line[0].actor == actor for at in line[0].reached_us.values()
                ]
                line = self._line(next(iter(self.tasks)), 0, Row("", 0))
                line = replace(line, id=name, kind=TaskKind.ACTOR_CREATION, name="__init__", actor=actor, outputs=())
                found[name] = (
                    replace(line, node=None, required=None, reached_us={"FINISHED": min(reached, default=0)}),
                )
        return found

    # ---- nodes -------------------------------------------------------------------------------------------------------

    def _names_of_nodes(self) -> dict[str, NodeId]:
        """Nodes in the order in which bodies began there, a head that is told first; addresses keep their names."""
        seen = [hex for hex, node in self.told.nodes.items() if node.head]
        rows = sorted((row for several in self.attempts.values() for row in several), key=_first_us)
        ids = [row.node or row.address for row in rows if (row.node or row.address) and (row.ran_us or row.node)]
        order = dict.fromkeys((*seen, *ids, *self.told.nodes))
        order = dict.fromkeys(order or ("N0",))
        return {hex: f"N{i}" if len(hex) == HEX_ID else hex for i, hex in enumerate(order)}

    def _nodes(self, log: Log) -> dict[NodeId, NodeLine]:
        """What is listed, else as much as was held at one time."""
        held = self._held(log)
        found = {}
        for number, (hex, name) in enumerate(self.nodes.items()):
            listed = self.told.nodes.get(hex)
            amounts = dict(listed.total) if listed else {"CPU": 1.0, **held.get(name, {})}
            amounts = {n: a for n, a in amounts.items() if not n.startswith("node:") and "memory" not in n}
            labels = listed.labels if listed else ()
            found[name] = NodeLine(self._at({"hex": hex}), name, hex, number == 0, amounts, labels, None, True)
        return found

    def _held(self, log: Log) -> dict[NodeId, dict[str, float]]:
        """The most that bodies and actors held on each node at one time."""
        changes: dict[NodeId, list[tuple[int, int, Resources]]] = defaultdict(list)
        actors: dict[ActorId, tuple[NodeId, int, int]] = {}
        for task, rows in self.attempts.items():
            for line, row in zip(log.attempts[self.tasks[task]], rows, strict=True):
                node, span = self._where(row), row.ran_us
                if node is None or span is None:
                    continue
                if line.actor is not None:
                    _, low, high = actors.get(line.actor, (node, *span))
                    actors[line.actor] = node, min(low, span[0]), max(high, span[1])
                else:
                    held = demand(log, line)
                    changes[node] += [(span[0], 1, held), (max(span[1], span[0] + 1), -1, held)]
        for actor, (node, low, high) in actors.items():
            creation = log.creation(actor)
            if creation is not None:
                held = demand(log, log.attempts[creation][0])
                changes[node] += [(low, 1, held), (max(high, low + 1), -1, held)]
        most: dict[NodeId, dict[str, float]] = {}
        for node, edges in changes.items():
            now: dict[str, int] = defaultdict(int)
            # An end sorts before a beginning of the same moment: bodies that only touch do not overlap.
            for _, sign, held in sorted(edges, key=lambda edge: edge[:2]):
                for name, amount in held.units:
                    now[name] += sign * amount
                    shown = Resources(((name, now[name]),)).amounts().get(name, 0) if now[name] > 0 else 0
                    most.setdefault(node, {})[name] = max(most.get(node, {}).get(name, 0), shown)
        return most

    def _where(self, row: Row) -> NodeId | None:
        return self.nodes.get(row.node or row.address) or (next(iter(self.nodes.values())) if row.ran_us else None)

    # ---- events ------------------------------------------------------------------------------------------------------

    def _events(self, log: Log) -> Iterator[Event]:
        last = 0
        children: dict[TaskId, list[TaskId]] = defaultdict(list)
        ends: dict[TaskId, int] = {}
        for task, rows in self.attempts.items():
            ends[self.tasks[task]] = max((span[1] for row in rows if (span := row.ran_us)), default=0)
        for task, several in log.attempts.items():
            if several[0].parent != DRIVER:
                children[several[0].parent].append(task)
        for hex, rows in self.attempts.items():
            task = self.tasks[hex]
            timed = [(number, row, span) for number, row in enumerate(rows) if (span := row.ran_us) is not None]
            for number, row, span in timed:
                node = self._where(row)
                assert node is not None
                process = self.workers.setdefault(row.worker or f"{node}, {task}", len(self.workers) + 1)
                last = max(last, span[1])
                yield BodyStart(self._at(), span[0], task, number, node, process)
                if row is timed[-1][1]:
                    yield from self._awaits(log, task, span, children.get(task, []), ends)
                ok = not (row.state == "FAILED" or ("FAILED" in row.reached_us and not row.state))
                yield BodyEnd(self._at(), span[1], task, ok)
        mine = [several[0] for several in log.attempts.values() if several[0].parent == DRIVER]
        results = tuple(item for line in mine for item in line.outputs)
        if results:
            begin = max(min(line.reached_us.values(), default=log.origin_us) for line in mine)
            yield GetBegin(self._at(), min(begin, last), DRIVER, results)
            yield GetEnd(self._at(), last, DRIVER, None)

    def _awaits(
        self, log: Log, task: TaskId, span: tuple[int, int], children: list[TaskId], ends: Mapping[TaskId, int]
    ) -> Iterator[Event]:
        """A get of all children, if they had ended by the task's own end."""
        results: tuple[ObjectId, ...] = tuple(item for child in children for item in log.attempts[child][0].outputs)
        done = max((ends.get(child, 0) for child in children), default=0)
        asked = max((min(log.attempts[child][0].reached_us.values(), default=0) for child in children), default=0)
        if results and 0 < done <= span[1]:
            begin = min(max(asked, span[0]), done)
            yield GetBegin(self._at(), max(begin, span[0]), task, results)
            yield GetEnd(self._at(), max(done, begin, span[0]), task, None)

    # ---- what is lost ------------------------------------------------------------------------------------------------

    def _lacks(self) -> Iterator[str]:
        told = self.told
        what = "The state of tasks" if told.states else "A timeline"
        yield f"{what} holds no dependencies between tasks: all are read as independent."
        if told.states:
            yield (
                "The state of tasks holds no gets: the driver submits when Ray first hears of a task (exact to a "
                "millisecond), its pauses being its own time, and waits for all results at the end; a task that ended "
                "after all of its children waited for them."
            )
            yield "The state of tasks holds no strategies and options: DEFAULT, 3 retries."
        else:
            yield "A timeline holds no submissions: the driver submits every task at once and then waits for all."
            yield "A timeline holds no demands and strategies: each task is read as 1 CPU, strategy DEFAULT."
        if not told.sizes:
            yield f"{what} holds no object sizes: results are read as empty, and nothing is moved."
        if not told.nodes:
            where = "each node" if told.states else "each address is read as one node, which"
            yield f"{what} holds no nodes but where bodies ran: {where} has as much as was held there at one time."
        if not told.states:
            yield "A timeline holds no decisions: the time to start workers and to schedule is read as none."
        yield from self._rough()
        rows = [row for several in self.attempts.values() for row in several]
        methods = sum(rows[0].name.count(".") > 0 for rows in self.attempts.values())
        if methods and not told.states:
            yield f"{methods} tasks look like methods of actors: they are read as tasks, in no order."
        jobs = {row.job for row in rows if row.job}
        if len(jobs) > 1:
            yield f"Tasks of {len(jobs)} jobs are read as one program."
        orphans = {row.parent for row in rows if row.parent and not row.parent.startswith("f" * 24)} - set(self.tasks)
        if orphans:
            yield f"{len(orphans)} tasks that submitted others are not in it: the driver submits in their place."
        if len(rows) >= MOST_ROWS and told.states:
            yield f"It has {len(rows):,} rows, and Ray lists {MOST_ROWS:,} unless told otherwise: some may be missing."
        groups = {row.group for row in rows if row.group}
        if groups:
            yield f"Tasks of {len(groups)} placement groups are read as if they were free to run anywhere."

    def _rough(self) -> Iterator[str]:
        ran = [row for several in self.attempts.values() for row in several if row.ran_us]
        stays = sum(row.body_us is None and row.stay_us is not None for row in ran)
        if stays:
            what = "their time includes fetching arguments and storing results"
            yield f"{stays} tasks have no event 'task:execute': {what}."
        states = sum(row.body_us is None and row.stay_us is None for row in ran)
        if states:
            yield (
                f"{states} attempts have the times of Ray's task states alone: exact to a millisecond, and with the "
                "loading of code and fetching of arguments (a timeline beside it tells more)."
            )
        earlier = sum(len(rows) - 1 for rows in self.attempts.values())
        if earlier:
            yield f"{earlier} earlier attempts of retried tasks are left out."


def _locate(rows: Sequence[Row]) -> None:
    """Nodes of rows that tell an address alone: their worker's, their actor's, or the only one of that address."""
    for key in ("worker", "actor", "address"):
        known: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            if row.node and getattr(row, key):
                known[getattr(row, key)].add(row.node)
        for row in rows:
            found = known.get(getattr(row, key), set())
            if not row.node and len(found) == 1:
                row.node = next(iter(found))


def _first_us(row: Row) -> int:
    """When a row's attempt is first heard of."""
    return min((*row.reached_us.values(), *(row.ran_us or ())), default=0)
