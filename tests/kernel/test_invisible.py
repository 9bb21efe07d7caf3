"""Invisible steps are taken at once, where the gate finds no difference; what is unsound is refused by name."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import pytest

from benchmarks.plain_chain import PLAIN, Stable, Update, Written, plain_chain
from rayproof.model.gcs.chain import protocol
from rayproof.model.kernel import (
    Context,
    Eager,
    FaultKind,
    Invisible,
    Message,
    Name,
    Process,
    Reduction,
    Scenario,
    Statement,
    StateView,
    Symmetry,
    TimerKind,
    Verdict,
    always,
    constant,
    explore,
    explore_reduced,
    replay,
)
from rayproof.model.kernel.reductions.gate import gate
from rayproof.properties.bug import Bug
from rayproof.properties.catalogue import build
from rayproof.properties.gcs.chain.bugs import CHAIN_BUGS
from rayproof.properties.gcs.chain.statements import CHAIN, CHAIN_RUNS, an_update_is_resent
from tests.kernel.test_reductions import NoResend

INVISIBLE = Invisible("invisible steps")
SILENT = Eager("silent acknowledgements", (Stable,), silent=True)
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


def test_the_plain_chain_under_crashes_has_more_than_ten_times_fewer_states() -> None:
    scenario = plain_chain(3, 3, 2, PLAIN)
    reduced = explore_reduced(scenario, GATE, [INVISIBLE, SILENT])
    assert reduced.reductions == (
        "invisible steps: 3.7 times fewer states at the gate",
        "silent acknowledgements: 4.9 times fewer states at the gate",
    )
    assert (reduced.verdict, reduced.states) == (Verdict.HOLDS, 14_563)
    # The full search has 412,218 states (tests/kernel/test_engines.py and docs/performance.md).
    assert 412_218 / reduced.states > 28


@pytest.mark.parametrize("bounds", [(3, 2, 1), (3, 2, 2), (2, 3, 1)])
def test_both_pass_their_gate_on_several_scopes(bounds: tuple[int, int, int]) -> None:
    scope = plain_chain(*bounds, PLAIN)
    first = gate(scope, INVISIBLE)
    both = gate(scope, SILENT, beside=[INVISIBLE])
    assert not first.refused and not both.refused
    pinned = {(3, 2, 1): (6_728, 1_833, 1_367), (3, 2, 2): (34_307, 6_012, 4_034), (2, 3, 1): (2_389, 737, 492)}
    assert (first.full, first.reduced, both.reduced) == pinned[bounds]


def test_a_message_that_would_have_mattered_later_is_no_invisible_step() -> None:
    found = gate(HOUSE, INVISIBLE)
    assert found.refused == f"{Verdict.VIOLATED} without it, {Verdict.HOLDS} with it"
    assert explore_reduced(HOUSE, HOUSE, [INVISIBLE]).verdict is Verdict.VIOLATED


@pytest.mark.parametrize(
    ("reduction", "reason"),
    [
        (
            Eager("silent answers", (Written,), silent=True),
            "acknowledged_writes_survive no longer sees the same states",
        ),
        (Eager("silent updates", (Update,), silent=True), ""),
        (Symmetry("replicas", ("replica1", "replica2")), "it is not used together with invisible steps"),
    ],
)
def test_beside_invisible_steps_the_gate_judges_every_other(reduction: Reduction, reason: str) -> None:
    assert gate(GATE, reduction, beside=[INVISIBLE]).refused == reason


@pytest.mark.parametrize("statement", CHAIN_RUNS)
def test_claims_about_runs_are_refused(statement: Statement) -> None:
    assert "it changes the runs" in gate(build("chain-3-2-1"), INVISIBLE, (statement,)).refused


def test_a_bug_found_between_invisible_steps_is_replayed_on_the_full_model() -> None:
    names = GATE.crashable
    broken = replace(GATE, processes={**GATE.processes, **dict.fromkeys(names, partial(NoResend, names))})
    assert explore(broken).violation is not None
    found = explore_reduced(broken, GATE, [INVISIBLE, SILENT]).violation
    assert found is not None
    assert replay(broken, found.steps).violation == found


def test_the_chain_with_epochs_and_its_messages_that_a_statement_is_shown() -> None:
    acknowledgements = Eager("silent acknowledgements", (protocol.Stable,), silent=True)
    scope = build("chain-3-2-1")
    found = gate(scope, INVISIBLE, CHAIN)
    both = gate(scope, acknowledgements, CHAIN, [INVISIBLE])
    assert (found.refused, found.full, found.reduced) == ("", 13_022, 1_698)
    assert both.refused == "inprocess_requests no longer sees the same states"
    shown = gate(scope, INVISIBLE, (an_update_is_resent,))
    assert shown.refused == "an_update_is_resent no longer sees the same states"


SLOW = {"serves_on_an_old_answer", "forgets_the_newcomer", "compares_on_rejoin"}
"""Their gates have many states; they are found in the same way."""


@pytest.mark.parametrize("bug", [bug for bug in CHAIN_BUGS if bug.name not in SLOW], ids=lambda bug: bug.name)
def test_planted_bugs_are_found_although_the_gate_saw_the_sound_model(bug: Bug) -> None:
    sound = build(bug.scenario)
    broken = build(bug.scenario, swap=bug.replaces)
    only = [s for s in sound.statements if s.name == bug.statement]
    found = explore_reduced(broken, sound, [INVISIBLE], only)
    assert found.violation is not None and found.violation.statement == bug.statement
    assert (only[0].monitors != ()) == ("folds" in found.reductions[0])
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
def test_two_channels_that_race_for_a_field_that_nobody_reads_are_refused(rounds: int) -> None:
    full = explore(gallery(rounds))
    assert full.verdict is Verdict.VIOLATED
    found = explore_reduced(gallery(rounds), gallery(0), [INVISIBLE])
    assert (found.verdict, found.reduced) == (Verdict.VIOLATED, False), found.reductions
    assert "Wall tells which of Mark(colour='red') from painter and Mark(colour='blue')" in found.reductions[0]


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
