"""The step relation a second time: slow, plain, and without a line of the engines.

Written from docs/kernel.md. A global state is a handful of dictionaries; a step copies all of it and changes the copy;
every combination of choices is a run of its own from the beginning of the step. Only what models are written with is
imported (processes, messages, links, faults, steps, scenarios as data).

Left out: limits of memory and time, and everything that makes explore fast.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from fnmatch import fnmatchcase
from math import factorial
from typing import Any, cast

from rayproof.model.kernel import (
    Deliver,
    Down,
    Fault,
    FaultKind,
    Fire,
    Heal,
    LinkKind,
    LinkRule,
    Message,
    Name,
    PolicyError,
    Process,
    Recover,
    Scenario,
    Slot,
    Step,
    Tick,
    TimerKind,
    Unreachable,
)
from rayproof.model.kernel.language.links import DOWN, UNREACHABLE

LinkKey = tuple[Name, Name, str]
"""Sender, address of the receiver, channel."""

ORDERS_LIMIT = 100
"""Orders in which messages come back; a system with more is no small one."""

AT_ONCE_LIMIT = 300
"""Handlers in one step; a system that needs more is no small one."""


class Breach(Exception):
    """The model breaks a rule of the kernel."""


class Refused(Exception):
    """A policy breaks a rule while processes start; there is no initial state."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class Unfit(Exception):
    """The system is no small one."""


def slot_in(name: Name) -> Slot:
    """The slot of a name: what stands before the mark of the incarnation."""
    return name.split("#")[0]


def canonical(value: Any) -> Hashable:
    """A form that is equal for equal values only, types included."""
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return kind.__name__, value
    if isinstance(value, Enum):
        return kind.__name__, value.name
    if kind in (list, tuple):
        return kind.__name__, tuple(canonical(item) for item in value)
    if kind in (set, frozenset):
        return kind.__name__, frozenset(canonical(item) for item in value)
    if kind is dict:
        return "dict", frozenset((canonical(key), canonical(item)) for key, item in value.items())
    if is_dataclass(value):
        return kind.__name__, tuple(canonical(getattr(value, f.name)) for f in fields(value))
    raise Breach(f"{value!r} is of no type that a process may hold")


_STATE: dict[type, tuple[str, ...]] = {}
_OTHERS: dict[type, tuple[tuple[str, Callable[[], Any] | None], ...]] = {}


def names_of_state(kind: type) -> tuple[str, ...]:
    """The fields of a process that make up its state: neither constant nor derived."""
    if kind not in _STATE:
        others = ("constant", "derived")
        _STATE[kind] = tuple(f.name for f in fields(kind) if not any(f.metadata.get(mark) for mark in others))
    return _STATE[kind]


def _others(kind: type) -> tuple[tuple[str, Callable[[], Any] | None], ...]:
    """The other fields, and what makes those that are derived."""
    if kind not in _OTHERS:
        others = (f for f in fields(kind) if f.name not in names_of_state(kind))
        made = ((f.name, cast(Any, f.default_factory) if f.metadata.get("derived") else None) for f in others)
        _OTHERS[kind] = tuple(made)
    return _OTHERS[kind]


def again(value: Any) -> Any:
    """The same value, sharing nothing that can change."""
    kind = type(value)
    if kind is list:
        return [again(item) for item in value]
    if kind is dict:
        return {key: again(item) for key, item in value.items()}
    return set(value) if kind is set else value


def copied(process: Process) -> Process:
    """The same process again; what is constant is shared, what is derived is made anew."""
    kind = type(process)
    made = object.__new__(kind)
    for name in names_of_state(kind):
        setattr(made, name, again(getattr(process, name)))
    for name, make in _others(kind):
        setattr(made, name, getattr(process, name) if make is None else make())
    return made


@dataclass
class Holder:
    """A slot with whoever holds it now."""

    kind: type[Process]
    process: Process | None
    """None while it is down."""
    incarnation: int = 0
    timers: dict[str, tuple[TimerKind, int]] = field(default_factory=dict)
    disk: dict[str, Any] = field(default_factory=dict)
    """Durable fields of a process that is down."""

    def copy(self) -> Holder:
        """The same again, sharing nothing that can change."""
        process = None if self.process is None else copied(self.process)
        return Holder(self.kind, process, self.incarnation, dict(self.timers), again(self.disk))


