"""Whatever is wrong with a recording or a timeline, the reader says so with `InputError` and nothing else."""

from __future__ import annotations

import json
import os
import re
import time
import tracemalloc
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from rayproof.errors import InputError
from rayproof.recordings import read_recording
from rayproof.timelines import read_states
from rayproof.workloads import read_workload
from tests.mutations import damaged
from tests.shared_data import EXAMPLES

SHIPPED = sorted((EXAMPLES / "recordings").glob("*.jsonl"))
EACH = 60
"""Damaged versions of each shipped recording."""

Lines = list[dict[str, Any]]

META = {"k": "meta", "scenario": "s", "ray": "2.60.0", "dur_ms": 9.0, "schema": 1}
HEAD = {"k": "node", "id": "N0", "head": True, "cpu": 2, "gpu": 0, "object_store_memory": 1000, "alive_at_end": True}
TASK = {
    "k": "task",
    "id": "T0",
    "type": "NORMAL_TASK",
    "name": "f",
    "attempt": 0,
    "parent": "driver",
    "args": [],
    "nested": [],
    "rets": ["O0"],
    "req": {"CPU": 1.0},
    "node": "N0",
    "worker": "W0",
    "state": "FINISHED",
    "tr": [["PENDING_NODE_ASSIGNMENT", 1], ["FINISHED", 5]],
}
OBJECT = {"k": "object", "id": "O0", "by": "T0", "size": 10}
SUBMIT = {"k": "ev", "ms": 0.5, "e": "submit", "us": 100, "task": "T0"}
START = {"k": "ev", "ms": 2.0, "e": "exec_start", "task": "T0", "node": "N0", "pid": 7, "att": 0}
END = {"k": "ev", "ms": 4.0, "e": "exec_end", "task": "T0", "ok": True}
GET = {"k": "ev", "ms": 1.0, "e": "get_begin", "objs": ["O0"]}
GOT = {"k": "ev", "ms": 5.0, "e": "get_end", "objs": ["O0"], "ok": True}
SMALL = [META, HEAD, TASK, OBJECT, SUBMIT, GET, START, END, GOT]


def written(tmp_path: Path, lines: Lines) -> Path:
    file = tmp_path / "run.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def test_the_small_recording_is_a_good_one(tmp_path: Path) -> None:
    recording = read_recording(written(tmp_path, SMALL))
    assert recording.outcome.makespan_us == 4500
    assert recording.unsupported == ()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_damaged_recordings_read_or_raise_input_error(path: Path, tmp_path: Path) -> None:
    refused = 0
    file = tmp_path / "damaged.jsonl"
    for content in islice(damaged(path.read_text(), seed=2603), EACH):
        file.write_bytes(content)
        try:
            read_recording(file)
        except InputError as error:
            refused += 1
            assert re.fullmatch(r".*damaged\.jsonl(:\d+)?: .+; expected .+", str(error))
    assert refused >= EACH // 3, "most damage leaves something that is not a recording"


def change(index: int, **fields: Any) -> Callable[[], Lines]:
    """The small recording with some fields of one line replaced; None takes a field away."""

    def lines() -> Lines:
        changed = [dict(line) for line in SMALL]
        changed[index].update(fields)
        return changed

    return lines


def without(index: int) -> Callable[[], Lines]:
    return lambda: SMALL[:index] + SMALL[index + 1 :]


def also(*more: dict[str, Any]) -> Callable[[], Lines]:
    return lambda: [*SMALL, *more]


