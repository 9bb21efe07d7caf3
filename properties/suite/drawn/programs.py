"""Programs that are drawn: a driver and tasks of tasks that submit, put, get, wait and compute, and actors.

A body names only objects that it has made, has been given as inputs, or expects from its own tasks: what a program in
Ray can hold a reference to. So whatever is drawn can end, and what does not end is a finding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from rayproof.model.graph import (
    Action,
    Cancel,
    Compute,
    Default,
    Get,
    NodeAffinity,
    ObjectSpec,
    Program,
    Put,
    Resources,
    Spread,
    Strategy,
    Submit,
    TaskKind,
    TaskSpec,
    Wait,
)
from rayproof.properties.suite.drawn.family import Pick, Shape

TASKS = 6
"""Most tasks of a program, constructors and methods of actors included."""

DEPTH = 2
"""How deep tasks submit tasks."""

_STRATEGIES = ("default", "default", "default", "spread", "soft", "head")


@dataclass
class ProgramDrawing:
    """A program while it is drawn."""

    pick: Pick
    sizes: tuple[int, ...]
    """Of objects, in bytes."""
    deepest: int = DEPTH
    makers: int = DEPTH
    """How deep a body that makes actors may be."""
    cancels: bool = False
    retries: tuple[int, ...] = ()
    """What tasks may have; with none, they have Ray's default."""
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: dict[str, int] = field(default_factory=dict)
    homes: int = 0

    def object(self, name: str) -> str:
        self.objects[name] = self.sizes[self.pick(len(self.sizes))]
        return name

    def body(
        self, owner: str, depth: int, given: Sequence[str], handles: Sequence[str], fewest: int, most: int
    ) -> list[str]:
        """The actions of a body. `given`: objects it may name; `handles`: actors it may call."""
        actions: list[str] = []
        held, mine, known = list(given), [], list(handles)
        submitted: list[str] = []
        for _ in range(fewest + self.pick(most)):
            match self.pick(8 + self.cancels):
                case 1 | 2 | 3 | 4 if len(self.tasks) < TASKS:
                    name = self.submit(depth, held, known)
                    actions.append(f"submit {name}")
                    submitted += [] if {"creates", "calls"} & set(self.tasks[name]) else [name]
                    mine += self.tasks[name]["outputs"]
                    held += self.tasks[name]["outputs"]
                case 5:
                    made = self.object(f"{owner}.put{len(self.objects)}")
                    actions.append(f"put {made}")
                    held.append(made)
                case 6 if mine:
                    actions.append("get " + " ".join(self.some(mine)))
                case 7 if mine:
                    wanted = self.some(mine)
                    actions.append(f"wait {1 + self.pick(len(wanted))} " + " ".join(wanted))
                case 8 if submitted:
                    actions.append(f"cancel {submitted[self.pick(len(submitted))]}")
                case _:
                    actions.append("compute")
        if mine and (owner == "driver" or self.pick(2)):
            actions.append("get " + " ".join(mine if not self.pick(3) else self.some(mine)))
        return actions

    def some(self, objects: Sequence[str]) -> list[str]:
        """One or two of them."""
        return list(dict.fromkeys(objects[self.pick(len(objects))] for _ in range(1 + self.pick(2))))

    def submit(self, depth: int, held: Sequence[str], known: list[str]) -> str:
        """One more task, its own tasks included."""
        name = f"t{len(self.tasks)}"
        task = self.tasks[name] = {"inputs": [], "outputs": []}
        if held:
            task["inputs"] = list(dict.fromkeys(held[self.pick(len(held))] for _ in range(self.pick(3))))
        what = self.pick(4)
        if what == 2 and depth <= self.makers:
            actor = f"a{self.homes}"
            self.homes += 1
            known.append(actor)
            task |= {"creates": actor, "cpu": 0}
            self.retried(task)
            return name
        task["outputs"] = [self.object(f"{name}.{i}") for i in range(1 + self.pick(4) // 3)]
        if what == 3 and known:
            task["calls"] = known[self.pick(len(known))]
            self.retried(task)
            return name
        task["cpu"] = (1, 1, 0, 2)[self.pick(4)]
        strategy = _STRATEGIES[self.pick(len(_STRATEGIES))]
        if strategy != "default":
            task["strategy"] = strategy
        self.retried(task)
        if depth < self.deepest and self.pick(3) == 2:
            task["body"] = self.body(name, depth + 1, task["inputs"], known, 1, 3)
        return name

    def retried(self, task: dict[str, Any]) -> None:
        """How often the task may be tried again."""
        if self.retries:
            task["retries"] = self.retries[self.pick(len(self.retries))]


def program_of(shape: Shape, nodes: int) -> Program:
    """The program that a document describes; raises `ValueError` and `KeyError`."""
    return Program(
        {name: _task(name, task, nodes) for name, task in shape["tasks"].items()},
        {name: ObjectSpec(name, size) for name, size in shape["objects"].items()},
        tuple(map(_action, shape["driver"])),
        "drawn",
    )


def _action(text: str) -> Action:
    word, *rest = text.split()
    match word:
        case "submit":
            return Submit(rest[0])
        case "put":
            return Put(rest[0])
        case "get":
            return Get(tuple(rest))
        case "wait":
            return Wait(tuple(rest[1:]), int(rest[0]))
        case "compute":
            return Compute(0)
        case "cancel":
            return Cancel(rest[0])
        case _:
            raise ValueError(f"{text!r} is no action: submit, put, get, wait, cancel or compute")


def _strategy(word: str, name: str, nodes: int) -> Strategy:
    match word:
        case "default":
            return Default()
        case "spread":
            return Spread()
        case "soft":
            return NodeAffinity(f"n{len(name) % nodes}", soft=True)
        case "head":
            return NodeAffinity("n0")
        case _:
            raise ValueError(f"{word!r} is no strategy: default, spread, soft or head")


def _task(name: str, task: Shape, nodes: int) -> TaskSpec:
    made = TaskSpec(
        name,
        tuple(task["inputs"]),
        tuple(task["outputs"]),
        Resources.of(CPU=task.get("cpu", 0)),
        tuple(map(_action, task.get("body", ["compute"]))),
        _strategy(task.get("strategy", "default"), name, nodes),
        task.get("retries", 3),
    )
    if "creates" in task:
        return replace(made, kind=TaskKind.ACTOR_CREATION, actor=task["creates"])
    if "calls" in task:
        return replace(made, kind=TaskKind.ACTOR_METHOD, actor=task["calls"])
    return made


def in_words(shape: Shape) -> str:
    """The program on one line, for people: of each task its inputs, what it asks for, makes and does."""
    sizes = shape["objects"]
    parts = ["driver: " + ", ".join(map(partial(_with_size, sizes=sizes), shape["driver"]))]
    for name, task in shape["tasks"].items():
        asks = [f"{task['cpu']} CPU"] if "cpu" in task else []
        asks += [_where(_strategy(task["strategy"], name, len(shape["cpus"])))] if "strategy" in task else []
        asks += [f"{task['retries']} retries"] if "retries" in task else []
        asks += [f"creates {task['creates']}"] if "creates" in task else []
        asks += [f"method of {task['calls']}"] if "calls" in task else []
        made = " ".join(f"{object_id}[{sizes[object_id]} B]" for object_id in task["outputs"])
        body = ", ".join(map(partial(_with_size, sizes=sizes), task.get("body", [])))
        parts.append(
            f"{name}({' '.join(task['inputs'])}) {', '.join(asks)}"
            + (f" -> {made}" if made else "")
            + (f": {body}" if body else "")
        )
    return "; ".join(parts)


def _where(strategy: Strategy) -> str:
    if isinstance(strategy, NodeAffinity):
        return f"{'rather' if strategy.soft else 'only'} on {strategy.node}"
    return type(strategy).__name__.lower()


def _with_size(action: str, sizes: Mapping[str, int]) -> str:
    """What is put has no task that could say how large it is."""
    word, _, made = action.partition(" ")
    return f"{action}[{sizes[made]} B]" if word == "put" else action
