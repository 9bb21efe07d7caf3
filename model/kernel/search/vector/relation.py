"""The remembered outcomes of `Transitions`, as arrays that are looked up for many states at once.

A row is a packed state unpacked: one small integer per column. What a step does is read from the very tables that the
integer engine fills, so that there is one step relation and no model has to be written twice. An *entry* is what a
stimulus leads to: a group of outcomes, or an ask that depends on one more column (an immediate link).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rayproof.model.kernel.language.links import LinkKind
from rayproof.model.kernel.relation.outcomes import BITS, MASK, Ask, Column, Outcome
from rayproof.model.kernel.relation.transitions import Transitions
from rayproof.model.kernel.search.vector.tables import Bools, Ints, Mirror, PairTable, Words, mixed


class Relation:
    """Outcome tables of one scenario, growing as states are met."""

    def __init__(self, transitions: Transitions) -> None:
        self._transitions = transitions
        self._packing = transitions.packing
        self._entries: list[Any] = []
        self._entry_ids: dict[int, int] = {}
        self._known: list[dict[int, int]] = []
        self.group_of: list[int] = []
        """Entry -> group, or -1 for an ask."""
        self.ask_column: list[int] = []
        """Entry -> the column that an ask depends on, or -1."""
        self._groups = Mirror(self.group_of)
        self._asks = Mirror(self.ask_column)
        self._deliveries: dict[int, PairTable] = {}
        self._fires: dict[tuple[int, int], PairTable] = {}
        self._branches = PairTable(self._branch)
        self.outcomes: list[Outcome] = []
        self._members: list[list[int]] = []
        self.flawed: list[int] = []
        """Outcomes that break a statement about single processes or a rule of a policy, newest last."""
        self._bursts: dict[tuple[bool, int, tuple[int, ...]], int] = {}
        self._burst_list: list[tuple[Column, tuple[int, ...]]] = []
        self._queues = PairTable(self._pushed)
        self._heads = Mirror(transitions.interner.heads)
        self._tails = Mirror(transitions.interner.tails)
        self._tables = _Tables()
        self._words: Words = np.zeros((0, 0), np.uint64)
        self._deaf: Bools = np.zeros((0, 0), bool)
        self._deaf_known: list[int] = []
        self._receivers: Ints = np.zeros(0, np.int64)

    @property
    def width(self) -> int:
        """Columns that exist now."""
        return self._packing.first_link + len(self._packing.columns)

    # ---- stimuli ----------------------------------------------------------------------------------------------------

    def heads(self) -> Ints:
        """Queue -> its first message."""
        return self._heads.array()

    def tails(self) -> Ints:
        """Queue -> the queue without its first message."""
        return self._tails.array()

    def delivery(self, link: Column, locals_: Ints, heads: Ints) -> Ints:
        """Entries of the deliveries on a link, for (receiver state, first message)."""
        table, transitions = self._deliveries.get(link.position), self._transitions
        if table is None:

            def compute(local: int, head: int) -> int:
                return self._entry(transitions.composer.delivery(link, local, head), {link.receiver: local})

            table = self._deliveries[link.position] = PairTable(compute)
        return table.get(locals_, heads)

    def firing(self, slot: int, number: int, locals_: Ints) -> Ints:
        """Entries of the timer that is number `number` of those running in the given states of a slot."""
        table, transitions = self._fires.get((slot, number)), self._transitions
        if table is None:

            def compute(local: int, _: int) -> int:
                return self._entry(transitions.firing(transitions.sources(slot, local)[number]), {slot: local})

            table = self._fires[slot, number] = PairTable(compute)
        return table.get(locals_, np.zeros(len(locals_), np.int64))

    def groups(self, entries: Ints, rows: Any, at: Ints) -> Ints:
        """Entry -> group of outcomes; asks are answered from further columns of the rows `at`."""
        group = self._groups.array()[entries]
        while True:
            asking = np.flatnonzero(group < 0)
            if not len(asking):
                return group
            columns = self._asks.array()[entries[asking]]
            entries = entries.copy()
            entries[asking] = self._branches.get(entries[asking], rows[at[asking], columns].astype(np.int64))
            group = self._groups.array()[entries]

    def _branch(self, number: int, local: int) -> int:
        ask = self._entries[number]
        assert isinstance(ask, Ask)
        return self._entry(self._transitions.composer.followed(ask, local), {**ask.known, ask.column: local})

    def _entry(self, entry: Any, known: dict[int, int]) -> int:
        found = self._entry_ids.get(id(entry))
        # An empty group is one object for all stimuli that share it, and means the same for all of them.
        if found is None:
            found = self._entry_ids[id(entry)] = len(self._entries)
            self._entries.append(entry)
            if isinstance(entry, Ask):
                self.group_of.append(-1)
                self.ask_column.append(entry.column)
            else:
                self.group_of.append(len(self._members))
                self.ask_column.append(-1)
                self._members.append([self._outcome(outcome, known) for outcome in entry])
        return found

    # ---- outcomes ---------------------------------------------------------------------------------------------------

    def _outcome(self, outcome: Outcome, known: dict[int, int]) -> int:
        number = len(self.outcomes)
        self.outcomes.append(outcome)
        if outcome.error is not None or outcome.broken:
            self.flawed.append(number)
        base = sum(local << (BITS * column) for column, local in known.items())
        after = base + outcome.delta
        moves = [(column, (after >> (BITS * column)) & MASK) for column in known if outcome.mask >> column & 1]
        pushes = []
        for push in outcome.pushes:
            link = push.column
            if link.rule.kind is LinkKind.IMMEDIATE:
                # Posted only because nobody listens there: lost, or the sender is told.
                pushes.append((-1, 0, link.rule.unreachable))
                continue
            key = (link.rule.kind is LinkKind.LATEST, link.rule.capacity, push.burst)
            burst = self._bursts.get(key)
            if burst is None:
                burst = self._bursts[key] = len(self._burst_list)
                self._burst_list.append((link, push.burst))
            pushes.append((link.position, burst, link.rule.unreachable))
        self._tables.add(moves, pushes, outcome)
        return number

    def tables(self) -> _Tables:
        """What the outcomes do, as arrays; valid until the next look-up."""
        self._tables.close(self._members)
        return self._tables

    def queues(self, before: Ints, bursts: Ints) -> Ints:
        """The queues after bursts have been put on them."""
        return self._queues.get(before, bursts)

    def _pushed(self, before: int, burst: int) -> int:
        link, messages = self._burst_list[burst]
        return self._packing.queue_after(link, messages, before)

    # ---- words and listeners ----------------------------------------------------------------------------------------

    def words(self) -> Words:
        """(column, value) -> fingerprint word, for all values that exist now."""
        interner = self._packing.interner
        most = max(len(interner.queues), *(len(some) for some in interner.locals), len(self._packing.budgets))
        most = max(most, len(self._packing.cuts), *(len(some) for some in self._packing.monitors), 2)
        columns, values = self._words.shape
        if self.width > columns or most > values:
            columns, values = max(columns, self.width + 8), max(values, 1 << most.bit_length())
            keys = np.arange(columns, dtype=np.uint64)[:, None] << np.uint64(32)
            self._words = mixed(keys | np.arange(values, dtype=np.uint64)[None, :])
            self._words[:, 0] = 0
        return self._words

    def deaf(self) -> Bools:
        """(column, state of its receiving slot) -> whether nobody listens at the link's address."""
        interner = self._packing.interner
        most = max(len(some) for some in interner.locals)
        if self.width > self._deaf.shape[0] or most > self._deaf.shape[1]:
            self._deaf = np.zeros((self.width + 8, 1 << most.bit_length()), bool)
            self._deaf_known = []
        self._deaf_known += [0] * (len(self._packing.columns) - len(self._deaf_known))
        for index, link in enumerate(self._packing.columns):
            if self._deaf_known[index] != len(link.dead):
                self._deaf[link.position, sorted(link.dead)] = True
                self._deaf_known[index] = len(link.dead)
        return self._deaf

    def receivers(self) -> Ints:
        """Column -> slot that its link reaches."""
        if len(self._receivers) != self.width:
            reached = [link.receiver for link in self._packing.columns]
            self._receivers = np.array([0] * self._packing.first_link + reached, np.int64)
        return self._receivers


