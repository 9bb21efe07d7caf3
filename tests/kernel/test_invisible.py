"""Invisible steps are taken at once, where the gate finds no difference; what is unsound is refused by name."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import pytest

from benchmarks.plain_chain import PLAIN, plain_chain
from rayproof.model.kernel import (
    Context,
    FaultKind,
    Invisible,
    Message,
    Name,
    Process,
    Scenario,
    Statement,
    StateView,
    TimerKind,
    Verdict,
    always,
    constant,
    explore,
    explore_reduced,
    replay,
)
from rayproof.model.kernel.reductions.commuting import NOTHING
from rayproof.model.kernel.reductions.gate import gate
from rayproof.model.kernel.reductions.reduced_search import ReducedExplorer
from rayproof.model.kernel.reductions.reduction import REDUCIBLE
from rayproof.properties.bug import Bug
from rayproof.properties.catalogue import build
from rayproof.properties.gcs.chain.bugs import CHAIN_BUGS
from rayproof.properties.gcs.chain.statements import CHAIN, CHAIN_RUNS, an_update_is_resent
from tests.kernel.test_reductions import NoResend

INVISIBLE = Invisible("invisible steps")
GATE = plain_chain(3, 2, 1, PLAIN)


@dataclass(frozen=True, slots=True)
class Knock(Message):
    """Somebody is at the door."""


@dataclass(frozen=True, slots=True)
class Unlock(Message):
    """The door may be opened."""


@dataclass(slots=True)
class Visitor(Process):
    """Says one thing to the door, at once or some day."""

    says: Message = constant()
    hurries: bool = constant(True)

    def start(self, ctx: Context) -> None:
        if self.hurries:
            ctx.send("door", self.says)
        else:
            ctx.set_timer("some day", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        ctx.send("door", self.says)


@dataclass(slots=True)
class Door(Process):
    """Ignores a knock while it is locked."""

    locked: bool = True
    opened: bool = False

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        if isinstance(message, Unlock):
            self.locked = False
        elif not self.locked:
            self.opened = True


@always(Door, source="false when the door is unlocked before the knock")
def stays_shut(view: StateView) -> str | None:
    """The door is never opened."""
    return None if all(not door.opened for door in view.of(Door).values()) else "it is not so"


HOUSE = Scenario(
    "house",
    "toys",
    {"guest": partial(Visitor, Knock()), "host": partial(Visitor, Unlock(), hurries=False), "door": Door},
    (stays_shut,),
)


def test_the_plain_chain_under_crashes_has_eight_times_fewer_states() -> None:
    reduced = explore_reduced(plain_chain(3, 3, 2, PLAIN), GATE, [INVISIBLE])
    assert reduced.reductions == ("invisible steps: 2.3 times fewer states at the gate",)
    # The full search has 412,218 states (tests/kernel/test_engines.py and docs/performance.md).
    assert (reduced.verdict, reduced.states) == (Verdict.HOLDS, 50_960)


@pytest.mark.parametrize(
    ("bounds", "sizes"), [((3, 2, 1), (6_728, 2_936)), ((3, 2, 2), (34_307, 8_748)), ((2, 3, 1), (2_389, 849))]
)
def test_the_plain_chain_passes_its_gate_on_several_scopes(
    bounds: tuple[int, int, int], sizes: tuple[int, int]
) -> None:
    found = gate(plain_chain(*bounds, PLAIN), INVISIBLE)
    assert (found.refused, found.full, found.reduced) == ("", *sizes)


def test_a_message_that_would_have_mattered_later_waits() -> None:
    found = explore_reduced(HOUSE, HOUSE, [INVISIBLE])
    assert found.verdict is Verdict.VIOLATED
    # The first search takes the knock at once and finds nothing; what it has run speaks against that.
    first = ReducedExplorer(HOUSE, [INVISIBLE], read=frozenset({"opened"}))
    assert first.run().verdict is Verdict.HOLDS
    assert first.objection() == "Door tells which of Knock() from guest and Unlock() from host is first"
    assert first.narrower() == [Invisible("invisible steps", apart=frozenset({(Knock, Door, NOTHING)}))]


@pytest.mark.parametrize("statement", CHAIN_RUNS)
def test_claims_about_runs_are_refused(statement: Statement) -> None:
    assert "it changes the runs" in gate(build("chain-3-2-1"), INVISIBLE, (statement,)).refused


def test_a_bug_found_between_invisible_steps_is_replayed_on_the_full_model() -> None:
    names = GATE.crashable
    broken = replace(GATE, processes={**GATE.processes, **dict.fromkeys(names, partial(NoResend, names))})
    assert explore(broken).violation is not None
    found = explore_reduced(broken, GATE, [INVISIBLE]).violation
    assert found is not None
    assert replay(broken, found.steps).violation == found


def test_the_chain_with_epochs_and_its_messages_that_a_statement_is_shown() -> None:
    scope = build("chain-3-2-1")
    found = gate(scope, INVISIBLE, CHAIN)
    assert (found.refused, found.full, found.reduced) == ("", 13_022, 2_167)
    shown = gate(scope, INVISIBLE, (an_update_is_resent,))
    assert (shown.refused, shown.reduced) == ("", 4_591)


def test_a_gate_compares_what_is_seen_not_in_which_order_it_was_met() -> None:
    scope = build("sched-classes")
    found = gate(scope, INVISIBLE, tuple(s for s in scope.statements if s.kind in REDUCIBLE))
    assert (found.refused, found.full, found.reduced) == ("", 799, 279)


SLOW = {"serves_on_an_old_answer", "forgets_the_newcomer", "compares_on_rejoin"}
"""Their gates have many states; they are found in the same way."""


@pytest.mark.parametrize("bug", [bug for bug in CHAIN_BUGS if bug.name not in SLOW], ids=lambda bug: bug.name)
def test_planted_bugs_are_found_although_the_gate_saw_the_sound_model(bug: Bug) -> None:
    sound = build(bug.scenario)
    broken = build(bug.scenario, swap=bug.replaces)
    only = [s for s in sound.statements if s.name == bug.statement]
    found = explore_reduced(broken, sound, [INVISIBLE], only)
    assert found.violation is not None and found.violation.statement == bug.statement
    assert found.reduced == (only[0].kind in REDUCIBLE)
    again = replay(broken, found.violation.steps).violation
    assert again is not None


@dataclass(frozen=True, slots=True)
class Mark(Message):
    colour: str


@dataclass(frozen=True, slots=True)
class Open(Message):
    pass


@dataclass(slots=True)
class Painter(Process):
    """Sends its colours over channels of their own; the red one first, or both in a step."""

    rounds: int = constant()
    steps: int = 0

    def start(self, ctx: Context) -> None:
        ctx.set_timer("paint", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        self.steps += 1
        if self.rounds == 0:
            ctx.send("wall", Mark("red"), "red")
        elif self.rounds == 1:
            ctx.send("wall", Mark("red"), "red")
            ctx.send("wall", Mark("blue"), "blue")
        elif self.steps == 1:
            ctx.send("wall", Mark("red"), "red")
            ctx.set_timer("paint", kind=TimerKind.PROGRAM)
        else:
            ctx.send("wall", Mark("blue"), "blue")


@dataclass(slots=True)
class Critic(Process):
    def start(self, ctx: Context) -> None:
        ctx.set_timer("look", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        ctx.send("wall", Open())


@dataclass(slots=True)
class Wall(Process):
    """Its colour is the last one; no statement reads it, and the critic's answer depends on it."""

    colour: str = ""
    marks: int = 0
    shocked: bool = False

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        match message:
            case Mark(colour):
                self.colour = colour
                self.marks += 1
            case Open():
                self.shocked = self.marks == 2 and self.colour == "red"


