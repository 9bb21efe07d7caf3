"""Successors of many states at once.

One pass per way to take a step (a link to deliver from, a timer of a slot, a unit to crash): the rows in which it is
possible, their outcomes by look-up, the fingerprints of what follows; only rows that are new are written out. What is
rare is left to the integer form of the relation, row by row: recoveries, ticks, cuts, early time-outs, every fault but
crashes, and messages that come back to their sender.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.links import LinkKind
from rayproof.model.kernel.language.process import Down
from rayproof.model.kernel.relation.outcomes import BITS, MASK, Outcome
from rayproof.model.kernel.relation.transitions import Transitions
from rayproof.model.kernel.search.vector.relation import Relation
from rayproof.model.kernel.search.vector.tables import Bools, ExactSet, FingerprintSet, Ints, PairTable, Words
from rayproof.model.kernel.search.vector.timers import TimerTables

INSIDE = frozenset({FaultKind.CRASH, FaultKind.FAIL_WRITE, FaultKind.HALF_WRITE})
"""Faults that are taken for many rows at once."""


Change = tuple[Ints, Ints, Ints]
"""(which of the rows at hand, column of each, new value of each)"""


@dataclass(frozen=True)
class Batch:
    """New states of one pass: their rows, words, and the positions of their parents in the chunk."""

    rows: Any
    words: Words
    parents: Ints


class Expander:
    """Expands chunks of rows; `transitions` counts the steps it took."""

    def __init__(self, transitions: Transitions, seen: FingerprintSet) -> None:
        self.transitions = transitions
        self.packing = transitions.packing
        self.relation = Relation(transitions)
        self.seen = seen
        self.steps = 0
        self.quiescent: Bools = np.zeros(0, bool)
        """Rows of the last chunk that are quiescent."""
        self.flaws: list[tuple[int, Outcome]] = []
        """(row of the chunk, outcome) of outcomes that break something, in the order they were met."""
        self._timers: dict[int, TimerTables] = {
            i: TimerTables(transitions, i) for i in range(transitions.packing.width)
        }
        self._reported = 0
        self._prices = PairTable(self._price)
        """Budget after each outcome, by outcome and budget."""
        self._folds = [PairTable(partial(self._fold, i)) for i in range(len(transitions.packing.monitors))]
        """State of each monitor after each outcome, by outcome and state."""
        self._rows: Any = np.zeros((0, 0), np.uint16)
        self._words: Words = np.zeros(0, np.uint64)

    # ---- rows -------------------------------------------------------------------------------------------------------

    def row(self, state: int) -> list[int]:
        """A packed state as a row."""
        return list(self.packing.unpack(state))

    def packed(self, row: Any) -> int:
        """A row as a packed state."""
        return int.from_bytes(np.asarray(row, "<u4").tobytes(), "little")

    def widened(self, rows: Any) -> Any:
        """The rows with a column for every link known now."""
        missing = self.relation.width - rows.shape[1]
        if missing <= 0:
            return rows
        return np.concatenate((rows, np.zeros((len(rows), missing), rows.dtype)), axis=1)

    def word_of(self, row: Any) -> int:
        """The fingerprint of one row, from scratch."""
        values = np.asarray(row, np.int64)
        words = self.relation.words()[np.arange(len(values)), values]
        return int(np.bitwise_xor.reduce(words))

    def fresh(self, words: Words, rows: Callable[[], Any]) -> Ints:
        """Positions of the words that are new. `rows`: called for what they stand for when that has to be compared."""
        if isinstance(self.seen, ExactSet):
            return np.flatnonzero(self.seen.add_rows(words, rows()))
        return np.flatnonzero(self.seen.add(words))

    # ---- one chunk --------------------------------------------------------------------------------------------------

    def expand(self, rows: Any, words: Words) -> Iterator[Batch]:
        """The new states that follow a chunk of rows."""
        self._rows, self._words = self.widened(rows), words
        for timers in self._timers.values():
            timers.sync()
        packing = self.packing
        aside = self._left_aside()
        rests = np.zeros(0, bool)
        if aside.any():
            rests = yield from self._one_by_one(np.flatnonzero(aside))
        fit = ~aside
        busy: Bools = (self._rows[:, packing.first_link :] != 0).any(axis=1)
        waiting: list[tuple[int, int, Ints]] = []
        for slot, timers in self._timers.items():
            column = self._rows[:, slot]
            busy |= timers.live[column]
            for number in range(timers.most):
                enabled = np.flatnonzero(timers.fires[number][column] & fit)
                if len(enabled):
                    yield from self._fire(slot, number, enabled)
                later = np.flatnonzero(timers.waits[number][column] & fit)
                if len(later):
                    waiting.append((slot, number, later))
        quiescent = ~busy & fit
        for slot, number, later in waiting:
            enabled = later[~busy[later]]
            quiescent[enabled] = False
            if len(enabled):
                yield from self._fire(slot, number, enabled)
        for link in packing.columns[: self._rows.shape[1] - packing.first_link]:
            full = np.flatnonzero((self._rows[:, link.position] != 0) & fit)
            if len(full):
                queues = self._rows[full, link.position].astype(np.int64)
                locals_ = self._rows[full, link.receiver].astype(np.int64)
                entries = self.relation.delivery(link, locals_, self.relation.heads()[queues])
                yield from self._apply(full, entries, (link.position, self.relation.tails()[queues]))
        if FaultKind.CRASH in packing.kinds:
            yield from self._crashes(fit)
        quiescent[aside] = rests
        self.quiescent = quiescent

    def _left_aside(self) -> Bools:
        """Rows whose steps are read one by one."""
        rows = self._rows
        packing = self.packing
        aside: Bools = rows[:, packing.cuts_at] != 0
        for kind in packing.kinds:
            if kind not in INSIDE:
                possible = self._affordable(kind)
                if kind is FaultKind.EARLY_TIMEOUT:
                    eager = np.zeros(len(rows), bool)
                    for slot, timers in self._timers.items():
                        eager |= timers.eager[rows[:, slot]]
                    possible = possible & eager
                aside |= possible
        for unit in sorted(packing.scenario.recoverable):
            for name in packing.scenario.unit_slots(unit):
                slot = packing.interner.index[name]
                aside |= self._timers[slot].dead[rows[:, slot]]
        for slot, timers in self._timers.items():
            aside |= timers.ticks[rows[:, slot]]
        return aside

    def _affordable(self, kind: FaultKind) -> Bools:
        """Rows in which a fault may strike once more."""
        left = np.array([kind in kinds for kinds in self.packing.affordable], bool)
        able: Bools = left[self._rows[:, self.packing.budget_at]]
        return able

    def _one_by_one(self, positions: Ints) -> Generator[Batch, None, Bools]:
        made, parents, rests = [], [], []
        for position in positions.tolist():
            found, quiescent = self.transitions.successors(self.packed(self._rows[position]))
            rests.append(quiescent)
            self.steps += len(found)
            for new, outcome in found:
                if outcome.error is not None or outcome.broken:
                    self.flaws.append((position, outcome))
                made.append(self.row(new))
                parents.append(position)
        if made:
            yield from self._kept(self._matrix(made), np.array(parents, np.int64))
        return np.array(rests, bool)

    def _matrix(self, made: list[list[int]]) -> Any:
        rows = np.zeros((len(made), self.relation.width), np.uint32)
        for position, row in enumerate(made):
            rows[position, : len(row)] = row
        return rows

    def _kept(self, rows: Any, parents: Ints) -> Iterator[Batch]:
        table = self.relation.words()
        words = np.zeros(len(rows), np.uint64)
        for column in range(rows.shape[1]):
            words ^= table[column][rows[:, column]]
        new = self.fresh(words, lambda: rows)
        if len(new):
            yield Batch(narrowed(rows[new]), words[new], parents[new])

    def _fire(self, slot: int, number: int, enabled: Ints) -> Iterator[Batch]:
        entries = self.relation.firing(slot, number, self._rows[enabled, slot].astype(np.int64))
        yield from self._apply(enabled, entries, None)

    # ---- outcomes ---------------------------------------------------------------------------------------------------

    def _apply(self, at: Ints, entries: Ints, taken: tuple[int, Ints] | None) -> Iterator[Batch]:
        """The new states after one stimulus in the rows `at`. `taken`: (link column, queue without its first)."""
        groups = self.relation.groups(entries, self._rows, at)
        tables = self.relation.tables()
        for branch in range(tables.member.shape[1]):
            outcomes = tables.member[groups, branch]
            some = np.flatnonzero(outcomes >= 0)
            if not len(some):
                return
            if len(some) == len(at):
                yield from self._outcome(at, outcomes, taken)
            else:
                part = None if taken is None else (taken[0], taken[1][some])
                yield from self._outcome(at[some], outcomes[some], part)

    def _outcome(self, at: Ints, outcomes: Ints, taken: tuple[int, Ints] | None) -> Iterator[Batch]:
        relation = self.relation
        tables = relation.tables()
        special = np.flatnonzero(tables.special[outcomes])
        changes: list[Change] = []
        if len(special):
            changes += self._special(at, outcomes, special)
        returned, pushes = self._pushes(at, outcomes)
        if returned.any():
            yield from self._returned(at, outcomes, taken, np.flatnonzero(returned))
            stay = np.flatnonzero(~returned)
            taken = None if taken is None else (taken[0], taken[1][stay])
            yield from self._outcome(at[stay], outcomes[stay], taken)
            return
        if taken is not None:
            changes.append((np.arange(len(at)), np.full(len(at), taken[0]), taken[1]))
        for number in range(int(tables.move_count[outcomes].max(initial=0))):
            which = np.flatnonzero(tables.move_count[outcomes] > number)
            concerned = outcomes[which]
            changes.append((which, tables.move_column[concerned, number], tables.move_value[concerned, number]))
        self.steps += len(at)
        self._note_flaws(at, outcomes)
        self._rows = self.widened(self._rows)
        rows, table = self._rows, relation.words()
        following = self._words[at]
        for which, columns, values in changes:
            following[which] ^= table[columns, rows[at[which], columns]] ^ table[columns, values]
        for which, columns, bursts in pushes:
            before = rows[at[which], columns].astype(np.int64)
            if taken is not None:
                # A reply on the very link: the queue has already lost its first message.
                back = np.flatnonzero(columns == taken[0])
                before[back] = taken[1][which[back]]
            after = relation.queues(before, bursts)
            table = relation.words()
            following[which] ^= table[columns, before] ^ table[columns, after]
            changes.append((which, columns, after))
        new = self.fresh(following, lambda: self._made(at, np.arange(len(at)), changes))
        if len(new):
            yield Batch(self._made(at, new, changes), following[new], at[new])

    def _pushes(self, at: Ints, outcomes: Ints) -> tuple[Bools, list[Change]]:
        """Rows in which a message comes back to its sender, and (which, columns, bursts) of those that arrive."""
        tables = self.relation.tables()
        self._rows = self.widened(self._rows)
        receivers, deaf = self.relation.receivers(), self.relation.deaf()
        returned = np.zeros(len(at), bool)
        pushes: list[Change] = []
        for number in range(int(tables.push_count[outcomes].max(initial=0))):
            which = np.flatnonzero(tables.push_count[outcomes] > number)
            columns = tables.push_column[outcomes[which], number]
            links = np.maximum(columns, 0)
            nobody = (columns < 0) | deaf[links, self._rows[at[which], receivers[links]]]
            if nobody.any():
                returned[which[nobody & tables.push_returns[outcomes[which], number]]] = True
                which, columns = which[~nobody], columns[~nobody]
            if len(which):
                pushes.append((which, columns, tables.push_burst[outcomes[which], number]))
        return returned, pushes

    def _made(self, at: Ints, new: Ints, changes: list[Change]) -> Any:
        """The rows that are new, written out."""
        made = self._rows[at[new]]
        place = np.full(len(at), -1, np.int64)
        place[new] = np.arange(len(new))
        for which, columns, values in changes:
            lines = place[which]
            kept = np.flatnonzero(lines >= 0)
            if made.dtype == np.uint16 and len(kept) and int(values[kept].max()) > 0xFFFF:
                made = made.astype(np.uint32)
            made[lines[kept], columns[kept]] = values[kept]
        return made

    # ---- faults inside handlers, and monitors -----------------------------------------------------------------------

    def _special(self, at: Ints, outcomes: Ints, special: Ints) -> list[Change]:
        """What faults inside handlers cost, and what monitors make of the events."""
        costly = special[self.relation.tables().costly[outcomes[special]]]
        asked = [(self.packing.budget_at, costly, self._prices)]
        asked += [(self.packing.first_monitor + i, special, folds) for i, folds in enumerate(self._folds)]
        changes: list[Change] = []
        for column, which, table in asked:
            before = self._rows[at[which], column].astype(np.int64)
            after = table.get(outcomes[which], before)
            moved = np.flatnonzero(after != before)
            if len(moved):
                changes.append((which[moved], np.full(len(moved), column), after[moved]))
        return changes

    def _price(self, outcome: int, budget: int) -> int:
        """What is left of a budget."""
        return self.packing.budget_after(budget, self.relation.outcomes[outcome].spent)

    def _fold(self, monitor: int, outcome: int, state: int) -> int:
        return self.packing.folded(monitor, state, self.relation.outcomes[outcome])

    def _returned(self, at: Ints, outcomes: Ints, taken: tuple[int, Ints] | None, which: Ints) -> Iterator[Batch]:
        """Outcomes whose messages come back, in the integer form."""
        made = []
        for position in which.tolist():
            state = self.packed(self._rows[at[position]])
            if taken is not None:
                shift = BITS * taken[0]
                state += (int(taken[1][position]) - ((state >> shift) & MASK)) << shift
            made.append(self.row(self.packing.applied(state, self.relation.outcomes[int(outcomes[position])])))
        self.steps += len(made)
        self._note_flaws(at[which], outcomes[which])
        yield from self._kept(self._matrix(made), at[which])

    def _note_flaws(self, at: Ints, outcomes: Ints) -> None:
        if len(self.relation.flawed) > self._reported:
            for number in self.relation.flawed[self._reported :]:
                struck = np.flatnonzero(outcomes == number)
                if len(struck):
                    self.flaws.append((int(at[struck[0]]), self.relation.outcomes[number]))

    # ---- crashes ----------------------------------------------------------------------------------------------------

    def _crashes(self, fit: Bools) -> Iterator[Batch]:
        packing, rows = self.packing, self._rows
        able = self._affordable(FaultKind.CRASH) & fit
        for unit in packing.scenario.crashable:
            slots = [packing.interner.index[slot] for slot in packing.scenario.unit_slots(unit)]
            watchers = sorted(
                {
                    packing.interner.index[watcher]
                    for slot in packing.scenario.unit_slots(unit)
                    for watcher in packing.scenario.watchers.get(slot, ())
                }
            )
            alive = np.zeros(len(rows), bool)
            for slot in slots:
                alive |= ~self._timers[slot].dead[rows[:, slot]]
            at = np.flatnonzero(alive & able)
            if not len(at):
                continue
            signature = np.zeros(len(at), np.int64)
            for slot in (*slots, *watchers):
                _, signature = np.unique(signature * 64 + self._timers[slot].lives[rows[at, slot]], return_inverse=True)
            for one in np.unique(signature).tolist():
                yield from self._crash(at[signature == one], unit, slots)

    def _crash(self, at: Ints, unit: str, slots: list[int]) -> Iterator[Batch]:
        """Crash a unit in rows that agree on who of it and of its watchers lives, and under which name."""
        packing, relation, rows = self.packing, self.relation, self._rows
        fallen = [i for i in slots if packing.interner.locals[i][int(rows[at[0], i])].alive]
        cleared = [link for i in fallen for link in packing.links_to(i) if link.rule.kind is not LinkKind.IMMEDIATE]
        cleared = [link for link in cleared if link.position < rows.shape[1]]
        returning = np.zeros(len(at), bool)
        for link in cleared:
            if link.rule.unreachable:
                returning |= rows[at, link.position] != 0
        if returning.any():
            made: list[list[int]] = []
            parents: list[int] = []
            for position in at[returning].tolist():
                state = self.packed(rows[position])
                ways = self.transitions.environment.crash(state, unit)
                made += [self.row(new) for new in ways]
                parents += [position] * len(ways)
            self.steps += len(made)
            yield from self._kept(self._matrix(made), np.array(parents, np.int64))
            at = at[~returning]
            if not len(at):
                return
        notices: dict[int, tuple[int, ...]] = {}
        for i in fallen:
            name = packing.interner.locals[i][int(rows[at[0], i])].name
            for watcher in packing.scenario.watchers.get(packing.interner.slots[i], ()):
                seat = packing.interner.index[watcher]
                told = packing.interner.locals[seat][int(rows[at[0], seat])]
                if told.alive and seat not in fallen:
                    link = packing.column(name, told.name, "down")
                    notices[link.position] = (
                        *notices.get(link.position, ()),
                        packing.interner.message(Down(name), name),
                    )
        self.steps += len(at)
        after = self.widened(rows[at].astype(np.uint32))
        for i in fallen:
            known, inverse = np.unique(after[:, i], return_inverse=True)
            after[:, i] = np.array([packing.interner.down(i, local) for local in known.tolist()])[inverse]
        known, inverse = np.unique(after[:, packing.budget_at], return_inverse=True)
        paid = [packing.budget_after(budget, (FaultKind.CRASH,)) for budget in known.tolist()]
        after[:, packing.budget_at] = np.array(paid, np.int64)[inverse]
        for link in cleared:
            after[:, link.position] = 0
        for column, burst in notices.items():
            link = packing.columns[column - packing.first_link]
            known, inverse = np.unique(after[:, column], return_inverse=True)
            queues = [packing.queue_after(link, burst, queue) for queue in known.tolist()]
            after[:, column] = np.array(queues, np.int64)[inverse]
        table = relation.words()
        following = self._words[at]
        before = self.widened(rows[at])
        for column in (*fallen, packing.budget_at, *(link.position for link in cleared), *notices):
            following = following ^ table[column][before[:, column]] ^ table[column][after[:, column]]
        new = self.fresh(following, lambda: after)
        if len(new):
            yield Batch(narrowed(after[new]), following[new], at[new])


def narrowed(rows: Any) -> Any:
    """The rows in 16 bits a column if they fit."""
    return rows.astype(np.uint16) if int(rows.max()) <= 0xFFFF else rows
