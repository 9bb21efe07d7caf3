"""Simulate: the same handlers on a virtual clock, one event at a time from a heap, O(log n) each.

Time is whole microseconds and comes from the scenario's `Timing`. Choices are drawn from a seeded generator. What
happens beside the model (crashes, nodes that join) is a list of times given from outside.

Left out: message loss, cut links and storage faults; they have no place in a measurement of policy quality.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random
from typing import Any

from rayproof.model.kernel.context import Context
from rayproof.model.kernel.errors import ModelError, PolicyError
from rayproof.model.kernel.faults import FaultKind
from rayproof.model.kernel.handlers import IMMEDIATE_LIMIT, Stimulus, blamed
from rayproof.model.kernel.links import DOWN, LinkKind, LinkRule
from rayproof.model.kernel.process import Down, Message, Name, Process, Slot, TimerKind, slot_of
from rayproof.model.kernel.scenario import Scenario
from rayproof.model.kernel.steps import Deliver, Fault, Fire, Step, Taken
from rayproof.model.kernel.timing import Timing

_DELIVER, _FIRE, _CRASH, _JOIN = range(4)

STANDSTILL_LIMIT = 10_000_000
"""So many events at one time are taken for a timer that is armed again without a duration."""


@dataclass(frozen=True)
class Happening:
    """Something that a crash unit undergoes at a time: it crashes, or joins (and is absent before)."""

    at_us: int
    unit: str
    joins: bool = False


@dataclass
class SimulationResult:
    """How a timed run ended."""

    now_us: int
    events: int
    """Messages and timers handled, immediate ones included."""
    stopped: bool
    """Whether the stop condition ended it; False when nothing was left to happen."""
    sent: Counter[str] = field(default_factory=Counter)
    """Messages put on links, by class name; those over immediate links do not count."""
    seats: Mapping[Slot, Process] = field(default_factory=dict)
    """The processes at the end."""
    rested: bool = False
    """Whether nothing was left to happen but periodic timers."""


class _Seat:
    __slots__ = ("alive", "busy_until", "host", "links", "name", "process", "service_us", "slot", "timers")

    def __init__(self, slot: Slot, process: Process, host: str, service_us: int) -> None:
        self.slot = slot
        self.name: Name = slot
        self.process = process
        self.host = host
        self.alive = True
        self.timers: dict[str, int] = {}
        self.links: dict[tuple[Name, str], _Link] = {}
        self.busy_until = 0
        self.service_us = service_us


class _Link:
    __slots__ = ("immediate", "last_us", "latency_us", "latest", "pipe", "sender", "step", "to", "waiting")

    def __init__(
        self, rule: LinkRule, sender: _Seat, to: _Seat, channel: str, latency_us: int, pipe: list[int] | None
    ) -> None:
        self.step = Deliver(sender.name, to.name, channel)
        self.immediate = rule.kind is LinkKind.IMMEDIATE
        self.latest = rule.kind is LinkKind.LATEST
        self.sender = sender
        self.to = to
        self.latency_us = latency_us
        self.pipe = pipe
        """When the path between the two hosts is free again; None within a host."""
        self.last_us = 0
        self.waiting: list[Message] = []
        """The newest message of a `latest` link that is on its way."""


class _TimedContext(Context):
    """A context whose timers have durations."""

    __slots__ = ("armed", "cancelled")

    def __init__(self, decide: Callable[[int, bool], int], budgeted: Container[FaultKind]) -> None:
        super().__init__(decide, lambda affordable: False, budgeted)
        self.armed: list[tuple[str, int, TimerKind]] = []
        self.cancelled: list[str] = []

    def set_timer(self, name: str, after: int = 0, kind: TimerKind = TimerKind.PATIENT) -> None:
        self.armed.append((name, after, kind))

    def cancel_timer(self, name: str) -> None:
        self.armed = [timer for timer in self.armed if timer[0] != name]
        self.cancelled.append(name)


class Simulation:
    """One timed run."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        *,
        on_event: Callable[[int, Any], None] | None = None,
        stop: Callable[[Any], bool] | None = None,
        happenings: Iterable[Happening] = (),
        on_progress: Callable[[int, int], None] | None = None,
        on_step: Callable[[int, Taken], None] | None = None,
    ) -> None:
        """`on_step` hears of every step with its time, the one in which a policy breaks a rule included.

        The steps are those of the untimed model, which may not offer each of them where a clock made it: a patient
        timer can fire while a slow message is still on its way.
        """
        self.scenario = scenario
        self.now_us = 0
        self._timing = scenario.timing or Timing()
        self._random = Random(seed)
        self._on_event = on_event
        self._stop = stop
        self._on_progress = on_progress
        self._on_step = on_step
        self._stopped = False
        self._heap: list[tuple[int, int, int, Any, Any]] = []
        self._sequence = 0
        self._periodic = 0
        self._handled = 0
        self._sent: dict[type[Message], int] = {}
        self._pipes: dict[tuple[str, str], list[int]] = {}
        self.drew = False
        """Whether any handler made a choice so far: without, every seed gives the same run."""
        self._context = _TimedContext(self._draw, scenario.budgeted)
        host, service = self._timing.host, self._timing.handler_us
        self.seats = {
            slot: _Seat(slot, process, host(slot), service.get(type(process).__name__, 0))
            for slot, process in scenario.initial().items()
        }
        for happening in happenings:
            self._schedule(happening.at_us, _JOIN if happening.joins else _CRASH, happening.unit, None)
            if happening.joins:
                for slot in scenario.unit_slots(happening.unit):
                    self.seats[slot].alive = False
        for seat in self.seats.values():
            if seat.alive:
                self._run(seat, ("start",))

    def run(self, until_us: int | None = None, max_events: int | None = None) -> SimulationResult:
        """Run to the stop condition, the end of all events, or one of the given bounds.

        Raises ModelError when the clock stands still, so that none of them would ever be reached.
        """
        heap = self._heap
        seats = self.seats
        on_step = self._on_step
        popped = 0
        ticked = 0
        while heap and not self._stopped and len(heap) > self._periodic:
            now, _, kind, where, what = heappop(heap)
            if until_us is not None and now > until_us:
                break
            popped += 1
            if now > self.now_us:
                self.now_us = now
                ticked = popped
            elif popped - ticked > STANDSTILL_LIMIT:
                raise ModelError(f"the clock stands still at {now} us after {STANDSTILL_LIMIT} events there")
            if kind == _DELIVER:
                seat = where.to
                if not seat.alive:
                    continue
                if seat.busy_until > now:
                    popped -= 1
                    self._schedule(seat.busy_until, _DELIVER, where, what)
                    continue
                if where.latest:
                    what = where.waiting.pop()
                if on_step is None:
                    self._run(seat, ("receive", where.sender.name, what))
                else:
                    self._heard(on_step, seat, ("receive", where.sender.name, what), where.step)
                if seat.service_us:
                    seat.busy_until = now + seat.service_us
            elif kind == _FIRE:
                timer, token, period = what
                if period:
                    self._periodic -= 1
                if where.timers.get(timer) != token:
                    continue
                if period:
                    self._arm(where, timer, period, TimerKind.PERIODIC)
                else:
                    del where.timers[timer]
                if on_step is None:
                    self._run(where, ("fire", timer))
                else:
                    self._heard(on_step, where, ("fire", timer), Fire(where.name, timer))
            elif kind == _CRASH:
                self._crash(where)
            else:
                for slot in self.scenario.unit_slots(where):
                    seats[slot].alive = True
                for slot in self.scenario.unit_slots(where):
                    self._run(seats[slot], ("start",))
            if max_events is not None and self._handled >= max_events:
                break
            if self._on_progress is not None and not popped & 0xFFF:
                self._on_progress(self._handled, self.now_us)
        return SimulationResult(
            self.now_us,
            self._handled,
            self._stopped,
            Counter({kind.__name__: count for kind, count in self._sent.items()}),
            {slot: seat.process for slot, seat in seats.items()},
            not self._stopped and len(heap) <= self._periodic,
        )

    def _draw(self, count: int, fair: bool) -> int:
        self.drew = True
        return self._random.randrange(count)

    def _schedule(self, at_us: int, kind: int, where: Any, what: Any) -> None:
        self._sequence += 1
        heappush(self._heap, (at_us, self._sequence, kind, where, what))

    def _heard(self, on_step: Callable[[int, Taken], None], seat: _Seat, stimulus: Stimulus, step: Step) -> None:
        try:
            self._run(seat, stimulus)
        finally:
            on_step(self.now_us, Taken(step, tuple(self._context.choices)))

    def _run(self, seat: _Seat, stimulus: Stimulus) -> None:
        """Run a handler and what immediate links pull in, then send what was asked for."""
        context = self._context
        context.choices.clear()
        pending: list[tuple[_Seat, Stimulus]] = [(seat, stimulus)]
        position = 0
        for origin, what in pending:
            context.me = origin.name
            try:
                if what[0] == "receive":
                    origin.process.receive(context, what[1], what[2])
                elif what[0] == "fire":
                    origin.process.fire(context, what[1])
                else:
                    origin.process.start(context)
            except PolicyError:
                raise
            except Exception as error:
                raise blamed(origin.name, origin.process, what, error) from error
            position += 1
            if context.armed or context.cancelled:
                self._set_timers(origin)
            if context.observations:
                self._tell()
            if context.sends:
                links = origin.links
                for to, message, channel in context.sends:
                    link = links.get((to, channel)) or self._open(origin, to, channel)
                    if link.immediate:
                        if link.to.alive:
                            pending.append((link.to, ("receive", origin.name, message)))
                    else:
                        self._post(link, message)
                context.sends.clear()
            if position > IMMEDIATE_LIMIT:
                raise ModelError(f"immediate links from {seat.name} never come to rest")
        self._handled += position

    def _set_timers(self, seat: _Seat) -> None:
        context = self._context
        for timer in context.cancelled:
            seat.timers.pop(timer, None)
        context.cancelled.clear()
        for timer, after, kind in context.armed:
            self._arm(seat, timer, after, kind)
        context.armed.clear()

    def _tell(self) -> None:
        for event in self._context.observations:
            if self._on_event is not None:
                self._on_event(self.now_us, event)
            if self._stop is not None and self._stop(event):
                self._stopped = True
        self._context.observations.clear()

    def _arm(self, seat: _Seat, timer: str, after: int, kind: TimerKind) -> None:
        period = max(1, after) if kind is TimerKind.PERIODIC else 0
        self._periodic += bool(period)
        self._sequence += 1
        seat.timers[timer] = self._sequence
        heappush(self._heap, (self.now_us + after, self._sequence, _FIRE, seat, (timer, self._sequence, period)))

    def _open(self, sender: _Seat, to: Name, channel: str) -> _Link:
        slot = slot_of(to)
        if slot not in self.seats:
            raise ModelError(f"{sender.name} sends to {to}, which is no slot of scenario {self.scenario.name}")
        receiver = self.seats[slot]
        near = sender.host == receiver.host
        latency = self._timing.local_latency_us if near else self._timing.latency_us
        pipe = None if near else self._pipes.setdefault((sender.host, receiver.host), [0])
        link = _Link(self.scenario.rule(sender.name, to, channel), sender, receiver, channel, latency, pipe)
        sender.links[to, channel] = link
        return link

    def _post(self, link: _Link, message: Message) -> None:
        if not link.to.alive:
            return
        self._sent[type(message)] = self._sent.get(type(message), 0) + 1
        if link.latest and link.waiting:
            link.waiting[0] = message
            return
        at = self.now_us + link.latency_us
        size = message.size_bytes
        if size and link.pipe is not None and self._timing.bandwidth_bytes_per_s:
            begin = max(self.now_us, link.pipe[0])
            link.pipe[0] = begin + size * 1_000_000 // self._timing.bandwidth_bytes_per_s
            at = link.pipe[0] + link.latency_us
        if self._timing.jitter_us:
            at += int(self._random.random() * (self._timing.jitter_us + 1))
        # A link keeps its order.
        if at < link.last_us:
            at = link.last_us
        link.last_us = at
        if link.latest:
            link.waiting.append(message)
        self._schedule(at, _DELIVER, link, message)

    def _crash(self, unit: str) -> None:
        fallen = [self.seats[slot] for slot in self.scenario.unit_slots(unit) if self.seats[slot].alive]
        if fallen and self._on_step is not None:
            self._on_step(self.now_us, Taken(Fault(FaultKind.CRASH, unit)))
        for seat in fallen:
            seat.alive = False
            seat.timers.clear()
        for seat in fallen:
            for watcher in self.scenario.watchers.get(seat.slot, ()):
                link = self._open(seat, watcher, DOWN)
                link.latency_us += self._timing.detection_us
                self._post(link, Down(seat.name))
