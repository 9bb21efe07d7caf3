"""Timed runs are runs of the model too: drawn programs on a virtual clock, with nodes that die at drawn times.

What walks check on any order of events holds on the orders that latencies make; a timed run that has ended is audited.
"""

from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from rayproof.model.kernel import (
    Context,
    FaultKind,
    Fire,
    Happening,
    Message,
    ModelError,
    Process,
    Scenario,
    Simulation,
    SimulationResult,
    Statement,
    Timing,
    TraceMismatch,
    always,
    replay,
)
from rayproof.model.scheduler.paper.estimates import PER_MILLE, averaged
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import CATALOGUE, ENTRIES, Scope
from rayproof.properties.suite.drawn import from_bytes
from rayproof.properties.suite.drawn.cluster import WHOLE_CLUSTER
from rayproof.properties.suite.drawn.family import Family, Shape
from rayproof.properties.suite.drawn.today_cluster import TODAY_CLUSTER
from rayproof.properties.suite.shared import OnItsClockError, Suite, present
from rayproof.properties.suite.timed import MOST_EVENTS, TimedRun, judged, run_timed, without_clock

SHAPE_BYTES = 150
"""Draws of a program, its cluster and its clock."""
LATEST_CRASH_US = 20_000_000
"""Bodies take five seconds each."""
JITTERS_US = (0, 700, 5_000_000)


@dataclass(frozen=True)
class Drawn:
    """A cluster on a clock."""

    shape: Shape
    scenario: Scenario
    number: int
    happenings: tuple[Happening, ...]


