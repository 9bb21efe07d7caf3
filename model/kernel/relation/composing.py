"""Steps put together: a handler, what immediate links pull in, and the messages that are left for other links.

What a handler did is remembered for (process state, stimulus) by `interning`; here it is remembered what the step as a
whole does, as a difference of the packed state. Where an immediate link reaches another process, the outcome depends
on that one's state too, and the memory branches on it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from rayproof.model.kernel.language.errors import PolicyError
from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.links import LinkKind
from rayproof.model.kernel.language.process import Name
from rayproof.model.kernel.language.statements import Breach
from rayproof.model.kernel.language.steps import Step, Taken
from rayproof.model.kernel.relation.handlers import IMMEDIATE_LIMIT, never_at_rest
from rayproof.model.kernel.relation.interning import BudgetAsked, Local, Raw, Stimulus
from rayproof.model.kernel.relation.outcomes import BITS, Ask, Column, Outcome, Push
from rayproof.model.kernel.relation.packing import Fields, Packing

Entry: TypeAlias = tuple[Outcome, ...] | Ask
"""What a stimulus leads to: one outcome per combination of choices, once the columns that it depends on are known."""

BrokenBy: TypeAlias = Callable[[Local], Breach | None]
"""Tells the first statement about single processes that a process state breaks."""


class _Needed(Exception):
    """What a step does depends on one more column."""

    def __init__(self, column: int) -> None:
        self.column = column


@dataclass(slots=True, eq=False)
class _Draft:
    """One combination of choices, while a step is put together."""

    locals: dict[int, int]
    pending: deque[tuple[Name, Name, int, str]]
    posts: list[tuple[Column, int]]
    observations: tuple[Any, ...]
    spent: tuple[FaultKind, ...]
    choices: tuple[int, ...]
    error: PolicyError | None = None
    hops: int = 0
    draws: tuple[bool, ...] = ()
    armed: tuple[tuple[Name, str], ...] = ()


class Composer:
    """What stimuli lead to, in one packing."""

    def __init__(self, packing: Packing, broken_by: BrokenBy) -> None:
        self._packing = packing
        self._interner = packing.interner
        self.broken_by = broken_by

    def entry(self, origin: int, local: int, stimulus: Stimulus, step: Step) -> Entry:
        """What a stimulus of a process state leads to."""
        return self._compose(origin, stimulus, step, {origin: local})

    def delivery(self, link: Column, local: int, head: int) -> Entry:
        """What the delivery of a message to a process state leads to, remembered with the link."""
        entry: Entry | None = link.entries.get((local, head))
        if entry is None:
            entry = self.entry(link.receiver, local, ("receive", link.step.sender, head), link.step)
            link.entries[local, head] = entry
        return entry

    def followed(self, ask: Ask, local: int) -> Entry:
        """What a stimulus leads to when one more column is known."""
        following: Entry | None = ask.branches.get(local)
        if following is None:
            known = {**ask.known, ask.column: local}
            following = ask.branches[local] = self._compose(ask.origin, ask.stimulus, ask.step, known)
        return following

    def resolved(self, entry: Entry, fields: Fields) -> tuple[Outcome, ...]:
        """What a stimulus leads to in a state."""
        while type(entry) is Ask:
            local = fields[entry.column]
            entry = entry.branches.get(local) or self.followed(entry, local)
        assert isinstance(entry, tuple)
        return entry

    def _compose(self, origin: int, stimulus: Stimulus, step: Step, known: dict[int, int]) -> Entry:
        try:
            drafts = [
                self._with_call(_Draft({}, deque(), [], (), (), ()), origin, raw)
                for raw in self._interner.results(origin, known[origin], stimulus, self._left(known, ()))
            ]
            done: list[_Draft] = []
            while drafts:
                draft = drafts.pop(0)
                if draft.error is not None or not self._advance(draft, known, drafts):
                    done.append(draft)
        except _Needed as needed:
            return Ask(needed.column, origin, stimulus, step, known)
        except BudgetAsked:
            return Ask(self._packing.budget_at, origin, stimulus, step, known)
        return tuple(self._outcome(draft, known, step) for draft in done)

    def _left(self, known: dict[int, int], spent: tuple[FaultKind, ...]) -> dict[FaultKind, int] | None:
        """How often each kind of fault may still strike, when the budget is among what is known."""
        budget = known.get(self._packing.budget_at)
        return None if budget is None else self._packing.left(budget, spent)

    def _with_call(self, draft: _Draft, column: int, raw: Raw) -> _Draft:
        sender = self._interner.locals[column][raw.local].name
        pending = draft.pending.copy()
        pending.extend((sender, *send) for send in raw.sends)
        return _Draft(
            {**draft.locals, column: raw.local},
            pending,
            draft.posts.copy(),
            draft.observations + raw.observations,
            draft.spent + raw.spent,
            draft.choices + raw.choices,
            raw.error,
            draft.hops + 1,
            draft.draws + raw.draws,
            draft.armed + raw.armed,
        )

    def _advance(self, draft: _Draft, known: dict[int, int], drafts: list[_Draft]) -> bool:
        """Work off what is pending; False when the draft is complete, True when it went on as others."""
        while draft.pending:
            sender, to, message, channel = draft.pending.popleft()
            link = self._packing.column(sender, to, channel)
            if link.rule.kind is LinkKind.IMMEDIATE:
                local = draft.locals.get(link.receiver, known.get(link.receiver))
                if local is None:
                    raise _Needed(link.receiver)
                if local not in link.dead:
                    if draft.hops > IMMEDIATE_LIMIT:
                        raise never_at_rest(sender)
                    left = self._left(known, draft.spent)
                    raws = self._interner.results(link.receiver, local, ("receive", sender, message), left)
                    drafts[:0] = [self._with_call(draft, link.receiver, raw) for raw in raws]
                    return True
            draft.posts.append((link, message))
        return False

    def _outcome(self, draft: _Draft, known: dict[int, int], step: Step) -> Outcome:
        delta = mask = 0
        broken: Breach | None = None
        for column, local in draft.locals.items():
            if local != known[column]:
                delta += (local - known[column]) << (BITS * column)
                mask |= 1 << column
                broken = broken or self.broken_by(self._interner.locals[column][local])
        bursts: dict[int, tuple[Column, tuple[int, ...]]] = {}
        for link, message in draft.posts:
            bursts[id(link)] = (link, (*bursts.get(id(link), (link, ()))[1], message))
        pushes = tuple(Push(link, burst, {}) for link, burst in bursts.values())
        is_rare = any(push.column.step == step or push.column.rule.kind is LinkKind.IMMEDIATE for push in pushes)
        is_rare = is_rare or bool(draft.spent)
        return Outcome(
            Taken(step, draft.choices),
            delta,
            tuple(draft.posts),
            pushes,
            mask,
            draft.spent,
            draft.observations if self._packing.monitors else (),
            draft.error,
            is_rare,
            broken,
            draws=draft.draws,
            armed=draft.armed,
            remembered=True,
        )
