"""Global states as integers: one 32-bit field per column.

A column is a slot (number of its process state), the fault budget, the cuts, a monitor, or a link (number of its
queue). Columns of links are appended when a link is first used; an unused high field is zero, so states from before and
after compare equal without rewriting.
"""

from __future__ import annotations

from collections.abc import Hashable
from struct import Struct
from typing import Any

from rayproof.model.kernel.language.errors import ModelError
from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.links import DOWN, UNREACHABLE, LinkKind
from rayproof.model.kernel.language.process import Name, Slot, Unreachable, slot_of
from rayproof.model.kernel.language.scenario import Scenario
from rayproof.model.kernel.language.statements import Monitor
from rayproof.model.kernel.language.steps import Deliver
from rayproof.model.kernel.language.values import freeze
from rayproof.model.kernel.relation.interning import Interner
from rayproof.model.kernel.relation.outcomes import BITS, MASK, Column, Outcome


class Packing:
    """The columns of one scenario, and what can be added to a packed state."""

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
        self._monitor_ids: list[dict[Hashable, int]] = [{freeze(kind()): 0} for kind in monitors]
        self.first_link = self.width + 2 + len(monitors)
        self._monitor_bits = ((1 << (BITS * len(monitors))) - 1) << (BITS * (self.width + 2))
        self._unpack = Struct(f"<{self.first_link}I").unpack
        self._bytes = 4 * self.first_link

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

    def links_to(self, slot: int) -> list[Column]:
        """The links that reach a slot, among those used so far."""
        return list(self._links_to.get(slot, ()))

    def immediate(self) -> list[Column]:
        """The immediate links used so far."""
        return [link for link in self._by_link.values() if link.rule.kind is LinkKind.IMMEDIATE]

    # ---- the general way, for steps that are rare ------------------------------------------------------------------

    def _apply(self, state: int, outcome: Outcome) -> int:
        new = state + outcome.delta
        if outcome.spent:
            new = self._pay(new, outcome.spent)
        for column, message in outcome.posts:
            new = self._push(new, column, (message,))
        if outcome.observations:
            new = self._observe(new, outcome)
        return new

    def paid(self, budget: int, spent: tuple[FaultKind, ...]) -> int | None:
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

    def _pay(self, state: int, spent: tuple[FaultKind, ...]) -> int:
        """A state with less of its budget, which must suffice."""
        shift = BITS * self.budget_at
        before = (state >> shift) & MASK
        after = self.paid(before, spent)
        assert after is not None, "no handler runs beyond the budget"
        return state + ((after - before) << shift)

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

    def _returns(self, state: int, column: Column) -> bool:
        """Whether the sender of a link hears of what does not arrive."""
        sender = self.interner.locals[column.sender][(state >> (BITS * column.sender)) & MASK]
        return column.rule.unreachable and sender.alive and sender.name == column.step.sender

    def _bounce(self, state: int, column: Column, burst: tuple[int, ...]) -> int:
        if not self._returns(state, column):
            return state
        to = column.step.receiver
        back = self.column(to, column.step.sender, UNREACHABLE)
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
            for i in range(len(self.monitors)):
                number = (before >> (lowest + BITS * i)) & MASK
                change += (self.folded(i, number, outcome) - number) << (BITS * i)
            change = outcome.folds[before] = change << lowest
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

    def _with_local(self, state: int, column: int, local: int) -> int:
        shift = BITS * column
        return state + ((local - ((state >> shift) & MASK)) << shift)

    def _with_queue(self, state: int, column: Column, content: tuple[int, ...]) -> int:
        before = (state >> column.shift) & MASK
        return state + ((self.interner.queue(content) - before) << column.shift)