def drawn_on_a_clock(
    source: bytes, policy: Policy | None, swap: Swap | None = None, family: Family = WHOLE_CLUSTER
) -> Drawn:
    """What bytes say: seed, jitter, crashes, and then the cluster."""
    pick = from_bytes(source)
    number, jitter_us = pick(256), JITTERS_US[pick(len(JITTERS_US))]
    crashes = [(LATEST_CRASH_US * pick(256) // 256, pick(256)) for _ in range(2)]
    shape = family.draw(pick)
    made = family.scenario(shape, policy, swap)
    nodes = [unit for unit in made.crashable if unit.startswith("node")]
    allowed = crashes[: min(made.budget(FaultKind.CRASH), len(nodes))]
    timing = Timing(jitter_us=jitter_us, detection_us=1000, bandwidth_bytes_per_s=1024)
    happenings = tuple(Happening(at, nodes[which % len(nodes)]) for at, which in allowed)
    return Drawn(shape, replace(made, timing=timing), number, happenings)


CLUSTERS = [
    pytest.param(each, marks=pytest.mark.rayproof_scenario(each.name)) for each in (WHOLE_CLUSTER, TODAY_CLUSTER)
]


@pytest.mark.parametrize("family", CLUSTERS, ids=lambda family: family.name)
def test_a_timed_run_ends_as_the_statements_demand(family: Family) -> None:
    suite = present()

    @seed(suite.seed)
    @suite.volume(2)
    @given(st.binary(min_size=SHAPE_BYTES, max_size=SHAPE_BYTES))
    def run(source: bytes) -> None:
        drawn = drawn_on_a_clock(source, suite.policy, family=family)
        ended = suite.timed(
            drawn.scenario, drawn.number, drawn.happenings, {**suite.parameters(True), "shape": drawn.shape}
        )
        assert ended.events
        untimed(drawn.scenario, ended)

    run()


def untimed(scenario: Scenario, run: TimedRun) -> None:
    """Assert that the untimed model offers the same steps, up to a timer that a clock lets fire sooner."""
    try:
        again = replay(scenario, [taken for _, taken in run.steps], judged(scenario.statements))
    except TraceMismatch as mismatch:
        step = run.steps[mismatch.index][1].step
        assert isinstance(step, Fire), "patient timers wait for all messages, and a clock may not let them"
    else:
        assert again.violation is None and len(again.frames) == len(run.steps)


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
    @given(st.binary(min_size=SHAPE_BYTES, max_size=SHAPE_BYTES))
    def run(source: bytes) -> None:
        drawn, part = drawn_on_a_clock(source, suite.policy), source[0] % 101
        timed, number = drawn.scenario, drawn.number
        # A policy that breaks a rule ends here, with a counterexample.
        suite.timed(timed, number, (), {**suite.parameters(True), "shape": drawn.shape})
        whole, ended = heard(timed, number, max_events=MOST_EVENTS)
        until_us, at_most = ended.now_us * part // 100, 1 + ended.events * part // 100
        early, result = heard(timed, number, until_us=until_us)
        assert early == [(now, event) for now, event in whole if now <= until_us] and result.now_us <= until_us
        few, result = heard(timed, number, max_events=at_most)
        # A handler that calls others over immediate links is not interrupted.
        assert few == whole[: len(few)] and result.events >= min(at_most, ended.events)
        mark = whole[len(whole) * part // 101][1] if whole else None
        first, result = heard(timed, number, stop=lambda event: event == mark)
        assert result.stopped == bool(whole) and mark in {event for _, event in first} | {None}

    run()


def test_a_clock_that_stands_still_is_a_defect_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A timer that is armed again at once; `tests/` says after how many events."""

    @dataclass(slots=True)
    class Restless(Process):
        def start(self, ctx: Context) -> None:
            ctx.set_timer("again")

        def fire(self, ctx: Context, timer: str) -> None:
            ctx.set_timer("again")

    monkeypatch.setattr("rayproof.model.kernel.search.simulate.STANDSTILL_LIMIT", 1000)
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
    busy = {type(process).__name__: 50 for process in made.initial().values()}
    # What comes back does so by a step of its own, which timed runs do not have.
    mortal = [unit for unit in made.crashable if unit not in made.recoverable]
    for number, jitter_us in enumerate((0, 700, 700)):
        timing = Timing(jitter_us=jitter_us, detection_us=1000, bandwidth_bytes_per_s=1024, handler_us=busy)
        count = min(made.budget(FaultKind.CRASH), len(mortal))
        crashes = tuple(Happening(random.randrange(3_000_000), unit) for unit in random.sample(mortal, count))
        ended = suite.timed(replace(made, timing=timing), number, crashes, suite.parameters(entry.takes_policy))
        assert ended.events


@pytest.mark.rayproof_scenario("gcs-membership-1-nodes")
@pytest.mark.parametrize("at_us", [1, 700, 1_500_000])
def test_a_node_that_joins_late_is_a_member_in_the_end(at_us: int) -> None:
    suite = present()
    made = replace(CATALOGUE["gcs-membership-1-nodes"].build(None, {}), timing=Timing(jitter_us=700))
    joins = (Happening(at_us, "raylet0", joins=True),)
    assert run_timed(made, suite.chosen(made), 3, joins).broken == ()
    early = Simulation(made, 3, happenings=joins).run(until_us=at_us - 1)
    assert "RegisterNode" not in early.sent


@pytest.mark.parametrize("name", ["keeps_using_the_dead", "never_reconsiders", "value_depends_on_the_node"])
def test_a_timed_run_shows_a_planted_bug(name: str) -> None:
    bug, random = BUGS[name], Random(0)
    shown = []
    for _ in range(150):
        drawn = drawn_on_a_clock(random.randbytes(SHAPE_BYTES), None, bug.replaces)
        run = run_timed(drawn.scenario, drawn.scenario.statements, drawn.number, drawn.happenings)
        if bug.statement in [broken.name for broken in run.broken if isinstance(broken, Statement)]:
            shown.append((drawn.scenario, run))
    assert shown
    # The order alone shows it too, so that there is a counterexample to carry out again.
    found = [without_clock(scenario, replace(run, broken=_named(bug.statement, run))) for scenario, run in shown]
    assert any(violation is not None and violation.statement == bug.statement for violation in found)


def _named(name: str, run: TimedRun) -> tuple[Statement, ...]:
    return tuple(broken for broken in run.broken if isinstance(broken, Statement) and broken.name == name)


def test_what_only_a_clock_shows_is_printed_with_its_times() -> None:
    """A patient timer that fires while a message is on its way, which no order of the untimed model has."""

    @dataclass(frozen=True, slots=True)
    class Late(Message):
        pass

    @dataclass(slots=True)
    class Hasty(Process):
        gave_up: bool = False
        heard: bool = False

        def start(self, ctx: Context) -> None:
            ctx.set_timer("patience", 10)
            ctx.send("hasty", Late())

        def fire(self, ctx: Context, timer: str) -> None:
            self.gave_up = not self.heard

        def receive(self, ctx: Context, sender: str, message: Message) -> None:
            self.heard = True

    @always(Hasty, source="this test", each=True)
    def waits(process: Hasty) -> bool:
        """Nobody gives up what is on its way."""
        return not process.gave_up

    timing = Timing(local_latency_us=1000)
    scenario = Scenario("hasty", "cluster", {"hasty": Hasty}, (waits,), constants={"hasty": 1}, timing=timing)
    with pytest.raises(OnItsClockError) as raised:
        Suite().timed(scenario, 7, (), {})
    assert str(raised.value).splitlines() == [
        "VIOLATED waits: Nobody gives up what is on its way.",
        "  in hasty, on a clock only: the untimed model keeps it on this order",
        "  hasty=1",
        "  latencies: 500 us, within a host 1000 us, up to 0 us more; seed 7",
        "            10 us  hasty: timer patience fires",
        "         1,000 us  hasty -> hasty",
    ]
