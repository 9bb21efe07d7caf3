"""Scheduling instances in the file formats of the literature.

STG (Kasahara Lab, Standard Task Graph set), PSPLIB single-mode `.sm` (Kolisch and Sprecher 1996), job shop in the
"jobs machines" text of the OR-Library, and WfCommons JSON (WfFormat 1.5). Each kind is a small value with `instance()`;
times stay in the set's own unit, except workflows, whose seconds become microseconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from rayproof.model.graph import Resources
from rayproof.solver.instances import MICROSECONDS, Instance, InstanceError, Node, Object, Task

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
        count = int(lines[0][1][0]) + 2
        if len(lines) - 1 < count:
            raise _expected(len(lines) - 1, f"{count} tasks (with the two dummies)", f"{len(lines) - 1}")
        rows = [[int(word) for word in words] for _, words in lines[1 : count + 1]]
        for at, (row, (number, _)) in enumerate(zip(rows, lines[1:], strict=False)):
            if len(row) < 3 or row[0] != at or len(row) != 3 + row[2]:
                raise _expected(number, f"'{at} length predecessors {{predecessor}}'", " ".join(map(str, row)))
        return TaskGraph(path.stem, tuple(row[1] for row in rows), tuple(tuple(row[3:]) for row in rows))

    return _read(path, parse)


def read_psplib(path: Path) -> Project:
    """A single-mode project from a PSPLIB `.sm` file."""

    def parse(lines: Lines) -> Project:
        after = [row[3:] for row in _table(lines, "PRECEDENCE", "jobnr.", rows=None)]
        work = _table(lines, "REQUESTS/DURATIONS", "jobnr.", rows=len(after))
        capacity = _table(lines, "RESOURCEAVAILABILITIES", "R", rows=1)[0]
        return Project(
            path.stem,
            tuple(capacity),
            tuple(row[2] for row in work),
            tuple(tuple(row[3:]) for row in work),
            tuple(tuple(job - 1 for job in row) for row in after),
        )

    return _read(path, parse)


def read_job_shop(path: Path) -> JobShop:
    """A job shop: "jobs machines", then for each job its "machine length" pairs."""

    def parse(lines: Lines) -> JobShop:
        jobs, machines = (int(word) for word in lines[0][1][:2])
        found = []
        for number, words in lines[1 : jobs + 1]:
            if len(words) != 2 * machines:
                raise _expected(number, f"{machines} 'machine length' pairs", f"{len(words)} numbers")
            values = [int(word) for word in words]
            found.append(tuple(zip(values[::2], values[1::2], strict=True)))
        if len(found) != jobs:
            raise _expected(lines[-1][0], f"{jobs} jobs", str(len(found)))
        return JobShop(path.stem, tuple(found))

    return _read(path, parse)


def read_wfcommons(path: Path) -> Workflow:
    """A workflow from WfCommons JSON, schema 1.5: a specification and its execution."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        workflow = data["workflow"]
        specified = workflow["specification"]
        ran = {task["id"]: task for task in workflow["execution"]["tasks"]}
        place = {task["id"]: at for at, task in enumerate(specified["tasks"])}
        tasks = tuple(
            WorkflowTask(
                task["name"],
                float(ran[task["id"]]["runtimeInSeconds"]),
                max(1, int(ran[task["id"]].get("coreCount") or 1)),
                tuple(place[parent] for parent in task["parents"]),
                tuple(task.get("inputFiles", ())),
                tuple(task.get("outputFiles", ())),
            )
            for task in specified["tasks"]
        )
        sizes = {item["id"]: int(item["sizeInBytes"]) for item in specified.get("files", ())}
        return Workflow(data["name"], tasks, sizes)
    except OSError as error:
        raise InstanceError(f"{path}: expected a readable file: {error.strerror}") from error
    except KeyError as error:
        raise InstanceError(f"{path}: expected a WfCommons 1.5 workflow: {error} is missing") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise InstanceError(f"{path}: expected a WfCommons 1.5 workflow: {error}") from error


_SLOT = Resources.of(machine=1)


class _FormatError(ValueError):
    pass


def _read(path: Path, parse: Callable[[Lines], Source]) -> Source:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InstanceError(f"{path}: expected a readable file: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InstanceError(f"{path}: expected text: {error}") from error
    split = ((number, line.split()) for number, line in enumerate(text.splitlines(), 1))
    lines = [(number, words) for number, words in split if words and not words[0].startswith("#")]
    if not lines:
        raise InstanceError(f"{path}: expected an instance, found an empty file")
    try:
        return parse(lines)
    except _FormatError as error:
        raise InstanceError(f"{path}:{error}") from error
    except (ValueError, IndexError) as error:
        raise InstanceError(f"{path}: expected numbers in the usual places: {error}") from error


def _expected(line: int, wanted: str, found: str) -> _FormatError:
    return _FormatError(f"{line}: expected {wanted}, found {found}")


def _table(lines: Lines, title: str, header: str, rows: int | None) -> list[list[int]]:
    """The rows of numbers under a section title, a header line and perhaps a rule of dashes."""
    at = next((at for at, (_, words) in enumerate(lines) if "".join(words).startswith(title)), None)
    if at is None:
        raise _expected(lines[-1][0], f"a section {title}", "none")
    found = []
    for _, words in lines[at + 1 :]:
        if re.fullmatch(r"\d+", words[0]):
            found.append([int(word) for word in words])
        elif found:
            break
    if not found or (rows is not None and len(found) != rows):
        raise _expected(lines[at][0], f"{rows or 'some'} rows under {title} ({header} ...)", str(len(found)))
    return found


def _named(amounts: tuple[int, ...]) -> Resources:
    return Resources.from_amounts({f"R{at}": amount for at, amount in enumerate(amounts, 1)})
