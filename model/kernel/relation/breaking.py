"""What breaks and what comes back, on packed states: crashes, restarts, cuts, lost and repeated messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter

from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.links import DOWN, UNREACHABLE, LinkKind, merges
from rayproof.model.kernel.language.process import Down, Name, Slot, Unreachable, name_of
from rayproof.model.kernel.language.scenario import Scenario
from rayproof.model.kernel.language.statements import Monitor
from rayproof.model.kernel.language.steps import Fault, Heal, Recover, Step, Taken
from rayproof.model.kernel.relation.composing import Composing
from rayproof.model.kernel.relation.interning import Local
from rayproof.model.kernel.relation.outcomes import BITS, MASK, Column, Outcome


@dataclass(slots=True, eq=False)
class _Fall:
    """What the crash of a unit does to its own processes."""

    fallen: tuple[tuple[int, Name], ...]
    outcome: Outcome


class Breaking(Composing):
    """Faults that the budget allows, and recoveries."""

    def __init__(self, scenario: Scenario, monitors: tuple[type[Monitor], ...] = ()) -> None:
        super().__init__(scenario, monitors)
        self._crash_slots = {unit: self._slots(unit) for unit in scenario.crashable}
        self._return_slots = {unit: self._slots(unit) for unit in (*scenario.recoverable, *scenario.crashable)}
        self._recoverable = tuple(sorted(scenario.recoverable))
        self._falls: dict[tuple[str, int, tuple[int, ...]], _Fall] = {}

    def crash(self, state: int, unit: str) -> list[int]:
        """The states after a unit has crashed, which the budget must allow."""
        return [new for new, _ in self._crash(state, self.unpack(state), unit, self._crash_slots[unit])]

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
        here = self._pay(state, spent) if spent else state
        for i in slots:
            here = self._with_local(here, i, self._risen(i, (here >> (BITS * i)) & MASK))
        paths = [(here, Outcome(Taken(step), 0, spent=spent))]
        for i in slots:
            following: list[tuple[int, Outcome]] = []
            for here, done in paths:
                if done.error is not None:
                    following.append((here, done))
                    continue
                fields = self.unpack(here)
                outcomes = self._resolve(self._entry(i, fields[i], ("start",), step), fields)
                following += [(self._apply(here, outcome), _joined(done, outcome)) for outcome in outcomes]
            paths = following
        before = self.unpack(state)
        for new, outcome in paths:
            for i, local in enumerate(self.unpack(new)[: self.width]):
                if local != before[i]:
                    outcome.mask |= 1 << i
                    outcome.broken = outcome.broken or self.broken_by(i, local)
            yield new, outcome

    def _risen(self, column: int, local: int) -> int:
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
                            found += self._crash(state, fields, unit, slots)
                case FaultKind.RESTART:
                    for unit in self._crash_slots:
                        if unit not in self.scenario.recoverable and self._can_return(fields, unit):
                            found += list(self._restarts(state, unit, Fault(kind, unit), (kind,)))
                case FaultKind.CUT:
                    for pair in self.scenario.cuttable:
                        if pair not in self.cuts[fields[self.cuts_at]]:
                            for cut, choices in self._cut(state, pair):
                                found.append(self._broken(cut, Fault(kind, "|".join(pair)), choices))
                case FaultKind.SUSPECT:
                    for slot in self.scenario.watchers:
                        i = self.interner.index[slot]
                        if self.interner.locals[i][fields[i]].alive:
                            found.append(self._broken(self._tell_watchers(state, i), Fault(kind, slot)))
                case FaultKind.LOSE | FaultKind.DUPLICATE | FaultKind.LOSE_REPLY | FaultKind.TRUNCATE:
                    self._tamper(state, fields, kind, found)
                case _:
                    continue

    def _broken(self, state: int, fault: Fault, choices: tuple[int, ...] = ()) -> tuple[int, Outcome]:
        return self._pay(state, (fault.kind,)), Outcome(Taken(fault, choices), 0, spent=(fault.kind,))

    def _crash(
        self, state: int, fields: tuple[int, ...], unit: str, slots: tuple[int, ...]
    ) -> list[tuple[int, Outcome]]:
        """Lose the unit's state and what travels to it, return what can be returned, then tell the watchers."""
        key = (unit, fields[self.budget_at], tuple(fields[i] for i in slots))
        fall = self._falls.get(key)
        if fall is None:
            fall = self._falls[key] = self._fall(unit, fields, slots)
        made = []
        for new, choices in self._given_back(
            state + fall.outcome.delta, [link for i, _ in fall.fallen for link in self._links_to.get(i, ())]
        ):
            for i, name in fall.fallen:
                new = self._notify(new, i, name)
            made.append((new, fall.outcome if not choices else _chosen(fall.outcome, choices)))
        return made

    def _given_back(self, state: int, links: list[Column]) -> list[tuple[int, tuple[int, ...]]]:
        """Empty links; what comes back to one sender from one address does so in every order, each with its choices."""
        returned: dict[tuple[Name, Name], list[tuple[Column, tuple[int, ...]]]] = {}
        for link in links:
            content = (state >> link.shift) & MASK if link.rule.kind is not LinkKind.IMMEDIATE else 0
            if content:
                state -= content << link.shift
                if self._returns(state, link):
                    step = link.step
                    lost = self.interner.queues[content]
                    returned.setdefault((step.receiver, step.sender), []).append((link, lost))
        ways: list[tuple[int, tuple[int, ...]]] = [(state, ())]
        for _, several in sorted(returned.items(), key=itemgetter(0)):
            several.sort(key=lambda each: each[0].step.channel)
            orders = merges([lost for _, lost in several], int)
            ways = [
                (self._bounce(here, several[0][0], order), choices if len(orders) == 1 else (*choices, number))
                for here, choices in ways
                for number, order in enumerate(orders)
            ]
        return ways

    def _fall(self, unit: str, fields: tuple[int, ...], slots: tuple[int, ...]) -> _Fall:
        fallen = tuple(i for i in slots if self.interner.locals[i][fields[i]].alive)
        budget = self.paid(fields[self.budget_at], (FaultKind.CRASH,))
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

    def _cut(self, state: int, pair: tuple[Slot, Slot]) -> list[tuple[int, tuple[int, ...]]]:
        cuts = self.cuts[(state >> (BITS * self.cuts_at)) & MASK]
        one, other = (self.interner.index[slot] for slot in pair)
        links = [
            link
            for receiver, sender in ((one, other), (other, one))
            for link in self._links_to.get(receiver, ())
            if link.sender == sender and link.step.channel not in (UNREACHABLE, DOWN)
        ]
        return self._given_back(self._with_cuts(state, cuts | {pair}), links)

    def _tamper(self, state: int, fields: tuple[int, ...], kind: FaultKind, found: list[tuple[int, Outcome]]) -> None:
        for link in self.columns[: len(fields) - self.first_link]:
            content = fields[link.position]
            if not content:
                continue
            queue = self.interner.queues[content]
            step = link.step
            fault = Fault(kind, f"{step.sender}|{step.receiver}|{step.channel}")
            if kind is FaultKind.LOSE and link.rule.lossy:
                found.append(self._broken(self._with_queue(state, link, queue[1:]), fault))
            elif kind is FaultKind.LOSE_REPLY and link.rule.reply:
                lost = self._with_queue(state, link, queue[1:])
                told = self.interner.message(Unreachable(step.sender, self.interner.messages[queue[0]]), step.sender)
                back = self.column(step.sender, step.receiver, UNREACHABLE)
                found.append(self._broken(self._push(lost, back, (told,)), fault))
            elif kind is FaultKind.TRUNCATE and step.channel != DOWN and self._is_dead(fields, link):
                found.append(self._broken(self._with_queue(state, link, queue[:-1]), fault))
            elif kind is FaultKind.DUPLICATE and link.rule.duplicating:
                paid = self._pay(state, (kind,))
                entry = link.entries.get((fields[link.receiver], queue[0]))
                for outcome in self._delivery(link, self.unpack(paid), queue[0], entry):
                    again = _joined(Outcome(Taken(fault), 0, spent=(kind,)), outcome)
                    again.mask, again.broken = outcome.mask, outcome.broken
                    found.append((self._apply(paid, outcome), again))

    def _is_dead(self, fields: tuple[int, ...], link: Column) -> bool:
        sender = self.interner.locals[link.sender][fields[link.sender]]
        return not sender.alive or sender.name != link.step.sender


def _chosen(outcome: Outcome, choices: tuple[int, ...]) -> Outcome:
    """An outcome without messages that some choices led to."""
    return Outcome(Taken(outcome.taken.step, choices), outcome.delta, mask=outcome.mask, spent=outcome.spent)


def _joined(one: Outcome, other: Outcome) -> Outcome:
    """One step that does what two outcomes do, one after the other; which states that changes is left to be said."""
    return Outcome(
        Taken(one.taken.step, one.taken.choices + other.taken.choices),
        0,
        one.posts + other.posts,
        spent=other.spent + one.spent,
        observations=one.observations + other.observations,
        error=other.error,
        draws=one.draws + other.draws,
        armed=one.armed + other.armed,
    )
