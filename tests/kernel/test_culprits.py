"""What a check finds is named the same by every driver, and only None means that it has found nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pytest

from rayproof.model.kernel import (
    Context,
    Engine,
    Message,
    ModelError,
    Name,
    Process,
    Scenario,
    Simulation,
    Statement,
    StateView,
    Step,
    Taken,
    TimerKind,
    Trace,
    Verdict,
    Violation,
    always,
    audit,
    campaign,
    eventually,
    explore,
    first,
    in_units,
    leads_to,
    progress,
    refines,
    replay,
    sometimes,
    step,
    trace_of,
    walk,
)


@dataclass(frozen=True, slots=True)
class Ask(Message):
    """Asks for an amount."""

    amount: int = in_units(10_000, default=5_000)


@dataclass(slots=True)
class Client(Process):
    """Asks once, and again and again if it is stubborn."""

    stubborn: bool = False
    asked: int = 0

    def start(self, ctx: Context) -> None:
        ctx.set_timer("ask", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        if not self.asked:
            ctx.send("bank", Ask())
        self.asked = 1
        if self.stubborn:
            ctx.set_timer("ask", kind=TimerKind.PROGRAM)


@dataclass(slots=True)
class Bank(Process):
    """Gives away what it has."""

    free: dict[str, int] = in_units(10_000, default_factory=lambda: {"CPU": 20_000})
    to: list[Name] = field(default_factory=list)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        if self.free["CPU"] >= 15_000:
            self.free["CPU"] -= 5_000
            self.to.append(sender)


def scenario(*statements: Statement, stubborn: bool = False) -> Scenario:
    """Two clients of one bank."""
    clients = {name: lambda: Client(stubborn) for name in ("one", "two")}
    return Scenario("bank", "cluster", {**clients, "bank": Bank}, statements)


def found_by_all(statement: Statement) -> set[str]:
    """The culprits that explore (every engine that decides the kind), walks, replay and the trace name."""
    made = scenario(statement)
    results = [explore(made, engine=engine) for engine in Engine]
    results.append(campaign(made, 50, 0))
    violations = [result.violation for result in results if result.violation is not None]
    assert len(violations) >= 2
    again = [replay(made, violation.steps).violation for violation in violations]
    assert again == violations
    read = [Trace.from_json(trace_of(made, violation, "explore").to_json()).culprit for violation in violations]
    last = [result.explain().splitlines()[-1] for result in results if result.violation is not None]
    assert last == [f"  => {violation.culprit}" for violation in violations]
    assert read == [violation.culprit for violation in violations]
    for result in results:
        named = [answer.found for answer in result.statements if answer.verdict is Verdict.VIOLATED]
        assert named == ([] if result.violation is None else [result.violation.culprit])
    return {violation.culprit for violation in violations}


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ("o1: no copy", "o1: no copy"),
        ("  o1:\n  no copy ", "o1: no copy"),
        (0, "0"),
        ("", "(an empty text)"),
        ((), "()"),
        (("o1", 3, Colour.RED), "o1, 3, red"),
        (Ask(), "Ask(amount=0.5)"),
        (frozenset({"b", "a"}), "{'a', 'b'}"),
    ],
)
@pytest.mark.parametrize("kind", [always, audit])
def test_whatever_is_not_none_is_a_culprit(kind: Callable[..., Any], found: object, said: str) -> None:
    @kind(Bank, source="an example")  # type: ignore[untyped-decorator]
    def keeps_all(view: StateView) -> object:
        """The bank keeps what it has."""
        bank = view.one(Bank)
        return found if bank is not None and bank.to else None

    assert found_by_all(keeps_all) == {said}


def test_a_check_of_single_processes_names_the_process() -> None:
    @always(Client, source="an example", each=True)
    def never_asks(client: Client) -> object:
        """No client asks."""
        return "it has asked" if client.asked else None

    assert found_by_all(never_asks) <= {"one: it has asked", "two: it has asked"}


def test_a_step_and_the_end_of_a_refinement_name_theirs() -> None:
    @step(Bank, source="an example")
    def gives_nothing(before: StateView, taken: Taken, after: StateView) -> object:
        """No step gives anything away."""
        one, other = before.one(Bank), after.one(Bank)
        assert one is not None and other is not None
        return first(name for name in other.to if name not in one.to)

    @refines(Bank, initial=0, then=lambda one, other: f"{one} becomes {other}", source="an example")
    def stands_still(view: StateView) -> int:
        """Nothing is ever given."""
        bank = view.one(Bank)
        return len(bank.to) if bank is not None else 0

    assert found_by_all(gives_nothing) <= {"one", "two"}
    assert found_by_all(stands_still) == {"0 becomes 1"}


def test_sometimes_has_a_witness_and_what_is_known_an_example() -> None:
    @sometimes(Bank, source="an example")
    def it_gives(view: StateView) -> object:
        """The bank gives something away."""
        bank = view.one(Bank)
        return first(f"to {name}" for name in bank.to) if bank is not None else None

    @always(Bank, source="an example", known="upstream#1")
    def it_never_gives(view: StateView) -> object:
        """The bank gives nothing away."""
        return it_gives.check(view)

    made = scenario(it_gives, it_never_gives)
    for result in (*(explore(made, engine=engine) for engine in Engine), campaign(made, 50, 0)):
        happened, known = result.statements
        assert (happened.verdict, known.verdict) == (Verdict.HOLDS, Verdict.KNOWN)
        assert {happened.found, known.found} <= {"to one", "to two"}


@eventually(Client, source="an example")
def everybody_asks_twice(view: StateView) -> object:
    """Every client asks twice."""
    return first(f"{name} waits" for name, client in view.of(Client).items() if client.asked < 2)


@leads_to(Client, then=everybody_asks_twice.check, source="an example")
def who_asks_asks_twice(view: StateView) -> object:
    """Who has asked asks again."""
    return first(name for name, client in view.of(Client).items() if client.asked)


@progress(source="an example")
def asking_is_no_progress(taken: Step) -> object:
    """Nobody asks for ever."""
    return str(taken)


@pytest.mark.parametrize("statement", [everybody_asks_twice, who_asks_asks_twice, asking_is_no_progress])
@pytest.mark.parametrize("stubborn", [False, True], ids=["a run that stops", "a loop"])
def test_claims_about_runs_say_who_waits(statement: Statement, stubborn: bool) -> None:
    made = scenario(statement, stubborn=stubborn)
    violation = explore(made).violation
    if statement is asking_is_no_progress and not stubborn:
        assert violation is None
        return
    assert violation is not None
    waits = "timer ask fires" if statement is asking_is_no_progress else "one waits"
    assert waits in violation.culprit
    again = replay(made, violation.steps, loop=violation.loop).violation
    assert again is not None and again.culprit == violation.culprit


@pytest.mark.parametrize("answer", [True, False, 1.5, object()], ids=["True", "False", "float", "object"])
@pytest.mark.parametrize("kind", [always, audit, sometimes, eventually])
def test_what_is_no_culprit_is_refused_by_name(kind: Callable[..., Any], answer: object) -> None:
    @kind(Bank, source="an example")  # type: ignore[untyped-decorator]
    def says(view: StateView) -> object:
        """Answers anyhow."""
        return answer

    words = "a check returns None when it finds nothing" if isinstance(answer, bool) else "neither a text nor a value"
    made = scenario(says)
    with pytest.raises(ModelError, match=rf"^statement says: its check returns .*{words}"):
        explore(made)
    if kind is not eventually:
        with pytest.raises(ModelError, match=rf"^statement says: its check returns .*{words}"):
            walk(made, bytes(20))
    simulation = Simulation(made, 0)
    simulation.run()
    with pytest.raises(ModelError, match="its check returns"):
        says.ask(simulation.view(says, {}))


def test_what_people_see_is_in_whole_units() -> None:
    @always(Bank, source="an example")
    def keeps_all(view: StateView) -> object:
        """The bank keeps what it has."""
        bank = view.one(Bank)
        return first(bank.to) if bank is not None else None

    said = explore(scenario(keeps_all)).explain()
    assert "Ask(amount=0.5)" in said and "bank.free['CPU']: 2 -> 1.5" in said
    assert "000" not in said


def test_a_trace_without_a_culprit_is_read() -> None:
    text = trace_of(scenario(), Violation("it", "It.", ()), "walk").to_json()
    assert Trace.from_json(text.replace(',\n  "culprit": ""', "")).culprit == ""
