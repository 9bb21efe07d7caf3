"""Timed runs: the clock, the links, the choices."""

from dataclasses import dataclass, field, replace
from functools import partial

import pytest

from rayproof.model.kernel import (
    Context,
    Deliver,
    Fault,
    FaultKind,
    Happening,
    LinkKind,
    LinkRule,
    Message,
    ModelError,
    Name,
    Process,
    Scenario,
    Simulation,
    StateView,
    Taken,
    TimerKind,
    Timing,
    Unreachable,
    World,
    always,
)


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

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        assert isinstance(message, Unreachable) and isinstance(message.message, Parcel)
        ctx.observe(("back", -message.message.number))


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
    assert arrivals((1, "", 0), timing=PLAIN, happenings=(Happening(1050, "sink"),)) == {-1: 1150}
    assert arrivals((1, "", 0), (2, "now", 0), timing=PLAIN, happenings=(Happening(900, "sink"),)) == {
        -1: 1100,
        -2: 1100,
    }
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
    monkeypatch.setattr("rayproof.model.kernel.search.simulate.STANDSTILL_LIMIT", 100)
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


def test_a_link_keeps_its_order_when_its_receiver_is_busy() -> None:
    """The second message arrives at the very moment in which the receiver is free for the first."""

    @dataclass(slots=True)
    class Early(Process):
        def start(self, ctx: Context) -> None:
            ctx.send("sink", Parcel(0))

        def receive(self, ctx: Context, sender: Name, message: Message) -> None:
            pass

    @dataclass(slots=True)
    class Twice(Process):
        sent: int = 0

        def start(self, ctx: Context) -> None:
            ctx.set_timer("go", 5, TimerKind.PROGRAM)

        def fire(self, ctx: Context, timer: str) -> None:
            self.sent += 1
            ctx.send("sink", Parcel(self.sent))
            if self.sent < 3:
                ctx.set_timer("go", 5, TimerKind.PROGRAM)

    timing = replace(PLAIN, handler_us={"Sink": 10})
    made = Simulation(Scenario("fifo", "cluster", {"e": Early, "s": Twice, "sink": Sink}, timing=timing), 0).run()
    assert made.seats["sink"].got == [0, 1, 2, 3]  # type: ignore[attr-defined]


@dataclass(slots=True)
class Client(Process):
    """Asks over several channels, sends again what comes back, to one who lives."""

    number: int
    open: int = 0
    heard: list[int] = field(default_factory=list)

    def start(self, ctx: Context) -> None:
        ctx.set_timer("go", 50 * self.number, TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        for channel in ctx.choose((("x", "y"), ("y", "x", "x"), ("z", "beat")), random=True):
            self.open += 1
            ctx.send("server", Parcel(10 * self.number + self.open), channel)
        if self.open < 8:
            ctx.set_timer("go", 70, TimerKind.PROGRAM)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        match message:
            case Unreachable(_, Parcel(number)):
                self.heard.append(-number)
                ctx.send("spare", Parcel(number), "now" if number % 2 else "x")
            case Parcel(number):
                self.heard.append(number)


@dataclass(slots=True)
class Echo(Process):
    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        if not isinstance(message, Unreachable):
            ctx.send(sender, message, ctx.choose(("a", "b")))


def shop(crashes: int) -> Scenario:
    return Scenario(
        "shop",
        "cluster",
        {"one": partial(Client, 1), "two": partial(Client, 2), "server": Echo, "spare": Echo},
        links=(LinkRule(channel="beat", kind=LinkKind.LATEST), LinkRule(channel="now", kind=LinkKind.IMMEDIATE)),
        crashable=("server", "two"),
        faults={FaultKind.CRASH: crashes},
        timing=Timing(latency_us=40, jitter_us=30, handler_us={"Echo": 25, "Client": 9}),
    )


@pytest.mark.parametrize("seed", range(12))
def test_every_step_of_a_simulated_run_is_a_step_of_the_relation(seed: int) -> None:
    scenario = shop(2)
    crashes = (Happening(60 + 17 * seed, "server"), Happening(120 + 31 * seed, "two")) if seed % 3 else ()
    steps: list[Taken] = []
    result = Simulation(scenario, seed, happenings=crashes, on_step=lambda _, taken: steps.append(taken)).run()
    script: list[int] = []
    world = World(scenario, lambda count, random: script.pop(0), strict=True)
    for taken in steps:
        assert taken.step in (*world.system_steps(), *world.fault_steps())
        script[:] = taken.choices
        assert world.take(taken.step) == taken.choices
    assert {slot: seat.process for slot, seat in world.seats.items() if seat.alive} == {
        slot: process for slot, process in result.seats.items() if world.seats[slot].alive
    }
    if crashes:
        assert any(isinstance(taken.step, Fault) for taken in steps)
        assert any(isinstance(t.step, Deliver) and t.step.channel == "unreachable" for t in steps)


def test_a_send_to_an_earlier_incarnation_comes_back() -> None:
    @dataclass(slots=True)
    class Mistaken(Source):
        def fire(self, ctx: Context, timer: str) -> None:
            ctx.send("sink#1", Parcel(7))

    seen: list[object] = []
    scenario = Scenario("late", "cluster", {"source": Mistaken, "sink": Sink}, timing=PLAIN)
    Simulation(scenario, 1, on_event=lambda now, event: seen.append(event)).run()
    assert seen == [("back", -7)]


def test_what_a_timed_run_shows_is_read_only_and_declared() -> None:
    @always(Sink, source="an example")
    def writes(view: StateView) -> bool:
        """It takes what has arrived away."""
        return not view.one(Sink).got.pop()  # type: ignore[union-attr]

    scenario = Scenario("post", "cluster", {"source": lambda: Source(((1, "", 0),)), "sink": Sink}, timing=PLAIN)
    simulation = Simulation(scenario, 1)
    simulation.run()
    with pytest.raises(ModelError, match="statement writes: it writes to what it is shown: pop of a list"):
        writes.ask(simulation.view(writes, {}))
    assert simulation.seats["sink"].process.got == [1]  # type: ignore[attr-defined]
