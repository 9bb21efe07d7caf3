"""The drivers agree: what one of them finds, the others carry out again; two engines see the same states."""

from random import Random

import pytest

from rayproof.model.kernel import Engine, Trace, Verdict, explore, minimise, render, replay, sequence_chart, walk
from rayproof.model.scheduler.policy.built_in import BUILT_IN
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import build
from rayproof.properties.suite.drawn import FAMILIES, from_bytes

FOUND_BY_WALKS = ("heartbeat_overwrites", "never_reconsiders", "ignores_free_resources", "misses_the_second")

SMALL = (
    "chain-stale",
    "today-group-two",
    "today-duplicates",
    "store-two-returns",
    "control-slow",
    "stream",
    "lifecycle-kill",
)


@pytest.mark.parametrize("name", FOUND_BY_WALKS)
def test_what_a_walk_finds_is_shortened_written_read_and_replayed(name: str) -> None:
    bug = BUGS[name]
    scenario = build(bug.scenario, swap=bug.replaces)
    named = tuple(s for s in scenario.statements if s.name == bug.statement)
    random = Random(0)
    found = None
    while found is None:
        found = walk(scenario, random.randbytes(300), random.randbytes(4), named).violation
    shortest = minimise(scenario, found, named)
    assert len(shortest.steps) <= len(found.steps)
    written = Trace(scenario.name, {"bug": name}, bug.statement, shortest.sentence, shortest.steps, shortest.source)
    read = Trace.from_json(written.to_json())
    assert read == written
    again = replay(scenario, read.steps, named)
    assert again.violation is not None and again.violation.statement == bug.statement
    assert f"VIOLATED {bug.statement}" in render(read, again)
    assert sequence_chart(scenario, read.steps).count("\n") >= len(read.steps)


@pytest.mark.parametrize("name", SMALL)
def test_two_engines_see_the_same_states(name: str) -> None:
    scenario = build(name)
    statements = tuple(s for s in scenario.statements if s.kind in ("always", "audit", "sometimes"))
    integer, vector = (explore(scenario, statements, engine=engine) for engine in (Engine.INTEGERS, Engine.VECTOR))
    assert (integer.states, integer.transitions, integer.depth) == (vector.states, vector.transitions, vector.depth)


@pytest.mark.parametrize("policy", BUILT_IN)
def test_every_built_in_policy_keeps_a_small_cluster_alive(policy: str) -> None:
    scenario = build("cluster-waits", BUILT_IN[policy])
    assert explore(scenario).verdict is Verdict.HOLDS


@pytest.mark.parametrize("name", FAMILIES)
def test_what_a_walk_of_a_drawn_scenario_does_is_replayed_step_by_step(name: str) -> None:
    family, random = FAMILIES[name], Random(3)
    for _ in range(10):
        scenario = family.scenario(family.draw(from_bytes(random.randbytes(80))))
        steps = walk(scenario, random.randbytes(100), random.randbytes(8)).steps
        again = replay(scenario, steps)
        assert tuple(frame.taken for frame in again.frames) == steps and again.violation is None
