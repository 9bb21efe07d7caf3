"""The forms in which Ray gives the state of a run away, each read for what it tells.

| form | written by |
|---|---|
| Chrome trace | `ray timeline`, `ray.timeline()`, the dashboard's download: a list of events, or under `traceEvents` |
| state | `ray list tasks --detail --format json` or `yaml`, the rows of `list_tasks(detail=True)`, the API's reply |
| nodes, actors, objects | `ray list nodes --detail` and so on, in the same forms |
| export events | `logs/export_events/event_EXPORT_*.log`: one JSON object a line; or the folder of them |

In a trace of the dashboard processes and threads are numbers, named by events of phase `M`; in one of `ray timeline`
only `task::<name>` says which task it is, and what the same worker did within it belongs to it. Source: Ray 2.60,
`python/ray/_private/profiling.py::chrome_tracing_dump`, `_private/state.py::chrome_tracing_dump`.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from rayproof.errors import InputError
from rayproof.files import parse_json, read_text
from rayproof.jsonfields import Fields
from rayproof.model.documents import MIB, printable
from rayproof.timelines.rows import NodeTold, Row, Span, Told

LIMIT = 32 * MIB
"""Bytes. Ten thousand tasks, the most that the state API lists, take about 25 MiB in detail."""

EXPECTED = (
    "what `ray list tasks --detail --format json`, `ray timeline`, the dashboard or Ray's export events write of a run"
)
WHOLE, BODY = "task::", "task:execute"

STATES = {
    "1": "PENDING_ARGS_AVAIL",
    "2": "PENDING_NODE_ASSIGNMENT",
    "3": "PENDING_OBJ_STORE_MEM_AVAIL",
    "4": "PENDING_ARGS_FETCH",
    "5": "SUBMITTED_TO_WORKER",
    "6": "PENDING_ACTOR_TASK_ARGS_FETCH",
    "7": "PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY",
    "8": "RUNNING",
    "9": "RUNNING_IN_RAY_GET",
    "10": "RUNNING_IN_RAY_WAIT",
    "11": "FINISHED",
    "12": "FAILED",
}
"""Numbers of `TaskStatus` in Ray 2.60's `common.proto`, which export events use."""

UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
AMOUNT = re.compile(r"(-?[0-9.]+) (B|KiB|MiB|GiB|TiB)")
LOCAL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]{8,15}")
YAML = (".yaml", ".yml")

LATEST_US = 1e17
"""Bound on times: beyond the year 5000."""


def is_state(path: Path) -> bool:
    """Whether a JSON file is something of this kind; a file that cannot be read is none."""
    try:
        content = parse_json(path, 1, read_text(path, LIMIT, EXPECTED))
    except InputError:
        return False
    if isinstance(content, dict):
        return "traceEvents" in content or "source_type" in content or isinstance(_listed(content), list)
    return isinstance(content, list)


def read_told(paths: Sequence[str | Path]) -> Told:
    """Everything that some files tell. Raises `InputError`."""
    told = Told(str(paths[0]))
    traced: list[Row] = []
    for path in paths:
        for file in _files(path):
            for content in _contents(file):
                traced += _take(told, file, content)
    for row in _numbered(traced, told):
        told.add(row)
    told.on_one_clock()
    return told


def _files(path: str | Path) -> list[Path]:
    folder = Path(path)
    if not os.path.isdir(folder):
        return [folder]
    found = sorted(file for file in folder.glob("event_EXPORT_*.log") if file.stat().st_size)
    if not found:
        raise InputError(
            path, None, "the file is a directory without export events", "files named event_EXPORT_*.log, or a file"
        )
    return found


class _EachKeyOnce(yaml.SafeLoader):
    """Plain values only, and no key twice in one mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As in the safe loader."""
        keys = [str(key.value) for key, _ in node.value]
        if len(set(keys)) != len(keys):
            raise yaml.constructor.ConstructorError(None, None, "a key is given twice", node.start_mark)
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made


