"""One global state, changed in place: the reference form of the step relation.

Walk and replay run on it as it is; simulate runs the same handlers on a clock; explore reads the same relation from
tables, and a test holds the two against each other state by state.

A step runs one handler, then whatever `immediate` links pull in, and only then are the other messages put on their
links. Left out: nothing of the relation. Bounds on depth and budgets come from the scenario.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from rayproof.model.kernel.language.context import Context
from rayproof.model.kernel.language.errors import ModelError, PolicyError
from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.fitting import check_of, checks
from rayproof.model.kernel.language.links import DOWN, UNREACHABLE, LinkKind, merges
from rayproof.model.kernel.language.process import (
    Down,
    Message,
    Name,
    Slot,
    TimerKind,
    Unreachable,
    durable_fields,
    name_of,
    slot_of,
)
from rayproof.model.kernel.language.scenario import Scenario
from rayproof.model.kernel.language.statements import Declared, Monitor, Statement, StateView
from rayproof.model.kernel.language.steps import Deliver, Fault, Fire, Heal, Recover, Step, Tick
from rayproof.model.kernel.language.values import freeze, require_immutable
from rayproof.model.kernel.relation.handlers import IMMEDIATE_LIMIT, Stimulus, invoke, never_at_rest
from rayproof.model.kernel.relation.seats import Link, Seat


class World:
    """A global state and the steps it offers.

    `decide` resolves choices; `strike` says whether a fault inside a handler happens, and is told whether its budget
    still allows it. `strict` proves each message immutable when it is sent, which costs more than the step itself.
    """

    def __init__(
        self,
        scenario: Scenario,
        decide: Callable[[int, bool], int],
        strike: Callable[[bool], bool] = lambda affordable: False,
        *,
        strict: bool = False,
        statements: Iterable[Statement] | None = None,
    ) -> None:
        self.scenario = scenario
        self._strike = strike
        self._strict = strict
        self.context = Context(decide, self._may_fail, scenario.budgeted)
        self.seats = {slot: Seat(slot, process) for slot, process in scenario.initial().items()}
        self.spent: dict[FaultKind, int] = dict.fromkeys(scenario.faults, 0)
        self.cuts: set[tuple[Slot, Slot]] = set()
        self.touched: list[Seat] = []
        self._links: dict[tuple[Name, Name, str], Link] = {}
        self._links_to: dict[Slot, list[Link]] = {slot: [] for slot in self.seats}
        self._waiting: dict[Deliver, Link] = {}
        self._armed: dict[Slot, Seat] = {}
        self._fires: dict[tuple[Name, str], Fire] = {}
        wanted = scenario.statements if statements is None else statements
        self.monitors: dict[type, Monitor] = {kind: kind() for s in wanted for kind in s.monitors}
        self.flaw: PolicyError | None = None
        """What a policy did wrong when a process started; the initial state is then unfinished."""
        self._declared: dict[int, tuple[Declared, tuple[Seat, ...]]] = {}
        try:
            for seat in self.seats.values():
                self._run(seat, ("start",))
                if self.context.choices:
                    raise ModelError(f"{seat.name} chooses while it starts; an initial state is one state")
            for seat in self.seats.values():
                seat.seen = seat.last = scenario.shown_first(seat.slot, seat.shown)
        except PolicyError as error:
            self.flaw = error

    # ---- what can happen -------------------------------------------------------------------------------------------

    def system_steps(self) -> list[Step]:
        """Deliveries, timers, ticks, recoveries and heals; what a run that nobody disturbs consists of."""
        steps: list[Step] = list(self._waiting)
        busy = bool(steps)
        patient: list[Step] = []
        ticking = due = False
        for seat in self._armed.values():
            for timer, (kind, count) in seat.timers.items():
                if kind is TimerKind.PROGRAM:
                    busy = True
                elif kind is TimerKind.PERIODIC:
                    if count >= self.scenario.rounds:
                        continue
                elif kind is TimerKind.TICKS:
                    if count:
                        ticking = True
                        continue
                    busy = due = True
                else:
                    patient.append(self._fire_step(seat.name, timer))
                    continue
                steps.append(self._fire_step(seat.name, timer))
        if ticking and not due:
            steps.append(Tick())
            busy = True
        if self.scenario.recoverable or self.cuts:
            recoveries = self._recoveries()
            steps += recoveries
            busy = busy or bool(recoveries)
        return steps if busy else steps + patient

    def quiescent(self) -> bool:
        """Whether no system step but periodic timers is enabled."""
        return all(isinstance(step, Fire) and self._is_periodic(step) for step in self.system_steps())

    def fault_steps(self) -> list[Step]:
        """What the environment could break now, within its budget."""
        left = {kind for kind in self.spent if self.spent[kind] < self.scenario.budget(kind)}
        if not left:
            return []
        steps: list[Step] = []
        for unit in self.scenario.crashable:
            slots = self.scenario.unit_slots(unit)
            if FaultKind.CRASH in left and any(self.seats[slot].alive for slot in slots):
                steps.append(Fault(FaultKind.CRASH, unit))
            if FaultKind.RESTART in left and unit not in self.scenario.recoverable and self._can_return(slots):
                steps.append(Fault(FaultKind.RESTART, unit))
        if FaultKind.CUT in left:
            steps += [
                Fault(FaultKind.CUT, f"{one}|{other}")
                for one, other in self.scenario.cuttable
                if (one, other) not in self.cuts
            ]
        if FaultKind.SUSPECT in left:
            steps += [Fault(FaultKind.SUSPECT, slot) for slot in self.scenario.watchers if self.seats[slot].alive]
        for step, link in self._waiting.items():
            target = f"{step.sender}|{step.receiver}|{step.channel}"
            if FaultKind.LOSE in left and link.rule.lossy:
                steps.append(Fault(FaultKind.LOSE, target))
            if FaultKind.DUPLICATE in left and link.rule.duplicating:
                steps.append(Fault(FaultKind.DUPLICATE, target))
            if FaultKind.LOSE_REPLY in left and link.rule.reply:
                steps.append(Fault(FaultKind.LOSE_REPLY, target))
            if FaultKind.TRUNCATE in left and step.channel != DOWN and not self._lives(step.sender):
                steps.append(Fault(FaultKind.TRUNCATE, target))
        if FaultKind.EARLY_TIMEOUT in left:
            enabled = set(self.system_steps())
            for seat in self._armed.values():
                for timer, (kind, _) in seat.timers.items():
                    if kind is TimerKind.EAGER and self._fire_step(seat.name, timer) not in enabled:
                        steps.append(Fire(seat.name, timer, early=True))
        return steps

    def message_of(self, step: Step) -> Message | None:
        """The message that a delivery would hand over, or a link fault would touch."""
        if isinstance(step, Deliver):
            return self._waiting[step].queue[0]
        if isinstance(step, Fault) and step.target.count("|") == 2:
            sender, receiver, channel = step.target.split("|")
            queue = self._links[sender, receiver, channel].queue
            return queue[-1] if step.kind is FaultKind.TRUNCATE else queue[0]
        return None

    # ---- doing it ---------------------------------------------------------------------------------------------------

    def take(self, step: Step) -> tuple[int, ...]:
        """Carry out an enabled step; returns the choices that its handlers made."""
        context = self.context
        context.choices.clear()
        context.spent.clear()
        context.timers_set.clear()
        self.touched.clear()
        match step:
            case Deliver():
                link = self._waiting[step]
                message = link.queue.popleft()
                if not link.queue:
                    del self._waiting[step]
                self._run(link.to, ("receive", step.sender, message))
            case Fire():
                seat = self.seats[slot_of(step.process)]
                kind, count = seat.timers.pop(step.timer)
                if kind is TimerKind.PERIODIC:
                    seat.timers[step.timer] = (kind, count + 1)
                if step.early:
                    self.spent[FaultKind.EARLY_TIMEOUT] += 1
                self._run(seat, ("fire", step.timer))
            case Tick():
                self._tick()
            case Recover():
                self._restart(step.unit)
            case Heal():
                self.cuts.discard((step.one, step.other))
            case Fault():
                self._break(step)
        return tuple(context.choices)

    def let_go(self) -> None:
        """Part what keeps each other, so that no collector has to find it; the world is of no use afterwards."""
        del self.context
        for seat in self.seats.values():
            seat.links.clear()
        for link in self._links.values():
            del link.sender, link.to

    def _run(self, seat: Seat, stimulus: Stimulus) -> None:
        """Run a handler and what immediate links pull in, first come first served; the rest is put on its links."""
        context = self.context
        pending: list[tuple[Seat, Stimulus]] = [(seat, stimulus)]
        for origin, what in pending:
            origin.seen = None
            context.me, context.timers = origin.name, origin.timers
            invoke(origin.name, origin.process, context, what)
            (checks.get(type(origin.process)) or check_of(type(origin.process)))(origin.process, origin.name)
            self.touched.append(origin)
            if origin.timers:
                self._armed[origin.slot] = origin
            elif origin.slot in self._armed:
                del self._armed[origin.slot]
            if context.sends:
                links = origin.links
                for to, message, channel in context.sends:
                    link = links.get((to, channel)) or self._link(origin, origin.name, to, channel)
                    (checks.get(type(message)) or check_of(type(message)))(message, origin.name)
                    if self._strict:
                        require_immutable(message, f"{type(message).__name__} from {origin.name}")
                    if link.immediate and link.connected():
                        pending.append((link.to, ("receive", origin.name, message)))
                    else:
                        self._post(link, message)
                context.sends.clear()
                if len(pending) > IMMEDIATE_LIMIT:
                    raise never_at_rest(seat.name)
        if context.observations:
            for kind, monitor in self.monitors.items():
                for event in context.observations:
                    monitor = monitor.observe(event)
                self.monitors[kind] = monitor
            context.observations.clear()
        if context.spent:
            for fault in context.spent:
                self.spent[fault] += 1
            context.spent.clear()

    def _may_fail(self, fault: FaultKind) -> bool:
        left = self.scenario.budget(fault) - self.spent[fault] - self.context.spent.count(fault)
        return self._strike(left > 0) and left > 0

    def _link(self, origin: Seat, sender: Name, to: Name, channel: str) -> Link:
        """The link of a named sender in a seat; a name of the past still has its links."""
        key = (sender, to, channel)
        link = self._links.get(key)
        if link is None:
            rule = self.scenario.rule(sender, to, channel)
            slot = slot_of(to)
            service = slot in self.scenario.services
            link = Link(Deliver(*key), rule, origin, self.seats[slot], service)
            self._links[key] = link
            self._links_to[slot].append(link)
        if origin.name == sender:
            origin.links[to, channel] = link
        return link

    def _post(self, link: Link, message: Message) -> None:
        if not link.connected() or (self.cuts and self._is_cut(link)):
            self._bounce(link, message)
            return
        queue = link.queue
        if not queue:
            self._waiting[link.step] = link
        elif link.rule.kind is LinkKind.LATEST:
            queue.clear()
        elif len(queue) >= link.rule.capacity:
            raise link.rule.overfull(str(link.step), message)
        queue.append(message)

    def _returns(self, link: Link) -> bool:
        """Whether the sender of a link hears of what does not arrive."""
        return link.rule.unreachable and link.sender.alive and link.sender.name == link.step.sender

    def _bounce(self, link: Link, message: Message) -> None:
        if self._returns(link):
            back = self._link(link.to, link.step.receiver, link.step.sender, UNREACHABLE)
            self._post(back, Unreachable(link.step.receiver, message))

    def _is_cut(self, link: Link) -> bool:
        one, other = link.sender.slot, link.to.slot
        return link.step.channel not in (UNREACHABLE, DOWN) and ((one, other) in self.cuts or (other, one) in self.cuts)

    def _drop(self, link: Link) -> list[Message]:
        waiting = list(link.queue)
        link.queue.clear()
        self._waiting.pop(link.step, None)
        return waiting

    def _lives(self, name: Name) -> bool:
        seat = self.seats[slot_of(name)]
        return seat.alive and seat.name == name

    def _fire_step(self, name: Name, timer: str) -> Fire:
        step = self._fires.get((name, timer))
        if step is None:
            step = self._fires[name, timer] = Fire(name, timer)
        return step

    def _is_periodic(self, step: Fire) -> bool:
        return self.seats[slot_of(step.process)].timers[step.timer][0] is TimerKind.PERIODIC

    def _recoveries(self) -> list[Step]:
        steps: list[Step] = [
            Recover(unit)
            for unit in sorted(self.scenario.recoverable)
            if self._can_return(self.scenario.unit_slots(unit))
        ]
        if self.scenario.heals:
            steps += [Heal(*pair) for pair in sorted(self.cuts)]
        return steps

    def _can_return(self, slots: tuple[Slot, ...]) -> bool:
        seats = [self.seats[slot] for slot in slots]
        return all(not seat.alive and seat.incarnation + 1 < self.scenario.max_incarnations for seat in seats)

    def _tick(self) -> None:
        for seat in self._armed.values():
            for timer, (kind, count) in seat.timers.items():
                if kind is TimerKind.TICKS and count:
                    seat.timers[timer] = (kind, count - 1)

    def _break(self, fault: Fault) -> None:
        self.spent[fault.kind] += 1
        match fault.kind:
            case FaultKind.CRASH:
                self._crash(fault.target)
            case FaultKind.RESTART:
                self._restart(fault.target)
            case FaultKind.CUT:
                self._cut(*fault.target.split("|"))
            case FaultKind.SUSPECT:
                self._tell_watchers(self.seats[fault.target])
            case FaultKind.LOSE | FaultKind.LOSE_REPLY | FaultKind.TRUNCATE | FaultKind.DUPLICATE:
                self._tamper(fault)
            case _:
                raise ModelError(f"{fault.kind} strikes inside handlers, not as a step of its own")

    def _crash(self, unit: str) -> None:
        fallen = [self.seats[slot] for slot in self.scenario.unit_slots(unit) if self.seats[slot].alive]
        for seat in fallen:
            seat.alive = False
            seat.seen = None
            seat.durable = {name: getattr(seat.process, name) for name in durable_fields(type(seat.process))}
            seat.timers = {}
            seat.links = {}
            self._armed.pop(seat.slot, None)
            self.touched.append(seat)
        self._give_back([link for seat in fallen for link in self._links_to[seat.slot]])
        for seat in fallen:
            self._tell_watchers(seat)

    def _give_back(self, links: Iterable[Link]) -> None:
        """Empty links; what comes back to one sender from one address does so in an order that is chosen."""
        returned: dict[tuple[Name, Name], list[tuple[Link, list[Message]]]] = {}
        for link in links:
            lost = self._drop(link)
            if lost and self._returns(link):
                returned.setdefault((link.step.receiver, link.step.sender), []).append((link, lost))
        for _, several in sorted(returned.items()):
            several.sort(key=lambda each: each[0].step.channel)
            orders = merges([lost for _, lost in several], freeze)
            for message in self.context.choose(orders):
                self._bounce(several[0][0], message)

    def _tell_watchers(self, seat: Seat) -> None:
        for watcher in self.scenario.watchers.get(seat.slot, ()):
            if self.seats[watcher].alive:
                self._post(self._link(seat, seat.name, self.seats[watcher].name, DOWN), Down(seat.name))

    def _restart(self, unit: str) -> None:
        back = [self.seats[slot] for slot in self.scenario.unit_slots(unit)]
        for seat in back:
            seat.incarnation += 1
            seat.name = name_of(seat.slot, seat.incarnation)
            seat.process = self.scenario.processes[seat.slot]()
            for name, value in seat.durable.items():
                setattr(seat.process, name, value)
            seat.alive = True
            seat.seen = seat.last = None
        for seat in back:
            self._run(seat, ("start",))

    def _cut(self, one: Slot, other: Slot) -> None:
        self.cuts.add((one, other))
        self._give_back(
            link
            for receiver, sender in ((one, other), (other, one))
            for link in self._links_to[receiver][:]
            if link.sender.slot == sender and link.step.channel not in (UNREACHABLE, DOWN)
        )

    def _tamper(self, fault: Fault) -> None:
        sender, receiver, channel = fault.target.split("|")
        link = self._links[sender, receiver, channel]
        if fault.kind is FaultKind.DUPLICATE:
            message = link.queue[0]
            self._run(link.to, ("receive", sender, message))
            return
        message = link.queue.pop() if fault.kind is FaultKind.TRUNCATE else link.queue.popleft()
        if not link.queue:
            del self._waiting[link.step]
        if fault.kind is FaultKind.LOSE_REPLY:
            self._post(self._link(link.sender, sender, receiver, UNREACHABLE), Unreachable(sender, message))

    # ---- what can be seen -------------------------------------------------------------------------------------------

    def view(self, statement: Statement, *, kept: bool = False) -> StateView:
        """What a statement sees of this state, read-only; `kept`: also when the world has moved on."""
        found = self._declared.get(id(statement))
        if found is None:
            read = tuple(seat for seat in self.seats.values() if isinstance(seat.process, statement.reads))
            found = self._declared[id(statement)] = (self.scenario.declared(statement), read)
        declared, seats = found
        alive = {}
        dead = []
        for seat in seats:
            if seat.alive:
                alive[seat.name] = seat.seen or seat.shown()
            else:
                dead.append(seat.name)
        monitors = self.monitors
        if statement.links is None:
            return StateView(alive, frozenset(dead), self.messages, monitors, declared)
        if not kept:
            return StateView(alive, frozenset(dead), self.messages, monitors, declared)
        now = self.messages()
        return StateView(alive, frozenset(dead), lambda: now, dict(monitors), declared)

    def messages(self) -> Mapping[tuple[Name, Name, str], tuple[Message, ...]]:
        """Messages in flight by link."""
        return {link.key: tuple(link.queue) for link in self._waiting.values()}
