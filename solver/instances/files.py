"""Instances as JSON: one form, with a version, amounts in whole units, defaults left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

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


def save(instance: Instance, path: Path) -> None:
    """Write an instance as indented JSON."""
    path.write_text(json.dumps(to_json(instance), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load(path: Path) -> Instance:
    """Read an instance; `InstanceError` names the file and what was expected there."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InstanceError(f"{path}: expected a readable file: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InstanceError(f"{path}: expected JSON: {error}") from error
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
    fields = _Fields("the instance", data)
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


def _node(fields: _Fields) -> Node:
    return Node(fields.text("id"), fields.amounts("capacity"), fields.labels())


def _task(fields: _Fields) -> Task:
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


def _object(fields: _Fields) -> Object:
    return Object(fields.text("id"), fields.count("size_bytes", 0))


def _occupant(fields: _Fields) -> Occupant:
    return Occupant(
        id=fields.text("id"),
        demand=fields.amounts("demand"),
        node=fields.optional_text("node"),
        state_bytes=fields.count("state_bytes", 0),
        movable=fields.flag("movable", default=True),
        allowed_nodes=fields.optional_texts("allowed_nodes"),
        labels=fields.labels(),
    )


def _group(fields: _Fields) -> Group:
    return Group(fields.text("id"), fields.member("strategy", GroupStrategy), fields.texts("bundles"))


class _Fields:
    """One JSON object, its fields taken one by one, so that what is missing, wrong or left over can be named."""

    def __init__(self, where: str, data: object) -> None:
        if not isinstance(data, dict):
            raise InstanceError(f"{where}: expected an object, found {_shown(data)}")
        self.where = where
        self.rest: dict[str, Any] = dict(data)

    def finish(self) -> None:
        if self.rest:
            raise InstanceError(f"{self.where}: unknown field {sorted(self.rest)[0]!r}")

    def text(self, name: str, default: str = _ABSENT) -> str:
        return self._take(name, "a string", lambda value: isinstance(value, str), default)  # type: ignore[no-any-return]

    def optional_text(self, name: str) -> str | None:
        return self.text(name) if self._has(name) else None

    def count(self, name: str, default: int = _ABSENT) -> int:
        return self._take(name, "a whole number of 0 or more", _is_count, default)  # type: ignore[no-any-return]

    def optional_count(self, name: str) -> int | None:
        return self.count(name) if self._has(name) else None

    def flag(self, name: str, default: bool) -> bool:
        return self._take(name, "true or false", lambda value: isinstance(value, bool), default)  # type: ignore[no-any-return]

    def member(self, name: str, kind: type[Member], default: str = _ABSENT) -> Member:
        text = self.text(name, default)
        try:
            return kind(text)
        except ValueError:
            expected = ", ".join(each.value for each in kind)
            raise InstanceError(f"{self.where}: {name} {text!r}: expected one of {expected}") from None

    def texts(self, name: str) -> tuple[str, ...]:
        found = self._take(name, "a list of strings", _is_texts, [])
        return tuple(found)

    def optional_texts(self, name: str) -> tuple[str, ...] | None:
        return self.texts(name) if self._has(name) else None

    def amounts(self, name: str) -> Resources:
        found = self._take(name, "an object of amounts of 0 or more", _is_amounts, {})
        return Resources.from_amounts(found)

    def labels(self) -> Labels:
        found: dict[str, str] = self._take("labels", "an object of strings", _is_labels, {})
        return tuple(sorted(found.items()))

    def many(self, name: str, make: Callable[[_Fields], Made]) -> tuple[Made, ...]:
        made = []
        for index, each in enumerate(self._take(name, "a list", lambda value: isinstance(value, list), [])):
            fields = _Fields(f"{name}[{index}]", each)
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

    def _has(self, name: str) -> bool:
        """Whether a field is there and not null; a null one is taken."""
        if self.rest.get(name) is None:
            self.rest.pop(name, None)
            return False
        return True


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LARGEST


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_amounts(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_amount(each) for each in value.values())


def _is_labels(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


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
    text = json.dumps(value, default=str)
    return text if len(text) <= 40 else text[:37] + "..."
