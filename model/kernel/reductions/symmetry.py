"""Symmetry: states that differ only by a renaming of interchangeable slots, and of the data that is theirs, are one.

A name of a process is a string that equals a slot of the group, wherever it stands in a process or a message; a name of
data is marked (`Symbol`). Slots that a tie-break tells apart are not interchangeable, whatever is declared: the gate
sees it. Without a declaration those slots count as interchangeable that can be swapped, together with the symbols that
only they begin with, in all that the scenario starts with: two clients that write one value each, with their values.

Source: Clarke, Enders, Filkorn, Jha 1996; Ip and Dill 1996 (scalarsets). Left out: symmetry together with other
reductions, and of slots that can be cut off.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import permutations, product
from operator import itemgetter
from typing import Any, TypeAlias

from rayproof.model.kernel.language.errors import ModelError
from rayproof.model.kernel.language.links import LinkKind
from rayproof.model.kernel.language.process import Slot, blank, name_of, slot_of, state_fields
from rayproof.model.kernel.language.scenario import Scenario
from rayproof.model.kernel.language.steps import Taken
from rayproof.model.kernel.language.values import Symbol
from rayproof.model.kernel.reductions.commuting import Watch
from rayproof.model.kernel.reductions.reduction import Objection, Reducer
from rayproof.model.kernel.relation.interning import BudgetAsked, Local, Raw, Stimulus
from rayproof.model.kernel.relation.outcomes import BITS, Column
from rayproof.model.kernel.relation.transitions import Found, Transitions

Bundle: TypeAlias = tuple[str, ...]
"""A slot and the symbols that move with it."""


@dataclass(frozen=True)
class Symmetry:
    """The slots of a group may be renamed among each other."""

    name: str
    slots: tuple[Slot, ...] = ()
    """None: those that the scenario does not tell apart when it starts."""

    def groups(self, scenario: Scenario) -> tuple[tuple[Bundle, ...], ...]:
        """What is renamed among each other."""
        return (tuple((slot,) for slot in self.slots),) if self.slots else interchangeable(scenario)

    def applied(self, transitions: Transitions, watch: Watch) -> Reducer:
        """The reduction, ready for the states of one exploration."""
        return _Renamings(self.groups(transitions.scenario), transitions)


class _Renamings:
    def __init__(self, groups: tuple[tuple[Bundle, ...], ...], transitions: Transitions) -> None:
        self._packing = transitions.packing
        identity = {slot: slot for slot in transitions.interner.slots}
        ordered = _names(bundle for group in groups for bundle in group)
        orders = (_names(sum(parts, ())) for parts in product(*(permutations(group) for group in groups)))
        self._renamings = [
            {**identity, **dict(zip(ordered, order, strict=True))} for order in orders if order != ordered
        ]
        self._locals: dict[tuple[int, int, int], int] = {}
        self._queues: dict[tuple[int, int], int] = {}
        self._links: dict[tuple[int, int], Column] = {}
        self._known: dict[int, int] = {}

    def chosen(self, state: int, found: Found) -> Found:
        return [(self.representative(new), outcome) for new, outcome in found]

    def representative(self, state: int) -> int:
        known = self._known.get(state)
        if known is None:
            known = self._known[state] = min(self.represented(state))
        return known

    def objection(self) -> Objection | None:
        """Where a handler or a rule that was used does not bear a renaming.

        A step relation that bears the renamings is symmetric: this is no sample, it asks all that the search has run.
        """
        why = self._unlike()
        return Objection(why) if why else None

    def _unlike(self) -> str:
        scenario, interner = self._packing.scenario, self._packing.interner
        for number, renaming in enumerate(self._renamings):
            around = _surroundings(scenario)
            if _with_names(around, renaming) != around:
                return "units, watchers or what may crash tell apart what is called interchangeable"
            for link in list(self._packing.columns):
                if self._link(link, number).rule != link.rule:
                    return f"the rule of the link {link.step} tells apart what is called interchangeable"
            for column, local, stimulus, left, results in interner.given():
                target = interner.index[renaming[interner.slots[column]]]
                there = self._stimulus(stimulus, number)
                wanted = {self._result(raw, column, target, number) for raw in results}
                try:
                    found = interner.results(target, self._local(column, local, number, target), there, left)
                except (ModelError, BudgetAsked) as error:
                    return f"{interner.slots[column]} behaves otherwise when names are exchanged: {error}"
                if {self._result(raw, target, target, None) for raw in found} != wanted:
                    kind = type(interner.locals[column][local].process).__name__
                    return f"{kind} behaves otherwise on {interner.describe(stimulus)} when names are exchanged"
        return ""

    def _stimulus(self, stimulus: Stimulus, number: int) -> Stimulus:
        if stimulus[0] != "receive":
            return stimulus
        sender: str = _with_names(stimulus[1], self._renamings[number])
        return ("receive", sender, self._message(stimulus[2], number))

    def _message(self, message: int, number: int) -> int:
        interner = self._packing.interner
        return interner.message(_with_names(interner.messages[message], self._renamings[number]), "a renaming")

    def _result(self, raw: Raw, column: int, target: int, number: int | None) -> Hashable:
        """What a handler did, in other names; what goes to several receivers, in the order of their names."""
        packing = self._packing
        name = packing.interner.locals[column][raw.local].name
        immediate = any(
            packing.scenario.rule(name, to, channel).kind is LinkKind.IMMEDIATE for to, _, channel in raw.sends
        )
        sends = raw.sends
        local = raw.local
        if number is not None:
            renaming = self._renamings[number]
            sends = tuple(
                (_with_names(to, renaming), self._message(sent, number), channel) for to, sent, channel in sends
            )
            local = self._local(column, local, number, target)
        error = None if raw.error is None else raw.error.rule
        return local, sends if immediate else tuple(sorted(sends, key=itemgetter(0))), raw.spent, error

    def represented(self, state: int) -> list[int]:
        return [state, *(self._renamed(state, number) for number in range(len(self._renamings)))]

    def onward(self, state: int) -> tuple[int, tuple[Taken, ...]]:
        return state, ()

    def _renamed(self, state: int, number: int) -> int:
        packing = self._packing
        interner = packing.interner
        here = packing.unpack(state)
        new = 0
        for i, slot in enumerate(interner.slots):
            target = interner.index[self._renamings[number][slot]]
            new |= self._local(i, here[i], number, target) << (BITS * target)
        for i in range(packing.width, packing.first_link):
            new |= here[i] << (BITS * i)
        for link in list(packing.columns):
            content = here[link.position] if link.position < len(here) else 0
            if content:
                new |= self._queue(content, number) << self._link(link, number).shift
        return new

    def _local(self, column: int, local: int, number: int, target: int) -> int:
        key = (column, local, number)
        found = self._locals.get(key)
        if found is None:
            interner = self._packing.interner
            was = interner.locals[column][local]
            # What is constant in a process belongs to its slot: it comes from the slot the renaming leads to.
            process = blank(interner.locals[target][0].process)
            for name in state_fields(type(was.process)):
                setattr(process, name, _with_names(getattr(was.process, name), self._renamings[number]))
            name = name_of(interner.slots[target], was.incarnation)
            made = Local(process, dict(was.timers), was.incarnation, name, was.alive)
            found = self._locals[key] = interner.local(target, made)
        return found

    def _queue(self, content: int, number: int) -> int:
        key = (content, number)
        found = self._queues.get(key)
        if found is None:
            interner = self._packing.interner
            messages = [interner.messages[message] for message in interner.queues[content]]
            renamed = [_with_names(message, self._renamings[number]) for message in messages]
            found = self._queues[key] = interner.queue(tuple(interner.message(m, "a renaming") for m in renamed))
        return found

    def _link(self, link: Column, number: int) -> Column:
        key = (link.position, number)
        found = self._links.get(key)
        if found is None:
            ends = [_with_names(name, self._renamings[number]) for name in (link.step.sender, link.step.receiver)]
            found = self._links[key] = self._packing.column(ends[0], ends[1], link.step.channel)
        return found


def _names(bundles: Iterable[Bundle]) -> tuple[str, ...]:
    return tuple(name for bundle in bundles for name in bundle)


def _with_names(value: Any, renaming: dict[str, str]) -> Any:
    """A copy of a value with every name in it renamed."""
    kind = type(value)
    if kind is Symbol:
        return Symbol(renaming.get(value, value))
    if kind is str:
        slot = slot_of(value)
        return renaming[slot] + value[len(slot) :] if slot in renaming else value
    if kind in (list, tuple, set, frozenset):
        return kind(_with_names(item, renaming) for item in value)
    if kind is dict:
        return {_with_names(key, renaming): _with_names(item, renaming) for key, item in value.items()}
    if is_dataclass(kind):
        return replace(
            value, **{f.name: _with_names(getattr(value, f.name), renaming) for f in fields(value) if f.init}
        )
    return value


def interchangeable(scenario: Scenario) -> tuple[tuple[Bundle, ...], ...]:
    """Groups of slots, each with its symbols, whose swapping in pairs leaves the beginning of a scenario as it is.

    Where each pair of a group can be swapped, so can the group be put in any order. Patterns of link rules and
    statements are not looked into: that is left to the gate.
    """
    held = {
        slot: [getattr(process, f.name) for f in fields(process)]  # type: ignore[arg-type]
        for slot, process in scenario.initial().items()
    }
    own = {slot: tuple(dict.fromkeys(_symbols(values))) for slot, values in held.items()}
    groups: list[list[Bundle]] = []
    for slot in scenario.processes:
        bundle = (slot, *own[slot])
        home = next((group for group in groups if _swaps(scenario, held, group[0], bundle)), None)
        if home is None:
            groups.append([bundle])
        else:
            home.append(bundle)
    return tuple(tuple(group) for group in groups if len(group) > 1)


def _symbols(value: Any) -> Iterator[Symbol]:
    """The symbols in a value, in an order that a renaming keeps: sets of them have none, and are left to fail."""
    kind = type(value)
    if kind is Symbol:
        yield value
    elif kind in (list, tuple):
        for item in value:
            yield from _symbols(item)
    elif kind is dict:
        for key, item in value.items():
            yield from _symbols(key)
            yield from _symbols(item)
    elif is_dataclass(kind):
        for f in fields(value):
            yield from _symbols(getattr(value, f.name))


def _swaps(scenario: Scenario, held: dict[Slot, list[Any]], first: Bundle, second: Bundle) -> bool:
    one, other = first[0], second[0]
    if any({one, other} & set(pair) for pair in scenario.cuttable):
        return False
    if len(first) != len(second) or set(first) & set(second):
        return False
    initial = scenario.initial()
    if type(initial[one]) is not type(initial[other]):
        return False
    swap = {slot: slot for slot in scenario.processes}
    swap |= dict(zip((*first, *second), (*second, *first), strict=True))
    around = _surroundings(scenario)
    return all(_with_names(held[slot], swap) == held[swap[slot]] for slot in held) and (
        _with_names(around, swap) == around
    )


def _surroundings(scenario: Scenario) -> tuple[Any, ...]:
    """What a scenario says of its slots beside the processes in them."""
    return (
        {slot: frozenset(watchers) for slot, watchers in scenario.watchers.items()},
        frozenset(frozenset(slots) for slots in scenario.units.values()),
        frozenset(scenario.unit_slots(unit) for unit in scenario.crashable),
        frozenset(scenario.unit_slots(unit) for unit in scenario.recoverable),
        scenario.services,
        frozenset(frozenset(pair) for pair in scenario.cuttable),
    )
