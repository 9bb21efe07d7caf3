"""Scheduling instances in the file formats of the literature.

STG (Kasahara Lab, Standard Task Graph set), PSPLIB single-mode `.sm` (Kolisch and Sprecher 1996), job shop in the
"jobs machines" text of the OR-Library, and WfCommons JSON (WfFormat 1.5). Each kind is a small value with `instance()`;
times stay in the set's own unit, except workflows, whose seconds become microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from rayproof.model.documents import MIB, DocumentError, printable, read_text
from rayproof.model.graph import Resources
from rayproof.solver.instances import MICROSECONDS, Fields, Instance, InstanceError, Node, Object, Task, read_document

Source = TypeVar("Source")
Lines: TypeAlias = list[tuple[int, list[str]]]

CPU = Resources.of(CPU=1)


@dataclass(frozen=True)
class TaskGraph:
    """Tasks with precedence, one processor each; task i waits for `before[i]`."""

    name: str
    durations: tuple[int, ...]
    before: tuple[tuple[int, ...], ...]

    def instance(self, processors: int) -> Instance:
        """P|prec|Cmax: one node with so many CPUs, since identical processors differ in nothing."""
        tasks = tuple(
            Task(f"t{at}", length, CPU, after=tuple(f"t{other}" for other in before))
            for at, (length, before) in enumerate(zip(self.durations, self.before, strict=True))
        )
        return Instance((Node("n", Resources.of(CPU=processors)),), tasks, name=f"{self.name}@{processors}")


@dataclass(frozen=True)
class Project:
    """RCPSP: activities that share renewable resources; activity i precedes `after[i]`."""

    name: str
    capacity: tuple[int, ...]
    durations: tuple[int, ...]
    demand: tuple[tuple[int, ...], ...]
    after: tuple[tuple[int, ...], ...]

    def instance(self) -> Instance:
        """One node that has all resources, R1 first."""
        before: list[list[str]] = [[] for _ in self.durations]
        for at, later in enumerate(self.after):
            for other in later:
                before[other].append(f"t{at}")
        tasks = tuple(
            Task(f"t{at}", length, _named(demand), after=tuple(before[at]))
            for at, (length, demand) in enumerate(zip(self.durations, self.demand, strict=True))
        )
        return Instance((Node("n", _named(self.capacity)),), tasks, name=self.name)


@dataclass(frozen=True)
class JobShop:
    """Jobs of (machine, length) operations in order."""

    name: str
    jobs: tuple[tuple[tuple[int, int], ...], ...]

    def instance(self) -> Instance:
        """Each machine a node of one slot, each operation confined to its machine."""
        tasks = []
        for job, operations in enumerate(self.jobs):
            for at, (machine, length) in enumerate(operations):
                after = (f"j{job}.{at - 1}",) if at else ()
                tasks.append(Task(f"j{job}.{at}", length, _SLOT, after=after, allowed_nodes=(f"m{machine}",)))
        machines = sorted({machine for operations in self.jobs for machine, _ in operations})
        return Instance(tuple(Node(f"m{machine}", _SLOT) for machine in machines), tuple(tasks), name=self.name)


@dataclass(frozen=True)
class WorkflowTask:
    """One recorded task: seconds, cores, parents by position, files by name."""

    name: str
    seconds: float
    cores: int
    parents: tuple[int, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Workflow:
    """A recorded workflow run; files that no task makes are taken to be everywhere."""

    name: str
    tasks: tuple[WorkflowTask, ...]
    sizes: Mapping[str, int]

    def instance(self, nodes: int, bandwidth_bytes_per_s: int, cpus: int = 1) -> Instance:
        """The run replanned on so many equal nodes; a task takes its recorded time and at most a whole node."""
        made: dict[str, int] = {}
        for at, task in enumerate(self.tasks):
            for name in task.outputs:
                made.setdefault(name, at)
        ids = [f"t{at}" for at in range(len(self.tasks))]
        return Instance(
            nodes=tuple(Node(f"n{at}", Resources.of(CPU=cpus)) for at in range(nodes)),
            tasks=tuple(
                Task(
                    ids[at],
                    round(task.seconds * MICROSECONDS),
                    Resources.of(CPU=min(task.cores, cpus)),
                    inputs=tuple(name for name in task.inputs if made.get(name, at) != at),
                    outputs=tuple(name for name in task.outputs if made[name] == at),
                    after=tuple(ids[parent] for parent in task.parents),
                )
                for at, task in enumerate(self.tasks)
            ),
            objects=tuple(Object(name, self.sizes[name]) for name in made),
            bandwidth_bytes_per_s=bandwidth_bytes_per_s,
            name=self.name,
        )

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Workflow:
        """From the compact form: tasks with `rt` s, `cores`, `par`, and `in`/`out` as [file, bytes] pairs."""
        sizes = {str(name): size for task in row["tasks"] for name, size in (*task["in"], *task["out"])}
        tasks = tuple(
            WorkflowTask(
                task["name"],
                task["rt"],
                task["cores"] or 1,
                tuple(task["par"]),
                tuple(str(name) for name, _ in task["in"]),
                tuple(str(name) for name, _ in task["out"]),
            )
            for task in row["tasks"]
        )
        return cls(row["name"], tasks, sizes)


def read_stg(path: Path) -> TaskGraph:
    """A task graph from a `.stg` file: a count, then "task length predecessors..." with the two dummies."""

    def parse(lines: Lines) -> TaskGraph:
        (number, words), *rest = lines
        count = _numbers(number, words, 1, "the number of tasks")[0] + 2
        if len(rest) < count:
            raise _expected(rest[-1][0] if rest else number, f"{count} tasks (with the two dummies)", f"{len(rest)}")
        rows = []
        for at, (number, words) in enumerate(rest[:count]):
            form = f"'{at} length predecessors {{predecessor}}'"
            row = _numbers(number, words, 3, form)
            if row[0] != at or len(row) != 3 + row[2] or any(before >= count for before in row[3:]):
                raise _expected(number, f"{form}, predecessors from 0 to {count - 1}", " ".join(words))
            rows.append(row)
        return TaskGraph(path.stem, tuple(row[1] for row in rows), tuple(tuple(row[3:]) for row in rows))

    return _read(path, parse)


def read_psplib(path: Path) -> Project:
    """A single-mode project from a PSPLIB `.sm` file."""

    def parse(lines: Lines) -> Project:
        after = _table(lines, "PRECEDENCE", "jobnr.", rows=None)
        jobs = len(after)
        for at, (number, row) in enumerate(after, 1):
            known = all(1 <= job <= jobs for job in row[3:])
            if len(row) < 3 or row[:2] != [at, 1] or len(row) != 3 + row[2] or not known:
                form = f"'{at} 1 successors {{successor}}', successors from 1 to {jobs}"
                raise _expected(number, form, " ".join(map(str, row)))
        ((_, capacity),) = _table(lines, "RESOURCEAVAILABILITIES", "R", rows=1)
        work = _table(lines, "REQUESTS/DURATIONS", "jobnr.", rows=jobs)
        for at, (number, row) in enumerate(work, 1):
            if row[:2] != [at, 1] or len(row) != 3 + len(capacity):
                form = f"'{at} 1 duration' and {len(capacity)} requests"
                raise _expected(number, form, " ".join(map(str, row)))
        return Project(
            path.stem,
            tuple(capacity),
            tuple(row[2] for _, row in work),
            tuple(tuple(row[3:]) for _, row in work),
            tuple(tuple(job - 1 for job in row[3:]) for _, row in after),
        )

    return _read(path, parse)


def read_job_shop(path: Path) -> JobShop:
    """A job shop: "jobs machines", then for each job its "machine length" pairs."""

    def parse(lines: Lines) -> JobShop:
        (number, words), *rest = lines
        jobs, machines = _numbers(number, words, 2, "the numbers of jobs and of machines")[:2]
        if not jobs or not machines:
            raise _expected(number, "at least one job and one machine", " ".join(words))
        found = []
        for number, words in rest[:jobs]:
            if len(words) != 2 * machines:
                raise _expected(number, f"{machines} 'machine length' pairs", f"{len(words)} numbers")
            values = _numbers(number, words, 2, "'machine length' pairs")
            if any(machine >= machines for machine in values[::2]):
                raise _expected(number, f"machines from 0 to {machines - 1}", f"{max(values[::2])}")
            found.append(tuple(zip(values[::2], values[1::2], strict=True)))
        if len(found) != jobs:
            raise _expected(lines[-1][0], f"{jobs} jobs", str(len(found)))
        return JobShop(path.stem, tuple(found))

    return _read(path, parse)


def read_wfcommons(path: Path) -> Workflow:
    """A workflow from WfCommons JSON, schema 1.5: a specification and its execution."""
    return workflow_of(path, read_document(path, "a WfCommons 1.5 workflow"))


def workflow_of(path: Path, data: object) -> Workflow:
    """The workflow in the JSON value of a file. Raises `InstanceError`."""
    try:
        return _workflow(Fields("the document", data))
    except InstanceError as error:
        raise InstanceError(f"{path}: {error}") from error


def _workflow(fields: Fields) -> Workflow:
    inner = fields.inner("workflow")
    inner.where = "workflow"  # Its parts are named from here on.
    specified, execution = inner.inner("specification"), inner.inner("execution")
    ran = {}
    for each in execution.each("tasks"):
        name = each.text("id")
        if name in ran:
            raise InstanceError(f"{each.where}: expected each id once, found {name} twice")
        ran[name] = each.number("runtimeInSeconds", MOST_SECONDS), each.number("coreCount", MOST_CORES, 1)
    listed = list(specified.each("tasks"))
    ids = [each.text("id") for each in listed]
    place = {name: at for at, name in enumerate(ids)}
    if len(place) != len(ids):
        raise InstanceError(f"{specified.where}.tasks: expected each id once, found one twice")
    sizes: dict[str, int] = {}
    for each in specified.each("files") if specified.has("files") else ():
        name, size = each.text("id"), each.count("sizeInBytes")
        if sizes.setdefault(name, size) != size:
            raise InstanceError(f"{each.where}: expected one size of each file, found two of {name}")
    tasks = []
    for name, each in zip(ids, listed, strict=True):
        parents, inputs, outputs = each.texts("parents"), each.texts("inputFiles"), each.texts("outputFiles")
        for kind, names, known in (
            ("parents", parents, place),
            ("outputFiles", outputs, sizes),
            ("execution", (name,), ran),
        ):
            missing = next((found for found in names if found not in known), None)
            if missing is not None:
                raise InstanceError(f"{each.where}: {kind}: expected what the file describes, found {missing}")
        seconds, cores = ran[name]
        tasks.append(
            WorkflowTask(
                each.text("name"), seconds, max(1, int(cores)), tuple(place[each] for each in parents), inputs, outputs
            )
        )
    return Workflow(fields.text("name"), tuple(tasks), sizes)


MOST_SECONDS, MOST_CORES = 1e9, 1e6
"""Of one task: thirty years, and more cores than any machine has."""

LIMIT = 16 * MIB
"""Bytes of a text file; the largest published ones take less than one."""

_SLOT = Resources.of(machine=1)


class _FormatError(ValueError):
    pass


def _read(path: Path, parse: Callable[[Lines], Source]) -> Source:
    try:
        text = read_text(path, LIMIT, "an instance")
    except DocumentError as error:
        line = f":{error.line}" if error.line else ""
        raise InstanceError(f"{path}{line}: {error.found}; expected {error.expected}") from error
    split = ((number, line.split()) for number, line in enumerate(text.split("\n"), 1))
    lines = [(number, words) for number, words in split if words and not words[0].startswith("#")]
    if not lines:
        raise InstanceError(f"{path}: expected an instance, found nothing but comments")
    try:
        return parse(lines)
    except _FormatError as error:
        raise InstanceError(f"{path}:{error}") from error


def _expected(line: int, wanted: str, found: str) -> _FormatError:
    return _FormatError(f"{line}: expected {wanted}, found {printable(found[:60])}")


def _numbers(line: int, words: list[str], least: int, form: str) -> list[int]:
    """The whole numbers of a line, at least so many."""
    wrong = next((word for word in words if not re.fullmatch(r"[0-9]{1,15}", word)), None)
    if wrong is not None or len(words) < least:
        raise _expected(line, f"{form}, whole numbers of at most 15 digits", wrong or " ".join(words))
    return [int(word) for word in words]


def _table(lines: Lines, title: str, header: str, rows: int | None) -> list[tuple[int, list[int]]]:
    """The rows of numbers, with their lines, under a section title, a header line and perhaps a rule of dashes."""
    at = next((at for at, (_, words) in enumerate(lines) if "".join(words).startswith(title)), None)
    if at is None:
        raise _expected(lines[-1][0], f"a section {title}", "none")
    found: list[tuple[int, list[int]]] = []
    for number, words in lines[at + 1 :]:
        if re.fullmatch(r"[0-9]+", words[0]):
            found.append((number, _numbers(number, words, 1, f"a row of {title}")))
        elif found:
            break
    if not found or (rows is not None and len(found) != rows):
        raise _expected(lines[at][0], f"{rows or 'some'} rows under {title} ({header} ...)", str(len(found)))
    return found


def _named(amounts: tuple[int, ...]) -> Resources:
    return Resources.from_amounts({f"R{at}": amount for at, amount in enumerate(amounts, 1)})
