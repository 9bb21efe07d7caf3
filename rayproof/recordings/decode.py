"""From one JSON object to one line of a recording. Strict: an unknown kind of line or event is an error, not a skip."""

from __future__ import annotations

from collections.abc import Callable

from rayproof.jsonfields import LARGEST, Fields
from rayproof.model.graph.program import DRIVER
from rayproof.recordings.lines import (
    TASK_KINDS,
    ActorLine,
    ActorState,
    BodyEnd,
    BodyStart,
    Dropped,
    Event,
    FaultKind,
    FaultSeen,
    GetBegin,
    GetEnd,
    GroupLine,
    GroupMade,
    GroupReady,
    GroupRemoved,
    HandleDropped,
    Line,
    Located,
    MetaLine,
    NodeLine,
    ObjectLine,
    PutDone,
    Submitted,
    TaskLine,
    WaitBegin,
    WaitEnd,
)

SCHEMAS = (1, 2)


def decode(fields: Fields) -> Line:
    """The line that a JSON object stands for. Raises `InputError`."""
    kind = fields.text("k")
    decoder = _KINDS.get(kind)
    if decoder is None:
        raise fields.bad(f"unknown kind of line {kind!r}", "one of " + ", ".join(_KINDS))
    return decoder(fields)


def _meta(fields: Fields) -> MetaLine:
    if fields.whole("schema") not in SCHEMAS:
        raise fields.bad(f"schema is {fields.whole('schema')}", f"schema {' or '.join(map(str, SCHEMAS))}")
    fields.number("dur_ms")
    # A setting of the scenario that reached Ray is told twice, the second time as a variable of the environment.
    settings = {f"RAY_{name}": value for name, value in fields.inner("settings").data.items()}
    settings.update(fields.inner("env").data)
    told = tuple(sorted(f"{name}={value}" for name, value in settings.items()))
    # Who set the cluster up (`system_config`) also struck it.
    complete = fields.flag("faults_told", fields.has("system_config"))
    lost = fields.texts("lost")
    if fields.whole("exit", 0, low=-255):
        lost = (
            f"The script ended with exit code {fields.whole('exit', low=-255)}: it may not be the whole program.",
            *lost,
        )
    return MetaLine(fields.text("scenario"), fields.text("desc", ""), fields.text("ray", ""), told, complete, lost)


def _node(fields: Fields) -> NodeLine:
    labels = fields.inner("labels")
    return NodeLine(
        fields,
        fields.text("id"),
        fields.text("hex") if fields.has("hex") else "",
        fields.flag("head", False),
        {"CPU": fields.number("cpu", 0), "GPU": fields.number("gpu", 0), **fields.amounts("resources")},
        tuple(sorted((name, labels.text(name)) for name in labels.data)),
        fields.whole("object_store_memory") if fields.has("object_store_memory") else None,
        fields.flag("alive_at_end", True),
        fields.inner("store").whole("spilled_objects", 0),
    )


def _task(fields: Fields) -> TaskLine:
    kind = fields.text("type")
    if kind not in TASK_KINDS:
        raise fields.bad(f"unknown type of task {kind!r}", "one of " + ", ".join(TASK_KINDS))
    return TaskLine(
        at=fields,
        id=fields.text("id"),
        attempt=fields.whole("attempt", 0),
        kind=TASK_KINDS[kind],
        name=fields.text("name", ""),
        parent=fields.text("parent", DRIVER),
        actor=fields.maybe_text("actor"),
        recorded=fields.has("args"),
        inputs=fields.texts("args"),
        borrowed=fields.texts("nested"),
        outputs=fields.texts("rets"),
        required=fields.amounts("req") if fields.has("req") else None,
        options=fields.inner("opts"),
        node=fields.maybe_text("node"),
        worker=fields.maybe_text("worker"),
        state=fields.text("state"),
        error=fields.maybe_text("err"),
        reached_us=_transitions(fields),
    )


def _transitions(fields: Fields) -> dict[str, int]:
    found: dict[str, int] = {}
    pairs = fields.data.get("tr") or []
    for pair in pairs if isinstance(pairs, list) else [pairs]:
        match pair:
            # Task events carry their own clock reading: one taken just before the recording began is below zero.
            case [str(state), int(ms) | float(ms)] if not isinstance(ms, bool) and -1e9 <= ms <= 1e12:
                found[state] = round(ms * 1000)
            case _:
                raise fields.bad("field 'tr' is malformed", "a list of pairs [state, milliseconds]")
    return found


def _actor(fields: Fields) -> ActorLine:
    return ActorLine(
        fields,
        fields.text("id"),
        fields.text("cls", ""),
        fields.text("state", ""),
        fields.whole("restarts", 0),
        fields.amounts("req") if fields.has("req") else None,
        fields.inner("opts"),
        # An actor that somebody else has made may have died before this program began.
        round(fields.number("ended_ms", low=-LARGEST) * 1000) if fields.has("ended_ms") else None,
        fields.text("reason", ""),
    )


