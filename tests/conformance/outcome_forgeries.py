"""Recordings with one outcome forged, as lists of JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

Lines: TypeAlias = list[dict[str, Any]]

ERRORS = (
    "ObjectLostError",
    "ObjectReconstructionFailedError",
    "OwnerDiedError",
    "NodeDiedError",
    "ReferenceCountingAssertionError",
    "TaskUnschedulableError",
    "ActorDiedError",
    "ActorUnavailableError",
)


def load(path: Path) -> Lines:
    """The lines of a recording."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(lines: Lines, path: Path) -> Path:
    """Write them back."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def _events(lines: Lines, *kinds: str) -> list[int]:
    return [i for i, line in enumerate(lines) if line["k"] == "ev" and line["e"] in kinds]


def _single_reads(lines: Lines, *, ok: bool) -> list[int]:
    return [i for i in _events(lines, "get_end") if lines[i]["ok"] is ok and len(lines[i]["objs"]) == 1]


def _bodies(lines: Lines) -> list[tuple[int, int]]:
    """(start, end) of every body that ended."""
    found = []
    for start in _events(lines, "exec_start"):
        ends = [i for i in _events(lines, "exec_end") if i > start and lines[i]["task"] == lines[start]["task"]]
        found += [(start, ends[0])] if ends else []
    return found


def value_for_error(lines: Lines, draw: Random) -> Lines | None:
    """A read that raised is said to have given a value."""
    places = _single_reads(lines, ok=False)
    if not places:
        return None
    line = lines[draw.choice(places)]
    line["ok"] = True
    line.pop("err")
    return lines


def error_for_value(lines: Lines, draw: Random) -> Lines | None:
    """A read that gave a value is said to have raised."""
    places = _single_reads(lines, ok=True)
    if not places:
        return None
    line = lines[draw.choice(places)]
    line["ok"], line["err"] = False, draw.choice(ERRORS)
    return lines


def error_of_many(lines: Lines, draw: Random) -> Lines | None:
    """A get of several objects that gave their values is said to have raised an error of Ray, out of the blue."""
    places = [i for i in _events(lines, "get_end") if lines[i]["ok"] and len(lines[i]["objs"]) > 1]
    if not places:
        return None
    line = lines[draw.choice(places)]
    line["ok"], line["err"] = False, draw.choice(ERRORS)
    return lines


def other_error(lines: Lines, draw: Random) -> Lines | None:
    """A read is said to have raised another error than it did."""
    places = _single_reads(lines, ok=False)
    if not places:
        return None
    line = lines[draw.choice(places)]
    line["err"] = draw.choice([name for name in ERRORS if name != line["err"]])
    return lines


def attempt_less(lines: Lines, draw: Random) -> Lines | None:
    """The last attempt of a task that has several is left out."""
    rows = [line for line in lines if line["k"] == "task" and line["attempt"] > 0]
    if not rows:
        return None
    row = draw.choice(rows)
    gone = [row]
    for start, end in _bodies(lines):
        if (lines[start]["task"], lines[start]["att"]) == (row["id"], row["attempt"]):
            gone += [lines[start], lines[end]]
    return [line for line in lines if not any(line is one for one in gone)]


def attempt_more(lines: Lines, draw: Random) -> Lines | None:
    """A task is said to have been executed once more, right after its last body."""
    bodies = [(start, end) for start, end in _bodies(lines) if "actor" not in lines[start]]
    if not bodies:
        return None
    start, end = draw.choice(bodies)
    task, attempt = lines[start]["task"], lines[start]["att"] + 1
    rows = [line for line in lines if line["k"] == "task" and line["id"] == task]
    if len(rows) != attempt:
        return None
    ms = lines[end]["ms"]
    again = [{**lines[start], "att": attempt, "ms": ms}, {**lines[end], "ms": ms}]
    made = [*lines[: end + 1], *again, *lines[end + 1 :]]
    made.insert(lines.index(rows[-1]) + 1, {**rows[-1], "attempt": attempt})
    return made


def _runs(line: dict[str, Any], actor: str) -> bool:
    return line.get("e") == "exec_start" and line.get("actor") == actor


def other_restarts(lines: Lines, draw: Random) -> Lines | None:
    """An actor is said to have been restarted once more, or once less."""
    actors = [line for line in lines if line["k"] == "actor" and any(_runs(x, line["id"]) for x in lines)]
    if not actors:
        return None
    line = draw.choice(actors)
    line["restarts"] = draw.choice([n for n in (line["restarts"] - 1, line["restarts"] + 1) if n >= 0])
    return lines


def methods_swapped(lines: Lines, draw: Random) -> Lines | None:
    """Two successive methods of an actor are said to have run in the other order."""
    bodies = [(start, end) for start, end in _bodies(lines) if "actor" in lines[start]]
    if len(bodies) < 2:
        return None
    at = draw.randrange(len(bodies) - 1)
    one, other = lines[bodies[at][0]]["task"], lines[bodies[at + 1][0]]["task"]
    for body, task in ((bodies[at], other), (bodies[at + 1], one)):
        for i in body:
            lines[i]["task"] = task
    return lines


def other_state(lines: Lines, draw: Random) -> Lines | None:
    """An actor is said to have another state than it had: an update is lost, or one too many."""
    places = _events(lines, "actor_state")
    if not places:
        return None
    line = lines[draw.choice(places)]
    line["n"] += draw.choice((-1, 1))
    return lines


def before_its_argument(lines: Lines, draw: Random) -> Lines | None:
    """A body is said to have begun before the body that makes its argument ended."""
    needs = {line["id"]: line["args"] or [] for line in lines if line["k"] == "task" and line["attempt"] == 0}
    made_by = {line["id"]: line.get("by") for line in lines if line["k"] == "object"}
    ends = {lines[end]["task"]: end for _, end in reversed(_bodies(lines))}
    found = [
        (start, ends[made_by[item]])
        for start, _ in _bodies(lines)
        for item in needs.get(lines[start]["task"], ())
        if made_by.get(item) in ends and lines[start]["att"] == 0
    ]
    if not found:
        return None
    start, end = draw.choice(found)
    moved = {**lines[start], "ms": lines[end]["ms"]}
    return [*lines[:end], moved, *lines[end:start], *lines[start + 1 :]]


def fault_left_out(lines: Lines, draw: Random) -> Lines | None:
    """A node or a process is said not to have died, with the same outcomes."""
    places = [i for i in _events(lines, "fault") if lines[i]["what"] in ("kill_node", "actor_exit")]
    if not places:
        return None
    del lines[draw.choice(places)]
    return lines


def on_the_dead(lines: Lines, draw: Random) -> Lines | None:
    """A body is said to have run on a node that was dead by then."""
    deaths = [i for i in _events(lines, "fault") if lines[i]["what"] == "kill_node"]
    found = [(death, start) for death in deaths for start, _ in _bodies(lines) if start > death]
    if not found:
        return None
    death, start = draw.choice(found)
    task, attempt = lines[start]["task"], lines[start]["att"]
    for line in lines:
        if (line.get("task"), line.get("att")) == (task, attempt) or (
            line.get("id") == task and line.get("attempt") == attempt
        ):
            line["node"] = lines[death]["node"]
    return lines


KINDS: dict[str, Callable[[Lines, Random], Lines | None]] = {
    made.__name__: made
    for made in (
        value_for_error,
        error_for_value,
        error_of_many,
        other_error,
        attempt_less,
        attempt_more,
        other_restarts,
        methods_swapped,
        other_state,
        before_its_argument,
        fault_left_out,
        on_the_dead,
    )
}


def forgeries(
    recordings: dict[str, Lines], count: int, seed: int, kinds: Iterable[str] = tuple(KINDS)
) -> Iterator[tuple[str, str, Lines]]:
    """`count` of each kind, as (kind, recording, lines)."""
    draw = Random(seed)
    for kind in kinds:
        forge, made = KINDS[kind], 0
        while made < count:
            name = draw.choice(sorted(recordings))
            forged = forge(deepcopy(recordings[name]), draw)
            if forged is not None:
                made += 1
                yield kind, name, forged