def gallery(rounds: int) -> Scenario:
    made: dict[str, Callable[[], Process]] = {"painter": partial(Painter, rounds), "critic": Critic, "wall": Wall}
    return Scenario("gallery", "toys", made, (nobody_is_shocked,))


@always(Wall, source="false where blue is overtaken by red")
def nobody_is_shocked(view: StateView) -> str | None:
    """The critic is never shocked."""
    return "it is not so" if any(wall.shocked for wall in view.of(Wall).values()) else None


@pytest.mark.parametrize("rounds", [1, 2])
def test_two_channels_that_race_for_a_field_that_nobody_reads_wait(rounds: int) -> None:
    assert explore(gallery(rounds)).verdict is Verdict.VIOLATED
    first = ReducedExplorer(gallery(rounds), [INVISIBLE], read=frozenset({"shocked"}))
    assert first.run().verdict is Verdict.HOLDS and first.objection().startswith("Wall tells which of Mark(colour=")
    found = explore_reduced(gallery(rounds), gallery(0), [INVISIBLE])
    assert (found.verdict, found.reduced) == (Verdict.VIOLATED, True)


def test_without_a_race_they_are_let_be() -> None:
    found = explore_reduced(gallery(0), gallery(0), [INVISIBLE])
    assert found.verdict is Verdict.HOLDS and (found.reduced or "it leaves out" in found.reductions[0])


@dataclass(slots=True)
class Fragile(Wall):
    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        ctx.may_fail(FaultKind.FAIL_WRITE)
        Wall.receive(self, ctx, sender, message)


def test_a_race_is_looked_for_where_handlers_may_fail() -> None:
    made = gallery(1)
    broken = replace(made, processes={**made.processes, "wall": Fragile}, faults={FaultKind.FAIL_WRITE: 1})
    assert explore_reduced(broken, broken, [INVISIBLE]).verdict is Verdict.VIOLATED
    calm = replace(gallery(0), processes={**gallery(0).processes, "wall": Fragile}, faults=broken.faults)
    assert explore_reduced(calm, calm, [INVISIBLE]).verdict is Verdict.HOLDS