def _group(fields: Fields) -> GroupLine:
    bundles = tuple(
        (bundle.whole("i"), bundle.amounts("res"), bundle.maybe_text("node")) for bundle in fields.inners("bundles")
    )
    return GroupLine(fields, fields.text("id"), fields.text("hex"), bundles, fields.maybe_text("strategy"))


def _object(fields: Fields) -> ObjectLine:
    return ObjectLine(fields, fields.text("id"), fields.maybe_text("by"), _size(fields))


def _size(fields: Fields) -> int | None:
    # Ray says -1 for an object whose size its owner has not learnt.
    size = fields.whole("size", -1, low=-1)
    return None if size < 0 else size


def _event(fields: Fields) -> Event:
    kind = fields.text("e")
    decoder = _EVENTS.get(kind)
    if decoder is None:
        raise fields.bad(f"unknown event {kind!r}", "one of " + ", ".join(_EVENTS))
    return decoder(fields, round(fields.number("ms") * 1000), fields.text("by", DRIVER))


def _submitted(fields: Fields, us: int, by: str) -> Event:
    fields.number("us", 0)
    task, actor = fields.maybe_text("task"), fields.maybe_text("actor")
    if (task is None) == (actor is None):
        raise fields.bad("a submit names a task and an actor, or neither", "exactly one of the fields 'task', 'actor'")
    return Submitted(fields, us, by, task, actor)


def _put(fields: Fields, us: int, by: str) -> Event:
    return PutDone(fields, us, by, fields.text("obj"), _size(fields))


def _get_begin(fields: Fields, us: int, by: str) -> Event:
    return GetBegin(fields, us, by, fields.texts("objs"), fields.texts("pgs"))


def _get_end(fields: Fields, us: int, by: str) -> Event:
    return GetEnd(fields, us, by, None if fields.flag("ok") else fields.text("err", "an error"))


def _wait_begin(fields: Fields, us: int, by: str) -> Event:
    objects = fields.texts("objs")
    count = fields.whole("n", 1)
    if not 1 <= count <= len(objects):
        raise fields.bad(f"a wait for {count} of {len(objects)} objects", "a count from 1 to the number of objects")
    return WaitBegin(fields, us, by, objects, count)


def _wait_end(fields: Fields, us: int, by: str) -> Event:
    return WaitEnd(fields, us, by, len(fields.texts("ready")), fields.texts("ready"))


def _body_start(fields: Fields, us: int, by: str) -> Event:
    return BodyStart(
        fields, us, fields.text("task"), fields.whole("att", 0), fields.text("node"), fields.whole("pid", 0)
    )


def _body_end(fields: Fields, us: int, by: str) -> Event:
    return BodyEnd(fields, us, fields.text("task"), fields.flag("ok"))


def _dropped(fields: Fields, us: int, by: str) -> Event:
    return Dropped(fields, us, by, fields.text("obj"))


def _handle_dropped(fields: Fields, us: int, by: str) -> Event:
    return HandleDropped(fields, us, by, fields.text("actor"))


def _group_made(fields: Fields, us: int, by: str) -> Event:
    return GroupMade(fields, us, by, fields.text("pg"))


def _group_removed(fields: Fields, us: int, by: str) -> Event:
    return GroupRemoved(fields, us, by, fields.text("pg"))


def _located(fields: Fields, us: int, by: str) -> Event:
    spilled = fields.flag("spilled", False)
    return Located(fields, us, fields.text("obj"), fields.texts("nodes"), _size(fields), spilled)


def _group_ready(fields: Fields, us: int, by: str) -> Event:
    return GroupReady(fields, us, fields.text("pg"), fields.text("strategy", "PACK"))


def _fault(fields: Fields, us: int, by: str) -> Event:
    what = fields.text("what")
    try:
        kind = FaultKind(what)
    except ValueError as error:
        raise fields.bad(f"unknown fault {what!r}", "one of " + ", ".join(FaultKind)) from error
    return FaultSeen(fields, us, kind, fields.maybe_text("node"), fields.maybe_text("actor"), fields.maybe_text("task"))


def _actor_state(fields: Fields, us: int, by: str) -> Event:
    return ActorState(fields, us, fields.text("actor"), fields.whole("n") if fields.has("n") else None)


_EVENTS: dict[str, Callable[[Fields, int, str], Event]] = {
    "submit": _submitted,
    "put": _put,
    "get_begin": _get_begin,
    "get_end": _get_end,
    "wait_begin": _wait_begin,
    "wait_end": _wait_end,
    "exec_start": _body_start,
    "exec_end": _body_end,
    "loc": _located,
    "pg_ready": _group_ready,
    "fault": _fault,
    "actor_state": _actor_state,
    "drop": _dropped,
    "drop_actor": _handle_dropped,
    "pg_create": _group_made,
    "pg_remove": _group_removed,
}
_KINDS: dict[str, Callable[[Fields], Line]] = {
    "meta": _meta,
    "node": _node,
    "task": _task,
    "actor": _actor,
    "pg": _group,
    "object": _object,
    "ev": _event,
}