@dataclass
class State:
    """One global state."""

    holders: dict[Slot, Holder]
    links: dict[LinkKey, list[Message]] = field(default_factory=dict)
    """Messages in flight; a link without any has no entry."""
    cuts: set[tuple[Slot, Slot]] = field(default_factory=set)
    spent: dict[FaultKind, int] = field(default_factory=dict)
    monitors: dict[type, Any] = field(default_factory=dict)

    def copy(self) -> State:
        """The same again, sharing nothing that can change."""
        return State(
            {slot: holder.copy() for slot, holder in self.holders.items()},
            {key: list(queue) for key, queue in self.links.items()},
            set(self.cuts),
            dict(self.spent),
            dict(self.monitors),
        )

    def name(self, slot: Slot) -> Name:
        """Name of the process that holds a slot, or held it last."""
        count = self.holders[slot].incarnation
        return f"{slot}#{count}" if count else slot

    def lives(self, slot: Slot) -> bool:
        """Whether a process holds the slot."""
        return self.holders[slot].process is not None

    def key(self) -> Hashable:
        """Equal for equal states only."""
        holders = []
        for slot, holder in self.holders.items():
            if holder.process is None:
                content = canonical(holder.disk)
            else:
                kept = names_of_state(holder.kind)
                content = tuple(canonical(getattr(holder.process, name)) for name in kept)
            timers = frozenset((name, kind, count) for name, (kind, count) in holder.timers.items())
            holders.append((self.name(slot), self.lives(slot), content, timers))
        links = frozenset((key, tuple(canonical(m) for m in queue)) for key, queue in self.links.items())
        monitors = tuple((kind.__name__, canonical(monitor)) for kind, monitor in self.monitors.items())
        spent = frozenset((kind, count) for kind, count in self.spent.items() if count)
        return tuple(holders), links, frozenset(self.cuts), spent, monitors


class Choices:
    """A script of decisions, and what was decided; the first option where the script has ended."""

    def __init__(self, script: Sequence[int]) -> None:
        self._script = list(script)
        self.made: list[int] = []
        self.options: list[int] = []
        self.fair: list[bool] = []

    def pick(self, count: int, fair: bool = False) -> int:
        """One of so many options."""
        at = len(self.made)
        index = self._script[at] if at < len(self._script) else 0
        if not 0 <= index < count:
            raise Breach(f"choice {index} of {count}")
        self.made.append(index)
        self.options.append(count)
        self.fair.append(fair)
        return index

    def others(self) -> Iterator[list[int]]:
        """The scripts that differ first where this one had ended."""
        for at in range(len(self._script), len(self.made)):
            for option in range(1, self.options[at]):
                yield [*self.made[:at], option]


class Hands:
    """What a handler is given as its context."""

    def __init__(self, state: State, slot: Slot, choices: Choices, faults: dict[FaultKind, int]) -> None:
        self.me: Name = state.name(slot)
        self.sent: list[tuple[Name, Message, str]] = []
        self.seen: list[Any] = []
        self.armed: list[tuple[Name, str]] = []
        self._state = state
        self._timers = state.holders[slot].timers
        self._choices = choices
        self._faults = faults

    def send(self, to: Name, message: Message, channel: str = "") -> None:
        """Hand a message to the network."""
        self.sent.append((to, message, channel))

    def set_timer(self, name: str, after: int = 0, kind: TimerKind = TimerKind.PATIENT) -> None:
        """Arm a timer."""
        self._timers[name] = (kind, after if kind is TimerKind.TICKS else 0)
        self.armed.append((self.me, name))

    def cancel_timer(self, name: str) -> None:
        """Disarm a timer."""
        self._timers.pop(name, None)

    def choose(self, options: Sequence[Any], *, random: bool = False) -> Any:
        """One of several; a single option is no choice."""
        if len(options) == 0:
            raise Breach("a choice among nothing")
        return options[0] if len(options) == 1 else options[self._choices.pick(len(options), random)]

    def may_fail(self, fault: FaultKind) -> bool:
        """Whether the environment strikes; asked only in scenarios that speak of the fault."""
        if fault not in self._faults:
            return False
        left = self._faults[fault] - self._state.spent.get(fault, 0)
        struck = self._choices.pick(2 if left > 0 else 1) == 1
        if struck:
            self._state.spent[fault] = self._state.spent.get(fault, 0) + 1
        return struck

    def observe(self, event: Any) -> None:
        """Tell the monitors."""
        self.seen.append(event)


