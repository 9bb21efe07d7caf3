"""A policy in a process of its own answers as it would here, is asked nothing twice, and leaves nothing behind."""

from __future__ import annotations

import gc
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections import namedtuple
from dataclasses import dataclass, replace
from enum import Enum
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from rayproof.cli import main
from rayproof.model.kernel import explore
from rayproof.model.scheduler.policy.built_in import with_defaults
from rayproof.model.scheduler.policy.hooks import read_only
from rayproof.policies import load_policy, put_again, questions, supervisor
from rayproof.properties.catalogue import CATALOGUE
from rayproof.supervised.limits import Limits
from rayproof.supervised.loading import loaded
from rayproof.supervised.process import Process, _Plain
from rayproof.supervised.questions import Arguments, Numbers
from rayproof.supervised.values import opened, sealed, told_apart
from tests.shared_data import EXAMPLES, PROJECT

RECORDING = str(EXAMPLES / "recordings" / "01_default_short.jsonl")


def file_of(name: str) -> str:
    return str(EXAMPLES / "policies" / f"{name}.py")


# ---- what it is asked ------------------------------------------------------------------------------------------------


class Mirrors:
    """Takes the first option with room; looks at each question as the other process would see it."""

    name = "mirrors"

    def __init__(self) -> None:
        self.numbers, self.arguments, self.told, self.seen = Numbers(), Arguments(), 0, 0

    def same(self, hook: str, *asked: Any) -> None:
        payload = pickle.loads(pickle.dumps(self.numbers.payload(hook, asked)))
        self.arguments.learn(pickle.loads(pickle.dumps(self.numbers.things[self.told :])))
        self.told = len(self.numbers.things)
        plain = [read_only(one) if hasattr(one, "ranking") else one for one in asked]
        assert list(self.arguments.of(hook, payload)) == plain
        assert str(getattr(asked[0], "id", "")) in self.arguments.about(hook, payload)
        assert self.arguments.about(hook, payload) == self.numbers.about(hook, payload)
        self.seen += 1

    def place(self, task: Any, view: Any, memory: Any, ctx: Any) -> Any:
        self.same("place", task, view)
        return next((node.name for node in view.options if node.fits_now(task.demand)), None)

    def order(self, queue: Any, view: Any, memory: Any, ctx: Any) -> Any:
        self.same("order", list(queue), view)
        return queue[0].id

    def retry(self, task: Any, attempt: int, view: Any, memory: Any, ctx: Any) -> Any:
        self.same("retry", task, attempt, view)

    def migrate(self, request: Any, view: Any, memory: Any, ctx: Any) -> Any:
        self.same("migrate", request, view)

    def transfer(self, queue: Any, view: Any, memory: Any, ctx: Any) -> Any:
        self.same("transfer", queue, view)
        return queue[0]


@pytest.mark.parametrize(
    "scope", ["sched-classes", "sched-booting", "cluster-estimates", "migration", "transfer-urgent"]
)
def test_questions_arrive_as_they_were_put(scope: str) -> None:
    policy = Mirrors()
    violation = explore(CATALOGUE[scope].build(policy, {})).violation
    assert violation is None or violation.statement != "no_exception", violation
    assert policy.seen > 0


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("spread_with_locality", "cluster-wide"),
        ("soft_deadline", "sched-classes"),
        ("backoff_three", "sched-booting"),
        ("backoff_and_migration", "migration"),
        ("priority_transfer", "transfer-urgent"),
    ],
)
def test_it_answers_as_it_would_here(name: str, scope: str) -> None:
    """The same states and steps, though it was asked each question once, and none of them is answered otherwise."""
    policy = load_policy(file_of(name)).policy
    there = explore(CATALOGUE[scope].build(policy, {}))
    here = explore(CATALOGUE[scope].build(with_defaults(loaded(file_of(name))), {}))
    assert (there.verdict, there.states, there.transitions) == (here.verdict, here.states, here.transitions)
    assert put_again(policy) is None
    asked = questions(policy)
    explore(CATALOGUE[scope].build(policy, {}))
    assert questions(policy) == asked


def test_draws_are_part_of_the_questions(tmp_path: Path) -> None:
    file = tmp_path / "draws.py"
    file.write_text(
        "class Draws:\n"
        "    locality = False\n"
        "    def place(self, task, view, memory, ctx):\n"
        "        free = [node.name for node in view.options if node.fits_now(task.demand)]\n"
        "        return ctx.choose(free, random=True) if free else None\n"
    )
    policy = load_policy(str(file)).policy
    there = explore(CATALOGUE["cluster-wide"].build(policy, {}))
    here = explore(CATALOGUE["cluster-wide"].build(loaded(str(file)), {}))
    assert (there.verdict, there.states, there.transitions) == (here.verdict, here.states, here.transitions)
    assert put_again(policy) is None


# ---- what it answers -------------------------------------------------------------------------------------------------


class Colour(Enum):
    RED = 1


@dataclass(frozen=True)
class Kept:
    counts: tuple[int, ...]
    colour: Colour = Colour.RED


Pair = namedtuple("Pair", "left right")


