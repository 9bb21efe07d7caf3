"""`rayproof new-policy NAME`: a policy to start from, with comments and its test."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Annotated

import typer

from rayproof.console import say
from rayproof.counterexamples import file_as_typed
from rayproof.errors import InputError
from rayproof.targets import require_file, write_text

POLICY = '''"""{title}: say in one sentence what it is for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class {kind}:
    """Frozen: a policy keeps nothing between two calls but the memory that it returns."""

    name: str = "{name}"
    # What `place` gets as memory the first time; any hashable value. Without this line it is ().
    memory: int = 0
    # False when the policy never looks at inputs: the scheduler then does not ask the store where they are.
    locality: bool = True

    def place(self, task, view, memory, ctx):
        """The name of one of view.options, or None to wait until the view changes; or a pair of that and new memory.

        task: id, name, demand, inputs, strategy, hints (priority, deadline_us, waiting_timeout_us, duration_us, job),
            again, actor (whether it creates one).
        view: options (legal nodes), nodes (all, also dead ones), origin, input_bytes, local_bytes, remote_bytes(node).
        A node: name, index, total, available, labels, queue_length, task_us, queued_us, utilization, fits_now(demand).
        Amounts are Ray's: node.total["CPU"] and node.available.get("CPU", 0) are 1.0 for one CPU.
        What it says is what the scheduler knows: the last heartbeat, less what was assigned since. It may be stale.
        ctx.choose(options, random=True) is the only source of randomness; `import random` is refused.
        """
        with_room = [node for node in view.options if node.fits_now(task.demand)]
        if not with_room:
            return None, memory
        best = min(with_room, key=lambda node: (node.queue_length, view.remote_bytes(node.name), node.index))
        return best.name, memory + 1

    # More hooks, if you need them; each alone is a policy, too, and Ray's default then decides the rest:
    #   model/scheduler/policy/queue_hooks.py
    #   order(self, queue, view, memory, ctx) -> the id of the waiting task of a node that starts next
    #   preempt(self, task, running, free, memory, ctx) -> None, or the id of the running task that makes room
    #   retry(self, task, attempt, view, memory, ctx) -> None (wait), Backoff(us) or GIVE_UP
    #   model/scheduler/policy/move_hooks.py
    #   migrate(self, request, view, memory, ctx) -> None (nobody moves) or MoveActor(actor, to)
    #   transfer(self, queue, view, memory, ctx) -> the object of the queue of which the next chunk is sent
'''

TEST = '''"""{title} is checked in every exhausted scope of the scheduler that takes a policy.

On drawn programs, whole clusters and under faults: `pytest properties/ --rayproof-policy {name}.py`.
"""

from pathlib import Path

import pytest

from rayproof.model.kernel import Verdict
from rayproof.model.kernel import explore
from rayproof.properties.catalogue import ENTRIES, Scope
from rayproof.policies import load_policy

POLICY = load_policy(str(Path(__file__).with_name("{name}.py"))).policy
SCOPES = [entry for entry in ENTRIES if entry.scope is Scope.TINY and entry.concerns(POLICY)]


@pytest.mark.parametrize("entry", SCOPES, ids=lambda entry: entry.name)
def test_{name}_holds(entry):
    result = explore(entry.build(POLICY, {{}}))
    assert result.verdict is Verdict.HOLDS, result.violation
'''


def write_policy(name: str, folder: Path) -> tuple[Path, Path]:
    """Write a policy and its test; raises `InputError` for a bad name or a file that is there already."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise InputError(name, None, "not a name for a Python module", "small letters, digits and underscores")
    words = {
        "name": name,
        "kind": "".join(word.capitalize() for word in name.split("_")),
        "title": name.replace("_", " ").capitalize(),
    }
    written = (folder / f"{name}.py", folder / f"test_{name}.py")
    for path in written:
        if os.path.lexists(path):
            raise InputError(path, None, "is there already", "a new name, or another folder")
        require_file(path)
    for path, template in zip(written, (POLICY, TEST), strict=True):
        write_text(template.format(**words), path)
    return written


def next_commands(policy: Path, test: Path) -> list[str]:
    """What to type next; each of them works as it is printed."""
    commands = [f"pytest {shlex.quote(str(test))}"]
    if EXAMPLE.is_file():
        workload = shlex.quote(file_as_typed(EXAMPLE))
        commands.append(f"rayproof check {shlex.quote(str(policy))} --workload {workload}")
    if PROPERTIES.is_file():
        commands.append(f"pytest {file_as_typed(PROPERTIES.parent)} --rayproof-policy {shlex.quote(str(policy))}")
    return commands


_PROJECT = Path(__file__).resolve().parents[2]
EXAMPLE = _PROJECT / "examples" / "recordings" / "13_tree_reduce.jsonl"
PROPERTIES = _PROJECT / "properties" / "conftest.py"
"""What an installed package does not have: the recordings that come with the project, and its whole suite."""


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("new-policy")
    def new_policy(
        name: Annotated[str, typer.Argument(help="Name of the policy: small letters, digits, underscores.")],
        out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where to write it.")] = Path(),
    ) -> None:
        """Write a commented policy and its test."""
        policy, test = write_policy(name, out)
        say(f"wrote {policy} and {test}")
        for command in next_commands(policy, test):
            say(f"next: {command}")
