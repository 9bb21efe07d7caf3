"""The step relation over packed global states.

A global state is one integer (`packing`); a step adds a difference to it, and most differences are remembered with the
handler that caused them (`composing`). What breaks and what comes back is in `breaking`; here, which steps are enabled.

The same relation, changed in place, is `world.World`; `tests/kernel` holds the two against each other.
"""

from __future__ import annotations

from rayproof.model.kernel.language.errors import ModelError, PolicyError
from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.links import LinkKind
from rayproof.model.kernel.language.process import TimerKind
from rayproof.model.kernel.language.scenario import Scenario
from rayproof.model.kernel.language.statements import Monitor
from rayproof.model.kernel.language.steps import Fire, Taken, Tick
from rayproof.model.kernel.relation.breaking import Breaking
from rayproof.model.kernel.relation.interning import Local
from rayproof.model.kernel.relation.outcomes import Ask, Outcome, Source

EARLY = (FaultKind.EARLY_TIMEOUT,)


class Transitions(Breaking):
    """Successors of packed states, from remembered outcomes."""

    def __init__(self, scenario: Scenario, monitors: tuple[type[Monitor], ...] = ()) -> None:
        super().__init__(scenario, monitors)
        self.flaw: PolicyError | None = None
        """What a policy did wrong when a process started; the initial state is then unfinished."""
        self.initial = self._start()

    def _start(self) -> int:
        state = 0
        for i, (slot, process) in enumerate(self.scenario.initial().items()):
            self.interner.local(i, Local(process, {}, 0, slot, True))
        for i in range(self.width):
            fields = self.unpack(state)
            outcomes = self._resolve(self._entry(i, fields[i], ("start",), Tick()), fields)
            if len(outcomes) != 1:
                raise ModelError(f"{self.interner.slots[i]} chooses while it starts; an initial state is one state")
            if outcomes[0].error is not None:
                self.flaw = outcomes[0].error
                break
            state = self._apply(state, outcomes[0])
        return state

    def successors(self, state: int) -> tuple[list[tuple[int, Outcome]], bool]:
        """All steps from a state as (next state, outcome), and whether the state is quiescent."""
        fields = self.unpack(state)
        found: list[tuple[int, Outcome]] = []
        busy = False
        heads = self.interner.heads
        slow = bool(fields[self.cuts_at])
        known = len(fields)
        for link, content in zip(self.columns, fields[self.first_link :], strict=False):
            if not content:
                continue
            busy = True
            head = heads[content]
            entry = link.entries.get((fields[link.receiver], head))
            if type(entry) is not tuple:
                entry = self._delivery(link, fields, head, entry)
            pop = link.pops.get(content)
            if pop is None:
                pop = link.pops[content] = (self.interner.tails[content] - content) << link.shift
            base = state + pop
            for outcome in entry:
                new = base + outcome.delta
                if slow or outcome.spent or outcome.entwined:
                    new = self._apply(base, outcome)
                else:
                    for push in outcome.pushes:
                        to = push.column
                        if fields[to.receiver] in to.dead:
                            # Only the general way keeps what bounces in order.
                            new = self._apply(base, outcome)
                            break
                        before = fields[to.position] if to.position < known else 0
                        change = push.table.get(before)
                        if change is None:
                            change = push.table[before] = self._push_change(to, push.burst, before)
                        new += change
                    else:
                        if outcome.observations:
                            new = self._observe(new, outcome)
                found.append((new, outcome))
        timers = self._timers_of
        patient: list[Source] = []
        ticking = due = live_timer = False
        for i in range(self.width):
            local = fields[i]
            sources = timers[i][local]
            if sources is None:
                sources = self._sources(i, local)
            if sources:
                for source in sources:
                    kind = source.kind
                    if kind is TimerKind.PROGRAM or kind is TimerKind.PERIODIC or kind is TimerKind.TICKS:
                        if kind is TimerKind.TICKS:
                            if source.ticking:
                                ticking = True
                                continue
                            due = True
                        live_timer = live_timer or kind is not TimerKind.PERIODIC
                        self._fire(state, fields, source, found)
                    else:
                        patient.append(source)
        busy = busy or live_timer
        if ticking and not due:
            busy = True
            found.append((self._tick(state, fields), Outcome(Taken(Tick()), 0)))
        if self.scenario.recoverable or slow:
            recovered = self._recover(state, fields)
            busy = busy or bool(recovered)
            found += recovered
        quiescent = not busy and not patient
        for source in patient:
            if not busy:
                self._fire(state, fields, source, found)
            elif source.kind is TimerKind.EAGER and self.paid(fields[self.budget_at], EARLY) is not None:
                paid = self._pay(state, EARLY)
                self._fire(paid, self.unpack(paid), source, found, early=True)
        if self.kinds:
            self._faults(state, fields, found)
        return found, quiescent

    def _fire(
        self,
        state: int,
        fields: tuple[int, ...],
        source: Source,
        found: list[tuple[int, Outcome]],
        early: bool = False,
    ) -> None:
        for outcome in self._resolve(self.entry_of(source), fields):
            made = outcome
            if early:
                step = outcome.taken.step
                assert isinstance(step, Fire)
                made = Outcome(
                    Taken(Fire(step.process, step.timer, True), outcome.taken.choices),
                    outcome.delta,
                    outcome.posts,
                    outcome.pushes,
                    outcome.mask,
                    (*outcome.spent, *EARLY),
                    outcome.observations,
                    outcome.error,
                    broken=outcome.broken,
                    draws=outcome.draws,
                    armed=outcome.armed,
                )
            found.append((self._after(state, fields, outcome), made))

    def _after(self, state: int, fields: tuple[int, ...], outcome: Outcome) -> int:
        """What `_apply` leads to, the quick way where every receiver lives, nothing is cut and nothing is paid."""
        if fields[self.cuts_at] or outcome.spent:
            return self._apply(state, outcome)
        new = state + outcome.delta
        for push in outcome.pushes:
            to = push.column
            if fields[to.receiver] in to.dead or to.rule.kind is LinkKind.IMMEDIATE:
                return self._apply(state, outcome)
            before = fields[to.position] if to.position < len(fields) else 0
            change = push.table.get(before)
            if change is None:
                change = push.table[before] = self._push_change(to, push.burst, before)
            new += change
        return self._observe(new, outcome) if outcome.observations else new

    def entry_of(self, source: Source) -> tuple[Outcome, ...] | Ask:
        """What the firing of a timer leads to."""
        if source.entry is None:
            source.entry = self._entry(source.slot, source.local, ("fire", source.step.timer), source.step)
        entry: tuple[Outcome, ...] | Ask = source.entry
        return entry

    def sources(self, slot: int, local: int) -> tuple[Source, ...]:
        """The timers that run in a process state and may fire some day, by name."""
        found: tuple[Source, ...] | None = self._timers_of[slot][local]
        return self._sources(slot, local) if found is None else found

    def _sources(self, slot: int, local: int) -> tuple[Source, ...]:
        made = self.interner.locals[slot][local]
        sources = tuple(
            Source(kind, slot, local, Fire(made.name, timer), kind is TimerKind.TICKS and count > 0)
            for timer, (kind, count) in sorted(made.timers.items())
            if kind is not TimerKind.PERIODIC or count < self.scenario.rounds
        )
        self._timers_of[slot][local] = sources
        return sources

    def _tick(self, state: int, fields: tuple[int, ...]) -> int:
        for i in range(self.width):
            after = self.ticked(i, fields[i])
            if after != fields[i]:
                state = self._with_local(state, i, after)
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
