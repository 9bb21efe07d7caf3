"""Claims about runs against an enumeration of every set of moves that a run could use for ever, on drawn machines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from rayproof.model.kernel import (
    Context,
    Explorer,
    Process,
    Scenario,
    StateView,
    TimerKind,
    Verdict,
    constant,
    eventually,
    minimise,
    replay,
)
from rayproof.model.kernel.liveness.fairness import FAIR, Fairness
from rayproof.properties.suite.shared import PATIENT

TIMERS = ("a", "b")
KINDS = (TimerKind.PROGRAM, TimerKind.PATIENT)
MOST_MOVES = 9
"""The sets of moves are enumerated: 512 at the most."""

Entry = tuple[tuple[int, ...], ...]
"""What a timer leads to: one of several options, and then one of several next states; empty where it does not run."""


@dataclass(frozen=True)
class Table:
    """A machine: what each timer leads to in each state, and how. The last state is the goal and has no entries."""

    entries: tuple[tuple[Entry, ...], ...]
    kinds: tuple[TimerKind, ...]
    draws: tuple[bool, bool]
    """Whether the option, and the next state among those of an option, are fair draws."""
    renews: bool
    """Whether each move sets all timers anew; otherwise the others run on."""

    @property
    def goal(self) -> int:
        """The state that every run should reach."""
        return len(self.entries) - 1


@dataclass(slots=True)
class Machine(Process):
    """Moves through a table; a timer runs in exactly the states that have an entry for it."""

    table: Table = constant()
    at: int = 0

    def start(self, ctx: Context) -> None:
        self.arm(ctx, TIMERS)

    def fire(self, ctx: Context, timer: str) -> None:
        of_option, of_state = self.table.draws
        running = {name for name, entry in zip(TIMERS, self.table.entries[self.at], strict=True) if entry}
        option = ctx.choose(self.table.entries[self.at][TIMERS.index(timer)], random=of_option)
        self.at = ctx.choose(option, random=of_state)
        self.arm(
            ctx, TIMERS if self.table.renews else [name for name in TIMERS if name == timer or name not in running]
        )

    def arm(self, ctx: Context, stopped: list[str] | tuple[str, ...]) -> None:
        for timer, kind, entry in zip(TIMERS, self.table.kinds, self.table.entries[self.at], strict=True):
            if not entry:
                ctx.cancel_timer(timer)
            elif timer in stopped:
                ctx.set_timer(timer, kind=kind)


@eventually(Machine, source="the goal of a random machine")
def the_goal_is_reached(view: StateView) -> bool:
    """The machine reaches its goal."""
    machine = view.one(Machine)
    return machine is not None and machine.at == machine.table.goal


@st.composite
def tables(draw: st.DrawFn) -> Table:
    count = draw(st.integers(2, 4))
    option = st.lists(st.integers(0, count - 1), min_size=1, max_size=2, unique=True).map(tuple)
    entry = st.lists(option, max_size=2, unique=True).map(tuple)
    rows = [tuple(draw(entry) for _ in TIMERS) for _ in range(count - 1)]
    kinds = tuple(draw(st.sampled_from(KINDS)) for _ in TIMERS)
    return Table(
        (*rows, ((),) * len(TIMERS)), kinds, draw(st.tuples(st.booleans(), st.booleans())), draw(st.booleans())
    )


@dataclass(frozen=True)
class Move:
    """One edge of the state graph."""

    source: int
    timer: int
    option: int
    target: int


def leads_everywhere(chosen: tuple[Move, ...]) -> bool:
    """Whether every state of some moves is reached by these moves from every other one."""
    states = {state for move in chosen for state in (move.source, move.target)}
    for start in states:
        reached = {start}
        for _ in chosen:
            reached |= {move.target for move in chosen if move.source in reached}
        if reached < states:
            return False
    return True


class Oracle:
    """What holds of the runs of a machine, by enumeration."""

    def __init__(self, table: Table, fairness: Fairness) -> None:
        self.table = table
        self.fairness = fairness
        self.states, self.moves = [0], list[Move]()
        for state in self.states:
            for timer in self.enabled(state):
                for number, option in enumerate(table.entries[state][timer]):
                    for target in option:
                        self.moves.append(Move(state, timer, number, target))
                        if target != table.goal and target not in self.states:
                            self.states.append(target)

    def armed(self, state: int) -> set[int]:
        """Timers that run in a state."""
        return {timer for timer, entry in enumerate(self.table.entries[state]) if entry}

    def enabled(self, state: int) -> list[int]:
        """Timers that can fire: patient ones wait for all others."""
        hasty = [t for t in self.armed(state) if self.table.kinds[t] is not TimerKind.PATIENT]
        return sorted(hasty or self.armed(state))

    def sets_anew(self, move: Move, timer: int) -> bool:
        """Whether a move sets a timer that then runs."""
        if timer not in self.armed(move.target):
            return False
        return self.table.renews or timer == move.timer or timer not in self.armed(move.source)

    def starves(self) -> bool:
        """Whether some fair run never reaches the goal: it stops elsewhere, or goes round for ever."""
        stops = any(not self.enabled(state) for state in self.states)
        return stops or any(self.is_fair(chosen) for chosen in self.rounds())

    def rounds(self) -> Iterator[tuple[Move, ...]]:
        """Every set of moves that a run could use for ever."""
        inside = [move for move in self.moves if move.target != self.table.goal]
        for size in range(1, len(inside) + 1):
            for chosen in combinations(inside, size):
                if leads_everywhere(chosen):
                    yield chosen

    def is_fair(self, chosen: tuple[Move, ...]) -> bool:
        """Whether a run that uses exactly these moves for ever is fair."""
        if self.fairness.timers and any(self.owes(chosen, timer) for timer in range(len(TIMERS))):
            return False
        if not self.fairness.draws:
            return True
        of_option, of_state = self.table.draws
        for source, timer in {(move.source, move.timer) for move in chosen}:
            options = self.table.entries[source][timer]
            used = {move.option for move in chosen if (move.source, move.timer) == (source, timer)}
            if of_option and len(used) < len(options):
                return False
            if of_state and any(Move(source, timer, o, target) not in chosen for o in used for target in options[o]):
                return False
        return True

    def owes(self, chosen: tuple[Move, ...], timer: int) -> bool:
        """Whether a run leaves out a timer that has to fire."""
        states = {move.source for move in chosen}
        if any(move.timer == timer for move in chosen):
            return False
        if self.table.kinds[timer] is not TimerKind.PATIENT:
            return all(timer in self.enabled(state) for state in states)
        stays = all(timer in self.armed(state) for state in states)
        possible = any(timer in self.enabled(state) for state in states)
        return stays and possible and not any(self.sets_anew(move, timer) for move in chosen)


def test_verdicts_agree_and_lassos_are_fair() -> None:
    @settings(PATIENT, max_examples=600, derandomize=True)
    @given(tables(), st.builds(Fairness, st.booleans(), st.booleans(), st.booleans()))
    def compare(table: Table, fairness: Fairness) -> None:
        scenario = Scenario("machine", "cluster", {"m": lambda: Machine(table)}, (the_goal_is_reached,))
        for assumed in (FAIR, fairness):
            oracle = Oracle(table, assumed)
            if len(oracle.moves) > MOST_MOVES:
                continue
            result = Explorer(scenario, fairness=assumed).run()
            assert result.verdict is (Verdict.VIOLATED if oracle.starves() else Verdict.HOLDS)
            if result.violation is not None and assumed == FAIR:
                found = result.violation
                assert replay(scenario, found.steps, loop=found.loop).violation == found == minimise(scenario, found)

    compare()
