"""What proves nothing is told from what was proved: vacuous claims, false beginnings, searches that were cut short."""

from dataclasses import dataclass, replace

import pytest

from rayproof.model.kernel import (
    Context,
    Engine,
    FaultKind,
    Invisible,
    LinkKind,
    LinkRule,
    Message,
    ModelError,
    Name,
    Process,
    Scenario,
    Simulation,
    Statement,
    StatementKind,
    StateView,
    Symmetry,
    TimerKind,
    Verdict,
    always,
    audit,
    campaign,
    eventually,
    explore,
    explore_reduced,
    leads_to,
    refines,
    walk,
)

ENGINES = (Engine.INTEGERS, Engine.VECTOR)


@dataclass(frozen=True, slots=True)
class Ring(Message):
    """A bell; `times`, how often it has rung."""

    times: int = 0


@dataclass(slots=True)
class Bell(Process):
    """Rings again and again, in the way it is told to."""

    how: str = "for ever"
    rung: int = 0

    def start(self, ctx: Context) -> None:
        ctx.set_timer("ring", 1_000_000, TimerKind.PERIODIC if self.how == "by the clock" else TimerKind.PROGRAM)
        if self.how == "by the clock":
            ctx.set_timer("night", 5_500_000, TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        match self.how:
            case _ if timer == "night":
                pass
            case "in many ways":
                self.rung = ctx.choose(tuple(range(1, 301)))
            case "counting":
                self.rung += 1
                ctx.set_timer("ring", kind=TimerKind.PROGRAM)
            case "once":
                self.rung = 1
                ctx.send("ear", Ring())
            case "by the clock":
                ctx.send("ear", Ring())
            case _:
                self.rung = 1 - self.rung
                ctx.send("ear", Ring(self.rung))
                ctx.set_timer("ring", kind=TimerKind.PROGRAM)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        ctx.send("ear", message)


@dataclass(slots=True)
class Ear(Process):
    """Hears, and may call back."""

    heard: int = 0
    echoes: bool = False

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        self.heard = 1
        if self.echoes:
            ctx.send(sender, message)


def bell(how: str, *statements: Statement, echoes: bool = False, links: tuple[LinkRule, ...] = ()) -> Scenario:
    """A bell and an ear."""
    processes = {"bell": lambda: Bell(how), "ear": lambda: Ear(echoes=echoes)}
    return Scenario("bell", "toys", processes, statements, links=links, depth_limit=60)


@always(Bell, each=True, source="a statement that is false from the start")
def it_has_rung(bell: Bell) -> bool:
    """The bell has rung."""
    return bell.rung > 0


@always(Bell, Ear, source="the same of two processes")
def it_was_heard(view: StateView) -> bool:
    """The bell was heard."""
    return any(ear.heard for ear in view.of(Ear).values())


@refines(Ear, initial=1, then=lambda before, after: True, source="an abstraction that begins elsewhere")
def it_begins_with_one(view: StateView) -> int:
    """The first abstract state is 1."""
    return sum(ear.heard for ear in view.of(Ear).values())


@audit(Ear, source="an audit of what never rests")
def at_rest_it_was_heard(view: StateView) -> bool:
    """At rest, the bell was heard."""
    return any(ear.heard for ear in view.of(Ear).values())


@dataclass(slots=True)
class Dog(Process):
    """Barks at bells."""


@always(Dog, source="a statement about who does not take part")
def nobody_else(view: StateView) -> bool:
    """Nobody else is there."""
    return True


@leads_to(Ear, then=lambda view: True, source="a premise that never holds")
def who_hears_twice_hears(view: StateView) -> bool:
    """Who has heard twice."""
    return any(ear.heard > 1 for ear in view.of(Ear).values())


@refines(Ear, initial=0, then=lambda before, after: False, source="an abstraction of nothing")
def nothing_happens(view: StateView) -> int:
    """Nothing happens."""
    return 0


@eventually(Ear, source="what the bell is for")
def it_is_heard(view: StateView) -> bool:
    """Some day the bell is heard."""
    return any(ear.heard for ear in view.of(Ear).values())


@eventually(Ear, source="what does not happen")
def it_is_heard_twice(view: StateView) -> bool:
    """Some day the bell is heard twice."""
    return any(ear.heard > 1 for ear in view.of(Ear).values())


@eventually(Ear, source="what needs no day")
def it_is_quiet(view: StateView) -> bool:
    """Some day nobody has heard the bell."""
    return not any(ear.heard for ear in view.of(Ear).values())


@always(Ear, source="a defect that is declared known", known="#1: nobody hears it")
def nobody_hears(view: StateView) -> bool:
    """Nobody ever hears the bell."""
    return not any(ear.heard for ear in view.of(Ear).values())


@always(Bell, source="what always holds")
def it_rings_once_at_most(view: StateView) -> bool:
    """The bell rings no second time before the first is over."""
    return all(bell.rung <= 1 for bell in view.of(Bell).values())


def answer(scenario: Scenario, engine: Engine = Engine.AUTO) -> tuple[Verdict, str]:
    """Verdict and note of the only statement."""
    (found,) = explore(scenario, engine=engine).statements
    return found.verdict, found.note


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("statement", [it_has_rung, it_was_heard], ids=["of one", "of two"])
def test_what_is_false_from_the_start_is_violated_by_no_step(engine: Engine, statement: Statement) -> None:
    result = explore(bell("once", statement), engine=engine)
    assert result.violation is not None and result.violation.steps == ()
    assert walk(bell("once", statement), b"", b"").violation == result.violation


def test_an_abstraction_that_begins_elsewhere_is_violated_by_no_step() -> None:
    result = explore(bell("once", it_begins_with_one))
    assert result.violation is not None and (result.violation.statement, result.violation.steps) == (
        it_begins_with_one.name,
        (),
    )


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (at_rest_it_was_heard, "no state is quiescent"),
        (nobody_else, "nothing that it reads takes part"),
        (who_hears_twice_hears, "its premise never held"),
        (nothing_happens, "the abstract system never moved"),
        (it_is_quiet, "it holds from the start"),
    ],
    ids=lambda what: getattr(what, "name", None),
)
def test_what_could_not_fail_fails_unless_it_is_expected(statement: Statement, reason: str) -> None:
    scenario = bell("for ever", statement)
    bounded = replace(scenario, links=(LinkRule(kind=LinkKind.LATEST),))
    assert answer(bounded) == (Verdict.VIOLATED, f"{reason}: the scope proves nothing about it")
    expected = replace(bounded, expected_idle=frozenset({statement.name}))
    assert answer(expected) == (Verdict.HOLDS, f"{reason}, as expected here")


