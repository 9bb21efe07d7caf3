"""The step relation over packed global states: which steps are enabled, and what each leads to.

A global state is one integer (`packing`); a step adds a difference to it, and most differences are remembered with the
handler that caused them (`composing`). What breaks and what comes back is the `environment`.

The same relation, changed in place, is `world.World`; `tests/kernel` holds the two against each other.
"""

from __future__ import annotations

from dataclasses import replace

from rayproof.model.kernel.language.errors import ModelError, PolicyError
from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.process import TimerKind
from rayproof.model.kernel.language.scenario import Scenario
from rayproof.model.kernel.language.statements import Monitor
from rayproof.model.kernel.language.steps import Fire, Taken, Tick
from rayproof.model.kernel.relation.composing import BrokenBy, Composer, Entry
from rayproof.model.kernel.relation.environment import Environment
from rayproof.model.kernel.relation.interning import Local
from rayproof.model.kernel.relation.outcomes import Column, Outcome, Source
from rayproof.model.kernel.relation.packing import Fields, Packing

EARLY = (FaultKind.EARLY_TIMEOUT,)

Found = list[tuple[int, Outcome]]
"""Steps from a state: the next state, and what the step does."""


class Transitions:
    """Successors of packed states, from remembered outcomes."""

    def __init__(
        self, scenario: Scenario, monitors: tuple[type[Monitor], ...] = (), broken_by: BrokenBy = lambda made: None
    ) -> None:
        self.scenario = scenario
        self.packing = Packing(scenario, monitors)
        self.interner = self.packing.interner
        self.composer = Composer(self.packing, broken_by)
        self.environment = Environment(self.packing, self.composer)
        self._sources: list[list[tuple[Source, ...]]] = [[] for _ in scenario.processes]
        self.interner.on_new_local.append(self._note_timers)
        self._early_ones: dict[Outcome, Outcome] = {}
        self.flaw: PolicyError | None = None
        """What a policy did wrong when a process started; the initial state is then unfinished."""
        self.initial = self._start()

    def unpack(self, state: int) -> Fields:
        """The fields of a state, one per column known now."""
        return self.packing.unpack(state)

    def _start(self) -> int:
        state = 0
        for i, (slot, process) in enumerate(self.scenario.initial().items()):
            self.interner.local(i, Local(process, {}, 0, slot, True))
        for i, slot in enumerate(self.interner.slots):
            fields = self.unpack(state)
            outcomes = self.composer.resolved(self.composer.entry(i, fields[i], ("start",), Tick()), fields)
            if len(outcomes) != 1:
                raise ModelError(f"{slot} chooses while it starts; an initial state is one state")
            if outcomes[0].error is not None:
                self.flaw = outcomes[0].error
                break
            state = self.packing.applied(state, outcomes[0])
        return state

    def successors(self, state: int) -> tuple[Found, bool]:
        """All steps from a state as (next state, outcome), and whether the state is quiescent."""
        packing = self.packing
        fields = packing.unpack(state)
        found: Found = []
        busy = False
        composer, heads, after = self.composer, self.interner.heads, packing.after
        for link, content in zip(packing.columns, fields[packing.first_link :], strict=False):
            if content:
                busy = True
                head = heads[content]
                local = fields[link.receiver]
                entry = link.entries.get((local, head))
                if type(entry) is not tuple:
                    entry = composer.resolved(entry or composer.delivery(link, local, head), fields)
                base = state + (link.pops.get(content) or self._pop(link, content))
                for outcome in entry:
                    found.append((after(base, fields, outcome), outcome))
        patient: list[Source] = []
        ticking = due = live_timer = False
        for sources, local in zip(self._sources, fields, strict=False):
            for source in sources[local]:
                kind = source.kind
                if kind is TimerKind.PROGRAM or kind is TimerKind.PERIODIC or kind is TimerKind.TICKS:
                    if kind is TimerKind.TICKS:
                        if source.ticking:
                            ticking = True
                            continue
                        due = True
                    live_timer = live_timer or kind is not TimerKind.PERIODIC
                    found += self._fired(state, fields, source)
                else:
                    patient.append(source)
        busy = busy or live_timer
        if ticking and not due:
            busy = True
            found.append((self._tick(state, fields), Outcome(Taken(Tick()), 0)))
        if self.scenario.recoverable or fields[packing.cuts_at]:
            recovered = self.environment.recoveries(state, fields)
            busy = busy or bool(recovered)
            found += recovered
        quiescent = not busy and not patient
        affordable = packing.affordable[fields[packing.budget_at]]
        for source in patient:
            if not busy:
                found += self._fired(state, fields, source)
            elif source.kind is TimerKind.EAGER and FaultKind.EARLY_TIMEOUT in affordable:
                paid = packing.paid(state, EARLY)
                found += [(new, self._early(outcome)) for new, outcome in self._fired(paid, self.unpack(paid), source)]
        for fault in affordable:
            found += self.environment.faults(state, fields, fault)
        return found, quiescent

    def delivered(self, state: int, fields: Fields, link: Column) -> Found:
        """What the delivery of a link's first message, which there must be, leads to."""
        content = fields[link.position]
        base = state + self._pop(link, content)
        entry = self.composer.delivery(link, fields[link.receiver], self.interner.heads[content])
        outcomes = self.composer.resolved(entry, fields)
        return [(self.packing.after(base, fields, outcome), outcome) for outcome in outcomes]

    def _pop(self, link: Column, content: int) -> int:
        pop = link.pops[content] = (self.interner.tails[content] - content) << link.shift
        return pop

    # ---- timers -----------------------------------------------------------------------------------------------------

    def _note_timers(self, column: int, local: int) -> None:
        made = self.interner.locals[column][local]
        timers = (
            Source(kind, column, local, Fire(made.name, timer), kind is TimerKind.TICKS and count > 0)
            for timer, (kind, count) in sorted(made.timers.items())
            if kind is not TimerKind.PERIODIC or count < self.scenario.rounds
        )
        self._sources[column].append(tuple(timers))

    def sources(self, slot: int, local: int) -> tuple[Source, ...]:
        """The timers that run in a process state and may fire some day, by name."""
        return self._sources[slot][local]

    def firing(self, source: Source) -> Entry:
        """What the firing of a timer leads to."""
        if source.entry is None:
            source.entry = self.composer.entry(source.slot, source.local, ("fire", source.step.timer), source.step)
        entry: Entry = source.entry
        return entry

    def _fired(self, state: int, fields: Fields, source: Source) -> Found:
        outcomes = self.composer.resolved(self.firing(source), fields)
        return [(self.packing.after(state, fields, outcome), outcome) for outcome in outcomes]

    def _early(self, outcome: Outcome) -> Outcome:
        """The outcome of a timer when it fires although something else could happen, which costs a fault."""
        early = self._early_ones.get(outcome)
        if early is None:
            step = outcome.taken.step
            assert isinstance(step, Fire)
            taken = Taken(replace(step, early=True), outcome.taken.choices)
            early = self._early_ones[outcome] = replace(outcome, taken=taken, spent=(*outcome.spent, *EARLY), folds={})
        return early

    def _tick(self, state: int, fields: Fields) -> int:
        for i, local in enumerate(fields[: self.packing.width]):
            state = self.packing.with_field(state, i, self.ticked(i, local))
        return state

    def ticked(self, slot: int, local: int) -> int:
        """A process state once a tick has passed."""
        made = self.interner.locals[slot][local]
        timers = {
            timer: (kind, count - 1 if kind is TimerKind.TICKS and count else count)
            for timer, (kind, count) in made.timers.items()
        }
        if timers == made.timers:
            return local
        return self.interner.local(slot, Local(made.process, timers, made.incarnation, made.name, made.alive))
