"""What breaks and what comes back, on packed states: crashes, restarts, cuts, lost and repeated messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rayproof.model.kernel.composing import Composing
from rayproof.model.kernel.errors import PolicyError
from rayproof.model.kernel.faults import FaultKind
from rayproof.model.kernel.interning import Local
from rayproof.model.kernel.links import DOWN, UNREACHABLE, LinkKind
from rayproof.model.kernel.outcomes import BITS, MASK, Column, Outcome
from rayproof.model.kernel.process import Down, Name, Slot, Unreachable, name_of
from rayproof.model.kernel.scenario import Scenario
from rayproof.model.kernel.statements import Monitor
from rayproof.model.kernel.steps import Fault, Heal, Recover, Step, Taken


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

    def crash(self, state: int, unit: str) -> int:
        """The state after a unit has crashed, which the budget must allow."""
        return self._crash(state, self.unpack(state), unit, self._crash_slots[unit])[0]

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
