"""Tasks and objects of a recording as the model's program."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from statistics import median
from typing import Any

from rayproof.errors import InputError
from rayproof.jsonfields import Fields
from rayproof.model.graph import (
    BundleStrategy,
    Default,
    GroupId,
    GroupSpec,
    Hints,
    NodeAffinity,
    NodeId,
    ObjectId,
    ObjectSpec,
    PlacementGroup,
    Program,
    ProgramError,
    Put,
    Resources,
    Spread,
    Strategy,
    Submit,
    TaskId,
    TaskKind,
    TaskSpec,
    Wait,
)
from rayproof.model.graph.labels import Selector, selector_of
from rayproof.recordings.bodies import Bodies
from rayproof.recordings.lines import GroupReady, Located, PutDone, TaskLine
from rayproof.recordings.log import Log

BUNDLE_RESOURCE = re.compile(r"(?P<name>.+)_group_(?:\d+_)?[0-9a-f]+")
"""Ray's name for a resource that a placement group reserved: `CPU_group_0_<hex>` (one bundle), `CPU_group_<hex>`."""

UNPLACED = frozenset({"memory", "object_store_memory", "bundle"})
"""Resources that nodes of a recording do not declare (bytes of memory), or that only mark a bundle."""

ANYWHERE = ("DEFAULT", "")
DEFAULT_MAX_RETRIES = 3
ASYNC = 1_000
"""Methods of an asynchronous actor that run at a time, unless it says otherwise."""


def program(log: Log, bodies: Bodies, present: frozenset[NodeId]) -> tuple[Program, frozenset[TaskId]]:
    """The program and its setup tasks (see `Recording.setup`). Raises `InputError`."""
    every = (bodies.driver, *bodies.by_task.values())
    put = {action.object for body in every for action in body if isinstance(action, Put)}
    outputs = _outputs(log, put)
    made = put.union(*outputs.values())
    given = [made_before for made_before in log.objects if made_before not in made]
    tasks = {task: _task(log, lines[0], outputs[task], bodies) for task, lines in log.attempts.items()}
    driver = bodies.driver
    holders = _holders(log)
    setup: dict[TaskId, TaskSpec] = {}
    for item in given:
        holder = holders.get(item)
        where = NodeAffinity(holder) if holder in present and holder is not None else Default()
        name = f"setup:{item}"
        setup[name] = TaskSpec(name, outputs=(item,), demand=Resources(), strategy=where, name="setup")
    if given:
        driver = (*(Submit(task) for task in setup), Wait(tuple(given), len(given)), *driver)
    try:
        built = Program(setup | tasks, _objects(log, outputs), driver, log.meta.scenario, _groups(log))
    except ProgramError as error:
        raise InputError(log.path, None, str(error), "a program that could have run") from error
    return built, frozenset(setup)


def _groups(log: Log) -> dict[GroupId, GroupSpec]:
    """The placement groups as they were asked for."""
    ready = {event.group: event.strategy for event in log.events if isinstance(event, GroupReady)}
    found = {}
    for group in log.groups.values():
        told = group.strategy or ready.get(group.hex, BundleStrategy.PACK)
        if told not in set(BundleStrategy):
            raise group.at.bad(f"unknown strategy {told!r}", "one of " + ", ".join(BundleStrategy))
        bundles = tuple(
            Resources.from_amounts({name: amount for name, amount in amounts.items() if name not in UNPLACED})
            for _, amounts, _ in sorted(group.bundles, key=lambda bundle: bundle[0])
        )
        found[group.id] = GroupSpec(group.id, bundles, BundleStrategy(told))
    return found


def demand(log: Log, line: TaskLine) -> Resources:
    """What a task holds while it runs; for a constructor, what the actor holds for life.

    Ray's own row (`required_resources`) first, where a placement group's names stand for the plain ones; else the
    options given at the submit with Ray's defaults: 1 CPU for a task, and for an actor nothing unless it asks for
    something, then 1 CPU too. Methods hold nothing beside their actor.
    """
    if line.kind is TaskKind.ACTOR_METHOD:
        return Resources()
    options, required = line.options, line.required
    if line.kind is TaskKind.ACTOR_CREATION and line.actor is not None:
        actor = log.actors[line.actor]
        options, required = actor.options, required or actor.required
    if required is None:
        asked = {"GPU": options.number("num_gpus", 0), **options.amounts("resources")}
        usual = 0 if line.kind is TaskKind.ACTOR_CREATION and not any(asked.values()) else 1
        required = {"CPU": options.number("num_cpus", usual), **asked}
    plain: dict[str, float] = {}
    for name, amount in required.items():
        reserved = BUNDLE_RESOURCE.fullmatch(name)
        plain[reserved["name"] if reserved else name] = amount
    return Resources.from_amounts({name: amount for name, amount in plain.items() if name not in UNPLACED})


def strategy(log: Log, line: TaskLine) -> Strategy | None:
    """The scheduling strategy; None for one that the model does not have."""
    options = line.options
    if line.kind is TaskKind.ACTOR_CREATION and line.actor is not None:
        options = log.actors[line.actor].options
    match options.data.get("strategy"):
        case None:
            return Default()
        case str(text) if text in ANYWHERE:
            return Default()
        case "SPREAD":
            return Spread()
        case {"affinity": str(node), **rest}:
            if node not in log.nodes:
                raise line.at.bad(f"affinity to unknown node {node}", "a node that has a line of its own")
            told = Fields.of(log.path, line.at.line, rest)
            return NodeAffinity(node, told.flag("soft", False), told.flag("spill", False))
        case {"pg": str(group), **rest}:
            if group not in log.groups:
                raise line.at.bad(f"unknown placement group {group}", "a placement group that has a line of its own")
            return PlacementGroup(group, int(Fields.of(log.path, line.at.line, rest).number("bundle", -1, low=-1)))
    return None


