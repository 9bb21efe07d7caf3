"""Reductions: fewer states for the same answer, each one behind a gate.

- **Symmetry** (Clarke, Enders, Filkorn, Jha 1996; Ip and Dill 1996): states that differ only by a renaming of
  interchangeable slots are one. A name is a string that equals a slot of the group, wherever it stands in a process or
  a message. Slots that a tie-break tells apart are not interchangeable, whatever is declared.
- **Eager steps**: while a message of the given classes can be delivered, nothing else happens; the message must concern
  nothing that a statement reads. It is the ample set of partial-order reduction (Peled 1993) with the user's word for
  its independence, and with its cycle condition: an eager step into a state met before is not waited for. Where only
  deliveries that send nothing are eager the condition is void: each takes a message away, so they make no cycle.
- **Invisible steps** have a module of their own (`invisible`).

Neither is proved sound for a model. The *gate* explores a small scope with and without the reduction and compares the
verdicts and, for every statement, the set of all it ever sees: evidence, named as such. What fails its gate is refused.
Claims about runs (`eventually`, `leads_to`, `progress`) and about steps are refused for all reductions: the reduced
graph has other runs. So are statements with monitors, but for symmetry: they depend on the order of events, and a sound
model can hide from the gate that an order is lost which a broken one would show.

Left out: clearing of dead state, which pays less (`docs/performance.md`); symmetry together with other
reductions, which the gate refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import permutations
from typing import Any, Protocol

from model.kernel.errors import ModelError
from model.kernel.explore import Explorer, Limits
from model.kernel.interning import Local
from model.kernel.process import Message, Slot, blank, name_of, slot_of, state_fields
from model.kernel.scenario import Scenario
from model.kernel.sights import Sights
from model.kernel.statements import Statement, StatementKind
from model.kernel.steps import Taken
from model.kernel.transitions import BITS, Column, Outcome, Transitions
from model.kernel.verdicts import Result, Violation

REDUCIBLE = frozenset({StatementKind.ALWAYS, StatementKind.SOMETIMES, StatementKind.AUDIT})
"""Kinds of statements that survive a reduction."""

Found = list[tuple[int, Outcome]]


class Reduction(Protocol):
    """One way to leave out states."""

    @property
    def name(self) -> str:
        """What it is called in verdicts."""
        ...

    def applied(self, transitions: Transitions, watch: Watch) -> Reducer:
        """The reduction, ready for the states of one exploration."""
        ...


@dataclass(frozen=True)
class Watch:
    """What the statements of an exploration look at."""

    fields: frozenset[str] = frozenset()
    """Names of the fields of processes of any class that some check has read."""
    links: tuple[tuple[str, str], ...] = ()
    """(senders, receivers) of the links whose messages some check is shown."""


class ToldApart(ModelError):
    """A statement answers differently about two states of which one stands for the other."""


class Reducer(Protocol):
    """A reduction at work."""

    def chosen(self, state: int, found: Found) -> Found:
        """The steps that are followed."""
        ...

    def representative(self, state: int) -> int:
        """The state that stands for a state."""
        ...

    def represented(self, state: int) -> list[int]:
        """The states that a state stands for."""
        ...

    def onward(self, state: int) -> tuple[int, tuple[Taken, ...]]:
        """Where a state of the full model is moved to at once, and by which steps."""
        ...


@dataclass(frozen=True)
class Eager:
    """Messages of some classes are delivered before anything else happens."""

    name: str
    messages: tuple[type[Message], ...]
    silent: bool = False
    """Whether only those deliveries are eager that send nothing."""

    def applied(self, transitions: Transitions, watch: Watch) -> Reducer:
        """The reduction, ready for the states of one exploration."""
        return _EagerSteps(self, transitions)


class _EagerSteps:
    def __init__(self, eager: Eager, transitions: Transitions) -> None:
        self._messages = eager.messages
        self._silent = eager.silent
        self._transitions = transitions
        self._met: set[int] = set()

    def chosen(self, state: int, found: Found) -> Found:
        here = self._transitions.unpack(state)
        interner = self._transitions.interner
        for link, content in zip(self._transitions.columns, here[self._transitions.first_link :], strict=False):
            if content and isinstance(interner.messages[interner.heads[content]], self._messages):
                eager = [(new, outcome) for new, outcome in found if outcome.taken.step == link.step]
                if eager and self._may_wait(eager):
                    found = eager
                    break
        if not self._silent:
            self._met.update(new for new, _ in found)
        return found

    def _may_wait(self, eager: Found) -> bool:
        """Whether everything else can come after these steps."""
        if self._silent:
            return all(not outcome.posts for _, outcome in eager)
        return all(new not in self._met for new, _ in eager)

    def representative(self, state: int) -> int:
        return state

    def represented(self, state: int) -> list[int]:
        return [state]

    def onward(self, state: int) -> tuple[int, tuple[Taken, ...]]:
        return state, ()


@dataclass(frozen=True)
class Symmetry:
    """The slots of a group may be renamed among each other."""

    name: str
    slots: tuple[Slot, ...]

    def applied(self, transitions: Transitions, watch: Watch) -> Reducer:
        """The reduction, ready for the states of one exploration."""
        return _Renamings(self.slots, transitions)


class _Renamings:
    def __init__(self, slots: tuple[Slot, ...], transitions: Transitions) -> None:
        self._transitions = transitions
        identity = {slot: slot for slot in transitions.interner.slots}
        self._renamings = [{**identity, **dict(zip(slots, p, strict=True))} for p in permutations(slots) if p != slots]
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


class ReducedExplorer(Explorer):
    """An exploration under reductions. Its traces are runs of the full model."""

    def __init__(
        self,
        scenario: Scenario,
        reductions: Sequence[Reduction],
        statements: Iterable[Statement] | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        read: frozenset[str] = frozenset(),
    ) -> None:
        """`read`: fields that the statements are known to read; `fields_read` tells whether they read more."""
        super().__init__(scenario, statements, limits)
        links = tuple(s.links for s in self.statements if s.links is not None)
        watch = Watch(read, links)
        self._reducers = [reduction.applied(self.transitions, watch) for reduction in reductions]

    def successors(self, state: int) -> tuple[Found, bool]:
        """The steps that the reductions leave."""
        found, quiescent = self.transitions.successors(state)
        for reducer in self._reducers:
            found = reducer.chosen(state, found)
        return found, quiescent

    def _judge_state(self, state: int, outcome: Outcome | None) -> Statement | None:
        broken = super()._judge_state(state, outcome)
        for other in self._meant([state])[1:]:
            here, there = self.transitions.unpack(state), self.transitions.unpack(other)
            for reader in (*self._views, *self._sometimes, *self._audits):
                if reader.holds(here) != reader.holds(there):
                    raise ToldApart(f"{reader.statement.name} tells apart what is called interchangeable")
        return broken

    def _violation(self, broken: Statement | str, position: int, last: Outcome | None) -> Violation:
        violation = super()._violation(broken, position, None)
        if last is None:
            return violation
        # The way there is one of the full model, where names may be others than in the state that was judged.
        name = violation.statement
        readers = [reader for reader in self._views if reader.statement.name == name]
        for new, outcome in self.transitions.successors(self._walked(position)[0])[0]:
            if (outcome.error is None) == (last.error is None) and outcome.broken == last.broken:
                moved, rest = self._onward(new)
                for state, further in ((new, ()), (moved, rest)):
                    here = self.transitions.unpack(state)
                    if not any(reader.holds(here) for reader in readers):
                        return replace(violation, steps=(*violation.steps, outcome.taken, *further))
        raise AssertionError("what stands for a state can do what the state can do")

    def path(self, position: int) -> tuple[Taken, ...]:
        """A way of the full model to a state that the one found as number `position` stands for."""
        return self._walked(position)[1]

    def _walked(self, position: int) -> tuple[int, tuple[Taken, ...]]:
        chain = [position]
        while chain[-1]:
            chain.append(self._parents[chain[-1]])
        state = self._order[0]
        steps: list[Taken] = []
        for number in chain[-2::-1]:
            found, _ = self.transitions.successors(state)
            state, taken = next((new, o.taken) for new, o in found if self._stands_for(new) == self._order[number])
            state, further = self._onward(state)
            steps += [taken, *further]
        return state, tuple(steps)

    def _onward(self, state: int) -> tuple[int, tuple[Taken, ...]]:
        steps: tuple[Taken, ...] = ()
        for reducer in self._reducers:
            state, further = reducer.onward(state)
            steps += further
        return state, steps

    def fields_read(self) -> frozenset[str]:
        """The fields that some check has read in some state found."""
        read = Sights(self.transitions, self.statements).fields_read(self.states())
        return frozenset().union(*read.values())

    def _stands_for(self, state: int) -> int:
        for reducer in self._reducers:
            state = reducer.representative(state)
        return state

    def states_meant(self) -> list[int]:
        """The states found and all those that they stand for."""
        return self._meant(self._order)

    def _meant(self, states: list[int]) -> list[int]:
        for reducer in self._reducers:
            states = [other for state in states for other in reducer.represented(state)]
        return states


@dataclass(frozen=True)
class Gate:
    """What the gate found about one reduction on a small scope."""

    reduction: str
    refused: str
    """Why the reduction is not used; empty when it passed."""
    full: int
    reduced: int
    """States with this reduction and those that passed before it."""
    read: frozenset[str] = frozenset()
    """Fields that some statement reads there."""

    @property
    def sentence(self) -> str:
        """For verdicts: the reduction, and what it saves or why it is refused."""
        if self.refused:
            return f"{self.reduction}: refused, {self.refused}"
        return f"{self.reduction}: {self.full / self.reduced:.1f} times fewer states at the gate"


def gate(
    scope: Scenario,
    reduction: Reduction,
    statements: Iterable[Statement] | None = None,
    beside: Sequence[Reduction] = (),
) -> Gate:
    """Explore a small scope with and without a reduction, and compare what every statement sees.

    `beside`: reductions that have passed and are used together with this one.
    """
    wanted = tuple(scope.statements if statements is None else statements)
    unfit = [s.name for s in wanted if s.kind not in REDUCIBLE]
    if unfit:
        return Gate(reduction.name, f"it changes the runs that {', '.join(unfit)} speaks of", 0, 0)
    folding = [s.name for s in wanted if s.monitors and not isinstance(reduction, Symmetry)]
    if folding:
        return Gate(reduction.name, f"it changes the order of the events that {', '.join(folding)} folds", 0, 0)
    apart = [other.name for other in beside if isinstance(other, Symmetry) != isinstance(reduction, Symmetry)]
    if apart:
        return Gate(reduction.name, f"it is not used together with {', '.join(apart)}", 0, 0)
    full = ReducedExplorer(scope, (), wanted)
    one = full.run()
    fields_read = full.fields_read()
    reduced = ReducedExplorer(scope, (*beside, reduction), wanted, read=fields_read)
    try:
        other = reduced.run()
        states = reduced.states_meant()
    except ModelError as error:
        return Gate(reduction.name, f"the model does not bear it: {error}", one.states, 0)
    if one.note or other.note:
        return Gate(reduction.name, f"its gate was not exhausted: {one.note or other.note}", one.states, other.states)
    if one.verdict is not other.verdict:
        return Gate(reduction.name, f"{one.verdict} without it, {other.verdict} with it", one.states, other.states)
    if one.violation is None:
        complete = Sights(full.transitions, wanted)
        read = complete.fields_read(full.states())
        left = Sights(reduced.transitions, wanted).all(states, read)
        for name, sights in complete.all(full.states(), read).items():
            if sights != left[name]:
                return Gate(reduction.name, f"{name} no longer sees the same states", one.states, other.states)
    return Gate(reduction.name, "", one.states, other.states, fields_read)


def explore_reduced(
    scenario: Scenario,
    scope: Scenario,
    reductions: Sequence[Reduction],
    statements: Iterable[Statement] | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Result:
    """Explore a scenario under those reductions that pass their gate on `scope`, a smaller one of the same model."""
    wanted = tuple(scenario.statements if statements is None else statements)
    passed: list[Reduction] = []
    gates = []
    for reduction in reductions:
        gates.append(gate(scope, reduction, wanted, passed))
        if not gates[-1].refused:
            passed.append(reduction)
    sentences = [found.sentence for found in gates]
    read = frozenset[str]().union(*(found.read for found in gates))
    try:
        explorer = ReducedExplorer(scenario, passed, wanted, limits, read)
        result = explorer.run()
        more = explorer.fields_read() - read if passed and not (result.violation or result.note) else None
        if more:
            raise ToldApart(f"statements read {', '.join(sorted(more))} here, which they do not at the gate")
    except ToldApart as error:
        sentences = [f"{reduction.name}: refused, {error}" for reduction in reductions]
        result = Explorer(scenario, wanted, limits).run()
    return replace(result, reductions=tuple(sentences))