@dataclass
class Edge:
    """One way a step can go."""

    step: Step
    choices: tuple[int, ...]
    fair: tuple[bool, ...]
    """Which of the choices were fair draws."""
    armed: frozenset[tuple[Name, str]]
    """(process, timer) that its handlers set."""
    state: State
    """Where it leads."""
    system: bool
    """Whether it is a step of the system, not a fault."""
    rule: str = ""
    """The rule that a policy breaks in it; where it leads does not matter then."""


class Relation:
    """The steps of one scenario."""

    def __init__(self, scenario: Scenario, monitors: Sequence[type] = (), *, hasty: bool = False) -> None:
        """`hasty`: timers that wait for others may fire at any time, as they do on a clock."""
        self.scenario = scenario
        self._monitors = tuple(dict.fromkeys(monitors))
        self._hasty = hasty

    # ---- where it begins ------------------------------------------------------------------------------------------

    def initial(self) -> State:
        """The state after every process has started, in the scenario's order."""
        made = {slot: factory() for slot, factory in self.scenario.processes.items()}
        state = State({slot: Holder(type(process), process) for slot, process in made.items()})
        state.monitors = {kind: kind() for kind in self._monitors}
        choices = Choices(())
        try:
            for slot in state.holders:
                self._run(state, slot, ("start",), choices, [])
        except PolicyError as error:
            raise Refused(error.rule) from error
        if choices.made:
            raise Breach("a choice in the initial state")
        return state

    # ---- what can happen ------------------------------------------------------------------------------------------

    def system_steps(self, state: State) -> list[Step]:
        """What happens without a fault."""
        steps: list[Step] = [Deliver(*key) for key in state.links]
        steps += [Recover(unit) for unit in self.scenario.recoverable if self._may_return(state, unit)]
        if self.scenario.heals:
            steps += [Heal(*pair) for pair in state.cuts]
        running = [
            (Fire(state.name(slot), timer), kind, count)
            for slot, holder in state.holders.items()
            for timer, (kind, count) in holder.timers.items()
        ]
        steps += [fire for fire, kind, _ in running if kind is TimerKind.PROGRAM]
        due = [fire for fire, kind, count in running if kind is TimerKind.TICKS and (count == 0 or self._hasty)]
        steps += due
        if not due and any(kind is TimerKind.TICKS for _, kind, _ in running):
            steps.append(Tick())
        if not steps or self._hasty:
            steps += [fire for fire, kind, _ in running if kind in (TimerKind.PATIENT, TimerKind.EAGER)]
        rounds = self.scenario.rounds
        steps += [f for f, kind, count in running if kind is TimerKind.PERIODIC and (count < rounds or self._hasty)]
        return steps

    def rests(self, state: State) -> bool:
        """Whether no step of the system but periodic timers is possible."""
        for step in self.system_steps(state):
            if not isinstance(step, Fire):
                return False
            if state.holders[slot_in(step.process)].timers[step.timer][0] is not TimerKind.PERIODIC:
                return False
        return True

    def fault_steps(self, state: State) -> list[Step]:
        """What the environment can break, within its budget."""
        steps: list[Step] = []
        scenario = self.scenario
        if self._left(state, FaultKind.CRASH):
            steps += [
                Fault(FaultKind.CRASH, unit)
                for unit in scenario.crashable
                if any(state.lives(slot) for slot in self._slots(unit))
            ]
        if self._left(state, FaultKind.RESTART):
            steps += [
                Fault(FaultKind.RESTART, unit)
                for unit in scenario.crashable
                if unit not in scenario.recoverable and self._may_return(state, unit)
            ]
        if self._left(state, FaultKind.CUT):
            steps += [Fault(FaultKind.CUT, "|".join(pair)) for pair in scenario.cuttable if pair not in state.cuts]
        if self._left(state, FaultKind.SUSPECT):
            steps += [Fault(FaultKind.SUSPECT, slot) for slot in scenario.watchers if state.lives(slot)]
        for key in state.links:
            sender, _, channel = key
            rule = self._rule(key)
            gone = not (state.lives(slot_in(sender)) and state.name(slot_in(sender)) == sender)
            for kind, possible in (
                (FaultKind.LOSE, rule.lossy),
                (FaultKind.DUPLICATE, rule.duplicating),
                (FaultKind.LOSE_REPLY, rule.reply),
                (FaultKind.TRUNCATE, gone and channel != DOWN),
            ):
                if possible and self._left(state, kind):
                    steps.append(Fault(kind, "|".join(key)))
        if self._left(state, FaultKind.EARLY_TIMEOUT):
            enabled = self.system_steps(state)
            for slot, holder in state.holders.items():
                for timer, (timer_kind, _) in holder.timers.items():
                    if timer_kind is TimerKind.EAGER and Fire(state.name(slot), timer) not in enabled:
                        steps.append(Fire(state.name(slot), timer, early=True))
        return steps

    def edges(self, state: State) -> Iterator[Edge]:
        """Every step from a state, with every combination of choices."""
        for step in self.system_steps(state):
            yield from self.ways(state, step, system=True)
        for step in self.fault_steps(state):
            yield from self.ways(state, step, system=False)

    def ways(self, state: State, step: Step, *, system: bool = True) -> Iterator[Edge]:
        """Every way an enabled step can go."""
        scripts: list[Sequence[int]] = [()]
        while scripts:
            choices = Choices(scripts.pop())
            after = state.copy()
            armed: list[tuple[Name, str]] = []
            rule = ""
            try:
                self._take(after, step, choices, armed)
            except PolicyError as error:
                rule = error.rule
            scripts += choices.others()
            yield Edge(step, tuple(choices.made), tuple(choices.fair), frozenset(armed), after, system, rule)

    # ---- doing it -------------------------------------------------------------------------------------------------

    def _take(self, state: State, step: Step, choices: Choices, armed: list[tuple[Name, str]]) -> None:
        match step:
            case Deliver(sender, receiver, channel):
                message = self._pop(state, (sender, receiver, channel), 0)
                self._run(state, slot_in(receiver), ("receive", sender, message), choices, armed)
            case Fire(process, timer, early):
                holder = state.holders[slot_in(process)]
                kind, count = holder.timers.pop(timer)
                if kind is TimerKind.PERIODIC:
                    holder.timers[timer] = (kind, count + 1)
                if early:
                    self._pay(state, FaultKind.EARLY_TIMEOUT)
                self._run(state, slot_in(process), ("fire", timer), choices, armed)
            case Tick():
                for holder in state.holders.values():
                    for timer, (kind, count) in holder.timers.items():
                        if kind is TimerKind.TICKS:
                            holder.timers[timer] = (kind, count - 1)
            case Recover(unit):
                self._restart(state, unit, choices, armed)
            case Heal(one, other):
                state.cuts.remove((one, other))
            case Fault(kind, target):
                self._pay(state, kind)
                self._break(state, kind, target, choices, armed)

    def _break(
        self, state: State, kind: FaultKind, target: str, choices: Choices, armed: list[tuple[Name, str]]
    ) -> None:
        match kind, target.split("|"):
            case FaultKind.CRASH, [unit]:
                self._crash(state, unit, choices)
            case FaultKind.RESTART, [unit]:
                self._restart(state, unit, choices, armed)
            case FaultKind.CUT, [one, other]:
                state.cuts.add((one, other))
                ends = {(one, other), (other, one)}
                lost = [k for k in state.links if (slot_in(k[0]), slot_in(k[1])) in ends and not self._notice(k)]
                self._give_back(state, lost, choices)
            case FaultKind.SUSPECT, [slot]:
                self._tell(state, slot)
            case FaultKind.LOSE, [sender, receiver, channel]:
                self._pop(state, (sender, receiver, channel), 0)
            case FaultKind.TRUNCATE, [sender, receiver, channel]:
                self._pop(state, (sender, receiver, channel), -1)
            case FaultKind.LOSE_REPLY, [sender, receiver, channel]:
                message = self._pop(state, (sender, receiver, channel), 0)
                self._put(state, (sender, receiver, UNREACHABLE), Unreachable(sender, message))
            case FaultKind.DUPLICATE, [sender, receiver, channel]:
                message = state.links[sender, receiver, channel][0]
                self._run(state, slot_in(receiver), ("receive", sender, message), choices, armed)
            case _:
                raise AssertionError(f"{kind} is no step")

    def _run(
        self, state: State, slot: Slot, stimulus: tuple[Any, ...], choices: Choices, armed: list[tuple[Name, str]]
    ) -> None:
        """A handler, then those that immediate links pull in, first come first served; then the other messages go."""
        waiting = [(slot, stimulus)]
        outgoing: list[tuple[LinkKey, Message]] = []
        events: list[Any] = []
        done = 0
        while waiting:
            here, what = waiting.pop(0)
            hands = Hands(state, here, choices, dict(self.scenario.faults))
            self._call(state, here, what, hands)
            done += 1
            if done > AT_ONCE_LIMIT:
                raise Unfit("one step has too many handlers")
            armed += hands.armed
            events += hands.seen
            for to, message, channel in hands.sent:
                key = (hands.me, to, channel)
                if slot_in(to) not in state.holders:
                    raise Breach(f"{to} is no slot")
                if self._rule(key).kind is LinkKind.IMMEDIATE and self._reaches(state, key):
                    waiting.append((slot_in(to), ("receive", hands.me, message)))
                else:
                    outgoing.append((key, message))
        for key, message in outgoing:
            self._post(state, key, message)
        for kind, monitor in state.monitors.items():
            for event in events:
                monitor = monitor.observe(event)
            state.monitors[kind] = monitor

    def _call(self, state: State, slot: Slot, what: tuple[Any, ...], hands: Hands) -> None:
        process = state.holders[slot].process
        assert process is not None
        handler: Callable[..., None] = getattr(process, what[0])
        try:
            handler(hands, *what[1:])
        except (Breach, Unfit, PolicyError):
            raise
        except Exception as error:
            raise Breach(f"{hands.me} failed on {what}: {error!r}") from error

    def _crash(self, state: State, unit: str, choices: Choices) -> None:
        fallen = [slot for slot in self._slots(unit) if state.lives(slot)]
        for slot in fallen:
            holder = state.holders[slot]
            kept = [f.name for f in fields(holder.kind) if f.metadata.get("durable")]  # type: ignore[arg-type]
            holder.disk = {name: getattr(holder.process, name) for name in kept}
            holder.process = None
            holder.timers = {}
        self._give_back(state, [key for key in state.links if slot_in(key[1]) in fallen], choices)
        for slot in fallen:
            self._tell(state, slot)

    def _restart(self, state: State, unit: str, choices: Choices, armed: list[tuple[Name, str]]) -> None:
        for slot in self._slots(unit):
            holder = state.holders[slot]
            holder.incarnation += 1
            holder.process = self.scenario.processes[slot]()
            for name, value in holder.disk.items():
                setattr(holder.process, name, value)
            holder.disk = {}
        for slot in self._slots(unit):
            self._run(state, slot, ("start",), choices, armed)

    def _tell(self, state: State, slot: Slot) -> None:
        """The failure detectors say that the process in a slot is dead."""
        for watcher in self.scenario.watchers.get(slot, ()):
            if state.lives(watcher):
                self._put(state, (state.name(slot), state.name(watcher), DOWN), Down(state.name(slot)))

    def _give_back(self, state: State, keys: list[LinkKey], choices: Choices) -> None:
        """Links break: what is on them is lost, and comes back to senders who learn of such things.

        What stood on several channels of one pair comes back on one, in any order that keeps each channel's own: one
        choice for each such pair, and the pairs and their channels in alphabetical order.
        """
        returns: dict[LinkKey, list[list[Message]]] = {}
        for key in sorted(keys):
            sender, receiver, _ = key
            queue = state.links.pop(key)
            if self._rule(key).unreachable and state.lives(slot_in(sender)) and state.name(slot_in(sender)) == sender:
                back = [Unreachable(receiver, message) for message in queue]
                returns.setdefault((receiver, sender, UNREACHABLE), []).append([*back])
        for key, queues in sorted(returns.items(), key=lambda item: item[0]):
            orders = self.orders(queues)
            for message in orders[choices.pick(len(orders))] if len(orders) > 1 else orders[0]:
                self._put(state, key, message)

    @staticmethod
    def orders(queues: list[list[Message]]) -> list[list[Message]]:
        """All distinct ways to merge queues that each keep their order."""
        count = factorial(sum(map(len, queues)))
        for queue in queues:
            count //= factorial(len(queue))
        if count > ORDERS_LIMIT:
            raise Unfit(f"messages come back in {count} orders")
        found: list[list[Message]] = []

        def merge(made: list[Message], rest: list[list[Message]]) -> None:
            if not any(rest):
                if made not in found:
                    found.append(made)
                return
            for i, queue in enumerate(rest):
                if queue:
                    merge([*made, queue[0]], [*rest[:i], queue[1:], *rest[i + 1 :]])

        merge([], queues)
        return found

    def _post(self, state: State, key: LinkKey, message: Message) -> None:
        """Put a message on its link, or send it back where nobody can be reached."""
        sender, receiver, _ = key
        if self._reaches(state, key) and not self._cut_off(state, key):
            self._put(state, key, message)
        elif self._rule(key).unreachable:
            self._put(state, (receiver, sender, UNREACHABLE), Unreachable(receiver, message))

    def _put(self, state: State, key: LinkKey, message: Message) -> None:
        rule = self._rule(key)
        queue = state.links.setdefault(key, [])
        if rule.kind is LinkKind.LATEST:
            queue.clear()
        queue.append(message)
        if len(queue) > rule.capacity:
            raise Breach(f"link {key} is full")

    def _pop(self, state: State, key: LinkKey, at: int) -> Message:
        message = state.links[key].pop(at)
        if not state.links[key]:
            del state.links[key]
        return message

    # ---- small questions ------------------------------------------------------------------------------------------

    def _rule(self, key: LinkKey) -> LinkRule:
        sender, receiver, channel = key
        if self._notice(key):
            return LinkRule(unreachable=False)
        for rule in self.scenario.links:
            if (
                fnmatchcase(slot_in(sender), rule.sender)
                and fnmatchcase(slot_in(receiver), rule.receiver)
                and fnmatchcase(channel, rule.channel)
            ):
                return rule
        return LinkRule()

    def _notice(self, key: LinkKey) -> bool:
        return key[2] in (UNREACHABLE, DOWN)

    def _reaches(self, state: State, key: LinkKey) -> bool:
        slot = slot_in(key[1])
        return state.lives(slot) and (slot in self.scenario.services or state.name(slot) == key[1])

    def _cut_off(self, state: State, key: LinkKey) -> bool:
        one, other = slot_in(key[0]), slot_in(key[1])
        return not self._notice(key) and ((one, other) in state.cuts or (other, one) in state.cuts)

    def _slots(self, unit: str) -> tuple[Slot, ...]:
        return tuple(self.scenario.units[unit]) if unit in self.scenario.units else (unit,)

    def _may_return(self, state: State, unit: str) -> bool:
        return all(
            not state.lives(slot) and state.holders[slot].incarnation + 1 < self.scenario.max_incarnations
            for slot in self._slots(unit)
        )

    def _left(self, state: State, kind: FaultKind) -> bool:
        return state.spent.get(kind, 0) < self.scenario.faults.get(kind, 0)

    def _pay(self, state: State, kind: FaultKind) -> None:
        state.spent[kind] = state.spent.get(kind, 0) + 1


