"""Timed runs are runs of the model too: drawn programs on a virtual clock, with nodes that die at drawn times.

What walks check on any order of events holds on the orders that latencies make; a timed run that has ended is audited.
"""

from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from model.kernel import Context, ModelError, Process, Scenario, Statement, StatementKind, StateView, Timing
from model.kernel.faults import FaultKind
from model.kernel.simulate import Happening, Simulation, SimulationResult
from model.kernel.statements import Monitor
from model.scheduler.estimates import PER_MILLE, averaged
from properties.bugs import BUGS
from properties.catalogue import CATALOGUE, ENTRIES, Scope
from properties.drawn import from_bytes
from properties.drawn.cluster import WHOLE_CLUSTER
from properties.suite import present

SHAPE_BYTES = 140
LATEST_CRASH_US = 20_000_000
"""Bodies take five seconds each."""
MOST_EVENTS = 20_000
"""Runs of this size rest after a few hundred; one that has so many never will."""


def at_the_end(
    scenario: Scenario, statements: tuple[Statement, ...], number: int, happenings: tuple[Happening, ...]
) -> tuple[list[str], int]:
    """The statements that a timed run leaves broken behind, and how many events it had; audits only if it rests."""
    monitors: dict[type, Monitor] = {kind: kind() for s in statements for kind in s.monitors}

    def observe(now_us: int, event: object) -> None:
        for kind, monitor in monitors.items():
            monitors[kind] = monitor.observe(event)

    simulation = Simulation(scenario, number, on_event=observe, happenings=happenings)
    result = simulation.run(max_events=MOST_EVENTS)
    judged = [s for s in statements if s.kind is not StatementKind.AUDIT or result.rested]
    seats = simulation.seats.values()
    broken = []
    for s in judged:
        seen = {seat.name: seat.process for seat in seats if seat.alive and isinstance(seat.process, s.reads)}
        dead = frozenset(seat.name for seat in seats if not seat.alive and isinstance(seat.process, s.reads))
        view = StateView(seen, dead, dict, monitors)
        if not (all(map(s.check, seen.values())) if s.each else s.check(view)):
            broken.append(s.name)
    return broken, result.events


@pytest.mark.rayproof_scenario(WHOLE_CLUSTER.name)
def test_a_timed_run_ends_as_the_statements_demand() -> None:
    suite = present()

    @seed(suite.seed)
    @suite.volume(2)
    @given(
        shape=st.binary(min_size=SHAPE_BYTES, max_size=SHAPE_BYTES),
        number=st.integers(0, 1000),
        jitter_us=st.sampled_from((0, 700, 5_000_000)),
        crashes=st.lists(st.tuples(st.integers(0, LATEST_CRASH_US), st.integers(0, 5)), max_size=2),
    )
    def run(shape: bytes, number: int, jitter_us: int, crashes: list[tuple[int, int]]) -> None:
        drawn = WHOLE_CLUSTER.draw(from_bytes(shape))
        made = WHOLE_CLUSTER.scenario(drawn, suite.policy)
        timed = replace(made, timing=Timing(jitter_us=jitter_us, detection_us=1000, bandwidth_bytes_per_s=1024))
        nodes = [unit for unit in made.crashable if unit.startswith("node")]
        allowed = crashes[: min(made.budget(FaultKind.CRASH), len(nodes))]
        happenings = tuple(Happening(at, nodes[which % len(nodes)]) for at, which in allowed)
        judged = tuple(s for s in suite.chosen(made) if s.kind in (StatementKind.ALWAYS, StatementKind.AUDIT))
        broken, events = at_the_end(timed, judged, number, happenings)
        assert not broken, (dict(made.constants), happenings)
        assert 0 < events < MOST_EVENTS and at_the_end(timed, judged, number, happenings) == (broken, events)

    run()


def heard(scenario: Scenario, number: int, **limits: Any) -> tuple[list[tuple[int, object]], SimulationResult]:
    """What is observed in a timed run, with the times, and how the run ended."""
    events: list[tuple[int, object]] = []
    stop = limits.pop("stop", None)
    simulation = Simulation(scenario, number, on_event=lambda now, event: events.append((now, event)), stop=stop)
    return events, simulation.run(**limits)


