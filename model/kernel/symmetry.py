"""Symmetry: states that differ only by a renaming of interchangeable slots are one.

A name is a string that equals a slot of the group, wherever it stands in a process or a message. Slots that a tie-break
tells apart are not interchangeable, whatever is declared: the gate sees it. Without a declaration, those slots count
as interchangeable that can be swapped in all that the scenario starts with.

Source: Clarke, Enders, Filkorn, Jha 1996; Ip and Dill 1996. Left out: symmetry together with other reductions, of slots
that can be cut off, and of values.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import permutations, product
from typing import Any

from model.kernel.interning import Local
from model.kernel.outcomes import BITS, Column
from model.kernel.process import Slot, blank, name_of, slot_of, state_fields
from model.kernel.reductions import Found, Reducer, Watch
from model.kernel.scenario import Scenario
from model.kernel.steps import Taken
from model.kernel.transitions import Transitions


@dataclass(frozen=True)
class Symmetry:
    """The slots of a group may be renamed among each other."""

    name: str
    slots: tuple[Slot, ...] = ()
    """None: those that the scenario does not tell apart when it starts."""

    def groups(self, scenario: Scenario) -> tuple[tuple[Slot, ...], ...]:
        """The slots that are renamed among each other."""
        return (self.slots,) if self.slots else interchangeable(scenario)

    def applied(self, transitions: Transitions, watch: Watch) -> Reducer:
        """The reduction, ready for the states of one exploration."""
        return _Renamings(self.groups(transitions.scenario), transitions)


class _Renamings:
    def __init__(self, groups: tuple[tuple[Slot, ...], ...], transitions: Transitions) -> None:
        self._transitions = transitions
        identity = {slot: slot for slot in transitions.interner.slots}
        ordered = tuple(slot for group in groups for slot in group)
        orders = (sum(parts, ()) for parts in product(*(permutations(group) for group in groups)))
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

    def represented(self, state: int) -> list[int]:
        return [state, *(self._renamed(state, number) for number in range(len(self._renamings)))]

    def onward(self, state: int) -> tuple[int, tuple[Taken, ...]]:
        return state, ()

    def _renamed(self, state: int, number: int) -> int:
        transitions = self._transitions
        interner = transitions.interner
        here = transitions.unpack(state)
        new = 0
        for i, slot in enumerate(interner.slots):
            target = interner.index[self._renamings[number][slot]]
            new |= self._local(i, here[i], number, target) << (BITS * target)
        for i in range(transitions.width, transitions.first_link):
            new |= here[i] << (BITS * i)
        for link in list(transitions.columns):
            content = here[link.position] if link.position < len(here) else 0
            if content:
                new |= self._queue(content, number) << self._link(link, number).shift
        return new

    def _local(self, column: int, local: int, number: int, target: int) -> int:
        key = (column, local, number)
        found = self._locals.get(key)
        if found is None:
            interner = self._transitions.interner
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
            interner = self._transitions.interner
            messages = [interner.messages[message] for message in interner.queues[content]]
            renamed = [_with_names(message, self._renamings[number]) for message in messages]
            found = self._queues[key] = interner.queue(tuple(interner.message(m, "a renaming") for m in renamed))
        return found

    def _link(self, link: Column, number: int) -> Column:
        key = (link.position, number)
        found = self._links.get(key)
        if found is None:
            ends = [_with_names(name, self._renamings[number]) for name in (link.step.sender, link.step.receiver)]
            found = self._links[key] = self._transitions.column(ends[0], ends[1], link.step.channel)
        return found


def _with_names(value: Any, renaming: dict[Slot, Slot]) -> Any:
    """A copy of a value with every name in it renamed."""
    kind = type(value)
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


def interchangeable(scenario: Scenario) -> tuple[tuple[Slot, ...], ...]:
    """Groups of slots that can be swapped in pairs without changing anything that the scenario starts with.

    Where each pair of a group can be swapped, so can the group be put in any order. Patterns of link rules and
    statements are not looked into: that is left to the gate.
    """
    groups: list[list[Slot]] = []
    for slot in scenario.processes:
        home = next((group for group in groups if _swaps(scenario, group[0], slot)), None)
        if home is None:
            groups.append([slot])
        else:
            home.append(slot)
    return tuple(tuple(group) for group in groups if len(group) > 1)


def _swaps(scenario: Scenario, one: Slot, other: Slot) -> bool:
    if any({one, other} & set(pair) for pair in scenario.cuttable):
        return False
    swap = {slot: slot for slot in scenario.processes} | {one: other, other: one}
    initial = scenario.initial()
    if any(type(initial[slot]) is not type(initial[swap[slot]]) for slot in (one, other)):
        return False
    held = {slot: [getattr(process, f.name) for f in fields(process)] for slot, process in initial.items()}  # type: ignore[arg-type]
    around = (
        {slot: frozenset(watchers) for slot, watchers in scenario.watchers.items()},
        frozenset(frozenset(slots) for slots in scenario.units.values()),
        frozenset(scenario.crashable),
        scenario.recoverable,
        scenario.services,
    )
    return all(_with_names(held[slot], swap) == held[swap[slot]] for slot in held) and all(
        _with_names(part, swap) == part for part in around
    )
