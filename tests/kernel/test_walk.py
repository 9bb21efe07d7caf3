"""Walks: decoded from bytes, faults apart, minimised in the model."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from rayproof.model.kernel import (
    Fault,
    FaultKind,
    Fire,
    TimerKind,
    Verdict,
    campaign,
    explore,
    minimise,
    replay,
    walk,
    walkable,
)
from rayproof.model.kernel.counterexample.minimise import _by_omission
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import build
from tests.kernel.toys import office


def test_the_same_bytes_make_the_same_walk() -> None:
    scenario = build("cluster-3-3-1")
    one, other = (walk(scenario, bytes(range(200)), b"\x05\x01") for _ in range(2))
    assert one == other
    assert any(isinstance(taken.step, Fault) for taken in one.steps)
    assert one.quiescent and one.violation is None


def test_faults_strike_when_they_are_drawn_to() -> None:
    scenario = build("cluster-3-3-1")
    for gap in (0, 7, 20):
        steps = walk(scenario, bytes(300), bytes([gap, 0])).steps
        assert [i for i, taken in enumerate(steps) if isinstance(taken.step, Fault)] == [gap]
    assert not any(isinstance(taken.step, Fault) for taken in walk(scenario, bytes(300)).steps)


def test_a_short_schedule_is_drained_and_audited() -> None:
    result = walk(build("cluster-3-3-1"), b"\x01")
    assert result.quiescent and len(result.steps) > 10
    stopped = walk(build("cluster-3-3-1"), b"\x01", drain=False)
    assert not stopped.quiescent and len(stopped.steps) == 1


def test_a_drain_limit_is_no_pass() -> None:
    scenario = replace(build("cluster-3-3-1"), drain_limit=3)
    result = campaign(scenario, 5, 1, walkable(scenario))
    assert result.verdict is Verdict.HOLDS, "300 bytes are enough to come to rest"
    short = campaign(scenario, 5, 1, walkable(scenario), schedule_bytes=2)
    assert (short.verdict, "come to rest" in short.note) == (Verdict.UNDETERMINED, True)


def test_an_early_timeout_is_a_fault() -> None:
    without = {type(t.step) is Fire and t.step.early for s in range(40) for t in walk(office(), bytes([s] * 40)).steps}
    assert without == {False}
    scenario = office(early_timeout=1)
    early = [t.step for s in range(200) for t in walk(scenario, bytes([s] * 40), bytes([s % 9, s])).steps]
    assert any(isinstance(step, Fire) and step.early for step in early)
    assert FaultKind.EARLY_TIMEOUT in scenario.faults and TimerKind.EAGER


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80), st.binary(max_size=12))
def test_every_walk_replays(schedule: bytes, faults: bytes) -> None:
    scenario = office(crash=1, restart=1, cut=1, lose=1, duplicate=1, fail_write=1, early_timeout=1, suspect=1)
    result = walk(scenario, schedule, faults)
    replayed = replay(scenario, result.steps)
    assert [frame.taken for frame in replayed.frames] == list(result.steps)


def test_minimised_as_short_as_explore() -> None:
    for name in ("forgets_lost_inputs", "never_reconsiders", "answers_early", "ignores_free_resources"):
        scenario = build(BUGS[name].scenario, swap=BUGS[name].replaces)
        found = campaign(scenario, 1000, 3).violation
        assert found is not None
        shorter = minimise(scenario, found)
        named = tuple(s for s in scenario.statements if s.name == found.statement)
        shortest = explore(scenario, named).violation
        assert shortest is not None and len(shorter.steps) == len(shortest.steps)


def test_omission_shortens_without_a_search() -> None:
    scenario = build("cluster-3-3-1", swap=BUGS["forgets_lost_inputs"].replaces)
    found = campaign(scenario, 1000, 3).violation
    assert found is not None
    named = tuple(s for s in scenario.statements if s.name == found.statement)
    shorter = _by_omission(scenario, found, named)
    assert shorter.statement == found.statement and len(shorter.steps) <= len(found.steps)
    again = replay(scenario, shorter.steps, named)
    assert again.violation is not None and again.violation.statement == found.statement
