"""Steps put together: a handler, what immediate links pull in, and the messages that are left for other links.

What a handler did is remembered for (process state, stimulus) by `interning`; here it is remembered what the step as a
whole does, as a difference of the packed state. Where an immediate link reaches another process, the outcome depends
on that one's state too, and the memory branches on it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from rayproof.model.kernel.language.errors import ModelError, PolicyError
from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.links import LinkKind
from rayproof.model.kernel.language.process import Name
from rayproof.model.kernel.language.steps import Step, Taken
from rayproof.model.kernel.relation.handlers import IMMEDIATE_LIMIT
from rayproof.model.kernel.relation.interning import BudgetAsked, Raw, Stimulus
from rayproof.model.kernel.relation.outcomes import BITS, Ask, Column, Outcome, Push
from rayproof.model.kernel.relation.packing import Packing


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


class Composing(Packing):
    """Outcomes of stimuli."""

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
                for raw in self.interner.results(origin, known[origin], stimulus, self._left(known, ()))
            ]
            done: list[_Thread] = []
            while threads:
                thread = threads.pop(0)
                if thread.error is not None or not self._advance(thread, known, threads):
                    done.append(thread)
        except _Need as need:
            return Ask(need.column, origin, stimulus, step, known)
        except BudgetAsked:
            return Ask(self.budget_at, origin, stimulus, step, known)
        return tuple(self._outcome(thread, known, step) for thread in done)

    def _left(self, known: dict[int, int], spent: tuple[FaultKind, ...]) -> dict[FaultKind, int] | None:
        """How often each kind of fault may still strike, when the budget is among what is known."""
        number = known.get(self.budget_at)
        if number is None:
            return None
        rows = zip(self.kinds, self._limits, self.budgets[number], strict=True)
        return {kind: limit - used - spent.count(kind) for kind, limit, used in rows}

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
                    left = self._left(known, thread.spent)
                    raws = self.interner.results(link.receiver, local, ("receive", sender, message), left)
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