def test_a_known_defect_that_is_none_is_an_error_and_one_that_is_there_is_known() -> None:
    assert answer(bell("once", nobody_hears)) == (Verdict.KNOWN, "#1: nobody hears it")
    walked = campaign(bell("once", nobody_hears), 3, 0)
    assert [s.verdict for s in walked.statements] == [Verdict.KNOWN]
    for statement in (it_rings_once_at_most, it_is_heard):
        verdict, why = answer(bell("once", replace(statement, known="#2: it does not")))
        assert verdict is Verdict.VIOLATED and why.startswith("holds, although #2")
    assert answer(bell("once", replace(it_is_heard_twice, known="#3: once"))) == (Verdict.KNOWN, "#3: once")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_field_that_counts_for_ever_is_named(engine: Engine) -> None:
    result = explore(bell("counting", it_is_there), engine=engine)
    assert result.verdict is Verdict.UNDETERMINED
    assert "field rung of bell grows without bound" in result.note


@always(Ear, source="what always holds")
def it_is_there(view: StateView) -> bool:
    """There is an ear."""
    return len(view.of(Ear)) == 1


def test_a_walk_that_does_not_come_to_rest_says_so() -> None:
    scenario = replace(bell("for ever", it_is_there), drain_limit=5, links=(LinkRule(kind=LinkKind.LATEST),))
    walked = campaign(scenario, 3, 0)
    assert walked.verdict is Verdict.UNDETERMINED and "3 walks did not come to rest within 5 steps" in walked.note
    short = campaign(scenario, 1000, 0, cpu_s=0.0)
    assert "after 1 walks" in short.note and short.verdict is Verdict.UNDETERMINED
    assert len(walk(scenario, b"\0" * 4, drain=False).steps) == 4


def test_of_many_options_every_one_can_be_drawn() -> None:
    scenario = bell("in many ways", it_is_there)
    drawn = {walk(scenario, bytes((0, high, low))).steps[0].choices for high in (0, 1) for low in range(256)}
    assert len(drawn) == 300


def test_claims_about_runs_and_orders_are_refused_by_a_gate_by_name() -> None:
    reduction = Invisible("invisible steps")
    for statement in (it_is_heard, nothing_happens):
        scenario = bell("once", statement)
        result = explore_reduced(scenario, scenario, [reduction])
        assert not result.reduced and statement.name in result.reductions[0] and "refused" in result.reductions[0]
    scenario = bell("once", it_is_there)
    more = replace(scenario, faults={FaultKind.CRASH: 1}, crashable=("bell",))
    result = explore_reduced(more, scenario, [reduction])
    assert not result.reduced and "has no fault crash, which strikes here" in result.reductions[0]
    cut = replace(scenario, faults={FaultKind.CUT: 1}, cuttable=(("bell", "ear"),))
    result = explore_reduced(cut, cut, [Symmetry("slots", ("bell", "ear"))])
    assert not result.reduced and "can be cut off" in result.reductions[0]


def test_a_clock_that_ticks_alone_ends_the_run_and_links_without_end_are_an_error() -> None:
    found = Simulation(bell("by the clock"), 0).run()
    assert (found.sent["Ring"], found.rested) == (5, True) and found.now_us >= 5_500_000, "once there is only the clock"
    endless = bell("once", echoes=True, links=(LinkRule(kind=LinkKind.IMMEDIATE),))
    with pytest.raises(ModelError, match="never come to rest"):
        Simulation(endless, 0).run()


def test_kinds_that_an_engine_does_not_decide_are_undetermined() -> None:
    assert it_is_heard.kind is StatementKind.EVENTUALLY
    assert answer(bell("once", it_is_heard), Engine.VECTOR)[0] is Verdict.UNDETERMINED


def test_a_claim_that_fails_says_what_was_assumed_fair_if_anything_goes_on() -> None:
    assert answer(bell("once", it_is_heard_twice)) == (Verdict.VIOLATED, "at its end no step of the system is left")
    endless = replace(bell("for ever", it_is_heard_twice), links=(LinkRule(kind=LinkKind.LATEST),))
    verdict, why = answer(endless)
    assert verdict is Verdict.VIOLATED and why.startswith("although every link delivers")
