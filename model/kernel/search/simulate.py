"""Simulate: the same handlers on a virtual clock, one event at a time from a heap, O(log n) each.

Time is whole microseconds and comes from the scenario's `Timing`. Choices are drawn from a seeded generator. What
happens beside the model (crashes, nodes that join) is a list of times given from outside.

Each step is one of the untimed relation, but that the clock alone says when a timer fires (a patient one too while a
slow message is under way, ticks as microseconds), and that a unit may join late.

Left out: message loss, cut links and storage faults; they have no place in a measurement of policy quality.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random
from typing import Any

from rayproof.model.kernel.language.context import Context
from rayproof.model.kernel.language.errors import ModelError, PolicyError
from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.fitting import check_of, checks
from rayproof.model.kernel.language.links import DOWN, UNREACHABLE, LinkKind, LinkRule, merges
from rayproof.model.kernel.language.process import Down, Message, Name, Process, Slot, TimerKind, Unreachable, slot_of
from rayproof.model.kernel.language.scenario import Scenario
from rayproof.model.kernel.language.sealed import sealed_process
from rayproof.model.kernel.language.statements import Monitor, Statement, StateView
from rayproof.model.kernel.language.steps import Deliver, Fault, Fire, Recover, Step, Taken
from rayproof.model.kernel.language.timing import Timing
from rayproof.model.kernel.language.values import freeze
from rayproof.model.kernel.relation.handlers import IMMEDIATE_LIMIT, Stimulus, blamed, never_at_rest

_DELIVER, _FIRE, _CRASH, _JOIN, _WAKE = range(5)

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
    __slots__ = (
        "alive",
        "backlog",
        "busy_until",
        "host",
        "incoming",
        "links",
        "name",
        "process",
        "service_us",
        "slot",
        "timers",
    )

    def __init__(self, slot: Slot, process: Process, host: str, service_us: int) -> None:
        self.slot = slot
        self.name: Name = slot
        self.process = process
        self.host = host
        self.alive = True
        self.timers: dict[str, int] = {}
        self.links: dict[tuple[Name, str], _Link] = {}
        self.incoming: list[_Link] = []
        """Links that lead here."""
        self.backlog: deque[_Link] = deque()
        """Links of the messages that have arrived and wait until the process is free, in the order of their arrival."""
        self.busy_until = 0
        self.service_us = service_us


class _Link:
    __slots__ = (
        "connects",
        "generation",
        "immediate",
        "last_us",
        "latency_us",
        "latest",
        "pipe",
        "queue",
        "returns",
        "sender",
        "step",
        "to",
    )

    def __init__(
        self,
        step: Deliver,
        rule: LinkRule,
        sender: _Seat,
        to: _Seat,
        latency_us: int,
        pipe: list[int] | None,
        service: bool,
    ) -> None:
        self.step = step
        self.connects = service or step.receiver == to.name
        """Whether somebody can ever listen at this address."""
        self.returns = rule.unreachable and step.sender == sender.name
        self.immediate = rule.kind is LinkKind.IMMEDIATE
        self.latest = rule.kind is LinkKind.LATEST
        self.sender = sender
        self.to = to
        self.latency_us = latency_us
        self.pipe = pipe
        """When the path between the two hosts is free again; None within a host."""
        self.last_us = 0
        self.queue: deque[Message] = deque()
        """What is on its way or waits for a busy process; of a `latest` link the newest message."""
        self.generation = 0
        """How often the link was emptied by a crash: arrivals from before count for nothing."""


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
        self._links: dict[tuple[Name, Name, str], _Link] = {}
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
                if what != where.generation:
                    continue
                seat = where.to
                if seat.busy_until > now or seat.backlog:
                    if not seat.backlog:
                        self._schedule(seat.busy_until, _WAKE, seat, None)
                    seat.backlog.append(where)
                    continue
                self._deliver(where)
            elif kind == _WAKE:
                if where.backlog:
                    self._deliver(where.backlog.popleft())
                    if where.backlog:
                        self._schedule(where.busy_until, _WAKE, where, None)
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
                self._join(where)
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

    def _deliver(self, link: _Link) -> None:
        seat = link.to
        stimulus = ("receive", link.step.sender, link.queue.popleft())
        if self._on_step is None:
            self._run(seat, stimulus)
        else:
            self._heard(self._on_step, seat, stimulus, link.step)
        if seat.service_us:
            seat.busy_until = self.now_us + seat.service_us

    def view(self, statement: Statement, monitors: Mapping[type, Monitor]) -> StateView:
        """What a statement sees of the present state, read-only."""
        read = [seat for seat in self.seats.values() if isinstance(seat.process, statement.reads)]
        return StateView(
            {seat.name: sealed_process(seat.process) for seat in read if seat.alive},
            frozenset(seat.name for seat in read if not seat.alive),
            lambda: {key: tuple(link.queue) for key, link in self._links.items() if link.queue},
            monitors,
            self.scenario.declared(statement),
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
            (checks.get(type(origin.process)) or check_of(type(origin.process)))(origin.process, origin.name)
            position += 1
            if context.armed or context.cancelled:
                self._set_timers(origin)
            if context.observations:
                self._tell()
            if context.sends:
                links = origin.links
                for to, message, channel in context.sends:
                    (checks.get(type(message)) or check_of(type(message)))(message, origin.name)
                    link = links.get((to, channel)) or self._open(origin, origin.name, to, channel)
                    if link.immediate and link.to.alive and link.connects:
                        pending.append((link.to, ("receive", origin.name, message)))
                    else:
                        self._post(link, message)
                context.sends.clear()
            if position > IMMEDIATE_LIMIT:
                raise never_at_rest(seat.name)
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

    def _open(self, sender: _Seat, name: Name, to: Name, channel: str) -> _Link:
        """The link of a named sender in a seat."""
        known = self._links.get((name, to, channel))
        if known is not None:
            return known
        rule = self.scenario.rule(name, to, channel)
        slot = slot_of(to)
        receiver = self.seats[slot]
        near = sender.host == receiver.host
        latency = self._timing.local_latency_us if near else self._timing.latency_us
        pipe = None if near else self._pipes.setdefault((sender.host, receiver.host), [0])
        if channel == DOWN:
            latency += self._timing.detection_us
        step = Deliver(name, to, channel)
        link = _Link(step, rule, sender, receiver, latency, pipe, slot in self.scenario.services)
        self._links[name, to, channel] = link
        receiver.incoming.append(link)
        if name == sender.name:
            sender.links[to, channel] = link
        return link

    def _post(self, link: _Link, message: Message) -> None:
        if not (link.to.alive and link.connects):
            self._bounce(link, message)
            return
        self._sent[type(message)] = self._sent.get(type(message), 0) + 1
        if link.latest and link.queue:
            link.queue[0] = message
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
        link.queue.append(message)
        self._schedule(at, _DELIVER, link, link.generation)

    def _bounce(self, link: _Link, message: Message) -> None:
        if link.returns and link.sender.alive:
            back = self._open(link.to, link.step.receiver, link.step.sender, UNREACHABLE)
            self._post(back, Unreachable(link.step.receiver, message))

    def _join(self, unit: str) -> None:
        slots = self.scenario.unit_slots(unit)
        for slot in slots:
            self.seats[slot].alive = True
        choices: list[int] = []
        try:
            for slot in slots:
                self._run(self.seats[slot], ("start",))
                choices += self._context.choices
        finally:
            if self._on_step is not None:
                self._on_step(self.now_us, Taken(Recover(unit), tuple(choices)))

    def _crash(self, unit: str) -> None:
        fallen = [self.seats[slot] for slot in self.scenario.unit_slots(unit) if self.seats[slot].alive]
        for seat in fallen:
            seat.alive = False
            seat.timers.clear()
            seat.backlog.clear()
        choices = self._give_back([link for seat in fallen for link in seat.incoming])
        if fallen and self._on_step is not None:
            self._on_step(self.now_us, Taken(Fault(FaultKind.CRASH, unit), choices))
        for seat in fallen:
            for watcher in self.scenario.watchers.get(seat.slot, ()):
                if self.seats[watcher].alive:
                    self._post(self._open(seat, seat.name, watcher, DOWN), Down(seat.name))

    def _give_back(self, links: Iterable[_Link]) -> tuple[int, ...]:
        """Empty links; what comes back to one sender from one address does so in an order that is drawn."""
        returned: dict[tuple[Name, Name], list[_Link]] = {}
        for link in links:
            if link.queue:
                link.generation += 1
                if link.returns and link.sender.alive:
                    returned.setdefault((link.step.receiver, link.step.sender), []).append(link)
                else:
                    link.queue.clear()
        choices: list[int] = []
        for _, several in sorted(returned.items()):
            several.sort(key=lambda link: link.step.channel)
            orders = merges([tuple(link.queue) for link in several], freeze)
            number = 0
            if len(orders) > 1:
                number = self._draw(len(orders), False)
                choices.append(number)
            for link in several:
                link.queue.clear()
            for message in orders[number]:
                self._bounce(several[0], message)
        return tuple(choices)
