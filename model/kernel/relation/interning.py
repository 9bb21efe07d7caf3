"""Distinct process states, messages and queues, each kept once and named by a small integer.

What a handler did is remembered for (process state, stimulus): the two-way table. Every remembered call is run again on
a copy whose mappings and sets are in another order (`orders`), and both must agree.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rayproof.model.kernel.language.context import Armed, Context
from rayproof.model.kernel.language.errors import ModelError, PolicyError
from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.process import (
    Message,
    Name,
    Process,
    TimerKind,
    blank,
    constant_fields,
    durable_fields,
    state_fields,
)
from rayproof.model.kernel.language.scenario import Scenario
from rayproof.model.kernel.language.sealed import sealed_process
from rayproof.model.kernel.language.values import (
    MUTABLE,
    TOO_DEEP,
    copy,
    freeze,
    mutable_parts,
    require_immutable,
    size,
)
from rayproof.model.kernel.relation.handlers import invoke
from rayproof.model.kernel.relation.orders import ORDERS, Place, arranged_copy, begin, has_order, orders_of

Stimulus = tuple[Any, ...]
"""("receive", sender, message id), ("fire", timer) or ("start",)."""


@dataclass(slots=True, eq=False)
class Local:
    """One distinct state of the process in a slot: its fields, its timers, and whether it lives."""

    process: Process
    timers: Armed
    incarnation: int
    name: Name
    alive: bool
    seen: Process | None = None
    """The process as statements are shown it."""

    def shown(self) -> Process:
        """The process, read-only."""
        if self.seen is None:
            self.seen = sealed_process(self.process)
        return self.seen


THOROUGH = 4
"""Calls in which what is gone through at one place of a handler is put in all orders; later calls have one each."""


@dataclass(frozen=True, slots=True)
class Raw:
    """What one run of one handler did."""

    local: int
    sends: tuple[tuple[Name, int, str], ...]
    """(to, message id, channel)"""
    observations: tuple[Any, ...]
    spent: tuple[FaultKind, ...]
    choices: tuple[int, ...]
    error: PolicyError | None = None
    draws: tuple[bool, ...] = ()
    """Which of the choices were fair draws."""
    armed: tuple[tuple[Name, str], ...] = ()
    """(process, timer) it has set, also those that ran already."""


class BudgetAsked(BaseException):
    """What a handler does depends on the faults that are left."""


class _Call:
    """One run of one handler."""

    __slots__ = (
        "after",
        "armed",
        "branches",
        "choices",
        "column",
        "draws",
        "error",
        "local",
        "observations",
        "sends",
        "spent",
        "stimulus",
    )

    after: Local
    armed: list[tuple[Name, str]]
    observations: list[Any]
    sends: list[tuple[Name, Message, str]]

    def __init__(self, column: int, local: int, stimulus: Stimulus) -> None:
        self.column = column
        self.local = local
        self.stimulus = stimulus
        self.choices: tuple[int, ...] = ()
        self.draws: tuple[bool, ...] = ()
        self.branches: list[tuple[int, int]] = []
        self.spent: list[FaultKind] = []
        self.error: PolicyError | None = None


def _same(one: Any, other: Any) -> bool:
    return freeze(one) == freeze(other)


class Interner:
    """Process states, messages and queues of one scenario, and the remembered handlers."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.slots = tuple(scenario.processes)
        self.index = {slot: i for i, slot in enumerate(self.slots)}
        self.locals: list[list[Local]] = [[] for _ in self.slots]
        self.peaks: dict[tuple[str, str], int] = {}
        """Largest size seen of each (slot, field)."""
        self.runs = 0
        self.on_new_local: list[Callable[[int, int], None]] = []
        """Called with the column and the number of each new process state."""
        self._ids: list[dict[Hashable, int]] = [{} for _ in self.slots]
        self._down: list[dict[int, int]] = [{} for _ in self.slots]
        self._budgeted = scenario.budgeted
        self._limits = {kind: limit for kind, limit in scenario.faults.items() if limit > 0}
        self._raw: dict[tuple[Any, ...], tuple[Raw, ...]] = {}
        """(column, state, stimulus) -> what came of it; with the faults left, where the handler asks for one."""
        self._asking: set[tuple[Any, ...]] = set()
        self._looks: dict[Place, int] = {}
        self._turn = 0
        self._constants: dict[int, tuple[str, ...]] = {}
        self.messages: list[Message] = []
        self._message_ids: dict[Hashable, int] = {}
        self.queues: list[tuple[int, ...]] = [()]
        self._queue_ids: dict[tuple[int, ...], int] = {(): 0}
        self.heads: list[int] = [-1]
        self.tails: list[int] = [0]

    # ---- naming -----------------------------------------------------------------------------------------------------

    def form(self, made: Local) -> Hashable:
        """The canonical form of a process state."""
        process = made.process
        kind = type(process)
        form: list[Any] = [kind, made.incarnation, made.alive]
        for name in state_fields(kind):
            try:
                form.append(freeze(getattr(process, name)))
            except ModelError as error:
                raise ModelError(f"field {name} of {made.name} ({kind.__name__}): {error}") from None
        return (*form, *sorted(made.timers.items()))

    def local(self, column: int, made: Local) -> int:
        """The number of a process state; the object becomes the kept one when it is new."""
        form = self.form(made)
        found = self._ids[column].get(form)
        if found is None:
            self._owns_its_parts(made)
            process = made.process
            found = len(self.locals[column])
            self._ids[column][form] = found
            self.locals[column].append(made)
            for name in state_fields(type(process)):
                field = (self.slots[column], name)
                self.peaks[field] = max(self.peaks.get(field, 0), size(getattr(process, name)))
            for hear in self.on_new_local:
                hear(column, found)
        return found

    def _fields_apart(self, made: Local) -> None:
        """Raise `ModelError` when two fields are one mutable value, also where the state is none that is new."""
        values = [getattr(made.process, name) for name in state_fields(type(made.process))]
        apart = [id(value) for value in values if type(value) in MUTABLE]
        if len(set(apart)) < len(apart):
            self._owns_its_parts(made)

    @staticmethod
    def _owns_its_parts(made: Local) -> None:
        """Raise `ModelError` when two places of a process state are one mutable value: a copy would have two."""
        owner: dict[int, str] = {}

        for name in state_fields(type(made.process)):

            def claim(identity: int, name: str = name) -> None:
                if identity in owner:
                    fields = " and ".join(dict.fromkeys((owner[identity], name)))
                    raise ModelError(f"{made.name}: {fields} share one mutable value")
                owner[identity] = name

            mutable_parts(getattr(made.process, name), claim)

    def message(self, sent: Message, sender: Name) -> int:
        """The number of a message; raises `ModelError` when it could change."""
        try:
            form = freeze(sent)
        except ModelError:
            require_immutable(sent, f"{type(sent).__name__} from {sender}")
            raise
        found = self._message_ids.get(form)
        if found is None:
            if not isinstance(sent, Message):
                raise ModelError(f"{sender} sends {sent!r}, which is no message")
            found = self._message_ids[form] = len(self.messages)
            self.messages.append(sent)
        return found

    def queue(self, content: tuple[int, ...]) -> int:
        """The number of a queue's content; 0 is the empty queue."""
        found = self._queue_ids.get(content)
        if found is None:
            tail = self.queue(content[1:])
            found = self._queue_ids[content] = len(self.queues)
            self.queues.append(content)
            self.heads.append(content[0])
            self.tails.append(tail)
        return found

    def down(self, column: int, local: int) -> int:
        """The state of the slot once the process has crashed: only what is durable is left."""
        found = self._down[column].get(local)
        if found is None:
            was = self.locals[column][local]
            rest = self.scenario.processes[self.slots[column]]()
            for name in durable_fields(type(was.process)):
                setattr(rest, name, copy(getattr(was.process, name)))
            found = self.local(column, Local(rest, {}, was.incarnation, was.name, False))
            self._down[column][local] = found
        return found

    # ---- running handlers -------------------------------------------------------------------------------------------

    def results(
        self, column: int, local: int, stimulus: Stimulus, left: Mapping[FaultKind, int] | None = None
    ) -> tuple[Raw, ...]:
        """Everything that a handler can do, one entry per combination of its choices.

        `left`: how often each kind of fault may still strike. Raises `BudgetAsked` when it is None and a handler asks.
        """
        key: tuple[Any, ...] = (column, local, stimulus)
        found = self._raw.get(key)
        if found is not None:
            return found
        if key not in self._asking:
            try:
                found = self._raw[key] = tuple(self._branches(column, local, stimulus, None))
                return found
            except BudgetAsked:
                self._asking.add(key)
        if left is None:
            raise BudgetAsked
        key = (*key, tuple(left.values()))
        found = self._raw.get(key)
        if found is None:
            found = self._raw[key] = tuple(self._branches(column, local, stimulus, left))
        return found

    def _branches(
        self, column: int, local: int, stimulus: Stimulus, left: Mapping[FaultKind, int] | None
    ) -> Iterator[Raw]:
        scripts: list[tuple[int, ...]] = [()]
        while scripts:
            try:
                call = self._called(column, local, stimulus, scripts.pop(), left)
                raw = self._checked(call, left)
            except RecursionError:
                was = self.locals[column][local]
                raise ModelError(f"{was.name} ({type(was.process).__name__}): {TOO_DEEP}") from None
            yield raw
            if call.error is not None:
                continue  # The search ends at this step; a policy that draws for ever has no end of further ways.
            for position, count in call.branches:
                scripts += [(*call.choices[:position], option) for option in range(count - 1, 0, -1)]

    def _called(
        self,
        column: int,
        local: int,
        stimulus: Stimulus,
        script: tuple[int, ...],
        left: Mapping[FaultKind, int] | None,
        duplicate: Callable[[Any], Any] = copy,
    ) -> _Call:
        """Run a handler on copies that `duplicate` makes."""
        self.runs += 1
        call = _Call(column, local, stimulus)
        spent = call.spent
        process, timers, incarnation, name = self._ready(column, local, stimulus, duplicate)

        def decide(count: int, random: bool) -> int:
            position = len(call.choices)
            if position >= len(script):
                call.branches.append((position, count))
            index = script[position] if position < len(script) else 0
            call.choices += (index,)
            call.draws += (random,)
            return index

        def may_fail(fault: FaultKind) -> bool:
            if self._limits.get(fault, 0):
                if left is None:
                    raise BudgetAsked
                if left[fault] > spent.count(fault):
                    return decide(2, False) == 1
            call.choices += (0,)
            call.draws += (False,)
            return False

        context = Context(decide, may_fail, self._budgeted)
        context.begin(name, timers)
        context.spent = spent
        try:
            if stimulus[0] == "receive":
                message = self.messages[stimulus[2]]
                if duplicate is not copy and has_order(message):
                    message = duplicate(message)
                before = hash(message)
                invoke(name, process, context, ("receive", stimulus[1], message))
                if hash(message) != before:
                    raise ModelError(f"{name} ({type(process).__name__}) changed the message {message!r} it received")
            else:
                invoke(name, process, context, stimulus)
        except PolicyError as caught:
            call.error = caught
        # The context is let go: it knows this call, and the two would keep each other.
        call.sends, call.observations, call.armed = context.sends, context.observations, context.timers_set
        call.after = Local(process, timers, incarnation, name, True)
        return call

    def _checked(self, call: _Call, left: Mapping[FaultKind, int] | None) -> Raw:
        """What a call did, once it has been found to do the same on copies in other orders."""
        column, local, stimulus, choices = call.column, call.local, call.stimulus, call.choices
        raw = Raw(local, (), (), (), choices, call.error)
        if call.error is None:
            self._fields_apart(call.after)
            raw = Raw(
                self.local(column, call.after),
                tuple((to, self.message(sent, call.after.name), channel) for to, sent, channel in call.sends),
                tuple(call.observations),
                tuple(call.spent),
                choices,
                draws=call.draws,
                armed=tuple(call.armed),
            )
            for event in raw.observations:
                require_immutable(event, f"an event from {call.after.name}")
        self._turn = (self._turn + 1) % ORDERS
        orders = [self._turn]
        thorough = False
        while orders:
            places = begin(orders.pop())
            again = self._called(column, local, stimulus, choices, left, arranged_copy)
            wrong = call.error or again.error
            if wrong is not None:
                # A policy that fails only sometimes is the policy's fault, not the model's.
                return Raw(local, (), (), (), choices, wrong)
            if not self._agrees(raw, again):
                self._disagree(column, local, stimulus)
            if not thorough and any(self._looks.get(place, 0) < THOROUGH for place in places):
                thorough = True
                orders = list(range(orders_of(places)))
                for place in places:
                    self._looks[place] = self._looks.get(place, 0) + 1
        return raw

    def _agrees(self, raw: Raw, again: _Call) -> bool:
        """Whether a second call did what the first did."""
        return (
            again.choices == raw.choices
            and again.draws == raw.draws
            and tuple(again.spent) == raw.spent
            and tuple(again.armed) == raw.armed
            and self._ids[again.column].get(self.form(again.after)) == raw.local
            and tuple((to, self._message_ids.get(freeze(m)), channel) for to, m, channel in again.sends) == raw.sends
            and len(again.observations) == len(raw.observations)
            and all(map(_same, again.observations, raw.observations))
        )

    def _ready(
        self, column: int, local: int, stimulus: Stimulus, duplicate: Callable[[Any], Any]
    ) -> tuple[Process, Armed, int, Name]:
        was = self.locals[column][local]
        kind = type(was.process)
        process = blank(was.process)
        for name in state_fields(kind):
            setattr(process, name, duplicate(getattr(was.process, name)))
        if duplicate is not copy:
            for name in self._ordered_constants(column):
                setattr(process, name, duplicate(getattr(was.process, name)))
        timers = dict(was.timers)
        if stimulus[0] == "fire":
            timer_kind, count = timers.pop(stimulus[1])
            if timer_kind is TimerKind.PERIODIC:
                timers[stimulus[1]] = (timer_kind, count + 1)
        return process, timers, was.incarnation, was.name

    def _ordered_constants(self, column: int) -> tuple[str, ...]:
        """The constants of the process in a slot that hold a set."""
        found = self._constants.get(column)
        if found is None:
            process = self.locals[column][0].process
            names = constant_fields(type(process))
            found = self._constants[column] = tuple(name for name in names if has_order(getattr(process, name)))
        return found

    def _disagree(self, column: int, local: int, stimulus: Stimulus) -> None:
        was = self.locals[column][local]
        raise ModelError(
            f"{was.name} ({type(was.process).__name__}) gave two different answers to the same input "
            f"{self.describe(stimulus)}: hidden randomness, a global, or the order of a mapping or set"
        )

    def given(self) -> list[tuple[int, int, Stimulus, dict[FaultKind, int] | None, tuple[Raw, ...]]]:
        """Every (column, state, stimulus, faults left where asked for) that has been run, and what came of it."""
        return [
            (*key[:3], dict(zip(self._limits, key[3], strict=True)) if len(key) > 3 else None, results)
            for key, results in self._raw.items()
        ]

    def remembered(self) -> Iterator[tuple[int, int, Stimulus, tuple[Raw, ...]]]:
        """Every (column, state, stimulus) that has been run, and what came of it."""
        for (column, local, stimulus, *_), results in self._raw.items():
            yield column, local, stimulus, results

    def describe(self, stimulus: Stimulus) -> str:
        """A stimulus in words."""
        if stimulus[0] == "receive":
            return f"{self.messages[stimulus[2]]!r} from {stimulus[1]}"
        return " ".join(map(str, stimulus))
