"""Counterexamples of every kind are shortened, written, read, replayed and drawn: dead ends, loops, all faults."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from rayproof.model.kernel import (
    Deliver,
    Fault,
    FaultKind,
    Fire,
    Heal,
    Recover,
    Scenario,
    Statement,
    StatementKind,
    Taken,
    Tick,
    Trace,
    TraceError,
    TraceMismatch,
    Verdict,
    campaign,
    explore,
    minimise,
    render,
    replay,
    sequence_chart,
    to_the_goal,
    walk,
    walkable,
)
from rayproof.properties.bugs import BUGS, LIVELOCK_BUGS, Bug
from rayproof.properties.catalogue import CATALOGUE, build
from rayproof.properties.suite.drawn import from_bytes
from rayproof.properties.suite.drawn.cluster import WHOLE_CLUSTER

FAULTY = {
    "chain-restart": {"crash"},
    "chain-suspicion": {"suspect"},
    "chain-retries": {"early_timeout", "lose"},
    "pubsub-1-1": {"cut", "crash"},
    "actor-lost-reply": {"lose_reply"},
    "today-duplicates": {"duplicate"},
}
"""Scenario -> faults of its runs that a chart has to show."""

FOUND = ("newest_first", "never_frees", "holds_on_to_the_lost")


def written(scenario: Scenario, statement: Statement, steps: tuple[Taken, ...], loop: int | None = None) -> Trace:
    """A counterexample that went to a file and back."""
    made = Trace(scenario.name, {}, statement.name, statement.sentence, steps, statement.source, loop=loop)
    read = Trace.from_json(made.to_json())
    assert read == made
    return read


@pytest.mark.parametrize("bug", LIVELOCK_BUGS, ids=lambda bug: bug.name)
def test_a_loop_is_found_written_read_replayed_and_marked(bug: Bug) -> None:
    scenario = build(bug.scenario, swap=bug.replaces)
    (named,) = (s for s in scenario.statements if s.name == bug.statement)
    found = explore(scenario, (named,)).violation
    assert found is not None and found.loop is not None
    assert minimise(scenario, found, (named,)).loop is not None
    read = written(scenario, named, found.steps, found.loop)
    again = replay(scenario, read.steps, (named,), loop=read.loop)
    assert again.violation is not None and again.violation.statement == named.name
    assert "for ever" in render(read, again)


@pytest.mark.parametrize("name", FOUND)
def test_a_campaign_finds_a_bug_and_the_correct_model_is_silent(name: str) -> None:
    bug = BUGS[name]
    broken, correct = build(bug.scenario, swap=bug.replaces), build(bug.scenario)
    named = tuple(s for s in walkable(broken) if s.name == bug.statement)
    result = campaign(broken, 3_000, 1, named)
    assert result.violation is not None and result.violation.statement == bug.statement
    same = campaign(correct, result.walks, 1, tuple(s for s in walkable(correct) if s.name == bug.statement))
    assert same.violation is None and same.verdict is not Verdict.VIOLATED


def test_what_no_search_can_exhaust_is_shortened_by_leaving_out() -> None:
    bug, random = BUGS["never_reconsiders"], Random(0)
    while True:
        scenario = WHOLE_CLUSTER.scenario(WHOLE_CLUSTER.draw(from_bytes(random.randbytes(80))), None, bug.replaces)
        named = tuple(s for s in scenario.statements if s.name == bug.statement)
        found = walk(scenario, random.randbytes(200), random.randbytes(4), named).violation
        if found is not None:
            break
    shorter = minimise(scenario, found, named)
    assert len(shorter.steps) <= len(found.steps)
    again = replay(scenario, shorter.steps, named).violation
    assert again is not None and again.statement == bug.statement


@pytest.mark.parametrize("name", FAULTY)
def test_a_chart_shows_every_fault(name: str) -> None:
    scenario, random = build(name), Random(0)
    seen: set[str] = set()
    for _ in range(200):
        taken = walk(scenario, random.randbytes(60), random.randbytes(8), ()).steps
        kinds = {str(t.step.kind) for t in taken if isinstance(t.step, Fault)}
        kinds |= {"early_timeout" for t in taken if isinstance(t.step, Fire) and t.step.early}
        if kinds <= seen:
            continue
        seen |= kinds
        chart = sequence_chart(scenario, taken)
        assert chart.startswith("sequenceDiagram") and chart.count("\n") >= len(taken)
        assert chart.count("comes back") >= sum(isinstance(t.step, Recover) for t in taken)
        assert chart.count("the connection heals") == sum(isinstance(t.step, Heal) for t in taken)
    assert FAULTY[name] <= seen


@pytest.mark.parametrize("name", ["chain-3-2-1", "pubsub-1-1", "today-group-two", "stream"])
def test_a_goal_is_reached_by_a_run_that_replays(name: str) -> None:
    scenario = CATALOGUE[name].build(None, {})
    for goal in (s for s in scenario.statements if s.kind is StatementKind.SOMETIMES):
        if goal.name not in scenario.expected_idle:
            steps = to_the_goal(scenario, goal)
            frames = replay(scenario, steps, ()).frames
            assert tuple(frame.taken for frame in frames) == steps and steps


STEPS = (
    Taken(Deliver("a", "b", "c"), (1, 0)),
    Taken(Fire("a", "t", early=True)),
    Taken(Tick()),
    Taken(Fault(FaultKind.CRASH, "node")),
    Taken(Recover("node")),
    Taken(Fault(FaultKind.CUT, "a|b")),
    Taken(Heal("a", "b")),
)


def places(part: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Every named value of a document, with what holds it."""
    for key, value in part.items() if isinstance(part, dict) else ():
        yield part, key
        yield from places(value)
    for item in part if isinstance(part, list) else ():
        yield from places(item)


