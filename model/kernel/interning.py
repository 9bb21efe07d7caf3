"""Distinct process states, messages and queues, each kept once and named by a small integer.

What a handler did is remembered for (process state, stimulus): the two-way table. Every remembered call is run twice,
the second time on a contrary copy (mappings and sets in another order), and both must agree.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

from rayproof.model.kernel.context import Armed, Context
from rayproof.model.kernel.errors import ModelError, PolicyError
from rayproof.model.kernel.faults import FaultKind
from rayproof.model.kernel.handlers import invoke
from rayproof.model.kernel.process import (
    Message,
    Name,
    Process,
    TimerKind,
    blank,
    durable_fields,
    state_fields,
)
from rayproof.model.kernel.scenario import Scenario
from rayproof.model.kernel.values import contrary_copy, copy, freeze, require_immutable, size

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


class Interner:
    """Process states, messages and queues of one scenario, and the remembered handlers."""

    def __init__(self, scenario: Scenario, on_new_local: Callable[[int, int], None]) -> None:
        self.scenario = scenario
        self.slots = tuple(scenario.processes)
        self.index = {slot: i for i, slot in enumerate(self.slots)}
        self.locals: list[list[Local]] = [[] for _ in self.slots]
        self.peaks: dict[tuple[str, str], int] = {}
        """Largest size seen of each (slot, field)."""
        self.runs = 0
        self._on_new_local = on_new_local
        self._ids: list[dict[Hashable, int]] = [{} for _ in self.slots]
        self._down: list[dict[int, int]] = [{} for _ in self.slots]
        self._budgeted = scenario.budgeted
        self._raw: dict[tuple[int, int, Stimulus], tuple[Raw, ...]] = {}
        self.messages: list[Message] = []
        self._message_ids: dict[Message, int] = {}
        self.queues: list[tuple[int, ...]] = [()]
        self._queue_ids: dict[tuple[int, ...], int] = {(): 0}
        self.heads: list[int] = [-1]
        self.tails: list[int] = [0]

    # ---- naming -----------------------------------------------------------------------------------------------------

    def local(self, column: int, made: Local) -> int:
        """The number of a process state; the object becomes the kept one when it is new."""
        process = made.process
        kind = type(process)
        form: list[Hashable] = []
        for name in state_fields(kind):
            try:
                form.append(freeze(getattr(process, name)))
            except ModelError as error:
                raise ModelError(f"field {name} of {made.name} ({kind.__name__}): {error}") from None
        key = (kind, tuple(form), tuple(sorted(made.timers.items())), made.incarnation, made.alive)
        try:
            found = self._ids[column].get(key)
        except TypeError as error:
            raise ModelError(f"a field of {made.name} ({kind.__name__}) has no canonical form: {error}") from None
        if found is None:
            found = len(self.locals[column])
            self._ids[column][key] = found
            self.locals[column].append(made)
            for name in state_fields(kind):
                field = (self.slots[column], name)
                self.peaks[field] = max(self.peaks.get(field, 0), size(getattr(process, name)))
            self._on_new_local(column, found)
        return found

    def message(self, sent: Message, sender: Name) -> int:
        """The number of a message; raises `ModelError` when it could change."""
        try:
            found = self._message_ids.get(sent)
        except TypeError:
            found = None
        if found is None:
            require_immutable(sent, f"{type(sent).__name__} from {sender}")
            found = self._message_ids[sent] = len(self.messages)
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

    def results(self, column: int, local: int, stimulus: Stimulus) -> tuple[Raw, ...]:
        """Everything that a handler can do, one entry per combination of its choices."""
        key = (column, local, stimulus)
        found = self._raw.get(key)
        if found is None:
            outcomes = []
            scripts: list[tuple[int, ...]] = [()]
            while scripts:
                script = scripts.pop()
                raw, branches = self._run(column, local, stimulus, script, copy)
                again, _ = self._run(column, local, stimulus, script, contrary_copy)
                if raw != again:
                    raw = self._disagreement(column, local, stimulus, raw, again)
                outcomes.append(raw)
                for position, count in branches:
                    scripts += [(*raw.choices[:position], option) for option in range(count - 1, 0, -1)]
            found = self._raw[key] = tuple(outcomes)
        return found

    def _run(
        self, column: int, local: int, stimulus: Stimulus, script: tuple[int, ...], duplicate: Callable[[Any], Any]
    ) -> tuple[Raw, list[tuple[int, int]]]:
        self.runs += 1
        was = self.locals[column][local]
        process, timers, incarnation, name = self._ready(column, was, stimulus, duplicate)
        branches: list[tuple[int, int]] = []
        made: list[int] = []
        draws: list[bool] = []

        def decide(count: int, random: bool) -> int:
            position = len(made)
            if position >= len(script):
                branches.append((position, count))
            index = script[position] if position < len(script) else 0
            made.append(index)
            draws.append(random)
            return index

        context = Context(decide, lambda fault: decide(2, False) == 1, self._budgeted)
        context.begin(name, timers)
        try:
            if stimulus[0] == "receive":
                message = self.messages[stimulus[2]]
                before = hash(message)
                invoke(name, process, context, ("receive", stimulus[1], message))
                if hash(message) != before:
                    raise ModelError(f"{name} ({type(process).__name__}) changed the message {message!r} it received")
            else:
                invoke(name, process, context, stimulus)
        except PolicyError as caught:
            return Raw(local, (), (), (), tuple(made), caught), branches
        after = self.local(column, Local(process, timers, incarnation, name, True))
        sends = tuple((to, self.message(sent, name), channel) for to, sent, channel in context.sends)
        raw = Raw(
            after,
            sends,
            tuple(context.observations),
            tuple(context.spent),
            tuple(made),
            draws=tuple(draws),
            armed=tuple(context.timers_set),
        )
        return raw, branches

    def _ready(
        self, column: int, was: Local, stimulus: Stimulus, duplicate: Callable[[Any], Any]
    ) -> tuple[Process, Armed, int, Name]:
        kind = type(was.process)
        process = blank(was.process)
        for name in state_fields(kind):
            setattr(process, name, duplicate(getattr(was.process, name)))
        timers = dict(was.timers)
        if stimulus[0] == "fire":
            timer_kind, count = timers.pop(stimulus[1])
            if timer_kind is TimerKind.PERIODIC:
                timers[stimulus[1]] = (timer_kind, count + 1)
        return process, timers, was.incarnation, was.name

    def _disagreement(self, column: int, local: int, stimulus: Stimulus, one: Raw, other: Raw) -> Raw:
        for raw in (one, other):
            if raw.error is not None:
                # A policy that fails only sometimes is the policy's fault, not the model's.
                return Raw(raw.local, (), (), (), one.choices, raw.error)
        was = self.locals[column][local]
        raise ModelError(
            f"{was.name} ({type(was.process).__name__}) gave two different answers to the same input "
            f"{self.describe(stimulus)}: hidden randomness, a global, or the order of a mapping or set"
        )

    def remembered(self) -> Iterator[tuple[int, int, Stimulus, tuple[Raw, ...]]]:
        """Every (column, state, stimulus) that has been run, and what came of it."""
        for (column, local, stimulus), results in self._raw.items():
            yield column, local, stimulus, results

    def describe(self, stimulus: Stimulus) -> str:
        """A stimulus in words."""
        if stimulus[0] == "receive":
            return f"{self.messages[stimulus[2]]!r} from {stimulus[1]}"
        return " ".join(map(str, stimulus))