@pytest.mark.rayproof_scenario(WHOLE_CLUSTER.name)
def test_a_run_that_is_cut_short_is_the_beginning_of_the_whole_one() -> None:
    suite = present()

    @seed(suite.seed)
    @suite.volume(0.5)
    @given(shape=st.binary(min_size=SHAPE_BYTES, max_size=SHAPE_BYTES), part=st.integers(0, 100))
    def run(shape: bytes, part: int) -> None:
        made = WHOLE_CLUSTER.scenario(WHOLE_CLUSTER.draw(from_bytes(shape)), suite.policy)
        timed = replace(made, timing=Timing(jitter_us=700, detection_us=1000, bandwidth_bytes_per_s=1024))
        whole, ended = heard(timed, 1, max_events=MOST_EVENTS)
        until_us, at_most = ended.now_us * part // 100, 1 + ended.events * part // 100
        early, result = heard(timed, 1, until_us=until_us)
        assert early == [(now, event) for now, event in whole if now <= until_us] and result.now_us <= until_us
        few, result = heard(timed, 1, max_events=at_most)
        # A handler that calls others over immediate links is not interrupted.
        assert few == whole[: len(few)] and result.events >= min(at_most, ended.events)
        mark = whole[len(whole) * part // 101][1] if whole else None
        first, result = heard(timed, 1, stop=lambda event: event == mark)
        assert result.stopped == bool(whole) and mark in {event for _, event in first} | {None}

    run()


def test_a_clock_that_stands_still_is_a_defect_of_the_model() -> None:
    @dataclass(slots=True)
    class Restless(Process):
        def start(self, ctx: Context) -> None:
            ctx.set_timer("again")

        def fire(self, ctx: Context, timer: str) -> None:
            ctx.set_timer("again")

    with pytest.raises(ModelError, match="the clock stands still"):
        Simulation(Scenario("restless", "cluster", {"restless": Restless}), 0).run()


@seed(0)
@given(st.lists(st.integers(1, 10**7), min_size=1), st.integers(0, PER_MILLE))
def test_an_estimate_lies_between_its_samples(samples: list[int], weight_per_mille: int) -> None:
    average = 0
    for sample in samples:
        average = averaged(average, sample, weight_per_mille)
    if weight_per_mille:
        assert min(samples) - len(samples) <= average <= max(samples)
    else:
        assert average == 0, "a weight of 0 freezes the average"


TINY = [
    pytest.param(entry.name, marks=pytest.mark.rayproof_scenario(entry.name))
    for entry in ENTRIES
    if entry.scope is Scope.TINY
]


@pytest.mark.parametrize("name", TINY)
def test_a_component_on_a_clock_ends_as_the_statements_demand(name: str) -> None:
    entry, suite, random = CATALOGUE[name], present(), Random(name)
    made = entry.build(suite.policy if entry.takes_policy else None, {})
    judged = tuple(
        s for s in suite.chosen(made) if s.kind in (StatementKind.ALWAYS, StatementKind.AUDIT) and not s.known
    )
    busy = {type(process).__name__: 50 for process in made.initial().values()}
    # What comes back does so by a step of its own, which timed runs do not have.
    mortal = [unit for unit in made.crashable if unit not in made.recoverable]
    for number, jitter_us in enumerate((0, 700, 700)):
        timing = Timing(jitter_us=jitter_us, detection_us=1000, bandwidth_bytes_per_s=1024, handler_us=busy)
        count = min(made.budget(FaultKind.CRASH), len(mortal))
        crashes = tuple(Happening(random.randrange(3_000_000), unit) for unit in random.sample(mortal, count))
        broken, events = at_the_end(replace(made, timing=timing), judged, number, crashes)
        assert not broken and events > 0, crashes


@pytest.mark.rayproof_scenario("gcs-membership-1-nodes")
@pytest.mark.parametrize("at_us", [1, 700, 1_500_000])
def test_a_node_that_joins_late_is_a_member_in_the_end(at_us: int) -> None:
    suite = present()
    made = replace(CATALOGUE["gcs-membership-1-nodes"].build(None, {}), timing=Timing(jitter_us=700))
    judged = tuple(s for s in suite.chosen(made) if s.kind is StatementKind.AUDIT)
    broken, events = at_the_end(made, judged, 3, (Happening(at_us, "raylet0", joins=True),))
    assert not broken and events > 0
    early = Simulation(made, 3, happenings=(Happening(at_us, "raylet0", joins=True),)).run(until_us=at_us - 1)
    assert "RegisterNode" not in early.sent


@pytest.mark.parametrize("name", ["keeps_using_the_dead", "never_reconsiders", "value_depends_on_the_node"])
def test_a_timed_run_shows_a_planted_bug(name: str) -> None:
    bug, random = BUGS[name], Random(0)
    broken: list[str] = []
    for number in range(150):
        made = WHOLE_CLUSTER.scenario(WHOLE_CLUSTER.draw(from_bytes(random.randbytes(SHAPE_BYTES))), None, bug.replaces)
        nodes = [unit for unit in made.crashable if unit.startswith("node")]
        count = min(made.budget(FaultKind.CRASH), len(nodes))
        crashes = tuple(Happening(random.randrange(LATEST_CRASH_US), random.choice(nodes)) for _ in range(count))
        timed = replace(made, timing=Timing(jitter_us=700, detection_us=1000, bandwidth_bytes_per_s=1024))
        judged = tuple(s for s in made.statements if s.kind in (StatementKind.ALWAYS, StatementKind.AUDIT))
        broken += at_the_end(timed, judged, number, crashes)[0]
    assert bug.statement in broken
