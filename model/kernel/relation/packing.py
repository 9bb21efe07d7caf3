"""Global states as integers: one 32-bit field per column, and what can be added to them.

A column is a slot (number of its process state), the fault budget, the cuts, a monitor, or a link (number of its
queue). Columns of links are appended when a link is first used; an unused high field is zero, so states from before and
after compare equal without rewriting.
"""

from __future__ import annotations

from collections.abc import Hashable
from struct import Struct

from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.links import DOWN, UNREACHABLE, LinkKind
from rayproof.model.kernel.language.process import Message, Name, Slot, Unreachable, slot_of
from rayproof.model.kernel.language.scenario import Scenario
from rayproof.model.kernel.language.statements import Monitor
from rayproof.model.kernel.language.steps import Deliver
from rayproof.model.kernel.language.values import freeze
from rayproof.model.kernel.relation.interning import Interner, Local
from rayproof.model.kernel.relation.outcomes import BITS, MASK, Column, Outcome

Fields = tuple[int, ...]
"""A state, taken apart: one number per column that was known then."""


class Packing:
    """The columns of one scenario, what the numbers in them stand for, and the arithmetic of packed states."""

    def __init__(self, scenario: Scenario, monitors: tuple[type[Monitor], ...] = ()) -> None:
        self.scenario = scenario
        self.columns: list[Column] = []
        """The columns of links, in the order in which the links were first used."""
        self._by_link: dict[tuple[Name, Name, str], Column] = {}
        self._links_to: dict[int, list[Column]] = {}
        self.interner = Interner(scenario)
        self.interner.on_new_local.append(self._note_who_listens)
        self.width = len(scenario.processes)
        self.kinds = tuple(kind for kind in scenario.faults if scenario.faults[kind] > 0)
        self._limits = tuple(scenario.faults[kind] for kind in self.kinds)
        self.budgets: list[tuple[int, ...]] = [(0,) * len(self.kinds)]
        """What has struck by now, per kind."""
        self.affordable: list[tuple[FaultKind, ...]] = [self.kinds]
        """The kinds that may strike once more, for each of these."""
        self._budget_ids = {self.budgets[0]: 0}
        self.budget_at = self.width
        self.cuts: list[frozenset[tuple[Slot, Slot]]] = [frozenset()]
        self._cut_ids = {self.cuts[0]: 0}
        self.cuts_at = self.width + 1
        self.monitor_kinds = monitors
        self.monitors: list[list[Monitor]] = [[kind()] for kind in monitors]
        self._monitor_ids: list[dict[Hashable, int]] = [{freeze(kind()): 0} for kind in monitors]
        self.first_monitor = self.width + 2
        self.first_link = self.first_monitor + len(monitors)
        self._monitor_bits = ((1 << (BITS * len(monitors))) - 1) << (BITS * self.first_monitor)
        self._unpack = Struct(f"<{self.first_link}I").unpack
        self._bytes = 4 * self.first_link

    # ---- columns, and what is in them -------------------------------------------------------------------------------

    def unpack(self, state: int) -> Fields:
        """The fields of a state, one per column known now."""
        return self._unpack(state.to_bytes(self._bytes, "little"))

    def slots_of(self, unit: str) -> tuple[int, ...]:
        """The columns of what crashes together."""
        return tuple(self.interner.index[slot] for slot in self.scenario.unit_slots(unit))

    def process(self, column: int, state: int) -> Local:
        """The process in a slot."""
        return self.interner.locals[column][(state >> (BITS * column)) & MASK]

    def processes_in(self, fields: Fields) -> list[Local]:
        """The processes of a state, slot by slot."""
        return [locals_of[number] for locals_of, number in zip(self.interner.locals, fields, strict=False)]

    def _note_who_listens(self, column: int, local: int) -> None:
        made = self.interner.locals[column][local]
        for link in self._links_to.get(column, ()):
            if not self._listens(link, made):
                link.dead.add(local)

    def _listens(self, link: Column, made: Local) -> bool:
        receiver = link.step.receiver
        return made.alive and (receiver == made.name or slot_of(receiver) in self.scenario.services)

    def column(self, sender: Name, receiver: Name, channel: str) -> Column:
        """The column of a link, made when the link is first used."""
        key = (sender, receiver, channel)
        found = self._by_link.get(key)
        if found is None:
            rule = self.scenario.rule(sender, receiver, channel)
            index, position = self.interner.index, self.first_link + len(self.columns)
            to = index[slot_of(receiver)]
            found = Column(Deliver(*key), rule, position, BITS * position, index[slot_of(sender)], to)
            if rule.kind is not LinkKind.IMMEDIATE:
                self.columns.append(found)
                self._unpack = Struct(f"<{position + 1}I").unpack
                self._bytes = 4 * (position + 1)
            self._by_link[key] = found
            self._links_to.setdefault(to, []).append(found)
            found.dead.update(i for i, made in enumerate(self.interner.locals[to]) if not self._listens(found, made))
        return found

    def links_to(self, slot: int) -> list[Column]:
        """The links that reach a slot, among those used so far."""
        return list(self._links_to.get(slot, ()))

    def immediate(self) -> list[Column]:
        """The immediate links used so far."""
        return [link for link in self._by_link.values() if link.rule.kind is LinkKind.IMMEDIATE]

    def in_flight(self, fields: Fields) -> list[tuple[Column, int]]:
        """The links on which messages wait, with the numbers of their queues."""
        pairs = zip(self.columns, fields[self.first_link :], strict=False)
        return [(link, content) for link, content in pairs if content]

    def messages_in(self, fields: Fields) -> dict[tuple[Name, Name, str], tuple[Message, ...]]:
        """Messages in flight by link."""
        messages, queues = self.interner.messages, self.interner.queues
        return {
            (link.step.sender, link.step.receiver, link.step.channel): tuple([messages[m] for m in queues[content]])
            for link, content in self.in_flight(fields)
        }

    def monitors_in(self, fields: Fields) -> dict[type[Monitor], Monitor]:
        """The monitors of a state."""
        if not self.monitors:
            return {}
        numbers = fields[self.first_monitor : self.first_link]
        known = zip(self.monitor_kinds, self.monitors, numbers, strict=True)
        return {kind: states[number] for kind, states, number in known}

    # ---- what a step leads to ---------------------------------------------------------------------------------------

    def after(self, state: int, fields: Fields, outcome: Outcome) -> int:
        """The state after a step: the quick way, where every receiver lives, nothing is cut and nothing is paid.

        `fields`: of the state, or of the one from which the message that the step takes has not been taken yet.
        """
        if outcome.is_rare or fields[self.cuts_at]:
            return self.applied(state, outcome)
        new = state + outcome.delta
        for push in outcome.pushes:
            to = push.column
            if fields[to.receiver] in to.dead:
                # Only the general way keeps what bounces in order.
                return self.applied(state, outcome)
            before = fields[to.position] if to.position < len(fields) else 0
            change = push.table.get(before)
            if change is None:
                change = push.table[before] = self._push_change(to, push.burst, before)
            new += change
        return self._observed(new, outcome) if outcome.observations else new

    def applied(self, state: int, outcome: Outcome) -> int:
        """The state after a step, in general."""
        new = state + outcome.delta
        if outcome.spent:
            new = self.paid(new, outcome.spent)
        for link, message in outcome.posts:
            new = self.posted(new, link, (message,))
        if outcome.observations:
            new = self._observed(new, outcome)
        return new

    def with_field(self, state: int, column: int, value: int) -> int:
        """A state with another number in a column."""
        shift = BITS * column
        return state + ((value - ((state >> shift) & MASK)) << shift)

    def with_cuts(self, state: int, cuts: frozenset[tuple[Slot, Slot]]) -> int:
        """A state in which these slots are cut off from each other."""
        found = self._cut_ids.get(cuts)
        if found is None:
            found = self._cut_ids[cuts] = len(self.cuts)
            self.cuts.append(cuts)
        return self.with_field(state, self.cuts_at, found)

    # ---- the budget -------------------------------------------------------------------------------------------------

    def left(self, budget: int, spent: tuple[FaultKind, ...]) -> dict[FaultKind, int]:
        """How often each kind of fault may still strike after some have."""
        rows = zip(self.kinds, self._limits, self.budgets[budget], strict=True)
        return {kind: limit - used - spent.count(kind) for kind, limit, used in rows}

    def budget_after(self, budget: int, spent: tuple[FaultKind, ...]) -> int:
        """The number of what is left of a budget, which must suffice."""
        counts = list(self.budgets[budget])
        for kind in spent:
            position = self.kinds.index(kind)
            counts[position] += 1
            assert counts[position] <= self._limits[position], "no handler runs beyond the budget"
        key = tuple(counts)
        found = self._budget_ids.get(key)
        if found is None:
            found = self._budget_ids[key] = len(self.budgets)
            self.budgets.append(key)
            self.affordable.append(tuple(kind for kind, count in self.left(found, ()).items() if count > 0))
        return found

    def paid(self, state: int, spent: tuple[FaultKind, ...]) -> int:
        """A state with less of its budget, which must suffice."""
        shift = BITS * self.budget_at
        before = (state >> shift) & MASK
        return state + ((self.budget_after(before, spent) - before) << shift)

    # ---- messages ---------------------------------------------------------------------------------------------------

    def queue_after(self, link: Column, burst: tuple[int, ...], before: int) -> int:
        """The number of the queue of a link once messages have been put on it."""
        content = self.interner.queues[before]
        if link.rule.kind is LinkKind.LATEST:
            content = burst[-1:]
        else:
            content += burst
            if len(content) > link.rule.capacity:
                raise link.rule.overfull(str(link.step), self.interner.messages[content[link.rule.capacity]])
        return self.interner.queue(content)

    def _push_change(self, link: Column, burst: tuple[int, ...], before: int) -> int:
        return (self.queue_after(link, burst, before) - before) << link.shift

    def posted(self, state: int, link: Column, burst: tuple[int, ...]) -> int:
        """The state after messages were sent over a link: they wait there, come back or are lost."""
        receiver = (state >> (BITS * link.receiver)) & MASK
        if receiver in link.dead or self._is_cut(state, link):
            return self.bounced(state, link, burst)
        return state + self._push_change(link, burst, (state >> link.shift) & MASK)

    def bounced(self, state: int, link: Column, burst: tuple[int, ...]) -> int:
        """The state after messages could not arrive: they come back where the sender hears of it."""
        if not self.returns(state, link):
            return state
        to, messages = link.step.receiver, self.interner.messages
        returned = tuple(self.interner.message(Unreachable(to, messages[message]), to) for message in burst)
        return self.posted(state, self.column(to, link.step.sender, UNREACHABLE), returned)

    def returns(self, state: int, link: Column) -> bool:
        """Whether the sender of a link hears of what does not arrive."""
        sender = self.process(link.sender, state)
        return link.rule.unreachable and sender.alive and sender.name == link.step.sender

    def _is_cut(self, state: int, link: Column) -> bool:
        cuts = self.cuts[(state >> (BITS * self.cuts_at)) & MASK]
        if not cuts or link.step.channel in (UNREACHABLE, DOWN):
            return False
        one, other = self.interner.slots[link.sender], self.interner.slots[link.receiver]
        return (one, other) in cuts or (other, one) in cuts

    # ---- monitors ---------------------------------------------------------------------------------------------------

    def _observed(self, state: int, outcome: Outcome) -> int:
        before = state & self._monitor_bits
        change = outcome.folds.get(before)
        if change is None:
            change = 0
            for i in range(len(self.monitors)):
                shift = BITS * (self.first_monitor + i)
                number = (before >> shift) & MASK
                change += (self.folded(i, number, outcome) - number) << shift
            outcome.folds[before] = change
        return state + change

    def folded(self, which: int, number: int, outcome: Outcome) -> int:
        """What one monitor becomes when it sees the events of an outcome, both by their numbers."""
        known = self.monitors[which]
        monitor = known[number]
        for event in outcome.observations:
            monitor = monitor.observe(event)
        form = freeze(monitor)
        after = self._monitor_ids[which].get(form)
        if after is None:
            after = self._monitor_ids[which][form] = len(known)
            known.append(monitor)
        return after