WRONG = {
    "no meta line": (without(0), 1, "the first line is of kind 'node'"),
    "two meta lines": (also(META), 10, "a second meta line"),
    "schema 3": (change(0, schema=3), 1, "schema is 3"),
    "schema as text": (change(0, schema="1"), 1, "'schema' is \"1\""),
    "no schema": (change(0, schema=None), 1, "'schema' is missing"),
    "negative duration": (change(0, dur_ms=-1), 1, "'dur_ms' is -1"),
    "no head": (change(1, head=False), None, "0 head nodes"),
    "no nodes": (without(1), None, "0 head nodes"),
    "two heads": (also({**HEAD, "id": "N1"}), None, "2 head nodes"),
    "negative CPUs": (change(1, cpu=-2), 2, "'cpu' is -2"),
    "CPUs as text": (change(1, cpu="two"), 2, "'cpu' is \"two\""),
    "resources as a list": (change(1, resources=[1]), 2, "'resources' is a list"),
    "a node twice": (also(HEAD), 10, "N0 was described before, in line 2"),
    "unknown kind": (also({"k": "nodes"}), 10, "unknown kind of line 'nodes'"),
    "unknown event": (also({"k": "ev", "ms": 1, "e": "sleep"}), 10, "unknown event 'sleep'"),
    "unknown type of task": (change(2, type="GENERATOR"), 3, "unknown type of task 'GENERATOR'"),
    "unknown fault": (also({"k": "ev", "ms": 1, "e": "fault", "what": "flood"}), 10, "unknown fault 'flood'"),
    "unknown argument": (change(2, args=["O9"]), 3, "unknown object O9"),
    "arguments of the wrong type": (change(2, args=[0]), 3, "'args' is a list"),
    "unknown parent": (change(2, parent="T9"), 3, "unknown submitter T9"),
    "unknown actor": (change(2, type="ACTOR_TASK", actor="A9"), 3, "unknown actor A9"),
    "a method of nothing": (change(2, type="ACTOR_TASK"), 3, "kind actor_method and actor None"),
    "an attempt twice": (also(TASK), 10, "task T0, attempt 0 is described twice"),
    "a task called driver": (change(2, id="driver"), 3, "described twice"),
    "huge attempt": (change(2, attempt=1.5), 3, "'attempt' is 1.5"),
    "affinity to nowhere": (change(2, opts={"strategy": {"affinity": "N9"}}), 3, "affinity to unknown node N9"),
    "bundle of nothing": (change(2, opts={"strategy": {"pg": "P0"}}), 3, "unknown placement group P0"),
    "transitions as text": (change(2, tr="soon"), 3, "'tr' is malformed"),
    "transition without a time": (change(2, tr=[["RUNNING"]]), 3, "'tr' is malformed"),
    "unknown producer": (change(3, by="T9"), 4, "unknown task T9"),
    "an object twice": (also(OBJECT), 10, "O0 was described before"),
    "negative size": (change(3, size=-5), 4, "'size' is -5"),
    "its own argument": (change(2, args=["O0"]), None, "cycle"),
    "no submit": (without(4), None, "the driver submits nothing"),
    "submit of an unknown task": (change(4, task="T9"), 5, "unknown task T9"),
    "submit of nothing": (change(4, task=None), 5, "a submit names"),
    "submit of two things": (change(4, actor="A0"), 5, "a submit names"),
    "negative time of a call": (change(4, us=-1), 5, "'us' is -1"),
    "submit by an unknown task": (also({**SUBMIT, "by": "T9"}), 10, "unknown submitter T9"),
    "negative time": (change(5, ms=-0.1), 6, "'ms' is -0.1"),
    "time as text": (change(5, ms="1"), 6, "'ms' is \"1\""),
    "time beyond any run": (change(5, ms=1e300), 6, "'ms' is 1e+300"),
    "get of an unknown object": (change(5, objs=["O9"]), 6, "unknown object O9"),
    "a get that ends without having begun": (without(5), 8, "blocked"),
    "a get within a get": (also({**GET, "ms": 3}), 10, "blocked"),
    "a body on an unknown node": (change(6, node="N9"), 7, "unknown node N9"),
    "a body of the driver": (change(6, task="driver"), 7, "unknown task driver"),
    "a body that ends before it starts": (change(7, ms=1.5), 8, "has not started"),
    "a body that ends twice": (also({**END, "ms": 6}), 10, "has not started"),
    "an act before the body": (also({**GET, "ms": 1.5, "by": "T0"}), 10, "acts before its body starts"),
    "a body that ends in a get": (also({**GET, "ms": 3, "by": "T0"}), 8, "while a get or wait blocks it"),
    "ok as text": (change(7, ok="yes"), 8, "'ok' is \"yes\""),
    "a wait for too many": (also({"k": "ev", "ms": 8, "e": "wait_begin", "objs": ["O0"], "n": 2}), 10, "a wait for 2"),
    "a probe of an unknown object": (also({"k": "ev", "ms": 8, "e": "loc", "obj": "O9"}), 10, "unknown object O9"),
    "an unknown node killed": (
        also({"k": "ev", "ms": 8, "e": "fault", "what": "kill_node", "node": "N9"}),
        10,
        "unknown node N9",
    ),
    "an actor that nothing creates": (
        also({"k": "actor", "id": "A0", "state": "ALIVE"}, {"k": "ev", "ms": 8, "e": "submit", "actor": "A0"}),
        11,
        "no task creates actor A0",
    ),
}


