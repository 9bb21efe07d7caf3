"""The step relation over packed global states.

A global state is one integer: a 32-bit field per column, where a column is a slot (number of its process state), the
fault budget, the cuts, a monitor, or a link (number of its queue). Columns of links are appended when a link is first
used; an unused high field is zero, so states from before and after compare equal without rewriting. A step adds a
difference to the integer, and most differences are remembered with the handler that caused them.

The same relation, changed in place, is `world.World`; `tests/kernel` holds the two against each other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import Struct
from typing import Any

from model.kernel.errors import ModelError, PolicyError
from model.kernel.faults import FaultKind
from model.kernel.interning import Interner, Local, Raw, Stimulus
from model.kernel.links import DOWN, UNREACHABLE, LinkKind, LinkRule
from model.kernel.process import Down, Name, Slot, TimerKind, Unreachable, name_of, slot_of
from model.kernel.scenario import Scenario
from model.kernel.statements import Monitor
from model.kernel.steps import Deliver, Fault, Fire, Heal, Recover, Step, Taken, Tick
from model.kernel.world import IMMEDIATE_LIMIT

BITS = 32
MASK = (1 << BITS) - 1


@dataclass(slots=True, eq=False)
class Column:
    """A link that has been used: where its queue sits in the packed state and whom it reaches."""

    step: Deliver
    rule: LinkRule
    position: int
    shift: int
    sender: int
    receiver: int
    dead: set[int] = field(default_factory=set)
    """States of the receiving slot in which nobody listens at this address."""
    pops: dict[int, int] = field(default_factory=dict)
    """Queue -> difference of the packed state when its first message is taken."""
    entries: dict[tuple[int, int], Any] = field(default_factory=dict)
    """(receiver state, message) -> outcomes, or an `Ask`."""


@dataclass(slots=True, eq=False)
class Push:
    """Messages that one outcome puts on one link, in order."""

    column: Column
    burst: tuple[int, ...]
    table: dict[int, int]
    """Queue before -> difference of the packed state."""


@dataclass(slots=True, eq=False)
class Outcome:
    """What a step does: a difference for the processes, messages for links, a price, and what monitors see."""

    taken: Taken
    delta: int
    posts: tuple[tuple[Column, int], ...] = ()
    """Messages for links, in the order they were sent."""
    pushes: tuple[Push, ...] = ()
    """The same, by link: the quick way when every receiver lives."""
    mask: int = 0
    """Bit i is set when the process in slot i changes its state."""
    spent: tuple[FaultKind, ...] = ()
    observations: tuple[Any, ...] = ()
    error: PolicyError | None = None
    entwined: bool = False
    """Whether it puts messages on the link that it takes one from."""
    broken: str = ""
    """Name of a statement about single processes that the new process states break."""
    folds: dict[int, int] = field(default_factory=dict)
    """Monitors before -> difference of the packed state."""
    draws: tuple[bool, ...] = ()
    """Which of the step's choices were fair draws."""
    armed: tuple[tuple[Name, str], ...] = ()
    """(process, timer) that its handlers have set, also those that ran already."""
    remembered: bool = False
    """Whether the same object stands for the step in other states as well."""


