"""Runs for ever, carried out again: the judge of a recorded lasso, on the world that is changed in place.

It shares nothing with the engine that found the lasso but the statement. A lasso counts when the loop leads back to the
very state in which it began, when the run waits from some step on to the end, and when the loop owes nothing to weak
fairness; a run without a loop counts when nothing but faults is possible at its end. Left out: the results of fair
draws, whose other branches a single run does not show.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import replace

from rayproof.model.kernel.language.process import TimerKind, state_fields
from rayproof.model.kernel.language.statements import Statement, StatementKind
from rayproof.model.kernel.language.steps import Deliver, Fire, Step
from rayproof.model.kernel.language.values import freeze
from rayproof.model.kernel.liveness.claims import LIVENESS
from rayproof.model.kernel.liveness.fairness import FAIR, Fairness
from rayproof.model.kernel.relation.world import World


def form_of(world: World) -> Hashable:
    """Everything that makes up a global state; equal forms are equal states."""
    seats = []
    for seat in world.seats.values():
        process = seat.process
        fields = tuple(freeze(getattr(process, name)) for name in state_fields(type(process))) if seat.alive else ()
        durable = freeze(seat.durable) if not seat.alive else ()
        seats.append((seat.name, seat.alive, fields, durable, freeze(seat.timers)))
    return (
        tuple(seats),
        freeze(dict(world.messages())),
        freeze(world.cuts),
        tuple(world.spent.items()),
        tuple(world.monitors.values()),
    )


class RunJudge:
    """Watches one run of one world for the liveness statements it may break."""

    def __init__(
        self, world: World, statements: Iterable[Statement], loop: int | None, fairness: Fairness = FAIR
    ) -> None:
        self._world = world
        self._fairness = fairness
        self._loop = loop
        self._waiting = {s: False for s in statements if s.kind in LIVENESS}
        self._always_waiting: dict[Statement, bool] = dict.fromkeys(self._waiting, True)
        self._step = 0
        self._begin: Hashable = None
        self._enabled: list[frozenset[Step]] = []
        self._armed: list[frozenset[Fire]] = []
        self._patient: set[Fire] = set()
        """Timers that wait for silence in some state of the loop."""
        self._fired: set[Step] = set()
        self._set: set[tuple[str, str]] = set()
        self._look(first=True)

    def before_step(self, step: Step) -> None:
        """Called before each step."""
        self._step += 1
        if self._loop is None or self._step < self._loop:
            return
        if self._step == self._loop:
            self._begin = form_of(self._world)
            self._always_waiting = dict(self._waiting)
        self._enabled.append(frozenset(self._world.system_steps()))
        self._armed.append(
            frozenset(Fire(seat.name, timer) for seat in self._world.seats.values() for timer in seat.timers)
        )
        self._patient.update(
            Fire(seat.name, timer)
            for seat in self._world.seats.values()
            for timer, (kind, _) in seat.timers.items()
            if kind in (TimerKind.PATIENT, TimerKind.EAGER)
        )
        self._fired.add(step)
        for statement in self._always_waiting:
            if statement.kind is StatementKind.PROGRESS and statement.ask(step):
                self._always_waiting[statement] = False

    def after_step(self) -> None:
        """Called after each step."""
        self._look(first=False)
        if self._loop is not None and self._step >= self._loop:
            self._set |= set(self._world.context.timers_set)

    def at_end(self) -> Statement | None:
        """The first statement that the run breaks when it goes on as it ended: round the loop, or not at all."""
        if not self._waiting:
            return None
        if self._loop is None:
            broken = [] if self._world.system_steps() else [s for s, waits in self._waiting.items() if waits]
        elif self._begin is None or form_of(self._world) != self._begin or self._owes():
            broken = []
        else:
            broken = [s for s, waits in self._always_waiting.items() if waits]
        return broken[0] if broken else None

    def _look(self, first: bool) -> None:
        for statement, waits in self._waiting.items():
            if statement.kind is StatementKind.PROGRESS:
                self._waiting[statement] = self._loop is not None
                continue
            view = self._world.view(statement)
            if statement.kind is StatementKind.LEADS_TO:
                assert statement.then is not None
                waits = (waits or statement.ask(view)) and not replace(statement, check=statement.then).ask(view)
            else:
                waits = (waits or first) and not statement.ask(view)
            self._waiting[statement] = waits
            self._always_waiting[statement] &= waits

    def _owes(self) -> bool:
        """Whether the loop leaves out a step that it owes."""
        for step in sorted(frozenset().union(*self._enabled) - self._fired, key=str):
            if not (self._fairness.links if isinstance(step, Deliver) else self._fairness.timers):
                continue
            if step in self._patient:
                assert isinstance(step, Fire)
                owed = (step.process, step.timer) not in self._set and all(step in armed for armed in self._armed)
            else:
                owed = all(step in enabled for enabled in self._enabled)
            if owed:
                return True
        return False
