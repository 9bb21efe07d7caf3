"""The engine against an enumeration of every set of steps that a run could use for ever, on random small machines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from model.kernel import Context, Process, Scenario, StateView, TimerKind, Verdict, constant, eventually
from model.kernel.explore import explore
from model.kernel.fairness import FAIR
from model.kernel.replay import replay

TIMERS = ("a", "b")
Table = tuple[tuple[tuple[int, ...], ...], ...]
"""Table[state][timer]: no entry, one next state, or two between which a coin decides; the last state is the goal."""


@dataclass(slots=True)
class Machine(Process):
    """Moves through a table; a timer runs in exactly the states that have an entry for it."""

    table: Table = constant()
    coins: bool = constant()
    at: int = 0

    def start(self, ctx: Context) -> None:
        self.arm(ctx)

    def fire(self, ctx: Context, timer: str) -> None:
        self.at = ctx.choose(self.table[self.at][TIMERS.index(timer)], random=self.coins)
        self.arm(ctx)

    def arm(self, ctx: Context) -> None:
        for timer, entry in zip(TIMERS, self.table[self.at], strict=True):
            if entry:
                ctx.set_timer(timer, kind=TimerKind.PROGRAM)
            else:
                ctx.cancel_timer(timer)


@eventually(Machine, source="the goal of a random machine")
def the_goal_is_reached(view: StateView) -> bool:
    """The machine reaches its goal."""
    machine = view.one(Machine)
    return machine is not None and machine.at == len(machine.table) - 1


@st.composite
def tables(draw: st.DrawFn) -> Table:
    count = draw(st.integers(2, 4))
    entry = st.lists(st.integers(0, count - 1), max_size=2, unique=True).map(tuple)
    rows = [tuple(draw(entry) for _ in TIMERS) for _ in range(count - 1)]
    return (*rows, ((),) * len(TIMERS))


Move = tuple[int, int, int]
"""(state, timer, next state)"""


def reachable(table: Table) -> list[Move]:
    """The moves that a run can make without reaching the goal."""
    goal = len(table) - 1
    states, moves = [0], []
    for state in states:
        for timer, entry in enumerate(table[state]):
            for target in entry:
                moves.append((state, timer, target))
                if target != goal and target not in states:
                    states.append(target)
    return moves


def runs_for_ever(moves: list[Move], goal: int) -> Iterator[tuple[Move, ...]]:
    inside = [move for move in moves if move[2] != goal]
    for size in range(1, len(inside) + 1):
        for chosen in combinations(inside, size):
            graph = nx.DiGraph((source, target) for source, _, target in chosen)
            if nx.is_strongly_connected(graph):
                yield chosen


def is_fair(chosen: tuple[Move, ...], table: Table, coins: bool) -> bool:
    states = {source for source, _, _ in chosen}
    fired = {timer for _, timer, _ in chosen}
    if any(timer not in fired and all(table[s][timer] for s in states) for timer in range(len(TIMERS))):
        return False
    used = {(source, timer) for source, timer, _ in chosen}
    return not coins or all((s, t, target) in chosen for s, t in used for target in table[s][t])


@settings(max_examples=300, deadline=None)
@given(tables(), st.booleans())
def test_verdicts_agree_and_lassos_are_fair(table: Table, coins: bool) -> None:
    moves = reachable(table)
    goal = len(table) - 1
    stops = any(not any(table[state]) for state in {0, *(m[2] for m in moves)} - {goal})
    starves = stops or any(is_fair(chosen, table, coins) for chosen in runs_for_ever(moves, goal))
    scenario = Scenario("machine", "cluster", {"m": lambda: Machine(table, coins)}, (the_goal_is_reached,))
    result = explore(scenario, fairness=FAIR)
    assert result.verdict is (Verdict.VIOLATED if starves else Verdict.HOLDS)
    if result.violation is not None:
        violation = result.violation
        assert replay(scenario, violation.steps, loop=violation.loop).violation == violation
