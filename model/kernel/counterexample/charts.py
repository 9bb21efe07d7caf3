"""Message-sequence charts of runs, as Mermaid text.

A run is recorded steps; `to_the_goal` finds a shortest one into a state that a `sometimes` statement describes, and
lets the system come to rest from there.

Left out: what a step changes (the print of a trace shows it).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

from rayproof.model.kernel.counterexample.endless_runs import form_of
from rayproof.model.kernel.counterexample.replay import Frame, replay
from rayproof.model.kernel.language.errors import ModelError
from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.links import DOWN, UNREACHABLE
from rayproof.model.kernel.language.process import Message, slot_of
from rayproof.model.kernel.language.scenario import Scenario
from rayproof.model.kernel.language.statements import Statement, StatementKind
from rayproof.model.kernel.language.steps import Deliver, Fault, Fire, Heal, Recover, Taken
from rayproof.model.kernel.relation.world import World
from rayproof.model.kernel.search.explore import Explorer


def to_the_goal(scenario: Scenario, goal: Statement) -> tuple[Taken, ...]:
    """A shortest run to the first state in which the goal holds, and on, undisturbed, until it rests or repeats."""
    avoided = replace(goal, kind=StatementKind.ALWAYS, check=lambda view: not goal.check(view))
    found = Explorer(scenario, [avoided]).run().violation
    if found is None:
        raise ModelError(f"{goal.name} never happens in {scenario.name}")
    script: list[int] = []

    def decide(count: int, random: bool) -> int:
        return script.pop(0) if script else 0

    world = World(scenario, decide, lambda affordable: bool(script) and script.pop(0) == 1, statements=[goal])
    steps = []
    for taken in found.steps:
        script[:] = taken.choices
        steps.append(Taken(taken.step, world.take(taken.step)))
    seen: set[Hashable] = set()
    while not world.quiescent() and len(steps) < scenario.drain_limit:
        form = form_of(world)
        if form in seen:
            break
        seen.add(form)
        step = world.system_steps()[0]
        steps.append(Taken(step, world.take(step)))
    return tuple(steps)


def sequence_chart(scenario: Scenario, steps: Iterable[Taken]) -> str:
    """A Mermaid sequence chart: one lifeline per slot that takes part, one arrow per message that was received."""
    frames = replay(scenario, steps, ()).frames
    lines = [line for frame in frames for line in _lines(scenario, frame)]
    used = {word for line in lines for word in line.replace(":", " ").replace("->>", " ").replace(",", " ").split()}
    lifelines = [f"    participant {slot}" for slot in scenario.processes if slot in used]
    return "\n".join(["sequenceDiagram", *lifelines, *(f"    {line}" for line in lines)]) + "\n"


def _lines(scenario: Scenario, frame: Frame) -> list[str]:
    match frame.taken.step:
        case Deliver(sender, receiver, channel):
            if channel == DOWN:
                return [f"Note over {slot_of(receiver)}: hears that {_plain(sender)} is dead"]
            back = " comes back" if channel == UNREACHABLE else ""
            assert frame.message is not None
            return [f"{slot_of(sender)}->>{slot_of(receiver)}: {describe(frame.message)}{back}"]
        case Fire(process, timer, early):
            return [f"Note over {slot_of(process)}: {timer}{' (too early)' if early else ''}"]
        case Recover(unit):
            return [f"Note over {slot}: comes back" for slot in scenario.unit_slots(unit)]
        case Heal(one, other):
            return [f"Note over {one},{other}: the connection heals"]
        case Fault(kind, target):
            return _fault(scenario, kind, target, frame.message)
        case step:
            return [f"Note over {next(iter(scenario.processes))}: {step}"]


def _fault(scenario: Scenario, kind: FaultKind, target: str, message: Message | None) -> list[str]:
    match kind:
        case FaultKind.CRASH:
            return [f"Note over {slot}: crashes" for slot in scenario.unit_slots(target)]
        case FaultKind.CUT:
            return [f"Note over {target.replace('|', ',')}: the connection breaks"]
        case FaultKind.SUSPECT:
            return [f"Note over {target}: is taken for dead"]
        case _ if message is not None:
            sender, receiver, _ = target.split("|")
            return [f"Note over {slot_of(sender)},{slot_of(receiver)}: {kind} {describe(message)}"]
        case _:
            return [f"Note over {slot_of(target)}: {kind}"]


def describe(message: Message) -> str:
    """A message in one short line."""
    assert isinstance(message, Message)
    parts = [_brief(getattr(message, field.name)) for field in fields(message)]  # type: ignore[arg-type]
    return " ".join([type(message).__name__, *(part for part in parts if part)])


def _brief(value: Any) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if is_dataclass(value) and not isinstance(value, type):
        if hasattr(value, "epoch"):
            return f"(epoch {value.epoch})"
        if isinstance(value, Message):
            return describe(value)
        return "(" + " ".join(_brief(getattr(value, field.name)) for field in fields(value)) + ")"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_brief, value)) + "]"
    return _plain(str(value))


def _plain(text: str) -> str:
    """Without what Mermaid gives a meaning of its own."""
    return text.replace("#", "'").replace(";", ",")
