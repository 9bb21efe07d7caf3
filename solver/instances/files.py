"""Instances as JSON: one form, with a version, amounts in whole units, defaults left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from rayproof.model.documents import MIB, DocumentError, parse_json, printable, read_text
from rayproof.model.graph import Resources
from rayproof.solver.instances.form import (
    Group,
    GroupStrategy,
    Instance,
    InstanceError,
    Labels,
    Node,
    Object,
    Objective,
    Occupant,
    Task,
)

SCHEMA = "rayproof.instance/1"
"""Raised when a field changes its meaning; readers refuse what they do not know."""

LARGEST = 10**15
"""Bound on every number of a file: a petabyte, or thirty years in microseconds."""

Made = TypeVar("Made")
Member = TypeVar("Member", bound=StrEnum)
_ABSENT: Any = object()


LIMIT = 64 * MIB
"""Bytes of a file; a hundred thousand tasks take about 20 MiB."""

LONGEST_ID = 200


def save(instance: Instance, path: Path) -> None:
    """Write an instance as indented JSON."""
    path.write_text(json.dumps(to_json(instance), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_document(path: Path, expected: str = "an instance") -> Any:
    """The JSON value in a file; `InstanceError` names the file, the line and what was expected there."""
    try:
        return parse_json(read_text(path, LIMIT, expected))
    except DocumentError as error:
        raise InstanceError(
            f"{path}{f':{error.line}' if error.line else ''}: {error.found}; expected {error.expected}"
        ) from error


def load(path: Path) -> Instance:
    """Read an instance; `InstanceError` names the file and what was expected there."""
    return from_document(path, read_document(path))


def from_document(path: Path, data: object) -> Instance:
    """The instance in the JSON value of a file; `InstanceError` as from `load`."""
    try:
        return from_json(data)
    except InstanceError as error:
        raise type(error)(f"{path}: {error}") from error


def to_json(instance: Instance) -> dict[str, Any]:
    """The instance as plain JSON values."""
    data: dict[str, Any] = {"schema": SCHEMA, "name": instance.name, "objective": instance.objective.value}
    if instance.bandwidth_bytes_per_s is not None:
        data["bandwidth_bytes_per_s"] = instance.bandwidth_bytes_per_s
    data["nodes"] = [
        _filled(id=node.id, capacity=_amounts(node.capacity), labels=dict(node.labels)) for node in instance.nodes
    ]
    data["tasks"] = [
        _filled(
            id=task.id,
            duration=task.duration,
            demand=_amounts(task.demand),
            inputs=list(task.inputs),
            outputs=list(task.outputs),
            after=list(task.after),
            release=task.release,
            allowed_nodes=_optional_list(task.allowed_nodes),
            labels=dict(task.labels),
        )
        for task in instance.tasks
    ]
    data["objects"] = [_filled(id=item.id, size_bytes=item.size_bytes) for item in instance.objects]
    data["occupants"] = [
        _filled(
            id=item.id,
            demand=_amounts(item.demand),
            node=item.node,
            state_bytes=item.state_bytes,
            movable=None if item.movable else False,
            allowed_nodes=_optional_list(item.allowed_nodes),
            labels=dict(item.labels),
        )
        for item in instance.occupants
    ]
    data["groups"] = [
        {"id": group.id, "strategy": group.strategy.value, "bundles": list(group.bundles)} for group in instance.groups
    ]
    return data


def from_json(data: object) -> Instance:
    """The instance from plain JSON values; `InstanceError` says where and what was expected."""
    fields = Fields("the instance", data)
    schema = fields.text("schema")
    if schema != SCHEMA:
        raise InstanceError(f"schema {schema!r}: expected {SCHEMA!r}")
    instance = Instance(
        name=fields.text("name", "instance"),
        objective=fields.member("objective", Objective, Objective.MAKESPAN),
        bandwidth_bytes_per_s=fields.optional_count("bandwidth_bytes_per_s"),
        nodes=fields.many("nodes", _node),
        tasks=fields.many("tasks", _task),
        objects=fields.many("objects", _object),
        occupants=fields.many("occupants", _occupant),
        groups=fields.many("groups", _group),
    )
    fields.finish()
    return instance


def _node(fields: Fields) -> Node:
    return Node(fields.text("id"), fields.amounts("capacity"), fields.labels())


def _task(fields: Fields) -> Task:
    return Task(
        id=fields.text("id"),
        duration=fields.count("duration"),
        demand=fields.amounts("demand"),
        inputs=fields.texts("inputs"),
        outputs=fields.texts("outputs"),
        after=fields.texts("after"),
        release=fields.count("release", 0),
        allowed_nodes=fields.optional_texts("allowed_nodes"),
        labels=fields.labels(),
    )


def _object(fields: Fields) -> Object:
    return Object(fields.text("id"), fields.count("size_bytes", 0))


def _occupant(fields: Fields) -> Occupant:
    return Occupant(
        id=fields.text("id"),
        demand=fields.amounts("demand"),
        node=fields.optional_text("node"),
        state_bytes=fields.count("state_bytes", 0),
        movable=fields.flag("movable", default=True),
        allowed_nodes=fields.optional_texts("allowed_nodes"),
        labels=fields.labels(),
    )


def _group(fields: Fields) -> Group:
    return Group(fields.text("id"), fields.member("strategy", GroupStrategy), fields.texts("bundles"))


class Fields:
    """One JSON object, its fields taken one by one, so that what is missing, wrong or left over can be named."""

    def __init__(self, where: str, data: object) -> None:
        if not isinstance(data, dict):
            raise InstanceError(f"{where}: expected an object, found {_shown(data)}")
        self.where = where
        self.rest: dict[str, Any] = dict(data)

    def finish(self) -> None:
        if self.rest:
            known = "no field beside those of docs/solver.md"
            raise InstanceError(f"{self.where}: expected {known}, found {sorted(self.rest)[0]!r:.60}")

    def text(self, name: str, default: str = _ABSENT) -> str:
        return self._take(name, A_NAME, _is_name, default)  # type: ignore[no-any-return]

    def optional_text(self, name: str) -> str | None:
        return self.text(name) if self.has(name) else None

    def count(self, name: str, default: int = _ABSENT) -> int:
        return self._take(name, f"a whole number from 0 to {LARGEST:g}", _is_count, default)  # type: ignore[no-any-return]

    def optional_count(self, name: str) -> int | None:
        return self.count(name) if self.has(name) else None

    def flag(self, name: str, default: bool) -> bool:
        return self._take(name, "true or false", lambda value: isinstance(value, bool), default)  # type: ignore[no-any-return]

    def member(self, name: str, kind: type[Member], default: str = _ABSENT) -> Member:
        text = self.text(name, default)
        try:
            return kind(text)
        except ValueError:
            expected = ", ".join(each.value for each in kind)
            raise InstanceError(f"{self.where}: {name}: expected one of {expected}, found {text!r}") from None

    def texts(self, name: str) -> tuple[str, ...]:
        found = self._take(name, f"a list, each {A_NAME}", _is_texts, [])
        return tuple(found)

    def optional_texts(self, name: str) -> tuple[str, ...] | None:
        return self.texts(name) if self.has(name) else None

    def amounts(self, name: str) -> Resources:
        expected = f"an object of amounts from 0 to {LARGEST:g}, each key {A_NAME}"
        found = self._take(name, expected, _is_amounts, {})
        return Resources.from_amounts(found)

    def labels(self) -> Labels:
        found: dict[str, str] = self._take("labels", f"an object, each key and value {A_NAME}", _is_labels, {})
        return tuple(sorted(found.items()))

    def number(self, name: str, most: float, default: float = _ABSENT) -> float:
        expected = f"a number from 0 to {most:g}"
        return self._take(name, expected, lambda value: _is_amount(value) and value <= most, default)  # type: ignore[no-any-return]

    def inner(self, name: str) -> Fields:
        value = self._take(name, "an object", lambda value: isinstance(value, dict), _ABSENT)
        return Fields(f"{self.where}.{name}", value)

    def each(self, name: str) -> Iterator[Fields]:
        items = self._take(name, "a list", lambda value: isinstance(value, list), _ABSENT)
        return (Fields(f"{self.where}.{name}[{at}]", item) for at, item in enumerate(items))

    def many(self, name: str, make: Callable[[Fields], Made]) -> tuple[Made, ...]:
        made = []
        for index, each in enumerate(self._take(name, "a list", lambda value: isinstance(value, list), [])):
            fields = Fields(f"{name}[{index}]", each)
            made.append(make(fields))
            fields.finish()
        return tuple(made)

    def _take(self, name: str, expected: str, fits: Callable[[Any], bool], default: Any) -> Any:
        value = self.rest.pop(name, default)
        if value is _ABSENT:
            raise InstanceError(f"{self.where}: expected a field {name!r}, {expected}")
        if not fits(value):
            raise InstanceError(f"{self.where}: {name}: expected {expected}, found {_shown(value)}")
        return value

    def has(self, name: str) -> bool:
        """Whether a field is there and not null; a null one is taken."""
        if self.rest.get(name) is None:
            self.rest.pop(name, None)
            return False
        return True


A_NAME = f"a string of 1 to {LONGEST_ID} printable characters"


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value.isprintable()


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LARGEST


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_name, value))


def _is_amounts(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_name(name) and _is_amount(each) for name, each in value.items())


def _is_labels(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_name(name) and _is_text(each) for name, each in value.items())


def _is_text(value: Any) -> bool:
    return value == "" or _is_name(value)


def _amounts(resources: Resources) -> dict[str, float | int]:
    return {name: int(value) if value == int(value) else value for name, value in resources.amounts().items()}


def _optional_list(names: Iterable[str] | None) -> list[str] | None:
    return None if names is None else list(names)


def _filled(**fields: Any) -> Mapping[str, Any]:
    required = ("id", "duration", "capacity", "allowed_nodes")
    return {
        name: value
        for name, value in fields.items()
        if value is not None and (name in required or value is False or value not in (0, "", [], {}))
    }


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return f"an object of {len(value)} fields" if isinstance(value, dict) else f"a list of {len(value)}"
    text = printable(str(value)) if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."