@pytest.mark.parametrize(
    "memory",
    [
        None,
        True,
        10**2000,
        -0.5,
        float("inf"),
        b"\x00",
        "text",
        (),
        ((1, "a"), None),
        frozenset({1, "a", (2.5,)}),
        Colour.RED,
        Kept((1, 2)),
        Pair(1, (Kept(()),)),
    ],
    ids=lambda memory: type(memory).__name__,
)
def test_a_memory_comes_back_as_it_went(memory: Any) -> None:
    form = sealed(memory, "policy p")
    back = opened(pickle.loads(pickle.dumps(form)))
    assert back == memory and type(back) is type(memory)
    assert sealed(back, "policy p") == form


def test_equal_memories_of_other_types_are_other_questions() -> None:
    forms = [told_apart(sealed(memory, "p")) for memory in (1, True, 1.0, "1", (1,), (True,), b"1")]
    assert len({repr(form) for form in forms}) == len(set(forms)) == len(forms)


def test_a_reply_names_nothing_to_import() -> None:
    for payload in (print, subprocess.run, Process):
        with pytest.raises(pickle.UnpicklingError):
            _Plain(BytesIO(pickle.dumps(payload))).load()
    assert _Plain(BytesIO(pickle.dumps(("answer", "raylet0", (1, None))))).load() == ("answer", "raylet0", (1, None))


# ---- its process -----------------------------------------------------------------------------------------------------


def pid_of(policy: object) -> int:
    found = supervisor(policy)
    assert found is not None and found._process._running is not None
    return found._process._running.pid


def test_it_ends_with_the_policy_and_is_started_again_when_it_had_to_be_ended(tmp_path: Path) -> None:
    file = tmp_path / "exits.py"
    file.write_text(
        "import os\n"
        "class Exits:\n"
        "    def place(self, task, view, memory, ctx):\n"
        "        if task.id == 's0': os._exit(3)\n"
        "        return view.options[0].name\n"
    )
    policy = load_policy(str(file)).policy
    first = pid_of(policy)
    found = explore(CATALOGUE["sched-spread"].build(policy, {})).violation
    assert found is not None and found.statement == "exits"
    assert found.sentence == "policy Exits ended its process (code 3) when asked about s0"
    explore(CATALOGUE["sched-affinity"].build(policy, {}))
    second = pid_of(policy)
    assert second != first
    del policy
    gc.collect()
    for pid in (first, second):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_limits_are_those_of_the_policy(tmp_path: Path) -> None:
    file = tmp_path / "busy.py"
    file.write_text("sum(range(10**7))\nclass Busy:\n    def place(self, *a): return None\n")
    assert load_policy(str(file)).name == "Busy"
    file.write_text("while True: pass\n")
    with pytest.raises(Exception, match=r"computed longer than 0.3 s when it was loaded"):
        load_policy(str(file), replace(Limits(), load_cpu_s=0.3))


def test_ctrl_c_ends_the_policy_and_leaves_with_130(tmp_path: Path) -> None:
    file = tmp_path / "blocks.py"
    file.write_text(
        "import os\n"
        "class Blocks:\n"
        "    def place(self, task, view, memory, ctx):\n"
        "        with open('pid.new', 'w') as out: out.write(str(os.getpid()))\n"
        "        os.rename('pid.new', 'pid')\n"
        "        os.read(os.pipe()[0], 1)\n"
    )
    command = [sys.executable, "-m", "rayproof", "check", file.name, "--workload", RECORDING]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        while not (tmp_path / "pid").exists():
            assert running.poll() is None
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=300)
    assert running.returncode == 130 and "interrupted" in said and "Traceback" not in said
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


# ---- the command line ------------------------------------------------------------------------------------------------


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["rayproof", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


def test_a_rule_that_is_broken_by_loading_is_a_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "exits.py"
    file.write_text(
        "import sys\nclass Exits:\n    def __init__(self): sys.exit(0)\n    def place(self, *a): return None\n"
    )
    code, out, _ = run(monkeypatch, capsys, "check", str(file), "--workload", RECORDING, "--json", "-")
    report = json.loads(out)
    assert code == 1 and report["verdict"] == report["policies"][0]["verdict"] == "violated"
    assert report["policies"][0]["notes"][0].startswith("no_exception: policy")
    code, out, err = run(monkeypatch, capsys, "gap", "--policy", str(file), "--instances", "tiny")
    assert code == 1 and out == "" and err.startswith("no_exception: policy")


def test_what_a_policy_prints_is_in_the_verdict_and_not_in_the_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "prints.py"
    file.write_text("class Prints:\n    def place(self, task, *a):\n        print('\\x1b[31m', task.id)\n")
    arguments = ("check", str(file), "--workload", RECORDING, "--out", str(tmp_path / "out"), "--json", "-")
    code, out, err = run(monkeypatch, capsys, *arguments)
    answers = {row["name"]: row["verdict"] for row in json.loads(out)["policies"][0]["statements"]}
    assert code == 1 and err == "" and answers["prints"] == "violated"
    (trace,) = (tmp_path / "out").iterdir()
    code, out, _ = run(monkeypatch, capsys, "replay", str(trace), "--trust")
    assert code == 1 and out.startswith("VIOLATED prints: policy Prints printed '\\x1b[31m ") and "\x1b" not in out


def test_the_verdict_says_how_many_questions_it_rests_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ("check", file_of("least_queue"), "--workload", RECORDING, "--out", str(tmp_path))
    code, out, _ = run(monkeypatch, capsys, *arguments)
    last = out.splitlines()[-1]
    assert code == 0
    assert last.startswith("verdict: holds") and " questions, answered twice" in last