class _Tables:
    """Columns moved and messages pushed by each outcome, padded to the longest."""

    def __init__(self) -> None:
        self._moves: list[list[tuple[int, int]]] = []
        self._pushes: list[list[tuple[int, int, bool]]] = []
        self._special: list[bool] = []
        self._costly: list[bool] = []
        self._closed = 0
        self._groups_closed = 0
        self.move_count = np.zeros(64, np.int64)
        self.move_column = np.zeros((64, 2), np.int64)
        self.move_value = np.zeros((64, 2), np.int64)
        self.push_count = np.zeros(64, np.int64)
        self.push_column = np.zeros((64, 2), np.int64)
        self.push_burst = np.zeros((64, 2), np.int64)
        self.push_returns = np.zeros((64, 2), bool)
        self.special = np.zeros(64, bool)
        """Outcomes that cost a fault or that monitors observe."""
        self.costly = np.zeros(64, bool)
        """Outcomes that cost a fault."""
        self.member = np.full((64, 1), -1, np.int64)
        """Group -> its outcomes, padded with -1."""

    def add(self, moves: list[tuple[int, int]], pushes: list[tuple[int, int, bool]], outcome: Outcome) -> None:
        """Append an outcome."""
        self._moves.append(moves)
        self._pushes.append(pushes)
        self._special.append(bool(outcome.spent or outcome.observations))
        self._costly.append(bool(outcome.spent))

    def close(self, members: list[list[int]]) -> None:
        """Write what was appended into the arrays."""
        count = len(self._moves)
        first = self._closed
        if count > first:
            moves = max(self.move_column.shape[1], max(map(len, self._moves[first:])))
            pushes = max(self.push_column.shape[1], max(map(len, self._pushes[first:])))
            size = max(len(self.special), 2 * count if count > len(self.special) else 0)
            self.move_count = _grown(self.move_count, (size,))
            self.move_column = _grown(self.move_column, (size, moves))
            self.move_value = _grown(self.move_value, (size, moves))
            self.push_count = _grown(self.push_count, (size,))
            self.push_column = _grown(self.push_column, (size, pushes))
            self.push_burst = _grown(self.push_burst, (size, pushes))
            self.push_returns = _grown(self.push_returns, (size, pushes))
            self.special = _grown(self.special, (size,))
            self.costly = _grown(self.costly, (size,))
            for number in range(first, count):
                self.move_count[number] = len(self._moves[number])
                for at, (column, value) in enumerate(self._moves[number]):
                    self.move_column[number, at], self.move_value[number, at] = column, value
                self.push_count[number] = len(self._pushes[number])
                for at, (column, burst, returns) in enumerate(self._pushes[number]):
                    self.push_column[number, at], self.push_burst[number, at] = column, burst
                    self.push_returns[number, at] = returns
                self.special[number] = self._special[number]
                self.costly[number] = self._costly[number]
            self._closed = count
        if len(members) > self._groups_closed:
            widest = max(self.member.shape[1], max(map(len, members[self._groups_closed :])))
            size = max(len(self.member), 2 * len(members) if len(members) > len(self.member) else 0)
            self.member = _grown(self.member, (size, widest), -1)
            for number in range(self._groups_closed, len(members)):
                self.member[number, : len(members[number])] = members[number]
            self._groups_closed = len(members)


def _grown(array: Any, shape: tuple[int, ...], fill: int = 0) -> Any:
    """A copy in a larger shape."""
    if array.shape == shape:
        return array
    wider = np.full(shape, fill, array.dtype)
    wider[tuple(slice(0, size) for size in array.shape)] = array
    return wider