def _contents(file: Path) -> Iterator[list[Fields]]:
    """The objects of a file; line numbers are known where there is one a line."""
    text = read_text(file, LIMIT, EXPECTED)
    if file.suffix.lower() in YAML:
        try:
            content = yaml.load(text, Loader=_EachKeyOnce)
        except (yaml.YAMLError, RecursionError, ValueError) as error:  # a ValueError: a date that is none
            raise InputError(file, None, f"not YAML: {error}", EXPECTED) from error
    elif text.lstrip().startswith("{") and "\n{" in text:
        lines = [(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]
        yield [Fields.of(file, n, parse_json(file, n, line)) for n, line in lines]
        return
    else:
        content = parse_json(file, 1, text)
    if isinstance(content, dict):
        content = [content] if "source_type" in content else content.get("traceEvents", _listed(content))
    if not isinstance(content, list):
        raise InputError(file, 1, "no list of events, tasks or the like", EXPECTED)
    yield [Fields.of(file, None, item, f"item {number}") for number, item in enumerate(content)]


def _listed(content: Mapping[str, Any]) -> object:
    """The rows inside a reply of the state API."""
    for key in ("data", "result", "result"):
        inner = content.get(key) if isinstance(content, Mapping) else None
        if inner is None:
            break
        content = inner
    return content


def _take(told: Told, file: Path, items: list[Fields]) -> list[Row]:
    """Add what a file tells; rows of a trace, whose attempts have no numbers yet, are given back."""
    if any("ph" in item.data for item in items):
        return _trace(items)
    kinds: list[tuple[str, Callable[[Told, Fields], None]]] = [
        ("source_type", _export),
        ("task_id", _task),
        ("object_id", _object),
        ("class_name", _actor),
        ("resources_total", _node),
    ]
    for item in items:
        take = next((take for key, take in kinds if item.has(key)), None)
        if take is None:
            if item is items[0] and len(items[0].data) > 1 and items[0].within:
                told.unused.append(f"{file.name} is a listing of which nothing is used.")
                return []
            raise item.bad("neither an event nor a row of a listing that is known", EXPECTED)
        take(told, item)
    if not items:
        told.unused.append(f"{file.name} is an empty list.")
    return []


# ---- listings of the state API ---------------------------------------------------------------------------------------


def _text(fields: Fields, key: str) -> str:
    """A string as it stands, however long; absent, null and of another kind mean empty."""
    value = fields.data.get(key)
    return value if isinstance(value, str) else ""


def _task(told: Told, fields: Fields) -> None:
    told.states = True
    attempt = fields.whole("attempt_number", 0)
    row = Row(
        fields.text("task_id"),
        attempt,
        _text(fields, "name") or _text(fields, "func_or_class_name"),
        _text(fields, "type"),
        _text(fields, "state"),
        _text(fields, "parent_task_id"),
        _text(fields, "node_id"),
        "",
        _text(fields, "worker_id"),
        _amounts(fields, "required_resources") if fields.has("required_resources") else None,
        _text(fields, "error_type"),
        _text(fields, "actor_id"),
        _text(fields, "placement_group_id"),
        _text(fields, "job_id"),
    )
    for event in fields.inners("events"):
        at, local = _time(event, "created_ms")
        row.reached_us[event.text("state")] = at
        row.local = row.local or local
    profile = fields.inner("profiling_data")
    row.address = _text(profile, "node_ip_address")
    _spans(row, profile.inners("events"), 1e3)
    told.add(row)


def _spans(row: Row, events: Sequence[Fields], per_us: float) -> None:
    """The body and the whole stay among profile events, whose times are multiples (or parts) of a microsecond."""
    for event in events:
        name = event.text("event_name", "-")
        if name == BODY or name.startswith(WHOLE):
            start, end = (round(_number(event, key) * per_us) for key in ("start_time", "end_time"))
            if name == BODY:
                row.body_us = start, max(start, end)
            else:
                row.stay_us = start, max(start, end)


def _number(fields: Fields, key: str) -> float:
    """A number, or a string of one, as protobuf writes large ones."""
    value: object = fields.data.get(key)
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError as error:
            raise fields.bad(f"field {key!r} is no number", "a number") from error
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LATEST_US * 1e3:
        raise fields.bad(f"field {key!r} is no time", "a number of at least 0")
    return value


def _time(fields: Fields, key: str) -> tuple[int, bool]:
    """A time in microseconds, and whether it is a local one, as the command line prints them."""
    value = fields.data.get(key)
    if isinstance(value, str) and LOCAL_TIME.fullmatch(value):
        try:
            return round(datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp() * 1e6), True
        except ValueError as error:
            raise fields.bad(f"field {key!r} is {value!r}", "a date and a time") from error
    return round(_number(fields, key) * 1e3), False


def _amounts(fields: Fields, key: str) -> dict[str, float]:
    """Resources; the command line prints bytes as `15.618 GiB`."""
    inner = fields.inner(key)
    return {name: _amount(inner, name) for name in inner.data}


def _amount(fields: Fields, key: str) -> float:
    value = fields.data.get(key)
    written = AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if written is None:
        return fields.number(key, 0, low=-1)
    return float(written[1]) * UNITS[written[2]]


def _object(told: Told, fields: Fields) -> None:
    size = _amount(fields, "object_size")
    if size >= 0:
        told.sizes[fields.text("object_id")] = round(size)


def _actor(told: Told, fields: Fields) -> None:
    told.actors[fields.text("actor_id")] = _amounts(fields, "required_resources")


def _node(told: Told, fields: Fields) -> None:
    labels = fields.inner("labels").data
    shown = tuple(sorted((k, v) for k, v in labels.items() if isinstance(v, str) and not k.startswith("ray.io/node-")))
    head = fields.flag("is_head_node", False)
    told.nodes[fields.text("node_id")] = NodeTold(_amounts(fields, "resources_total"), shown, head)


# ---- export events ---------------------------------------------------------------------------------------------------


def _hex(fields: Fields, key: str) -> str:
    """An id, which export events write in base 64."""
    try:
        return base64.b64decode(_text(fields, key), validate=True).hex()
    except (binascii.Error, ValueError) as error:
        raise fields.bad(f"field {key!r} is no base64", "an id in base 64") from error


def _export(told: Told, fields: Fields) -> None:
    data = fields.inner("event_data")
    match fields.text("source_type"):
        case "EXPORT_TASK":
            _exported_task(told, data)
        case "EXPORT_ACTOR":
            told.actors[_hex(data, "actor_id")] = _amounts(data, "required_resources")
        case "EXPORT_NODE":
            _node(told, Fields(data.path, data.line, {**data.data, "node_id": _hex(data, "node_id")}, data.within))
        case _:
            pass


def _exported_task(told: Told, data: Fields) -> None:
    told.states = True
    info, updates, profile = data.inner("task_info"), data.inner("state_updates"), data.inner("profile_events")
    reached = updates.inner("state_ts_ns")
    row = Row(
        _hex(data, "task_id"),
        data.whole("attempt_number", 0),
        _text(info, "func_or_class_name"),
        _text(info, "type"),
        "",
        _hex(info, "parent_task_id"),
        _hex(updates, "node_id"),
        _text(profile, "node_ip_address"),
        _hex(updates, "worker_id"),
        _amounts(info, "required_resources") if info.data else None,
        _text(updates.inner("error_info"), "error_type"),
        _hex(info, "actor_id"),
        _hex(info, "placement_group_id"),
        _hex(data, "job_id"),
        reached_us={STATES.get(number, number): round(_number(reached, number) / 1e3) for number in reached.data},
    )
    # The submitter's own profile stands in its own row; a worker's is that of the attempt.
    if profile.text("component_type", "worker") == "worker":
        _spans(row, profile.inners("events"), 1e-3)
    told.add(row)


# ---- Chrome traces ---------------------------------------------------------------------------------------------------


def _trace(items: list[Fields]) -> list[Row]:
    """One row for each stay of a task at its worker; attempts are -1 where the trace does not number them."""
    names: dict[tuple[object, object, str], str] = {}
    stays: list[tuple[tuple[object, object], Row]] = []
    bodies: dict[tuple[object, object], list[Span]] = defaultdict(list)
    by_task: dict[tuple[str, int], Span] = {}
    for item in items:
        phase, category = _text(item, "ph"), _text(item, "cat")
        process, thread = (_one(item, key) for key in ("pid", "tid"))
        if phase == "M":
            names[process, thread, _text(item, "name")] = _text(item.inner("args"), "name")
        if phase != "X" or not (category == BODY or category.startswith(WHOLE)):
            continue
        # Trace clocks count from 1970 in microseconds: more than the usual bound on a number, but still exact.
        start = round(item.number("ts", high=LATEST_US))
        span = start, start + round(item.number("dur"))
        arguments = item.inner("args")
        task, attempt = _text(arguments, "task_id"), arguments.whole("attempt_number", -1, low=-1)
        if category == BODY:
            bodies[process, thread].append(span)
            if task:
                by_task[task, attempt] = span
        else:
            row = Row(arguments.text("task_id"), attempt, category.removeprefix(WHOLE), stay_us=span)
            row.address, row.worker, row.actor = str(process), str(thread), _text(arguments, "actor_id")
            stays.append(((process, thread), row))
    shared: dict[tuple[object, object], list[Row]] = defaultdict(list)
    for place, row in stays:
        shared[place].append(row)
        row.address = names.get((place[0], None, "process_name"), row.address).removeprefix("Node ")
        row.worker = names.get((*place, "thread_name"), row.worker).removeprefix("worker:")
    for place, rows in shared.items():
        for row in rows:
            assert row.stay_us is not None
            row.body_us = by_task.get((row.task, row.attempt)) or _within(row.stay_us, bodies[place], rows)
    return [row for _, row in stays]


def _one(item: Fields, key: str) -> object:
    """A number or a name."""
    value = item.data.get(key)
    if isinstance(value, dict | list):
        raise item.bad(f"field {key!r} is {'an object' if isinstance(value, dict) else 'a list'}", "a number or a name")
    return printable(value) if isinstance(value, str) else value


def _within(stay: Span, bodies: list[Span], rows: list[Row]) -> Span | None:
    """The only body within a stay, if no other stay at that worker overlaps it (as those of an async actor do)."""
    others = sum(row.stay_us is not None and row.stay_us[0] < stay[1] and stay[0] < row.stay_us[1] for row in rows)
    inside = [body for body in bodies if stay[0] <= body[0] and body[1] <= stay[1]]
    return inside[0] if others == 1 and len(inside) == 1 else None


def _numbered(traced: list[Row], told: Told) -> Iterator[Row]:
    """Rows of traces with the numbers of their attempts: those that ran, in order."""
    by_task: dict[str, list[Row]] = defaultdict(list)
    for row in traced:
        if row.attempt >= 0:
            yield row
        else:
            by_task[row.task].append(row)
    known: dict[str, list[int]] = defaultdict(list)
    for (task, attempt), row in sorted(told.rows.items(), key=lambda item: item[0]):
        if row.ran_us:
            known[task].append(attempt)
    for task, rows in by_task.items():
        rows.sort(key=lambda row: row.stay_us or (0, 0))
        numbers = known[task] if len(known[task]) == len(rows) else range(len(rows))
        for number, row in zip(numbers, rows, strict=True):
            row.attempt = number
            yield row
