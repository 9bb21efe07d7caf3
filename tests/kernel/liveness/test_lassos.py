"""Runs for ever, each with the shortest lasso that shows it: what fairness rules out and what it does not."""

from dataclasses import replace

import pytest

from rayproof.model.kernel import (
    Explorer,
    Limits,
    Scenario,
    StateView,
    TimerKind,
    Trace,
    Verdict,
    always,
    eventually,
    explore,
    minimise,
    render,
    replay,
)
from rayproof.model.kernel.liveness.fairness import FAIR, FAIR_DRAWS, FAIR_LINKS, FAIR_TIMERS, UNFAIR, Fairness
from tests.kernel.liveness import systems


def lasso(scenario: Scenario, fairness: Fairness = FAIR) -> tuple[list[str], list[str]]:
    """Stem and loop of the violation, as text; carried out again on the other form of the step relation."""
    violation = Explorer(scenario, fairness=fairness).run().violation
    assert violation is not None
    if fairness == FAIR:
        assert replay(scenario, violation.steps, loop=violation.loop).violation == violation
        assert minimise(scenario, violation) == violation
    steps = [str(taken.step) for taken in violation.steps]
    return (steps, []) if violation.loop is None else (steps[: violation.loop - 1], steps[violation.loop - 1 :])


def holds_only_if(scenario: Scenario, *needed: str) -> None:
    """The statement holds, and the answer names the assumptions without which it would not."""
    (answer,) = explore(scenario).statements
    assert answer.verdict is Verdict.HOLDS
    assert answer.note.partition(", within")[0] == (
        "provided that " + ", ".join(needed) if needed else "without any fairness"
    )


def test_true_under_fairness_and_false_without() -> None:
    holds_only_if(systems.game(), FAIR_LINKS)
    assert lasso(systems.game(), UNFAIR) == ([], ["left -> right", "right -> left"])


def test_a_link_whose_messages_are_always_overtaken() -> None:
    holds_only_if(systems.bells(systems.some_bell_is_heard), FAIR_LINKS)
    stem, loop = lasso(systems.bells(systems.the_first_bell_is_heard))
    assert stem == ["ringer: timer ring fires", "ringer: timer ring fires", "ringer -> listener [bells]"]
    assert loop == ["ringer: timer ring fires", "ringer: timer ring fires", "ringer -> listener [bells]"]


def test_a_random_choice_must_not_starve_and_any_other_may() -> None:
    holds_only_if(systems.coin(fair=True), FAIR_DRAWS)
    assert lasso(systems.coin(fair=True), Fairness(draws=False)) == ([], ["tosser: timer toss fires"])
    assert lasso(systems.coin(fair=False)) == ([], ["tosser: timer toss fires"])


def test_a_retry_loop_ends_unless_a_fault_has_taken_the_server() -> None:
    holds_only_if(systems.service(lose=2))
    assert lasso(systems.service(crash=1)) == (["FAULT crash: server"], ["client: timer again fires"])
    holds_only_if(systems.service(crash=1, lose=1, recovers=True))


def test_a_timer_that_re_arms_for_ever_does_not_silence_another() -> None:
    holds_only_if(systems.clock(puts_off=False), FAIR_TIMERS)
    assert lasso(systems.clock(puts_off=False), UNFAIR) == ([], ["clock: timer beat fires"])


def test_a_time_out_that_is_put_off_for_ever_may_never_come_but_a_programs_own_step_does() -> None:
    assert lasso(systems.clock(puts_off=True)) == ([], ["clock: timer beat fires"])
    holds_only_if(systems.clock(puts_off=True, kind=TimerKind.PROGRAM), FAIR_TIMERS)


def test_a_starvation_that_needs_strong_fairness() -> None:
    holds_only_if(systems.lock("in order"), FAIR_LINKS)
    holds_only_if(systems.lock("by lot"), FAIR_LINKS, FAIR_DRAWS)
    for rule, length in (("at will", 4), ("ask again", 1)):
        stem, loop = lasso(systems.lock(rule))
        assert len(stem) == length and stem[0] == "user1: timer ask fires"
        assert "user2: timer release fires" in loop, "another user is served in each round"
        assert "user1: timer release fires" not in loop


def test_a_run_that_stops_is_no_lasso() -> None:
    """The client waits for ever in a state without steps."""
    assert lasso(systems.silence()) == (["client -> server"], [])


@eventually(systems.User, source="nothing that happens here")
def never(view: StateView) -> bool:
    """What never comes."""
    return False


def test_of_several_broken_claims_the_shortest_lasso_is_shown_whichever_is_declared_first() -> None:
    claims = (systems.who_asks_is_served, never)
    scenario = systems.lock("at will")
    sooner, later = (explore(scenario, (claim,)).violation for claim in claims)
    assert sooner is not None and later is not None and len(sooner.steps) < len(later.steps)
    for declared in (claims, claims[::-1]):
        assert explore(scenario, declared).violation == sooner


def test_a_budget_that_is_spent_before_the_runs_are_judged_leaves_them_open() -> None:
    scenario = systems.game()
    result = explore(scenario, limits=Limits(cpu_s=5, spent_s=5))
    assert result.verdict is Verdict.UNDETERMINED and "the budget of 5 CPU seconds" in result.statements[0].note


def test_a_scope_that_was_cut_short_says_nothing() -> None:
    result = explore(replace(systems.bells(systems.some_bell_is_heard), depth_limit=2))
    assert result.verdict is Verdict.UNDETERMINED
    assert result.statements[0].verdict is Verdict.UNDETERMINED


@pytest.mark.parametrize("damage", ["no loop", "another loop", "unfair loop"])
def test_a_lasso_that_does_not_close_or_is_not_fair_is_not_believed(damage: str) -> None:
    scenario = systems.game()
    violation = Explorer(scenario, fairness=UNFAIR).run().violation
    assert violation is not None
    loop = {"no loop": None, "another loop": 2, "unfair loop": 1}[damage]
    assert replay(scenario, violation.steps, loop=loop).violation is None


def test_the_print_marks_the_loop() -> None:
    scenario = systems.service(crash=1)
    violation = explore(scenario).violation
    assert violation is not None
    trace = Trace(scenario.name, {}, violation.statement, violation.sentence, violation.steps, loop=violation.loop)
    assert Trace.from_json(trace.to_json()).loop == 2
    printed = render(trace, replay(scenario, trace.steps, loop=trace.loop)).splitlines()
    assert printed[printed.index("  -- the loop begins --") + 1] == "  2. client: timer again fires"
    assert "  -- and again from the loop's beginning, for ever --" in printed
    assert printed[-1] == "  => The client has its answer."


def test_an_interrupt_while_runs_are_judged_keeps_what_the_search_has_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Explorer) -> None:
        raise KeyboardInterrupt

    @always(systems.Player, source="the search itself")
    def two_play(view: StateView) -> bool:
        """Two play."""
        return len(view.of(systems.Player)) == 2

    monkeypatch.setattr(Explorer, "_judge_runs", interrupted)
    result = explore(systems.game(two_play, systems.the_bell_is_heard))
    assert result.verdict is Verdict.UNDETERMINED
    assert [s.verdict for s in result.statements] == [Verdict.HOLDS, Verdict.UNDETERMINED]
