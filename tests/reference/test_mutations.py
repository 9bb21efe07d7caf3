"""The comparison can fail: faults that are planted into the kernel are noticed on the systems of `make test`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rayproof.model.kernel import Deliver, FaultKind, Judge, Simulation, Statement, TimerKind, World
from rayproof.model.kernel.judging.reading import EachProcess, Reader
from rayproof.model.kernel.language.links import merges
from rayproof.model.kernel.liveness.fairness import Obligations
from rayproof.model.kernel.reductions import commuting as commuting_module
from rayproof.model.kernel.reductions.commuting import ANYTHING, Commuting, Watch, _Closure
from rayproof.model.kernel.relation import environment as environment_module
from rayproof.model.kernel.relation import world as world_module
from rayproof.model.kernel.relation.environment import Environment
from rayproof.model.kernel.relation.interning import Interner
from rayproof.model.kernel.relation.outcomes import MASK
from rayproof.model.kernel.relation.packing import Packing
from rayproof.model.kernel.relation.transitions import Transitions
from rayproof.model.kernel.search.vector.expand import Expander
from tests.reference.comparing import compared, differences
from tests.reference.test_reference import RACES, SYSTEMS

Patch = pytest.MonkeyPatch
Around = Callable[..., Any]


def around(patch: Patch, owner: type, name: str, other: Around) -> None:
    """Replace a method by `other(original, self, ...)`."""
    original = getattr(owner, name)
    patch.setattr(owner, name, lambda self, *args, **options: other(original, self, *args, **options))


def a_start_is_not_judged(patch: Patch) -> None:
    def restarts(original: Around, self: Environment, *args: Any) -> Iterator[Any]:
        for new, outcome in original(self, *args):
            outcome.broken, outcome.mask, outcome.observations = None, 0, ()
            yield new, outcome

    around(patch, Environment, "_restarts", restarts)


def a_latest_link_keeps_all(patch: Patch) -> None:
    patch.setattr(
        Packing,
        "queue_after",
        lambda self, link, burst, before: self.interner.queue(self.interner.queues[before] + burst),
    )


def returns_come_in_one_order(patch: Patch) -> None:
    for module in (environment_module, world_module):
        patch.setattr(module, "merges", lambda queues, form: merges(queues, form)[:1])


def a_crash_loses_what_was_sent(patch: Patch) -> None:
    def crash(original: Around, self: Environment, state: int, fields: Any, unit: str) -> Any:
        found = []
        for new, outcome in original(self, state, fields, unit):
            for link in self._packing.columns:
                if link.sender in self._packing.slots_of(unit) and not link.step.channel:
                    new -= ((new >> link.shift) & MASK) << link.shift
            found.append((new, outcome))
        return found

    around(patch, Environment, "_crash", crash)


def timers_of_the_dead_fire(patch: Patch) -> None:
    def down(original: Around, self: Interner, column: int, local: int) -> int:
        found: int = original(self, column, local)
        self.locals[column][found].timers = dict(self.locals[column][local].timers)
        return found

    around(patch, Interner, "down", down)


def a_fault_more_than_the_budget(patch: Patch) -> None:
    def made(original: Around, self: Packing, *args: Any) -> None:
        original(self, *args)
        self._limits = tuple(limit + 1 for limit in self._limits)

    around(patch, Packing, "__init__", made)


def duplicates_without_limit(patch: Patch) -> None:
    def pay(original: Around, self: Packing, state: int, spent: tuple[FaultKind, ...]) -> Any:
        return original(self, state, tuple(kind for kind in spent if kind is not FaultKind.DUPLICATE))

    around(patch, Packing, "paid", pay)


def step_statements_see_messages_after(patch: Patch) -> None:
    around(patch, World, "view", lambda original, self, statement, **_: original(self, statement))


def patient_timers_do_not_wait(patch: Patch) -> None:
    def steps(original: Around, self: World) -> list[Any]:
        more = [
            self._fire_step(seat.name, timer)
            for seat in self.seats.values()
            for timer, (kind, _) in seat.timers.items()
            if kind is TimerKind.PATIENT
        ]
        found: list[Any] = original(self)
        return found + [step for step in more if step not in found]

    around(patch, World, "system_steps", steps)


def a_tick_takes_all(patch: Patch) -> None:
    def tick(original: Around, self: Transitions, state: int, fields: tuple[int, ...]) -> int:
        once: int = original(self, state, fields)
        again: int = original(self, once, self.unpack(once))
        return again

    around(patch, Transitions, "_tick", tick)


def links_owe_nothing(patch: Patch) -> None:
    def owed(original: Around, self: Obligations, label: int) -> bool:
        return not isinstance(self.graph.steps[label], Deliver) and bool(original(self, label))

    around(patch, Obligations, "_is_owed", owed)


def draws_are_not_fair(patch: Patch) -> None:
    patch.setattr(Obligations, "with_fair_draws", lambda self, edges: edges)
    patch.setattr(Obligations, "missing_results", lambda self, edges: [])


def a_clock_lets_messages_overtake(patch: Patch) -> None:
    def post(original: Around, self: Simulation, link: Any, message: Any, *args: Any) -> None:
        original(self, link, message, *args)
        link.queue.rotate(1)

    around(patch, Simulation, "_post", post)


def replay_does_not_judge(patch: Patch) -> None:
    patch.setattr(Judge, "after_step", lambda self, taken: None)


def messages_that_are_shown_are_hurried(patch: Patch) -> None:
    patch.setattr(Watch, "shows", lambda self, sender, receiver: False)


def what_can_come_first_is_not_asked(patch: Patch) -> None:
    patch.setattr(Commuting, "conflicts", lambda self: {})


def timers_do_not_come_first(patch: Patch) -> None:
    patch.setattr(_Closure, "_of_itself", lambda self, column, local: ())


def ticks_may_pass(patch: Patch) -> None:
    patch.setattr(commuting_module, "_ticks", lambda timers: {})


def what_links_and_faults_ask_for_is_not_asked(patch: Patch) -> None:
    patch.setattr(Commuting, "_allows", lambda self, link, budget: ANYTHING)


def the_order_of_messages_is_nothing(patch: Patch) -> None:
    patch.setattr(Commuting, "_is_told_apart", lambda self, sender, one, other: False)


def nobody_comes_back(patch: Patch) -> None:
    patch.setattr(Commuting, "_may_rise", lambda self, to, here: False)


def a_restart_forgets_the_disk(patch: Patch) -> None:
    def crash(original: Around, self: World, unit: str, *args: Any) -> None:
        original(self, unit, *args)
        for slot in self.scenario.unit_slots(unit):
            self.seats[slot].durable = {}

    around(patch, World, "_crash", crash)


def answers_are_remembered_without_the_messages(patch: Patch) -> None:
    patch.setattr(Reader, "_read_links", lambda self: [])


def single_processes_are_not_judged(patch: Patch) -> None:
    patch.setattr(EachProcess, "broken_by", lambda self, made: "")


def the_vectorised_engine_overlooks_flaws(patch: Patch) -> None:
    patch.setattr(Expander, "_note_flaws", lambda self, at, outcomes: None)


def false_culprits_count_as_none(patch: Patch) -> None:
    def asked(original: Around, self: Statement, *args: Any) -> Any:
        return original(self, *args) or None

    around(patch, Statement, "_asked", asked)


def a_walk_overlooks_false_culprits(patch: Patch) -> None:
    def breach(original: Around, self: Judge, statement: Statement, found: Any, *whose: Any) -> Any:
        return original(self, statement, found, *whose) if found else None

    around(patch, Judge, "_breach", breach)


def the_dead_are_told_of(patch: Patch) -> None:
    def notify(original: Around, self: Environment, state: int, column: int, name: str) -> int:
        slots = self._packing.interner.slots
        for watcher in self._packing.scenario.watchers.get(slots[column], ())[:1]:
            if self._packing.process(slots.index(watcher), state).alive:
                return int(original(self, state, column, name))
        return state

    around(patch, Environment, "_notify", notify)


MUTATIONS = (
    a_start_is_not_judged,
    a_latest_link_keeps_all,
    returns_come_in_one_order,
    a_crash_loses_what_was_sent,
    timers_of_the_dead_fire,
    a_fault_more_than_the_budget,
    duplicates_without_limit,
    step_statements_see_messages_after,
    patient_timers_do_not_wait,
    a_tick_takes_all,
    links_owe_nothing,
    draws_are_not_fair,
    a_clock_lets_messages_overtake,
    replay_does_not_judge,
    a_restart_forgets_the_disk,
    answers_are_remembered_without_the_messages,
    single_processes_are_not_judged,
    the_vectorised_engine_overlooks_flaws,
    false_culprits_count_as_none,
    a_walk_overlooks_false_culprits,
    the_dead_are_told_of,
)

OF_REDUCTIONS = (
    messages_that_are_shown_are_hurried,
    what_can_come_first_is_not_asked,
    timers_do_not_come_first,
    ticks_may_pass,
    what_links_and_faults_ask_for_is_not_asked,
    the_order_of_messages_is_nothing,
    nobody_comes_back,
)


@pytest.mark.parametrize("mutation", OF_REDUCTIONS, ids=lambda mutation: mutation.__name__)
def test_planted_faults_of_reductions_are_noticed(mutation: Callable[[Patch], None], monkeypatch: Patch) -> None:
    mutation(monkeypatch)
    assert any(map(differences, RACES.values()))


@pytest.mark.slow
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_planted_faults_are_noticed(mutation: Callable[[Patch], None], monkeypatch: Patch) -> None:
    mutation(monkeypatch)
    for seed in range(SYSTEMS):
        noticed = compared(seed)[1]
        if noticed:
            print(f"seed {seed}: {noticed}")
            return
    raise AssertionError(f"{mutation.__name__} is noticed on none of {SYSTEMS} systems")
