"""Replay: a recorded list of steps and choices, carried out again, with what each step changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from rayproof.model.kernel.counterexample.endless_runs import RunJudge
from rayproof.model.kernel.judging.judge import Judge
from rayproof.model.kernel.judging.verdicts import Violation
from rayproof.model.kernel.language.errors import PolicyError, TraceMismatch
from rayproof.model.kernel.language.process import Message, Name, state_fields
from rayproof.model.kernel.language.scenario import Scenario
from rayproof.model.kernel.language.statements import Statement
from rayproof.model.kernel.language.steps import Taken
from rayproof.model.kernel.language.values import copy
from rayproof.model.kernel.liveness.claims import LIVENESS
from rayproof.model.kernel.relation.world import World
from rayproof.model.kernel.search.walk import as_violation


@dataclass(frozen=True)
class Change:
    """One field of one process before and after a step."""

    process: Name
    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Frame:
    """One replayed step."""

    taken: Taken
    message: Message | None
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Replayed:
    """What a replay showed."""

    frames: tuple[Frame, ...]
    violation: Violation | None


def replay(
    scenario: Scenario,
    steps: Iterable[Taken],
    statements: Iterable[Statement] | None = None,
    loop: int | None = None,
) -> Replayed:
    """Carry out recorded steps; raises `TraceMismatch` at the first one that the model does not offer.

    `loop`: number of the step at which a lasso's loop begins, counted from 1; the run goes round it for ever.
    """
    wanted = tuple(scenario.statements if statements is None else statements)
    script = _Script()
    world = World(scenario, script.decide, script.strike, strict=True, statements=wanted)
    judge = Judge(world, wanted)
    run = RunJudge(world, wanted, loop)
    frames: list[Frame] = []
    broken: Statement | PolicyError | None = judge.at_start()
    for index, taken in enumerate(steps):
        if broken is not None:
            break
        offered = (*world.system_steps(), *world.fault_steps())
        if taken.step not in offered:
            raise TraceMismatch(index, str(taken.step), tuple(map(str, offered)))
        message = world.message_of(taken.step)
        before = _snapshot(world)
        script.begin(taken.choices)
        judge.before_step()
        run.before_step(taken.step)
        try:
            made = world.take(taken.step)
        except PolicyError as error:
            broken = error
            frames.append(Frame(taken, message, ()))
            break
        except _BadChoice as bad:
            raise TraceMismatch(index, f"{taken.step} with choices {taken.choices}: {bad}", ()) from None
        if made != taken.choices:
            raise TraceMismatch(index, f"{taken.step} with choices {taken.choices}", (f"choices {made}",))
        frames.append(Frame(taken, message, _changes(before, _snapshot(world))))
        run.after_step()
        broken = judge.after_step(taken)
    if broken is None and world.quiescent():
        broken = judge.at_quiescence()
    if broken is None:
        broken = run.at_end()
    taken_steps = tuple(frame.taken for frame in frames)
    violation = None if broken is None else as_violation(broken, taken_steps)
    if violation is not None and isinstance(broken, Statement) and broken.kind in LIVENESS:
        violation = replace(violation, loop=loop)
    return Replayed(tuple(frames), violation)


class _BadChoice(Exception):
    pass


class _Script:
    """Hands out recorded choices."""

    def __init__(self) -> None:
        self._choices: tuple[int, ...] = ()
        self._at = 0

    def begin(self, choices: tuple[int, ...]) -> None:
        self._choices = choices
        self._at = 0

    def decide(self, count: int, random: bool = False) -> int:
        if self._at >= len(self._choices):
            raise _BadChoice(f"the model makes a choice among {count} that was not recorded")
        index = self._choices[self._at]
        self._at += 1
        if not 0 <= index < count:
            raise _BadChoice(f"choice {index} among {count} options")
        return index

    def strike(self, affordable: bool) -> bool:
        return self.decide(2) == 1


def _snapshot(world: World) -> dict[tuple[Name, str], Any]:
    shot: dict[tuple[Name, str], Any] = {}
    for seat in world.seats.values():
        if not seat.alive:
            shot[seat.slot, "alive"] = False
            continue
        for name in state_fields(type(seat.process)):
            shot[seat.name, name] = copy(getattr(seat.process, name))
    return shot


def _changes(before: dict[tuple[Name, str], Any], after: dict[tuple[Name, str], Any]) -> tuple[Change, ...]:
    changes = []
    for key, value in after.items():
        if key not in before and key[1] != "alive":
            continue
        if before.get(key, True) != value:
            changes.append(Change(*key, before.get(key, True), value))
    return tuple(changes)
