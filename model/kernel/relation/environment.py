"""What the environment does to a packed state: it breaks things, and what can come back comes back.

Crashes, restarts, cuts, suspicions, messages that are lost or repeated; recoveries and cuts that heal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter

from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.links import DOWN, UNREACHABLE, LinkKind, merges
from rayproof.model.kernel.language.process import Down, Name, Slot, Unreachable, name_of
from rayproof.model.kernel.language.steps import Fault, Heal, Recover, Step, Taken
from rayproof.model.kernel.relation.composing import Composer
from rayproof.model.kernel.relation.interning import Local
from rayproof.model.kernel.relation.outcomes import BITS, MASK, Column, Outcome
from rayproof.model.kernel.relation.packing import Fields, Packing

Way = tuple[int, tuple[int, ...]]
"""A state, and the choices that led to it."""


@dataclass(slots=True, eq=False)
class _Fall:
    """What the crash of a unit does to its own processes."""

    fallen: tuple[tuple[int, Name], ...]
    outcome: Outcome


class Environment:
    """Faults that the budget allows, and recoveries."""

    def __init__(self, packing: Packing, composer: Composer) -> None:
        self._packing = packing
        self._scenario = packing.scenario
        self._interner = packing.interner
        self._composer = composer
        crashable, recoverable = self._scenario.crashable, self._scenario.recoverable
        self._recoverable = sorted(recoverable)
        self._slots = {unit: packing.slots_of(unit) for unit in (*crashable, *recoverable)}
        self._falls: dict[tuple[str, int, tuple[int, ...]], _Fall] = {}

    def crash(self, state: int, unit: str) -> list[int]:
        """The states after a unit has crashed, which the budget must allow."""
        return [new for new, _ in self._crash(state, self._packing.unpack(state), unit)]

    def recoveries(self, state: int, fields: Fields) -> list[tuple[int, Outcome]]:
        """Units that come back by themselves, and cuts that heal."""
        packing = self._packing
        found = []
        for unit in self._recoverable:
            if self._can_return(fields, unit):
                found += list(self._restarts(state, unit, Recover(unit), ()))
        if self._scenario.heals:
            cuts = packing.cuts[fields[packing.cuts_at]]
            for pair in sorted(cuts):
                found.append((packing.with_cuts(state, cuts - {pair}), Outcome(Taken(Heal(*pair)), 0)))
        return found

    def faults(self, state: int, fields: Fields, kind: FaultKind) -> Iterator[tuple[int, Outcome]]:
        """Every fault of a kind that the budget still allows, where it is a step of its own."""
        scenario, packing = self._scenario, self._packing
        match kind:
            case FaultKind.CRASH:
                for unit in scenario.crashable:
                    if any(self._interner.locals[i][fields[i]].alive for i in self._slots[unit]):
                        yield from self._crash(state, fields, unit)
            case FaultKind.RESTART:
                for unit in scenario.crashable:
                    if unit not in scenario.recoverable and self._can_return(fields, unit):
                        yield from self._restarts(state, unit, Fault(kind, unit), (kind,))
            case FaultKind.CUT:
                for pair in scenario.cuttable:
                    if pair not in packing.cuts[fields[packing.cuts_at]]:
                        for cut, choices in self._cut(state, pair):
                            yield self._struck(cut, Fault(kind, "|".join(pair)), choices)
            case FaultKind.SUSPECT:
                for slot in scenario.watchers:
                    i = self._interner.index[slot]
                    seat = self._interner.locals[i][fields[i]]
                    if seat.alive:
                        yield self._struck(self._notify(state, i, seat.name), Fault(kind, slot))
            case FaultKind.LOSE | FaultKind.DUPLICATE | FaultKind.LOSE_REPLY | FaultKind.TRUNCATE:
                yield from self._tamper(state, fields, kind)

    def _struck(self, state: int, fault: Fault, choices: tuple[int, ...] = ()) -> tuple[int, Outcome]:
        paid = self._packing.paid(state, (fault.kind,))
        return paid, Outcome(Taken(fault, choices), 0, spent=(fault.kind,))

    # ---- units ------------------------------------------------------------------------------------------------------

    def _can_return(self, fields: Fields, unit: str) -> bool:
        for i in self._slots[unit]:
            seat = self._interner.locals[i][fields[i]]
            if seat.alive or seat.incarnation + 1 >= self._scenario.max_incarnations:
                return False
        return True

    def _restarts(
        self, state: int, unit: str, step: Step, spent: tuple[FaultKind, ...]
    ) -> Iterator[tuple[int, Outcome]]:
        """The states after a unit has come back: all its processes are in place before the first one starts."""
        packing, composer = self._packing, self._composer
        slots = self._slots[unit]
        here = packing.paid(state, spent) if spent else state
        for i in slots:
            here = packing.with_field(here, i, self._risen(i, packing.process(i, here)))
        paths = [(here, Outcome(Taken(step), 0, spent=spent))]
        for i in slots:
            following: list[tuple[int, Outcome]] = []
            for here, done in paths:
                if done.error is not None:
                    following.append((here, done))
                    continue
                fields = packing.unpack(here)
                outcomes = composer.resolved(composer.entry(i, fields[i], ("start",), step), fields)
                following += [(packing.applied(here, outcome), _joined(done, outcome)) for outcome in outcomes]
            paths = following
        before = packing.processes_in(packing.unpack(state))
        for new, outcome in paths:
            for i, (was, made) in enumerate(zip(before, packing.processes_in(packing.unpack(new)), strict=True)):
                if made is not was:
                    outcome.mask |= 1 << i
                    outcome.broken = outcome.broken or composer.broken_by(made)
            yield new, outcome

    def _risen(self, column: int, was: Local) -> int:
        incarnation = was.incarnation + 1
        name = name_of(self._interner.slots[column], incarnation)
        return self._interner.local(column, Local(was.process, {}, incarnation, name, True))

    def _crash(self, state: int, fields: Fields, unit: str) -> list[tuple[int, Outcome]]:
        """Lose the unit's state and what travels to it, return what can be returned, then tell the watchers."""
        key = (unit, fields[self._packing.budget_at], tuple([fields[i] for i in self._slots[unit]]))
        fall = self._falls.get(key)
        if fall is None:
            fall = self._falls[key] = self._fall(unit, fields)
        made = []
        links = [link for i, _ in fall.fallen for link in self._packing.links_to(i)]
        for new, choices in self._given_back(state + fall.outcome.delta, links):
            for i, name in fall.fallen:
                new = self._notify(new, i, name)
            made.append((new, fall.outcome if not choices else _chosen(fall.outcome, choices)))
        return made

    def _fall(self, unit: str, fields: Fields) -> _Fall:
        packing, crash = self._packing, (FaultKind.CRASH,)
        fallen = tuple(i for i in self._slots[unit] if self._interner.locals[i][fields[i]].alive)
        after = {packing.budget_at: packing.budget_after(fields[packing.budget_at], crash)}
        after |= {i: self._interner.down(i, fields[i]) for i in fallen}
        delta = sum((value - fields[i]) << (BITS * i) for i, value in after.items())
        outcome = Outcome(Taken(Fault(*crash, unit)), delta, mask=sum(1 << i for i in fallen), spent=crash)
        return _Fall(tuple((i, self._interner.locals[i][fields[i]].name) for i in fallen), outcome)

    def _notify(self, state: int, column: int, name: Name) -> int:
        """Tell the watchers of a slot that the process which has, or had, a name there is dead."""
        for watcher in self._scenario.watchers.get(self._interner.slots[column], ()):
            seat = self._packing.process(self._interner.index[watcher], state)
            if seat.alive:
                notice = self._interner.message(Down(name), name)
                state = self._packing.posted(state, self._packing.column(name, seat.name, DOWN), (notice,))
        return state

    # ---- links ------------------------------------------------------------------------------------------------------

    def _given_back(self, state: int, links: Iterable[Column]) -> list[Way]:
        """Empty links; what comes back to one sender from one address does so in every order, each with its choices."""
        returned: dict[tuple[Name, Name], list[tuple[Column, tuple[int, ...]]]] = {}
        for link in links:
            content = (state >> link.shift) & MASK if link.rule.kind is not LinkKind.IMMEDIATE else 0
            if content:
                state -= content << link.shift
                if self._packing.returns(state, link):
                    step = link.step
                    lost = self._interner.queues[content]
                    returned.setdefault((step.receiver, step.sender), []).append((link, lost))
        ways: list[Way] = [(state, ())]
        for _, several in sorted(returned.items(), key=itemgetter(0)):
            several.sort(key=lambda each: each[0].step.channel)
            orders = merges([lost for _, lost in several], int)
            ways = [
                (self._packing.bounced(here, several[0][0], order), choices if len(orders) == 1 else (*choices, number))
                for here, choices in ways
                for number, order in enumerate(orders)
            ]
        return ways

    def _cut(self, state: int, pair: tuple[Slot, Slot]) -> list[Way]:
        packing = self._packing
        cuts = packing.cuts[(state >> (BITS * packing.cuts_at)) & MASK]
        one, other = (self._interner.index[slot] for slot in pair)
        links = [
            link
            for receiver, sender in ((one, other), (other, one))
            for link in packing.links_to(receiver)
            if link.sender == sender and link.step.channel not in (UNREACHABLE, DOWN)
        ]
        return self._given_back(packing.with_cuts(state, cuts | {pair}), links)

    def _tamper(self, state: int, fields: Fields, kind: FaultKind) -> Iterator[tuple[int, Outcome]]:
        """Lose or repeat the first message of a link, or lose the last one that a dead process has sent."""
        packing, interner = self._packing, self._interner
        for link, content in packing.in_flight(fields):
            step, queue = link.step, interner.queues[content]
            fault = Fault(kind, f"{step.sender}|{step.receiver}|{step.channel}")
            sender = interner.locals[link.sender][fields[link.sender]]
            if kind is FaultKind.LOSE and link.rule.lossy:
                yield self._struck(packing.with_field(state, link.position, interner.tails[content]), fault)
            elif kind is FaultKind.LOSE_REPLY and link.rule.reply:
                lost = packing.with_field(state, link.position, interner.tails[content])
                told = interner.message(Unreachable(step.sender, interner.messages[queue[0]]), step.sender)
                back = packing.column(step.sender, step.receiver, UNREACHABLE)
                yield self._struck(packing.posted(lost, back, (told,)), fault)
            elif kind is FaultKind.TRUNCATE and step.channel != DOWN:
                if not (sender.alive and sender.name == step.sender):
                    yield self._struck(packing.with_field(state, link.position, interner.queue(queue[:-1])), fault)
            elif kind is FaultKind.DUPLICATE and link.rule.duplicating:
                paid = packing.paid(state, (kind,))
                entry = self._composer.delivery(link, fields[link.receiver], queue[0])
                for outcome in self._composer.resolved(entry, packing.unpack(paid)):
                    again = _joined(Outcome(Taken(fault), 0, spent=(kind,)), outcome)
                    again.mask, again.broken = outcome.mask, outcome.broken
                    yield packing.applied(paid, outcome), again


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