def _task(log: Log, line: TaskLine, outputs: tuple[ObjectId, ...], bodies: Bodies) -> TaskSpec:
    return TaskSpec(
        id=line.id,
        inputs=tuple(dict.fromkeys(line.inputs)),
        outputs=outputs,
        demand=demand(log, line),
        body=bodies.by_task[line.id],
        strategy=strategy(log, line) or Default(),
        max_retries=_max_retries(log, line),
        kind=line.kind,
        actor=line.actor,
        max_concurrency=_max_concurrency(log, line),
        name=line.name,
        hints=hints_in(line.options.data.get("_labels")),
        selectors=() if line.kind is TaskKind.ACTOR_METHOD else selectors(log, line),
    )


def selectors(log: Log, line: TaskLine) -> tuple[Selector, ...]:
    """What `label_selector` asks of labels, and what `fallback_strategy` falls back to, in its order."""
    options = line.options
    if line.kind is TaskKind.ACTOR_CREATION and line.actor is not None:
        options = log.actors[line.actor].options
    written = [options.inner("label_selector")]
    written += [each.inner("label_selector") for each in options.inners("fallback_strategy")]
    if not any(each.data for each in written):
        return ()
    return tuple(selector_of({key: each.text(key) for key in each.data}) for each in written)


def hints_in(labels: Any) -> Hints:
    """Wishes in the labels of a task (`_labels`): `priority`, `job`, and in seconds `deadline`, `waiting_timeout` and
    `duration`.

    Ray has no options of these names and hands labels on as they are. What is no number says nothing.
    """
    told: dict[str, float] = {}
    for name, text in labels.items() if isinstance(labels, dict) else ():
        try:
            told[name] = float(text)
        except (TypeError, ValueError):
            continue
    told = {name: value for name, value in told.items() if isfinite(value)}

    def us(name: str) -> int | None:
        return round(told[name] * 1e6) if name in told else None

    given = {str(name): str(text) for name, text in labels.items()} if isinstance(labels, dict) else {}
    job, as_given = given.get("job", ""), tuple(sorted(given.items()))
    return Hints(round(told.get("priority", 0)), us("deadline"), us("waiting_timeout"), us("duration"), job, as_given)


def _max_retries(log: Log, line: TaskLine) -> int:
    if line.kind is TaskKind.NORMAL or line.actor is None:
        return line.options.whole("max_retries", DEFAULT_MAX_RETRIES, low=-1)
    key = "max_restarts" if line.kind is TaskKind.ACTOR_CREATION else "max_task_retries"
    return line.options.whole(key, log.actors[line.actor].options.whole(key, 0, low=-1), low=-1)


def _max_concurrency(log: Log, line: TaskLine) -> int:
    if line.actor is None:
        return 1
    options = log.actors[line.actor].options
    return options.whole("max_concurrency", ASYNC if options.flag("async", False) else 1, low=1)


def _outputs(log: Log, put: set[ObjectId]) -> dict[TaskId, tuple[ObjectId, ...]]:
    """Results of each task: those named at the submit, and objects whose own line names it as their producer."""
    found: dict[TaskId, list[ObjectId]] = {task: list(lines[0].outputs) for task, lines in log.attempts.items()}
    for item in log.objects.values():
        if item.producer is not None and item.id not in put:
            found[item.producer].append(item.id)
    return {task: tuple(dict.fromkeys(items)) for task, items in found.items()}


def _holders(log: Log) -> dict[ObjectId, NodeId]:
    """The first node on which a probe saw an object."""
    found: dict[ObjectId, NodeId] = {}
    for event in log.events:
        if isinstance(event, Located) and event.nodes:
            found.setdefault(event.object, event.nodes[0])
    return found


def sizes(log: Log) -> dict[ObjectId, int]:
    """Bytes of each object of known size: as its owner had it at the end, as a probe saw it, or as it was put."""
    found = {item.id: item.size_bytes for item in log.objects.values() if item.size_bytes is not None}
    for event in log.events:
        if isinstance(event, Located | PutDone) and event.size_bytes is not None:
            found.setdefault(event.object, event.size_bytes)
    return found


def _objects(log: Log, outputs: Mapping[TaskId, tuple[ObjectId, ...]]) -> dict[ObjectId, ObjectSpec]:
    """All objects; one of unknown size is as large as the median result of the same function, else empty."""
    known = sizes(log)
    function = {item: log.attempts[task][0].name for task, items in outputs.items() for item in items}
    usual: dict[str, list[int]] = {}
    for item, name in function.items():
        if item in known:
            usual.setdefault(name, []).append(known[item])
    found: dict[ObjectId, ObjectSpec] = {}
    for item in log.objects:
        alike = usual.get(function.get(item, ""))
        size = known.get(item, round(median(alike)) if alike else 0)
        found[item] = ObjectSpec(item, size)
    return found
