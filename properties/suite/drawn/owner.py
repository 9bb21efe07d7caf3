"""Programs of one owner, drawn (edition `ray2`): submits, puts, gets, waits and dropped references, under crashes."""

from __future__ import annotations

from dataclasses import replace

from rayproof.model.kernel import Scenario
from rayproof.model.lineage.ray2.programs import (
    Action,
    Drop,
    Get,
    PutAt,
    Submit,
    Task,
    Wait,
)
from rayproof.model.lineage.ray2.scenarios import ownership
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.entry import Edition
from rayproof.properties.lineage.ray2.statements import OWNERSHIP
from rayproof.properties.suite.drawn.family import Family, Pick, Shape

TASKS = 4
"""Most tasks of a program."""


def draw_program(pick: Pick) -> Shape:
    """Tasks, the driver's actions, and who may crash."""
    tasks: dict[str, dict[str, object]] = {}
    actions: list[str] = []
    held: list[str] = []
    made: list[str] = []
    puts = 0
    nodes = 2 + pick(2)
    for at in range(2 + pick(7)):
        match pick(7) if at else 0:
            case 0 | 1 if len(tasks) < TASKS:
                name = f"t{len(tasks)}"
                needs = list(dict.fromkeys(held[pick(len(held))] for _ in range(pick(3)))) if held else []
                tasks[name] = {"arguments": needs, "max_retries": (1, 0, 2)[pick(3)]}
                actions.append(f"submit {name}")
                held.append(f"o{name}")
                made.append(f"o{name}")
            case 2:
                actions.append(f"put p{puts} node{pick(nodes)}")
                held.append(f"p{puts}")
                puts += 1
            case 3 if held:
                actions.append(f"get {held[pick(len(held))]}")
            case 6 if held:
                wanted = list(dict.fromkeys(held[pick(len(held))] for _ in range(1 + pick(3))))
                actions.append(f"wait {1 + pick(len(wanted))} {' '.join(wanted)}")
            case 4 if held and held[-1] in made:
                actions.append(f"drop {held.pop()}")
            case _ if held:
                actions.append(f"get {held[-1]}")
    # A borrower is no counted reference here (see model.objects.references): what it reads, the driver keeps.
    kept = [there for there in made if there in held]
    borrowed = kept[pick(len(kept))] if kept and pick(3) == 2 else ""
    crashable = ["owner"] if pick(2) else [f"node{i}" for i in range(nodes - 1)]
    return {
        "nodes": nodes,
        "crashable": crashable,
        "crashes": min(pick(3), len(crashable)),
        "spills": [there for there in made if pick(4) == 3],
        "borrows": borrowed,
        "driver": actions,
        "tasks": tasks,
    }


def _action(text: str) -> Action:
    word, *rest = text.split()
    match word:
        case "submit":
            return Submit(rest[0])
        case "put":
            return PutAt(rest[0], rest[1])
        case "get":
            return Get(rest[0])
        case "wait":
            return Wait(tuple(rest[1:]), int(rest[0]))
        case "drop":
            return Drop(rest[0])
        case _:
            raise ValueError(f"{text!r} is no action: submit, put, get, wait or drop")


def build_program(shape: Shape, policy: Policy | None, swap: Swap) -> Scenario:
    """The scenario of a drawn program; there is no policy in it."""
    tasks = tuple(
        Task(name, tuple(task["arguments"]), f"o{name}", task["max_retries"]) for name, task in shape["tasks"].items()
    )
    made = ownership(
        OWNER_PROGRAMS.name,
        tasks,
        tuple(map(_action, shape["driver"])),
        OWNERSHIP,
        nodes=shape["nodes"],
        crashable=tuple(shape["crashable"]),
        crashes=shape["crashes"],
        spills=frozenset(shape["spills"]),
        borrows=shape["borrows"],
        swap=swap,
    )
    words = ", ".join(shape["driver"])
    needs = "; ".join(f"{name}({' '.join(task['arguments'])})" for name, task in shape["tasks"].items())
    return replace(made, constants={**made.constants, "program": f"driver: {words}; {needs}"})


OWNER_PROGRAMS = Family("owner-programs", "lineage", Edition.RAY2, draw_program, build_program)
"""Drawn programs of one owner."""