@dataclass(slots=True, eq=False)
class Ask:
    """An outcome that depends on one more process, reached through an immediate link."""

    column: int
    origin: int
    stimulus: Stimulus
    step: Step
    known: dict[int, int]
    branches: dict[int, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Source:
    """A timer that runs in one process state; its handler is run when the timer first fires, not when it is set."""

    kind: TimerKind
    slot: int
    local: int
    step: Fire
    ticking: bool
    """Whether ticks have to pass first."""
    entry: Any = None


@dataclass(slots=True, eq=False)
class _Fall:
    """What the crash of a unit does to its own processes."""

    fallen: tuple[tuple[int, Name], ...]
    outcome: Outcome


class _Need(Exception):
    def __init__(self, column: int) -> None:
        self.column = column


@dataclass(slots=True, eq=False)
class _Thread:
    """One combination of choices, while a step is put together."""

    locals: dict[int, int]
    pending: deque[tuple[int, Name, Name, int, str]]
    posts: list[tuple[Column, int]]
    observations: tuple[Any, ...]
    spent: tuple[FaultKind, ...]
    choices: tuple[int, ...]
    error: PolicyError | None = None
    hops: int = 0
    draws: tuple[bool, ...] = ()
    armed: tuple[tuple[Name, str], ...] = ()


class Transitions:
    """Successors of packed states, from remembered outcomes."""

    def __init__(self, scenario: Scenario, monitors: tuple[type[Monitor], ...] = ()) -> None:
        self.scenario = scenario
        self.columns: list[Column] = []
        self._by_link: dict[tuple[Name, Name, str], Column] = {}
        self._links_to: dict[int, list[Column]] = {}
        self.interner = Interner(scenario, self._on_new_local)
        self.width = len(scenario.processes)
        self._own: list[list[Any]] = [[] for _ in scenario.processes]
        self._timers_of: list[list[Any]] = [[] for _ in scenario.processes]
        self.kinds = tuple(kind for kind in scenario.faults if scenario.faults[kind] > 0)
        self._limits = tuple(scenario.faults[kind] for kind in self.kinds)
        self.budgets: list[tuple[int, ...]] = [(0,) * len(self.kinds)]
        self._budget_ids = {self.budgets[0]: 0}
        self.budget_at = self.width
        self.cuts: list[frozenset[tuple[Slot, Slot]]] = [frozenset()]
        self._cut_ids = {self.cuts[0]: 0}
        self.cuts_at = self.width + 1
        self.monitor_kinds = monitors
        self.monitors: list[list[Monitor]] = [[kind()] for kind in monitors]
        self._monitor_ids: list[dict[Monitor, int]] = [{kind(): 0} for kind in monitors]
        self.first_link = self.width + 2 + len(monitors)
        self._monitor_bits = ((1 << (BITS * len(monitors))) - 1) << (BITS * (self.width + 2))
        self._unpack = Struct(f"<{self.first_link}I").unpack
        self._bytes = 4 * self.first_link
        self._crash_slots = {unit: self._slots(unit) for unit in scenario.crashable}
        self._return_slots = {unit: self._slots(unit) for unit in (*scenario.recoverable, *scenario.crashable)}
        self._recoverable = tuple(sorted(scenario.recoverable))
        self._falls: dict[tuple[str, int, tuple[int, ...]], _Fall] = {}
        self.flaw: PolicyError | None = None
        """What a policy did wrong when a process started; the initial state is then unfinished."""
        self.initial = self._start()

    def broken_by(self, column: int, local: int) -> str:
        """Name of a statement about single processes that a process state breaks; none is known here."""
        return ""

    # ---- packed states ----------------------------------------------------------------------------------------------

    def unpack(self, state: int) -> tuple[int, ...]:
        """The fields of a state, one per column known now."""
        return self._unpack(state.to_bytes(self._bytes, "little"))

    def _slots(self, unit: str) -> tuple[int, ...]:
        return tuple(self.interner.index[slot] for slot in self.scenario.unit_slots(unit))

    def _on_new_local(self, column: int, local: int) -> None:
        made = self.interner.locals[column][local]
        self._own[column].append(None)
        self._timers_of[column].append(None)
        for link in self._links_to.get(column, ()):
            if not self._listens(link, made.alive, made.name):
                link.dead.add(local)

    def _listens(self, link: Column, alive: bool, name: Name) -> bool:
        return alive and (link.step.receiver == name or slot_of(link.step.receiver) in self.scenario.services)

    def column(self, sender: Name, receiver: Name, channel: str) -> Column:
        """The column of a link, made when the link is first used."""
        key = (sender, receiver, channel)
        found = self._by_link.get(key)
        if found is None:
            index = self.interner.index
            if slot_of(receiver) not in index:
                raise ModelError(f"{sender} sends to {receiver}, which is no slot of scenario {self.scenario.name}")
            rule = self.scenario.rule(sender, receiver, channel)
            position = self.first_link + len(self.columns)
            to = index[slot_of(receiver)]
            found = Column(Deliver(*key), rule, position, BITS * position, index[slot_of(sender)], to)
            if rule.kind is not LinkKind.IMMEDIATE:
                self.columns.append(found)
                self._unpack = Struct(f"<{position + 1}I").unpack
                self._bytes = 4 * (position + 1)
            self._by_link[key] = found
            self._links_to.setdefault(to, []).append(found)
            for local, made in enumerate(self.interner.locals[to]):
                if not self._listens(found, made.alive, made.name):
                    found.dead.add(local)
        return found

    def _start(self) -> int:
        state = 0
        for i, (slot, process) in enumerate(self.scenario.initial().items()):
            self.interner.local(i, Local(process, {}, 0, slot, True))
        for i in range(self.width):
            fields = self.unpack(state)
            outcomes = self._resolve(self._entry(i, fields[i], ("start",), Tick()), fields)
            if len(outcomes) != 1:
                raise ModelError(f"{self.interner.slots[i]} chooses while it starts; an initial state is one state")
            if outcomes[0].error is not None:
                self.flaw = outcomes[0].error
                break
            following = self._apply(state, outcomes[0])
            assert following is not None
            state = following
        return state

    # ---- successors -------------------------------------------------------------------------------------------------

    def successors(self, state: int) -> tuple[list[tuple[int, Outcome]], bool]:
        """All steps from a state as (next state, outcome), and whether the state is quiescent."""
        fields = self.unpack(state)
        found: list[tuple[int, Outcome]] = []
        busy = False
        heads = self.interner.heads
        slow = bool(fields[self.cuts_at])
        known = len(fields)
        for link, content in zip(self.columns, fields[self.first_link :], strict=False):
            if not content:
                continue
            busy = True
            head = heads[content]
            entry = link.entries.get((fields[link.receiver], head))
            if type(entry) is not tuple:
                entry = self._delivery(link, fields, head, entry)
            pop = link.pops.get(content)
            if pop is None:
                pop = link.pops[content] = (self.interner.tails[content] - content) << link.shift
            base = state + pop
            for outcome in entry:
                new = base + outcome.delta
                if slow or outcome.spent or outcome.entwined:
                    applied = self._apply(base, outcome)
                    if applied is None:
                        continue
                    new = applied
                else:
                    for push in outcome.pushes:
                        to = push.column
                        if fields[to.receiver] in to.dead:
                            # Only the general way keeps what bounces in order.
                            applied = self._apply(base, outcome)
                            assert applied is not None
                            new = applied
                            break
                        before = fields[to.position] if to.position < known else 0
                        change = push.table.get(before)
                        if change is None:
                            change = push.table[before] = self._push_change(to, push.burst, before)
                        new += change
                    else:
                        if outcome.observations:
                            new = self._observe(new, outcome)
                found.append((new, outcome))
        timers = self._timers_of
        patient: list[Source] = []
        ticking = due = live_timer = False
        for i in range(self.width):
            local = fields[i]
            sources = timers[i][local]
            if sources is None:
                sources = self._sources(i, local)
            if sources:
                for source in sources:
                    kind = source.kind
                    if kind is TimerKind.PROGRAM or kind is TimerKind.PERIODIC or kind is TimerKind.TICKS:
                        if kind is TimerKind.TICKS:
                            if source.ticking:
                                ticking = True
                                continue
                            due = True
                        live_timer = live_timer or kind is not TimerKind.PERIODIC
                        self._fire(state, fields, source, found)
                    else:
                        patient.append(source)
        busy = busy or live_timer
        if ticking and not due:
            busy = True
            found.append((self._tick(state, fields), Outcome(Taken(Tick()), 0)))
        if self.scenario.recoverable or slow:
            recovered = self._recover(state, fields)
            busy = busy or bool(recovered)
            found += recovered
        quiescent = not busy and not patient
        for source in patient:
            if not busy:
                self._fire(state, fields, source, found)
            elif source.kind is TimerKind.EAGER and self._afford(fields, (FaultKind.EARLY_TIMEOUT,)):
                self._fire(state, fields, source, found, early=True)
        if self.kinds:
            self._faults(state, fields, found)
        return found, quiescent

    def _fire(
        self,
        state: int,
        fields: tuple[int, ...],
        source: Source,
        found: list[tuple[int, Outcome]],
        early: bool = False,
    ) -> None:
        for outcome in self._resolve(self.entry_of(source), fields):
            made = outcome
            if early:
                step = outcome.taken.step
                assert isinstance(step, Fire)
                made = Outcome(
                    Taken(Fire(step.process, step.timer, True), outcome.taken.choices),
                    outcome.delta,
                    outcome.posts,
                    outcome.pushes,
                    outcome.mask,
                    (*outcome.spent, FaultKind.EARLY_TIMEOUT),
                    outcome.observations,
                    outcome.error,
                    broken=outcome.broken,
                )
            new = self._after(state, fields, made)
            if new is not None:
                found.append((new, made))

    def _after(self, state: int, fields: tuple[int, ...], outcome: Outcome) -> int | None:
        """What `_apply` leads to, the quick way where every receiver lives, nothing is cut and nothing is paid."""
        if fields[self.cuts_at] or outcome.spent:
            return self._apply(state, outcome)
        new = state + outcome.delta
        for push in outcome.pushes:
            to = push.column
            if fields[to.receiver] in to.dead or to.rule.kind is LinkKind.IMMEDIATE:
                return self._apply(state, outcome)
            before = fields[to.position] if to.position < len(fields) else 0
            change = push.table.get(before)
            if change is None:
                change = push.table[before] = self._push_change(to, push.burst, before)
            new += change
        return self._observe(new, outcome) if outcome.observations else new

    def entry_of(self, source: Source) -> tuple[Outcome, ...] | Ask:
        """What the firing of a timer leads to."""
        if source.entry is None:
            source.entry = self._entry(source.slot, source.local, ("fire", source.step.timer), source.step)
        entry: tuple[Outcome, ...] | Ask = source.entry
        return entry

    def sources(self, slot: int, local: int) -> tuple[Source, ...]:
        """The timers that run in a process state and may fire some day, by name."""
        found: tuple[Source, ...] | None = self._timers_of[slot][local]
        return self._sources(slot, local) if found is None else found

    def links_to(self, slot: int) -> list[Column]:
        """The links that reach a slot, among those used so far."""
        return list(self._links_to.get(slot, ()))

    def crash(self, state: int, unit: str) -> int:
        """The state after a unit has crashed, which the budget must allow."""
        return self._crash(state, self.unpack(state), unit, self._crash_slots[unit])[0]

    def _sources(self, slot: int, local: int) -> tuple[Source, ...]:
        made = self.interner.locals[slot][local]
        sources = tuple(
            Source(kind, slot, local, Fire(made.name, timer), kind is TimerKind.TICKS and count > 0)
            for timer, (kind, count) in sorted(made.timers.items())
            if kind is not TimerKind.PERIODIC or count < self.scenario.rounds
        )
        self._timers_of[slot][local] = sources
        return sources

    def _delivery(self, link: Column, fields: tuple[int, ...], head: int, entry: Any) -> tuple[Outcome, ...]:
        local = fields[link.receiver]
        if entry is None:
            stimulus = ("receive", link.step.sender, head)
            entry = self._entry(link.receiver, local, stimulus, link.step)
            link.entries[local, head] = entry
        return self._resolve(entry, fields)

    def delivered(self, state: int, fields: tuple[int, ...], link: Column) -> list[tuple[int, Outcome]]:
        """What the delivery of a link's first message, which there must be, leads to."""
        content = fields[link.position]
        head = self.interner.heads[content]
        base = state + ((self.interner.tails[content] - content) << link.shift)
        entry = self._delivery(link, fields, head, link.entries.get((fields[link.receiver], head)))
        found = ((self._apply(base, outcome), outcome) for outcome in entry)
        return [(new, outcome) for new, outcome in found if new is not None]

    # ---- putting a step together ------------------------------------------------------------------------------------

    def _entry(self, origin: int, local: int, stimulus: Stimulus, step: Step) -> Any:
        return self._compose(origin, stimulus, step, {origin: local})

    def _resolve(self, entry: Any, fields: tuple[int, ...]) -> tuple[Outcome, ...]:
        while type(entry) is Ask:
            local = fields[entry.column]
            following = entry.branches.get(local)
            if following is None:
                known = {**entry.known, entry.column: local}
                following = self._compose(entry.origin, entry.stimulus, entry.step, known)
                entry.branches[local] = following
            entry = following
        assert isinstance(entry, tuple)
        return entry

    def _compose(self, origin: int, stimulus: Stimulus, step: Step, known: dict[int, int]) -> tuple[Outcome, ...] | Ask:
        try:
            threads = [
                self._grow(_Thread({}, deque(), [], (), (), ()), origin, raw)
                for raw in self.interner.results(origin, known[origin], stimulus)
            ]
            done: list[_Thread] = []
            while threads:
                thread = threads.pop(0)
                if thread.error is not None or not self._advance(thread, known, threads):
                    done.append(thread)
        except _Need as need:
            return Ask(need.column, origin, stimulus, step, known)
        return tuple(self._outcome(thread, known, step) for thread in done)

    def _grow(self, thread: _Thread, column: int, raw: Raw) -> _Thread:
        sender = self.interner.locals[column][raw.local].name
        pending = thread.pending.copy()
        pending.extend((column, sender, *send) for send in raw.sends)
        return _Thread(
            {**thread.locals, column: raw.local},
            pending,
            thread.posts.copy(),
            thread.observations + raw.observations,
            thread.spent + raw.spent,
            thread.choices + raw.choices,
            raw.error,
            thread.hops + 1,
            thread.draws + raw.draws,
            thread.armed + raw.armed,
        )

    def _advance(self, thread: _Thread, known: dict[int, int], threads: list[_Thread]) -> bool:
        """Work off what is pending; False when the thread is complete, True when it went on as other threads."""
        while thread.pending:
            _, sender, to, message, channel = thread.pending.popleft()
            link = self.column(sender, to, channel)
            if link.rule.kind is LinkKind.IMMEDIATE:
                local = thread.locals.get(link.receiver, known.get(link.receiver))
                if local is None:
                    raise _Need(link.receiver)
                if local not in link.dead:
                    if thread.hops > IMMEDIATE_LIMIT:
                        raise ModelError(f"immediate links of {sender} never come to rest")
                    raws = self.interner.results(link.receiver, local, ("receive", sender, message))
                    threads[:0] = [self._grow(thread, link.receiver, raw) for raw in raws]
                    return True
            thread.posts.append((link, message))
        return False

    def _outcome(self, thread: _Thread, known: dict[int, int], step: Step) -> Outcome:
        delta = mask = 0
        broken = ""
        for column, local in thread.locals.items():
            if local != known[column]:
                delta += (local - known[column]) << (BITS * column)
                mask |= 1 << column
                broken = broken or self.broken_by(column, local)
        bursts: dict[int, tuple[Column, tuple[int, ...]]] = {}
        for link, message in thread.posts:
            bursts[id(link)] = (link, (*bursts.get(id(link), (link, ()))[1], message))
        pushes = tuple(Push(link, burst, {}) for link, burst in bursts.values())
        return Outcome(
            Taken(step, thread.choices),
            delta,
            tuple(thread.posts),
            pushes,
            mask,
            thread.spent,
            thread.observations if self.monitors else (),
            thread.error,
            any(push.column.step == step or push.column.rule.kind is LinkKind.IMMEDIATE for push in pushes),
            broken,
            draws=thread.draws,
            armed=thread.armed,
            remembered=True,
        )

    # ---- the general way, for steps that are rare ------------------------------------------------------------------

    def _apply(self, state: int, outcome: Outcome) -> int | None:
        new = state + outcome.delta
        if outcome.spent:
            paid = self._pay(new, outcome.spent)
            if paid is None:
                return None
            new = paid
        for column, message in outcome.posts:
            new = self._push(new, column, (message,))
        if outcome.observations:
            new = self._observe(new, outcome)
        return new

    def _afford(self, fields: tuple[int, ...], spent: tuple[FaultKind, ...]) -> bool:
        return self._paid(fields[self.budget_at], spent) is not None

    def _paid(self, budget: int, spent: tuple[FaultKind, ...]) -> int | None:
        counts = list(self.budgets[budget])
        for kind in spent:
            if kind not in self.kinds:
                return None
            position = self.kinds.index(kind)
            counts[position] += 1
            if counts[position] > self._limits[position]:
                return None
        key = tuple(counts)
        found = self._budget_ids.get(key)
        if found is None:
            found = self._budget_ids[key] = len(self.budgets)
            self.budgets.append(key)
        return found

    def _pay(self, state: int, spent: tuple[FaultKind, ...]) -> int | None:
        shift = BITS * self.budget_at
        before = (state >> shift) & MASK
        after = self._paid(before, spent)
        return None if after is None else state + ((after - before) << shift)

    def _push_change(self, column: Column, burst: tuple[int, ...], before: int) -> int:
        content = self.interner.queues[before]
        if column.rule.kind is LinkKind.LATEST:
            content = burst[-1:]
        else:
            content += burst
            if len(content) > column.rule.capacity:
                last = self.interner.messages[content[-1]]
                raise ModelError(
                    f"link {column.step} holds {len(content) - 1} messages, its capacity: {last!r} is one too many"
                )
        return (self.interner.queue(content) - before) << column.shift

    def _push(self, state: int, column: Column, burst: tuple[int, ...]) -> int:
        receiver = (state >> (BITS * column.receiver)) & MASK
        if receiver in column.dead or self._is_cut(state, column):
            return self._bounce(state, column, burst)
        return state + self._push_change(column, burst, (state >> column.shift) & MASK)

    def _bounce(self, state: int, column: Column, burst: tuple[int, ...]) -> int:
        if not column.rule.unreachable:
            return state
        sender = self.interner.locals[column.sender][(state >> (BITS * column.sender)) & MASK]
        if not sender.alive or sender.name != column.step.sender:
            return state
        to = column.step.receiver
        back = self.column(to, sender.name, UNREACHABLE)
        returned = tuple(
            self.interner.message(Unreachable(to, self.interner.messages[message]), to) for message in burst
        )
        return self._push(state, back, returned)

    def _is_cut(self, state: int, column: Column) -> bool:
        cuts = self.cuts[(state >> (BITS * self.cuts_at)) & MASK]
        if not cuts or column.step.channel in (UNREACHABLE, DOWN):
            return False
        one, other = self.interner.slots[column.sender], self.interner.slots[column.receiver]
        return (one, other) in cuts or (other, one) in cuts

    def _observe(self, state: int, outcome: Outcome) -> int:
        before = state & self._monitor_bits
        change = outcome.folds.get(before)
        if change is None:
            change = 0
            lowest = BITS * (self.width + 2)
            for i, known in enumerate(self.monitors):
                number = (before >> (lowest + BITS * i)) & MASK
                monitor = known[number]
                for event in outcome.observations:
                    monitor = monitor.observe(event)
                after = self._monitor_ids[i].get(monitor)
                if after is None:
                    after = self._monitor_ids[i][monitor] = len(known)
                    known.append(monitor)
                change += (after - number) << (BITS * i)
            change = outcome.folds[before] = change << lowest
        return state + change

    def _with_local(self, state: int, column: int, local: int) -> int:
        shift = BITS * column
        return state + ((local - ((state >> shift) & MASK)) << shift)

    def _with_queue(self, state: int, column: Column, content: tuple[int, ...]) -> int:
        before = (state >> column.shift) & MASK
        return state + ((self.interner.queue(content) - before) << column.shift)

    def _tick(self, state: int, fields: tuple[int, ...]) -> int:
        for i in range(self.width):
            made = self.interner.locals[i][fields[i]]
            timers = {
                timer: (kind, count - 1 if kind is TimerKind.TICKS and count else count)
                for timer, (kind, count) in made.timers.items()
            }
            if timers != made.timers:
                after = Local(made.process, timers, made.incarnation, made.name, made.alive)
                state = self._with_local(state, i, self.interner.local(i, after))
        return state

    # ---- recovery and faults ----------------------------------------------------------------------------------------

    def _recover(self, state: int, fields: tuple[int, ...]) -> list[tuple[int, Outcome]]:
        found = []
        for unit in self._recoverable:
            if self._can_return(fields, unit):
                found += list(self._restarts(state, unit, Recover(unit), ()))
        if self.scenario.heals:
            cuts = self.cuts[fields[self.cuts_at]]
            for pair in sorted(cuts):
                healed = self._with_cuts(state, cuts - {pair})
                found.append((healed, Outcome(Taken(Heal(*pair)), 0)))
        return found

    def _with_cuts(self, state: int, cuts: frozenset[tuple[Slot, Slot]]) -> int:
        found = self._cut_ids.get(cuts)
        if found is None:
            found = self._cut_ids[cuts] = len(self.cuts)
            self.cuts.append(cuts)
        return self._with_local(state, self.cuts_at, found)

    def _can_return(self, fields: tuple[int, ...], unit: str) -> bool:
        for i in self._return_slots[unit]:
            seat = self.interner.locals[i][fields[i]]
            if seat.alive or seat.incarnation + 1 >= self.scenario.max_incarnations:
                return False
        return True

    def _restarts(
        self, state: int, unit: str, step: Step, spent: tuple[FaultKind, ...]
    ) -> Iterator[tuple[int, Outcome]]:
        """The states after a unit has come back: all its processes are in place before the first one starts."""
        slots = self._return_slots[unit]
        for i in slots:
            local = (state >> (BITS * i)) & MASK
            state = self._with_local(state, i, self._risen(i, local))
        paths: list[tuple[int, tuple[int, ...], PolicyError | None]] = [(state, (), None)]
        for i in slots:
            following: list[tuple[int, tuple[int, ...], PolicyError | None]] = []
            for here, choices, wrong in paths:
                if wrong is not None:
                    following.append((here, choices, wrong))
                    continue
                fields = self.unpack(here)
                for outcome in self._resolve(self._entry(i, fields[i], ("start",), step), fields):
                    new = self._apply(here, outcome)
                    if new is not None:
                        following.append((new, choices + outcome.taken.choices, outcome.error))
            paths = following
        for new, choices, error in paths:
            paid = self._pay(new, spent) if spent else new
            if paid is not None:
                yield paid, Outcome(Taken(step, choices), 0, mask=self._mask(slots), spent=spent, error=error)

    def _risen(self, column: int, local: int) -> int:
        from model.kernel.interning import Local

        was = self.interner.locals[column][local]
        incarnation = was.incarnation + 1
        name = name_of(self.interner.slots[column], incarnation)
        return self.interner.local(column, Local(was.process, {}, incarnation, name, True))

    @staticmethod
    def _mask(slots: tuple[int, ...]) -> int:
        return sum(1 << i for i in slots)

    def _faults(self, state: int, fields: tuple[int, ...], found: list[tuple[int, Outcome]]) -> None:
        counts = self.budgets[fields[self.budget_at]]
        for kind, used, limit in zip(self.kinds, counts, self._limits, strict=True):
            if used >= limit:
                continue
            match kind:
                case FaultKind.CRASH:
                    for unit, slots in self._crash_slots.items():
                        if any(self.interner.locals[i][fields[i]].alive for i in slots):
                            found.append(self._crash(state, fields, unit, slots))
                case FaultKind.RESTART:
                    for unit in self._crash_slots:
                        if unit not in self.scenario.recoverable and self._can_return(fields, unit):
                            found += list(self._restarts(state, unit, Fault(kind, unit), (kind,)))
                case FaultKind.CUT:
                    for pair in self.scenario.cuttable:
                        if pair not in self.cuts[fields[self.cuts_at]]:
                            found.append(self._broken(self._cut(state, pair), Fault(kind, "|".join(pair)), 0))
                case FaultKind.SUSPECT:
                    for slot in self.scenario.watchers:
                        i = self.interner.index[slot]
                        if self.interner.locals[i][fields[i]].alive:
                            found.append(self._broken(self._tell_watchers(state, i), Fault(kind, slot), 0))
                case FaultKind.LOSE | FaultKind.DUPLICATE | FaultKind.LOSE_REPLY | FaultKind.TRUNCATE:
                    self._tamper(state, fields, kind, found)
                case _:
                    continue

    def _broken(self, state: int, fault: Fault, mask: int) -> tuple[int, Outcome]:
        paid = self._pay(state, (fault.kind,))
        assert paid is not None
        return paid, Outcome(Taken(fault), 0, mask=mask, spent=(fault.kind,))

    def _crash(self, state: int, fields: tuple[int, ...], unit: str, slots: tuple[int, ...]) -> tuple[int, Outcome]:
        """Lose the unit's state and what travels to it, return what can be returned, then tell the watchers."""
        key = (unit, fields[self.budget_at], tuple(fields[i] for i in slots))
        fall = self._falls.get(key)
        if fall is None:
            fall = self._falls[key] = self._fall(unit, fields, slots)
        new = state + fall.outcome.delta
        bounced: list[tuple[Column, int]] = []
        for i, _ in fall.fallen:
            for link in self._links_to.get(i, ()):
                content = fields[link.position] if link.position < len(fields) else 0
                if content and link.rule.kind is not LinkKind.IMMEDIATE:
                    new -= content << link.shift
                    if link.rule.unreachable:
                        bounced.append((link, content))
        for link, content in bounced:
            new = self._bounce(new, link, self.interner.queues[content])
        for i, name in fall.fallen:
            new = self._notify(new, i, name)
        return new, fall.outcome

    def _fall(self, unit: str, fields: tuple[int, ...], slots: tuple[int, ...]) -> _Fall:
        fallen = tuple(i for i in slots if self.interner.locals[i][fields[i]].alive)
        budget = self._paid(fields[self.budget_at], (FaultKind.CRASH,))
        assert budget is not None
        delta = (budget - fields[self.budget_at]) << (BITS * self.budget_at)
        for i in fallen:
            delta += (self.interner.down(i, fields[i]) - fields[i]) << (BITS * i)
        outcome = Outcome(Taken(Fault(FaultKind.CRASH, unit)), delta, mask=self._mask(fallen), spent=(FaultKind.CRASH,))
        return _Fall(tuple((i, self.interner.locals[i][fields[i]].name) for i in fallen), outcome)

    def _tell_watchers(self, state: int, column: int) -> int:
        local = (state >> (BITS * column)) & MASK
        return self._notify(state, column, self.interner.locals[column][local].name)

    def _notify(self, state: int, column: int, name: Name) -> int:
        for watcher in self.scenario.watchers.get(self.interner.slots[column], ()):
            i = self.interner.index[watcher]
            seat = self.interner.locals[i][(state >> (BITS * i)) & MASK]
            if seat.alive:
                notice = self.interner.message(Down(name), name)
                state = self._push(state, self.column(name, seat.name, DOWN), (notice,))
        return state

    def _cut(self, state: int, pair: tuple[Slot, Slot]) -> int:
        cuts = self.cuts[(state >> (BITS * self.cuts_at)) & MASK]
        state = self._with_cuts(state, cuts | {pair})
        one, other = (self.interner.index[slot] for slot in pair)
        for receiver, sender in ((one, other), (other, one)):
            for link in list(self._links_to.get(receiver, ())):
                if link.sender != sender or link.step.channel in (UNREACHABLE, DOWN):
                    continue
                content = (state >> link.shift) & MASK if link.rule.kind is not LinkKind.IMMEDIATE else 0
                if content:
                    state -= content << link.shift
                    state = self._bounce(state, link, self.interner.queues[content])
        return state

    def _tamper(self, state: int, fields: tuple[int, ...], kind: FaultKind, found: list[tuple[int, Outcome]]) -> None:
        for link in self.columns[: len(fields) - self.first_link]:
            content = fields[link.position]
            if not content:
                continue
            queue = self.interner.queues[content]
            step = link.step
            fault = Fault(kind, f"{step.sender}|{step.receiver}|{step.channel}")
            if kind is FaultKind.LOSE and link.rule.lossy:
                found.append(self._broken(self._with_queue(state, link, queue[1:]), fault, 0))
            elif kind is FaultKind.LOSE_REPLY and link.rule.reply:
                lost = self._with_queue(state, link, queue[1:])
                told = self.interner.message(Unreachable(step.sender, self.interner.messages[queue[0]]), step.sender)
                back = self.column(step.sender, step.receiver, UNREACHABLE)
                found.append(self._broken(self._push(lost, back, (told,)), fault, 0))
            elif kind is FaultKind.TRUNCATE and step.channel != DOWN and self._is_dead(fields, link):
                found.append(self._broken(self._with_queue(state, link, queue[:-1]), fault, 0))
            elif kind is FaultKind.DUPLICATE and link.rule.duplicating:
                for outcome in self._delivery(
                    link, fields, queue[0], link.entries.get((fields[link.receiver], queue[0]))
                ):
                    new = self._apply(state, outcome)
                    paid = None if new is None else self._pay(new, (kind,))
                    if paid is not None:
                        again = Outcome(
                            Taken(fault, outcome.taken.choices),
                            outcome.delta,
                            mask=outcome.mask,
                            spent=(*outcome.spent, kind),
                            observations=outcome.observations,
                            error=outcome.error,
                            broken=outcome.broken,
                        )
                        found.append((paid, again))

    def _is_dead(self, fields: tuple[int, ...], link: Column) -> bool:
        sender = self.interner.locals[link.sender][fields[link.sender]]
        return not sender.alive or sender.name != link.step.sender