@pytest.mark.parametrize(("lines", "line", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_named_with_its_line(
    lines: Callable[[], Lines], line: int | None, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        read_recording(written(tmp_path, lines()))
    assert caught.value.line == line
    assert message in caught.value.message
    assert caught.value.expected


def test_a_message_that_quotes_the_input_stays_one_short_line(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_recording(written(tmp_path, change(2, args=["\n\x1b[31m" + "O" * 100_000])()))
    assert str(caught.value).isprintable()
    assert len(caught.value.message) < 400


NOT_A_RECORDING = {
    "empty": b"",
    "blank lines": b"\n \n",
    "binary": bytes(range(256)) * 10,
    "utf-16": "".join(json.dumps(line) + "\n" for line in SMALL).encode("utf-16"),
    "a byte that is not utf-8": json.dumps(META).encode() + b"\n\xff",
    "text": b"Hello\n",
    "a list": b"[1, 2]\n",
    "a number": b"7",
    "half a line": json.dumps(META).encode()[:-5],
    "two objects on a line": json.dumps(META).encode() * 2,
    "NaN": b'{"k": "meta", "scenario": "s", "schema": 1, "dur_ms": NaN}',
    "infinity": b'{"k": "meta", "scenario": "s", "schema": 1, "dur_ms": -Infinity}',
    "1e999": b'{"k": "meta", "scenario": "s", "schema": 1, "dur_ms": 1e999}',
    "a number of ten thousand digits": b'{"k": "meta", "scenario": "s", "dur_ms": ' + b"9" * 10_000 + b"}",
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "YAML": b"kind: RayCluster\n",
    "a name of a million letters": b'{"k": "' + b"k" * 1_000_000 + b'"}',
}


@pytest.mark.parametrize("content", NOT_A_RECORDING.values(), ids=NOT_A_RECORDING.keys())
@pytest.mark.parametrize("reader", [read_recording, read_states], ids=["recording", "timeline"])
def test_what_is_no_recording_at_all(reader: Callable[[Path], object], content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    file.write_bytes(content)
    with pytest.raises(InputError):
        reader(file)


@pytest.mark.parametrize("reader", [read_recording, read_states], ids=["recording", "timeline"])
def test_what_is_no_file(reader: Callable[[Path], object], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, message in (("", "is a directory"), ("missing", "does not exist"), ("pipe", "is not a regular file")):
        with pytest.raises(InputError, match=message):
            reader(tmp_path / name)
    with pytest.raises(InputError):
        reader(Path("run\0.jsonl"))


@pytest.mark.parametrize("reader", [read_recording, read_states], ids=["recording", "timeline"])
def test_fifty_megabytes_are_refused_at_once_and_never_held_twice(
    reader: Callable[[Path], object], tmp_path: Path
) -> None:
    file = tmp_path / "huge.jsonl"
    with file.open("wb") as stream:
        stream.truncate(50_000_000)
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(InputError, match="is larger than"):
        reader(file)
    assert time.process_time() - began < 2
    assert tracemalloc.get_traced_memory()[1] < 80_000_000
    tracemalloc.stop()


def test_a_workload_is_known_by_its_name() -> None:
    assert read_workload(SHIPPED[0]).name == "01_default_short"
    with pytest.raises(InputError, match="unknown kind of workload"):
        read_workload("run.csv")
