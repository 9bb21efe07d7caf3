"""Walks on which no message overtakes another: what is sent first, anywhere, is received first.

The timers, the program and the faults are still drawn. What such walks miss and others find is a matter of order.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from rayproof.model.kernel import (
    FAULT_SPACING,
    SCHEDULE_BYTES,
    Deliver,
    Judge,
    PolicyError,
    Scenario,
    Statement,
    StatementKind,
    Step,
    Taken,
    Violation,
    World,
    as_violation,
)

Link = tuple[str, str, str]


class _Arrivals:
    """When each message in flight was sent, by link, in the order of the link."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._clock = 0
        self._sent: dict[Link, list[int]] = {}
        self.look(None)

    def look(self, step: Step | None) -> None:
        """Take note of what a step has sent and received."""
        if isinstance(step, Deliver):
            self._sent.get((step.sender, step.receiver, step.channel), [0]).pop(0)
        found = self._world.messages()
        for link in [link for link in self._sent if link not in found]:
            del self._sent[link]
        for link, queue in found.items():
            known = self._sent.setdefault(link, [])
            del known[len(queue) :]
            while len(known) < len(queue):
                known.append(self._clock)
                self._clock += 1

    def orderly(self, enabled: Sequence[Step]) -> list[Step]:
        """The steps that remain when only the oldest message may be received."""
        deliveries = [step for step in enabled if isinstance(step, Deliver)]
        others: list[Step] = [step for step in enabled if not isinstance(step, Deliver)]
        if not deliveries:
            return others
        return [min(deliveries, key=self._age), *others]

    def _age(self, step: Deliver) -> int:
        times = self._sent.get((step.sender, step.receiver, step.channel))
        return times[0] if times else self._clock


def orderly_walk(
    scenario: Scenario, statements: Sequence[Statement], random: Random, *, steps: int = SCHEDULE_BYTES
) -> tuple[int, Violation | None]:
    """One walk in the order of sending, drained at its end: steps taken, and what broke."""

    def decide(count: int, fair: bool = False) -> int:
        return random.randrange(count)

    def strike(affordable: bool) -> bool:
        return affordable and random.random() < 1 / FAULT_SPACING

    world = World(scenario, decide, strike, statements=statements)
    judge = Judge(world, statements)
    keeps_before = any(s.kind in (StatementKind.STEP, StatementKind.REFINES) for s in statements)
    arrivals = _Arrivals(world)
    taken: list[Taken] = []
    next_fault = random.randrange(FAULT_SPACING)
    broken: Statement | PolicyError | None = judge.at_start()
    while broken is None and len(taken) < steps + scenario.drain_limit:
        possible = world.fault_steps() if next_fault <= len(taken) < steps else []
        enabled = arrivals.orderly(world.system_steps())
        if possible:
            step = random.choice(possible)
            next_fault = len(taken) + random.randrange(FAULT_SPACING)
        elif not enabled or (len(taken) >= steps and world.quiescent()):
            broken = judge.at_quiescence()
            break
        else:
            step = random.choice(enabled)
        if keeps_before:
            judge.before_step()
        try:
            taken.append(Taken(step, world.take(step)))
        except PolicyError as error:
            broken = error
            break
        arrivals.look(step)
        broken = judge.after_step(taken[-1])
    return len(taken), None if broken is None else as_violation(broken, tuple(taken))