def test_a_damaged_trace_is_refused_by_the_name_of_what_is_wrong() -> None:
    whole = Trace("s", {"bug": "b"}, "x", "X holds.", STEPS, "a source", constants={"n": 1}).to_json()
    assert Trace.from_json(whole).steps == STEPS
    free = ("seed", "loop", "bug", "n")
    refused = 0
    for number, (_, key) in enumerate(list(places(json.loads(whole)))):
        for damage in (None, 7.5, "nothing of the kind"):
            document = json.loads(whole)
            holder, _ = list(places(document))[number]
            if key in free or (
                isinstance(holder[key], str) and isinstance(damage, str) and key not in ("step", "kind")
            ):
                continue
            holder[key] = damage
            with pytest.raises(TraceError, match=key):
                Trace.from_json(json.dumps(document))
            refused += 1
    assert refused > 100
    for text in ("", "[", "[]", "{}", "[" * 100_000, whole.replace('"choices": []', '"choices": [true]')):
        with pytest.raises(TraceError):
            Trace.from_json(text)
    for loop in (0, -4, 8, 1.5, "x", True):
        with pytest.raises(TraceError, match="the number of a step, 1 to 7"):
            Trace.from_json(json.dumps({**json.loads(whole), "loop": loop}))
    with pytest.raises(TraceError, match="an object"):
        Trace.from_json(json.dumps({**json.loads(whole), "steps": [3]}))


def test_a_trace_of_another_model_is_refused_at_its_first_step_that_does_not_fit() -> None:
    scenario = build("chain-3-2-1")
    steps = walk(scenario, bytes(range(200)), bytes(8), ()).steps
    for at in range(0, len(steps), 3):
        for other in (Taken(Deliver("nobody", "client"), ()), Taken(steps[at].step, (9,)), Taken(Tick(), ())):
            with pytest.raises(TraceMismatch) as caught:
                replay(scenario, (*steps[:at], other, *steps[at:]))
            assert caught.value.index == at
    read = written(scenario, scenario.statements[0], steps)
    assert "breaks nothing" in render(read, replay(scenario, read.steps))
    assert "rayproof replay it" in render(read, replay(scenario, read.steps), "rayproof replay it")