@dataclass
class Graph:
    """Every state of a scope and every step, found breadth first."""

    states: list[State]
    index: dict[Hashable, int]
    depth: list[int]
    """Steps of a shortest way to each state."""
    edges: list[list[tuple[Edge, int]]]
    """For each state its steps and where they lead."""
    rests: list[bool]
    blunders: list[tuple[int, str]]
    """(steps of a shortest way, rule) of every step in which a policy breaks a rule."""

    @property
    def transitions(self) -> int:
        """Number of steps, each way it can go counted."""
        return sum(len(out) for out in self.edges)


def explore(relation: Relation, limit: int) -> Graph:
    """Exhaust a scope; raises `Unfit` beyond so many states."""
    first = relation.initial()
    graph = Graph([first], {first.key(): 0}, [0], [], [], [])
    for position, state in enumerate(graph.states):
        out = []
        for edge in relation.edges(state):
            if edge.rule:
                graph.blunders.append((graph.depth[position] + 1, edge.rule))
                continue
            key = edge.state.key()
            target = graph.index.get(key)
            if target is None:
                target = graph.index[key] = len(graph.states)
                graph.states.append(edge.state)
                graph.depth.append(graph.depth[position] + 1)
                if len(graph.states) > limit:
                    raise Unfit(f"more than {limit} states")
            out.append((edge, target))
        graph.edges.append(out)
        graph.rests.append(relation.rests(state))
    return graph
