"""Timed runs: the clock, the links, the choices."""

from dataclasses import dataclass, field, replace
from functools import partial

import pytest

from rayproof.model.kernel import (
    Context,
    LinkKind,
    LinkRule,
    Message,
    ModelError,
    Name,
    Process,
    Scenario,
    TimerKind,
    Timing,
)
from rayproof.model.kernel.simulate import Happening, Simulation


@dataclass(frozen=True, slots=True)
class Parcel(Message):
    number: int
    bytes: int = 0

    @property
    def size_bytes(self) -> int:
        return self.bytes


@dataclass(slots=True)
class Source(Process):
    parcels: tuple[tuple[int, str, int], ...] = ()
    """(number, channel, bytes), all sent at once."""

    def start(self, ctx: Context) -> None:
        ctx.set_timer("go", 1000, TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        for number, channel, size in self.parcels:
            ctx.send("sink", Parcel(number, size), channel)
        ctx.observe("sent")


@dataclass(slots=True)
class Sink(Process):
    got: list[int] = field(default_factory=list)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        assert isinstance(message, Parcel)
        self.got.append(message.number)
        ctx.observe(("got", message.number))


def arrivals(*parcels: tuple[int, str, int], timing: Timing, happenings: tuple[Happening, ...] = ()) -> dict[int, int]:
    """When each parcel arrived, in microseconds."""
    seen: dict[int, int] = {}
    scenario = Scenario(
        "post",
        "cluster",
        {"source": lambda: Source(parcels), "sink": Sink},
        links=(LinkRule(channel="beat", kind=LinkKind.LATEST), LinkRule(channel="now", kind=LinkKind.IMMEDIATE)),
        timing=timing,
    )

    def observe(now: int, event: object) -> None:
        if isinstance(event, tuple):
            seen[event[1]] = now

    Simulation(scenario, 1, on_event=observe, happenings=happenings).run()
    return seen


PLAIN = Timing(latency_us=100)


def test_latency_is_added_once() -> None:
    assert arrivals((1, "", 0), timing=PLAIN) == {1: 1100}


def test_processes_of_one_host_are_near() -> None:
    assert arrivals((1, "", 0), timing=replace(PLAIN, host=lambda slot: "one", local_latency_us=7)) == {1: 1007}


def test_payloads_queue_behind_each_other() -> None:
    slow = replace(PLAIN, bandwidth_bytes_per_s=1_000_000)
    assert arrivals((1, "", 500), (2, "other", 500), timing=slow) == {1: 1600, 2: 2100}


def test_a_control_message_may_overtake_on_another_channel_but_not_on_its_own() -> None:
    slow = replace(PLAIN, bandwidth_bytes_per_s=1_000_000)
    assert arrivals((1, "data", 500), (2, "", 0), timing=slow) == {2: 1100, 1: 1600}
    assert arrivals((1, "", 500), (2, "", 0), timing=slow) == {1: 1600, 2: 1600}


def test_only_the_latest_report_arrives() -> None:
    assert arrivals((1, "beat", 0), (2, "beat", 0), (3, "beat", 0), timing=PLAIN) == {3: 1100}


def test_an_immediate_link_takes_no_time() -> None:
    assert arrivals((1, "now", 0), timing=PLAIN) == {1: 1000}


def test_a_busy_process_makes_the_next_message_wait() -> None:
    busy = replace(PLAIN, handler_us={"Sink": 40})
    assert arrivals((1, "", 0), (2, "", 0), (3, "", 0), timing=busy) == {1: 1100, 2: 1140, 3: 1180}


def test_the_dead_receive_nothing() -> None:
    assert arrivals((1, "", 0), timing=PLAIN, happenings=(Happening(1050, "sink"),)) == {}
    assert arrivals((1, "", 0), timing=PLAIN, happenings=(Happening(1200, "sink"),)) == {1: 1100}


def test_a_unit_that_joins_late_is_absent_before() -> None:
    joins = (Happening(500, "source", joins=True),)
    assert arrivals((1, "", 0), timing=PLAIN, happenings=joins) == {1: 1600}


@dataclass(slots=True)
class Clock(Process):
    ticks: int = 0

    def start(self, ctx: Context) -> None:
        ctx.set_timer("tick", 10, TimerKind.PERIODIC)
        ctx.set_timer("never", 35, TimerKind.PATIENT)
        ctx.set_timer("end", 45, TimerKind.PATIENT)

    def fire(self, ctx: Context, timer: str) -> None:
        if timer == "end":
            ctx.cancel_timer("tick")
        self.ticks += 1
        ctx.cancel_timer("never")


def test_periodic_and_cancelled_timers() -> None:
    result = Simulation(Scenario("clock", "cluster", {"clock": Clock}), 1).run()
    clock = result.seats["clock"]
    assert isinstance(clock, Clock)
    assert (clock.ticks, result.now_us) == (5, 45) and result.rested


@dataclass(slots=True)
class Impatient(Process):
    after_us: int

    def start(self, ctx: Context) -> None:
        ctx.set_timer("again", self.after_us)

    def fire(self, ctx: Context, timer: str) -> None:
        self.start(ctx)


def test_a_timer_without_a_duration_that_is_armed_again_for_ever_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rayproof.model.kernel.simulate.STANDSTILL_LIMIT", 100)
    with pytest.raises(ModelError, match="the clock stands still at 0 us after 100 events"):
        Simulation(Scenario("never", "cluster", {"one": partial(Impatient, 0)}), 1).run()
    result = Simulation(Scenario("slow", "cluster", {"one": partial(Impatient, 1)}), 1).run(max_events=500)
    assert (result.events, result.now_us, result.rested) == (500, 499, False)


@dataclass(slots=True)
class Dice(Process):
    thrown: list[int] = field(default_factory=list)

    def start(self, ctx: Context) -> None:
        self.thrown = [ctx.choose(range(6), random=True) for _ in range(20)]


def test_draws_come_from_the_seed() -> None:
    scenario = Scenario("dice", "cluster", {"dice": Dice})

    def thrown(seed: int) -> list[int]:
        dice = Simulation(scenario, seed).seats["dice"].process
        assert isinstance(dice, Dice)
        return dice.thrown

    assert thrown(1) == thrown(1) != thrown(2)
    assert Simulation(scenario, 1).drew
